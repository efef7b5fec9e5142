//! What policy lets nobody be asked for.

use countersign::domain::action::Ask;
use countersign::flow::catalogue::apply;

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

/// Forbids writing to calendars, as `countersign apply` does beside the server.
async fn forbid_elsewhere(world: &World) {
    let other = world.another_instance().await;
    let mut next = other.app.catalogue.get().catalogue.clone();
    permission(&mut next, "calendar.write").ask = Ask::Forbidden;
    apply(&other.app, next).await.expect("applied");
}

both! {
    async fn what_is_forbidden_while_it_waits_is_allowed_by_nobody(world: World) {
        let mut cast = Cast::of(&world).await;
        let write = [("scope", BOTH)];
        let asked = cast.agent.ask(&cast.maya.email, &write).await;
        let page = cast.browser.get(&asked.page()).await;
        let sheet = cast.browser.get(&format!("{}/always", asked.page())).await;
        forbid_elsewhere(&world).await;

        // This server has not heard of it yet, and allows nothing all the same.
        assert_eq!(world.app.catalogue.get().version, 1);
        let sent = page.press(&mut cast.browser, "Only this time", &[]).await;
        assert_eq!(sent.status.as_u16(), 403, "{}", sent.text());
        let words = "Your answer was not sent: whoever runs this server has forbidden this meanwhile.";
        assert!(sent.text().contains(words), "{}", sent.text());
        assert!(sent.text().contains("This cannot be allowed any more."), "{}", sent.text());
        for button in ["Only this time", "Always…"] {
            assert!(!sent.has_button(button), "{button}: {}", sent.text());
        }
        let always = sheet.press(&mut cast.browser, "Allow within these limits", &[]).await;
        assert_eq!(always.status.as_u16(), 403, "{}", always.text());
        assert_eq!(world.state(&asked).await, "pending");
        assert!(world.noted("request.approved").await.is_empty());
        assert!(world.noted("standing_grant.made").await.is_empty());

        // A no is taken, and the rest of the catalogue is as it was.
        let denied = sent.press(&mut cast.browser, "Deny", &[]).await;
        assert!(denied.text().contains("Denied"), "{}", denied.text());
        assert_eq!(world.state(&asked).await, "denied");
        cast.allowed(&[("scope", "openid calendar.read")]).await.ok();
        world.audit_holds().await;
    }
}

#[tokio::test]
async fn another_catalogue_that_forbids_nothing_of_it_stops_no_answer() {
    let world = World::sqlite().await;
    let mut cast = Cast::of(&world).await;
    let read = [("scope", "openid calendar.read")];
    let asked = cast.agent.ask(&cast.maya.email, &read).await;
    let page = cast.browser.get(&asked.page()).await;
    forbid_elsewhere(&world).await;
    let sent = page.press(&mut cast.browser, "Only this time", &[]).await;
    assert!(sent.text().contains("Allowed once"), "{}", sent.text());
    // A no asks no catalogue.
    let asked = cast.agent.ask(&cast.maya.email, &read).await;
    let page = cast.browser.get(&asked.page()).await;
    page.press(&mut cast.browser, "Deny", &[]).await;
    assert_eq!(world.state(&asked).await, "denied");
}
