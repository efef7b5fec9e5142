//! What policy lets nobody be asked for.

use countersign::domain::action::Ask;

use crate::tokens::{BOTH, Cast, permission, refresh_token};
use crate::world::World;

both! {
    async fn t34_what_policy_forbids_nobody_is_asked_for(world: World) {
        let mut cast = Cast::of(&world).await;
        let given = cast.always().await;
        world.catalogue(|catalogue| permission(catalogue, "calendar.write").ask = Ask::Forbidden);

        // Neither the "always" nor a person answers for it.
        let answer = cast.agent.try_ask(&cast.maya.email, &[("scope", BOTH)]).await;
        answer.refused(403, "access_denied");
        let noted = world.noted("request.forbidden").await;
        assert_eq!(noted.len(), 1);
        assert_eq!(noted[0]["client"], cast.agent.id.as_str());
        assert_eq!(noted[0]["facts"]["permission"], "scope:calendar.write");
        let inbox = cast.browser.get("/").await;
        assert!(!inbox.body.contains("href=\"/r/"), "{}", inbox.text());
        // What was allowed before is not renewed, and the rest is.
        let next = cast.agent.refresh(refresh_token(&given)).await;
        assert_eq!(next.ok()["scope"], "openid calendar.read");
        let read = ("scope", "openid calendar.read");
        cast.agent.ask(&cast.maya.email, &[read]).await;
        world.catalogue(|catalogue| permission(catalogue, "calendar.write").ask = Ask::Person);
        cast.agent.ask(&cast.maya.email, &[("scope", BOTH)]).await;
        world.audit_holds().await;
    }
}
