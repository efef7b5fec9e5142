//! A secret is exchanged for another, with or without a time in which both are taken.

use countersign::domain::id::ClientId;
use countersign::flow::register::{RegisterError, rotate_secret};
use secrecy::ExposeSecret;
use time::Duration;

use crate::world::{Agent, World};

async fn rotated(world: &World, agent: &Agent, overlap: Option<Duration>) -> Agent {
    let id = ClientId(agent.id.clone());
    let rotated = rotate_secret(&world.app, &id, overlap).await;
    let secret = rotated.expect("another secret").secret.expect("a secret");
    let secret = secret.expose_secret();
    Agent::with(&agent.id, secret, &agent.url, world.http.clone())
}

both! {
    async fn a_secret_is_exchanged_for_another(world: World) {
        let maya = world.person("Maya").await;
        let before = world.agent("Billing Agent").await;
        let now = rotated(&world, &before, Some(Duration::hours(1))).await;
        assert_ne!(now.secret, before.secret);
        before.ask(&maya.email, &[]).await;
        now.ask(&maya.email, &[]).await;
        world.advance(Duration::hours(1));
        before.try_ask(&maya.email, &[]).await.refused(401, "invalid_client");
        now.ask(&maya.email, &[]).await;
        // Without an overlap the one before is gone at once, here and, in a moment, everywhere.
        let last = rotated(&world, &now, None).await;
        now.try_ask(&maya.email, &[]).await.refused(401, "invalid_client");
        let world = world.restarted().await;
        last.ask(&maya.email, &[]).await;
        now.try_ask(&maya.email, &[]).await.refused(401, "invalid_client");
        let noted = world.noted("client.secret_rotated").await;
        assert_eq!(noted.len(), 2);
        let log = format!("{:?}", world.history().await);
        assert!(!log.contains(&last.secret) && !log.contains(&now.secret));
    }
}

#[tokio::test]
async fn who_signs_for_itself_has_no_secret_to_exchange() {
    let world = World::sqlite().await;
    let signer = world.signer("Signing Agent").await;
    let refused = rotate_secret(&world.app, &ClientId(signer.id), None).await;
    assert!(matches!(refused, Err(RegisterError::NoSecret(_))));
    let nobody = rotate_secret(&world.app, &ClientId("nobody".into()), None).await;
    assert!(matches!(nobody, Err(RegisterError::Unknown(_))));
}
