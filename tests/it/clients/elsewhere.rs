//! Keys that a client keeps at an address of its own (`jwks_uri`): fetched when needed, seldom, and kept
//! when it does not answer.

use countersign::domain::client::AuthMethod;
use countersign::flow::register::{NewClient, RegisterError, add_client};
use time::Duration;
use tokio::task::JoinSet;

use crate::world::{Answer, Signer, Site, World};

const KEYS: &str = "/keys.json";

/// An agent whose keys are on its own site.
async fn elsewhere(world: &World, site: &Site) -> Signer {
    let signer = world
        .signer_elsewhere("Roaming Agent", &site.url(KEYS))
        .await;
    site.put(KEYS, &signer.jwks());
    signer
}

async fn ask(world: &World, signer: &Signer, jti: &str) -> Answer {
    let ask = [("scope", "openid"), ("login_hint", "maya@acme.example")];
    let assertion = signer.assertion(world, jti);
    signer.post("/bc-authorize", &assertion, &ask).await
}

both! {
    async fn keys_are_fetched_once_and_again_when_they_are_old(world: World) {
        let site = Site::start();
        world.person("Maya").await;
        let signer = elsewhere(&world, &site).await;
        for jti in ["1", "2", "3"] {
            ask(&world, &signer, jti).await.ok();
        }
        assert_eq!(site.asked(KEYS), 1);
        world.advance(Duration::minutes(61));
        ask(&world, &signer, "4").await.ok();
        assert_eq!(site.asked(KEYS), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotated_key_is_found_and_the_one_before_is_gone() {
    let (world, site) = (World::sqlite().await, Site::start());
    world.person("Maya").await;
    let before = elsewhere(&world, &site).await;
    ask(&world, &before, "1").await.ok();
    let after = before.with_another_key();
    site.put(KEYS, &after.jwks());
    // Within a minute of the last look nobody looks again.
    ask(&world, &after, "2")
        .await
        .refused(401, "invalid_client");
    world.advance(Duration::minutes(1));
    ask(&world, &after, "3").await.ok();
    ask(&world, &before, "4")
        .await
        .refused(401, "invalid_client");
    assert_eq!(site.asked(KEYS), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_g05_a_storm_of_unknown_keys_is_one_call_a_minute() {
    let (world, site) = (World::sqlite().await, Site::start());
    world.person("Maya").await;
    let signer = elsewhere(&world, &site).await;
    ask(&world, &signer, "1").await.ok();
    let stranger = signer.with_another_key();
    for _ in 0..3 {
        world.advance(Duration::minutes(1));
        let before = site.asked(KEYS);
        let mut tries = JoinSet::new();
        for at in 0..20 {
            let stranger = stranger.clone();
            let ask = [("scope", "openid"), ("login_hint", "maya@acme.example")];
            let assertion = stranger.assertion(&world, &at.to_string());
            tries.spawn(async move { stranger.post("/bc-authorize", &assertion, &ask).await });
        }
        for answer in tries.join_all().await {
            answer.refused(401, "invalid_client");
        }
        assert_eq!(site.asked(KEYS), before + 1);
    }
    ask(&world, &signer, "2").await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_g05_an_address_that_does_not_answer_leaves_the_keys_it_had() {
    let (world, site) = (World::sqlite().await, Site::start());
    world.person("Maya").await;
    let signer = elsewhere(&world, &site).await;
    ask(&world, &signer, "1").await.ok();
    let huge = " ".repeat(70_000) + &signer.jwks();
    for (status, headers, body) in [
        (500, "", ""),
        (200, "", "not a key set"),
        (200, "", r#"{"keys":[]}"#),
        (200, "", huge.as_str()),
        (302, "location: http://127.0.0.1:1/\r\n", ""),
    ] {
        site.put_with(KEYS, status, headers, body);
        world.advance(Duration::hours(2));
        ask(
            &world,
            &signer,
            &world.app.clock.now().unix_timestamp().to_string(),
        )
        .await
        .ok();
    }
    assert_eq!(site.asked(KEYS), 6);
    world.advance(Duration::hours(24));
    ask(&world, &signer, "last")
        .await
        .refused(401, "invalid_client");
}

#[tokio::test]
async fn t07_keys_are_in_one_place_that_may_be_called() {
    let world = World::sqlite().await;
    let new = |uri: &str| NewClient {
        auth: AuthMethod::PrivateKeyJwt,
        jwks_uri: Some(uri.to_owned()),
        ..NewClient::agent("Roaming Agent")
    };
    let both = NewClient {
        jwks: Some(r#"{"keys":[]}"#.to_owned()),
        ..new("https://agent.example/keys.json")
    };
    let refused = add_client(&world.app, both).await.expect_err("refused");
    assert!(matches!(refused, RegisterError::KeysTwice), "{refused:?}");
    for bad in [
        "http://agent.example/keys.json",
        "https://10.0.0.1/keys.json",
        "https://169.254.169.254/keys",
        "file:///etc/passwd",
        "https://me:secret@agent.example/keys.json",
        "keys.json",
    ] {
        let refused = add_client(&world.app, new(bad)).await.expect_err(bad);
        assert!(matches!(refused, RegisterError::Address(_)), "{refused:?}");
    }
}
