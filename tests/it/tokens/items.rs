//! Each granted item has its own end, and a token lives no longer than any of its items.

use time::Duration;

use super::{BOTH, Cast, access, permission, refresh_token};
use crate::world::World;

both! {
    async fn read_renews_for_days_while_write_dies_after_twenty_minutes(world: World) {
        world.catalogue(|catalogue| {
            permission(catalogue, "calendar.read").access_for = Duration::days(7);
            permission(catalogue, "calendar.write").access_for = Duration::minutes(20);
        });
        let mut cast = Cast::of(&world).await;
        let mut latest = cast.calendar().await;
        let (first, began) = (access(&latest), world.app.clock.now());
        assert_eq!(first["act"], serde_json::json!({"sub": cast.agent.id}));
        assert_eq!(first["grant_id"], latest.ok()["grant_id"]);

        world.advance(Duration::minutes(18));
        latest = cast.agent.refresh(refresh_token(&latest)).await;
        // Two minutes are left of writing, and so of this token.
        assert_eq!((&latest.ok()["scope"], &latest.ok()["expires_in"]), (&BOTH.into(), &120.into()));
        world.advance(Duration::minutes(2));
        for _ in 0..6 {
            latest = cast.agent.refresh(refresh_token(&latest)).await;
            assert_eq!(latest.ok()["scope"], "openid calendar.read");
            assert_eq!(latest.ok()["expires_in"], 900);
            let now = access(&latest);
            assert_eq!(now["scope"], "openid calendar.read");
            for same in ["auth_time", "acr", "act", "client_id", "sub", "grant_id", "card_digest"] {
                assert_eq!(now[same], first[same], "{same}");
            }
            world.advance(Duration::days(1));
        }
        let rest = began + Duration::days(7) - world.app.clock.now();
        world.advance(rest - Duration::minutes(5));
        latest = cast.agent.refresh(refresh_token(&latest)).await;
        assert_eq!(latest.ok()["expires_in"], 300);
        world.advance(Duration::minutes(5));
        cast.agent.refresh(refresh_token(&latest)).await.refused(400, "invalid_grant");
    }
}
