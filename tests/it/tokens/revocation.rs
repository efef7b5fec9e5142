//! A client gives back what it holds.

use time::Duration;

use super::{Cast, access_token, refresh_token, text};
use crate::world::World;

const CALENDAR: &str = "https://calendar.example.com";

both! {
    async fn t92_what_is_no_token_is_revoked_as_well_as_any(world: World) {
        let mut cast = Cast::of(&world).await;
        let asked = cast.agent.ask(&cast.maya.email, &[]).await;
        let tokens = cast.calendar().await;
        let id_token = text(tokens.ok(), "id_token").to_owned();
        for not_one in ["x", &"A".repeat(48), "a.b.c", &asked.auth_req_id, &id_token] {
            cast.agent.revoke(not_one).await;
        }
        assert!(world.noted("token.revoked").await.is_empty());
        assert_eq!(world.state(&asked).await, "pending");
        cast.agent.refresh(refresh_token(&tokens)).await.ok();

        cast.agent.post("/oauth/revoke", &[], &[]).await.refused(400, "invalid_request");
        let form = [("token", access_token(&tokens))];
        let stranger = cast.agent.with_a_wrong_secret();
        stranger.post("/oauth/revoke", &form, &[]).await.refused(401, "invalid_client");
        assert_eq!(cast.agent.get("/oauth/revoke").await.status, 405);
    }
}

both! {
    async fn whichever_token_is_given_back_the_whole_grant_ends(world: World) {
        let mut cast = Cast::of(&world).await;
        let service = world.service(CALENDAR).await;
        let other = Box::pin(world.another_instance()).await;
        for which in 0..4 {
            let first = cast.calendar().await;
            let second = cast.agent.refresh(refresh_token(&first)).await;
            let tokens = [access_token(&first), access_token(&second), refresh_token(&first), refresh_token(&second)];
            service.introspect(tokens[3]).await.active();
            // A hint that is wrong, and one nobody knows, change nothing.
            let form = [("token", tokens[which]), ("token_type_hint", "something_else")];
            cast.agent.at(&other).post("/oauth/revoke", &form, &[]).await.ok();
            for token in tokens {
                service.introspect(token).await.inactive();
            }
            cast.agent.refresh(tokens[3]).await.refused(400, "invalid_grant");
            cast.agent.revoke(tokens[which]).await;
        }
        let noted = world.noted("token.revoked").await;
        assert_eq!(noted.len(), 4);
        assert!(noted[0]["facts"]["grant"].is_string() && noted[0]["request"].is_string());
        assert!(world.noted("token.reuse_detected").await.is_empty());
        world.audit_holds().await;
        // Another answer is another grant.
        let again = cast.calendar().await;
        service.introspect(access_token(&again)).await.active();
    }
}

both! {
    async fn somebody_else_s_token_is_left_alone(world: World) {
        let mut cast = Cast::of(&world).await;
        let service = world.service(CALENDAR).await;
        let other = world.agent("Another Agent").await;
        let tokens = cast.calendar().await;
        for token in [access_token(&tokens), refresh_token(&tokens)] {
            other.revoke(token).await;
            service.revoke(token).await;
            service.introspect(token).await.active();
        }
        assert!(world.noted("token.revoked").await.is_empty());
    }
}

both! {
    async fn sec_f11_after_a_revocation_nothing_is_refreshed_or_used(world: World) {
        let mut cast = Cast::of(&world).await;
        let service = world.service(CALENDAR).await;
        let other = Box::pin(world.another_instance()).await;
        for round in 0..20 {
            let tokens = cast.calendar().await;
            let (agent, elsewhere) = (cast.agent.clone(), cast.agent.at(&other));
            let token = refresh_token(&tokens).to_owned();
            let refreshing = agent.refresh(&token);
            let revoking = elsewhere.revoke(access_token(&tokens));
            let (refreshed, ()) = tokio::join!(refreshing, revoking);
            if refreshed.status.is_success() {
                let next = refresh_token(&refreshed);
                agent.refresh(next).await.refused(400, "invalid_grant");
                service.introspect(access_token(&refreshed)).await.inactive();
            } else {
                refreshed.refused(400, "invalid_grant");
            }
            service.introspect(access_token(&tokens)).await.inactive();
            world.advance(Duration::seconds(round));
        }
        assert_eq!(world.noted("token.revoked").await.len(), 20);
        world.audit_holds().await;
    }
}
