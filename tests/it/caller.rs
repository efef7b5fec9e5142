//! Where a request comes from, as the history has it.

use countersign::config::Settings;
use serde_json::json;

use crate::world::{Customs, World};

const FORWARDED: [(&str, &str); 1] = [("x-forwarded-for", "6.6.6.6, 2001:db8::7, 127.0.0.9")];

/// Where the last question came from, by the history.
async fn asked_from(world: &World) -> serde_json::Value {
    let (agent, maya) = (world.agent("Bot").await, world.person("Maya").await);
    let asked = agent.try_ask_with(&maya.email, &[], &FORWARDED).await;
    asked.ok();
    world.noted("request.opened").await[0]["from"].clone()
}

#[tokio::test]
async fn sec_e12_a_caller_cannot_say_where_it_calls_from() {
    let world = World::sqlite().await;
    assert_eq!(asked_from(&world).await, json!("127.0.0.1"));
}

#[tokio::test]
async fn a_trusted_proxy_says_where_a_request_comes_from() {
    let world = World::sqlite_with(Customs {
        settings: Some(|settings: &mut Settings| {
            settings.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")];
        }),
        ..Customs::default()
    })
    .await;
    assert_eq!(asked_from(&world).await, json!("2001:db8::7"));
}
