//! A second browser, to show that the first was no accident.

use serde_json::json;

use super::accepted;
use crate::world::{Phone, PushService, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn firefox_subscribes_receives_opens_and_answers() {
    let (mut service, customs) = PushService::mozilla().await;
    let world = World::for_browsers(customs).await;
    let maya = world.person("Maya").await;
    let agent = world.agent("Billing Agent").await;
    let mut firefox = Phone::firefox(&world, &service).await;
    firefox.sign_in(&world, &maya).await;
    firefox.subscribe().await;

    let scope = [("scope", "openid calendar.read")];
    let asked = agent.ask(&maya.email, &scope).await;
    world.deliver().await;
    accepted(&service.event("posted").await);
    let acknowledged = service.event("acknowledged").await;
    assert_eq!(acknowledged["code"], 100, "it could be decrypted");
    let note = firefox.notification(&asked.match_code).await;
    assert_eq!(note["title"], "Billing Agent asks");
    firefox
        .tap_notification(&asked.match_code, &asked.page())
        .await;
    firefox.sees("See your calendar").await;
    firefox.press("Only this time").await;
    firefox.sees("Allowed once").await;
    let tokens = agent.poll(&asked.auth_req_id).await;
    assert!(tokens.ok()["access_token"].is_string());

    let list = json!({"role": "link", "name": "History", "navigates": true});
    firefox.tell("click", list).await;
    firefox.sees("Allowed once").await;
    firefox.off().await;
    service.end().await;
}
