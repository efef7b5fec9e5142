//! A client looks at what it holds, and gives it back.

use serde_json::json;
use time::Duration;

use super::{Cast, access_token, refresh_token, text};
use crate::world::{World, small_payment};

fn place(tokens: &crate::world::Answer) -> String {
    format!("/oauth/grants/{}", text(tokens.ok(), "grant_id"))
}

both! {
    async fn a_client_sees_what_it_holds_as_long_as_it_does(world: World) {
        let mut cast = Cast::of(&world).await;
        let (other, service) = (world.agent("Another").await, world.service("https://calendar.example.com").await);
        let began = world.app.clock.now().unix_timestamp();
        let tokens = cast.calendar().await;
        let grant = place(&tokens);
        let day = 24 * 3600;
        let held = cast.agent.get(&grant).await;
        assert_eq!(held.headers["cache-control"], "no-store");
        assert_eq!(*held.ok(), json!({
            "scopes": [{"scope": super::BOTH, "resource": ["https://calendar.example.com"]}],
            "created_at": began, "last_updated": began, "expires_at": began + 30 * day,
        }));
        for stranger in [&other, &service] {
            stranger.get(&grant).await.refused(404, "not_found");
        }
        cast.agent.with_a_wrong_secret().get(&grant).await.refused(401, "invalid_client");
        for unknown in ["x", &"0".repeat(32), text(tokens.ok(), "approval_id")] {
            cast.agent.get(&format!("/oauth/grants/{unknown}")).await.refused(404, "not_found");
        }
        world.advance(Duration::hours(1));
        let left = cast.agent.get(&grant).await;
        assert_eq!(left.ok()["scopes"][0]["scope"], "openid calendar.read");
        world.advance(Duration::days(30));
        cast.agent.get(&grant).await.refused(404, "not_found");

        cast.browser = world.signed_in(&cast.maya).await;
        let pay = small_payment("10.00", "Hanna");
        let tokens = cast.allowed(&[("authorization_details", &pay)]).await;
        let held = cast.agent.get(&place(&tokens)).await;
        assert_eq!(held.ok()["authorization_details"].to_string(), pay);
    }
}

both! {
    async fn a_client_gives_back_what_it_holds(world: World) {
        let mut cast = Cast::of(&world).await;
        let (other, service) = (world.agent("Another").await, world.service("https://calendar.example.com").await);
        let tokens = cast.calendar().await;
        let grant = place(&tokens);
        other.delete(&grant).await.refused(404, "not_found");
        service.introspect(access_token(&tokens)).await.active();
        let gone = cast.agent.delete(&grant).await;
        assert_eq!((gone.status.as_u16(), gone.body), (204, "".into()));
        for token in [access_token(&tokens), refresh_token(&tokens)] {
            service.introspect(token).await.inactive();
        }
        cast.agent.refresh(refresh_token(&tokens)).await.refused(400, "invalid_grant");
        cast.agent.delete(&grant).await.refused(404, "not_found");
        cast.agent.get(&grant).await.refused(404, "not_found");
        let noted = world.noted("token.revoked").await;
        assert_eq!((noted.len(), &noted[0]["facts"]["grant"]), (1, &tokens.ok()["grant_id"]));
        world.audit_holds().await;
    }
}
