//! Whoever steals the database, and not the master key file, redeems nothing and reads no secret.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::domain::consent::assurance::Assurance;
use countersign::flow::sign_in;

use crate::world::World;

both! {
    async fn nothing_that_can_be_redeemed_is_stored(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let resume_state = "canary: where the agent was";
        let key = "canary: the key of a question";
        let (waiting, redeemed) = (
            agent.try_ask_with(&maya.email, &[("resume_state", resume_state)], &[("idempotency-key", key)]).await,
            agent.ask(&maya.email, &[("resume_state", resume_state)]).await,
        );
        let waiting = crate::world::Asked::of(&waiting);
        world.approve(&maya, &redeemed).await;
        let response = agent.poll_with(&redeemed.auth_req_id, &[("idempotency-key", key)]).await;
        let token = |name: &str| response.ok()[name].as_str().expect("a token").to_owned();
        let session = world.session_cookie(&maya).await;
        let link = sign_in::make_link(&world.app, &maya, Assurance::HostLink, None).await.expect("a link");
        let handle = link.rsplit('/').next().expect("a handle").to_owned();
        world.deliver().await;
        assert_eq!(world.letters().len(), 1);

        let loot = world.loot().await;
        // What is looked for can be found: these are no secrets.
        assert!(loot.holds(waiting.id().0.as_bytes()) || loot.holds(waiting.id().0.to_string().as_bytes()));
        assert!(loot.holds(b"Billing Agent") && loot.holds(maya.email.as_bytes()));
        for handle in [&waiting.auth_req_id, &redeemed.auth_req_id, &session, &handle] {
            assert!(!loot.holds(handle.as_bytes()), "{handle}");
            // Nor the part of it that the id alone does not give.
            let bytes = URL_SAFE_NO_PAD.decode(handle).expect("a handle");
            assert!(!loot.holds(&bytes[16..]), "{handle}");
        }
        for (what, secret) in [
            ("the client's secret", agent.secret.clone()),
            ("the agent's words to itself", resume_state.to_owned()),
            ("a key", key.to_owned()),
            ("the access token's signature", token("access_token").rsplit('.').next().expect("one").to_owned()),
            ("the access token's claims", token("access_token").split('.').nth(1).expect("some").to_owned()),
            ("the ID token's claims", token("id_token").split('.').nth(1).expect("some").to_owned()),
        ] {
            assert!(!loot.holds(secret.as_bytes()), "{what}");
        }
        assert!(!loot.holds(&[7; 32]), "the master key");
        world.audit_holds().await;
    }
}
