//! The whole of a person's work without any script.

use serde_json::json;

use super::payment;
use crate::world::{Customs, Phone, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_can_be_given_and_taken_back_without_javascript() {
    let world = World::for_browsers(Customs::default()).await;
    let maya = world.person("Maya").await;
    let agent = world.agent("Billing Agent").await;
    let mut phone = Phone::new(&world, None, json!({"javaScript": false})).await;
    phone.sign_in(&world, &maya).await;

    let asked = agent.ask(&maya.email, &[]).await;
    phone.open("/").await;
    let row = json!({"selector": "a.row", "navigates": true});
    phone.tell("click", row).await;
    phone.press("Only this time").await;
    phone.sees("Allowed once").await;
    agent.poll(&asked.auth_req_id).await.ok();

    let details = payment("40.00");
    let asked = agent
        .ask(&maya.email, &[("authorization_details", &details)])
        .await;
    phone.open(&asked.page()).await;
    phone.press("Always…").await;
    let until = json!({"selector": "[name=until] >> nth=0"});
    phone.tell("check", until).await;
    phone.press("Allow within these limits").await;
    phone.sees("Allowed, and from now on").await;
    agent.poll(&asked.auth_req_id).await.ok();

    phone.follow("See what you always allow").await;
    phone.press("Stop").await;
    phone.sees("you are asked again").await;
    let asked = agent
        .ask(&maya.email, &[("authorization_details", &details)])
        .await;
    phone.open(&asked.page()).await;
    let summary = json!({"text": "Give a reason for a no"});
    phone.tell("click", summary).await;
    let reason = json!({"selector": "#reason", "value": "Not any more."});
    phone.tell("fill", reason).await;
    phone.press("Deny").await;
    phone.sees("Not any more.").await;
    agent
        .poll(&asked.auth_req_id)
        .await
        .refused(400, "access_denied");

    phone.press("Pause all agents").await;
    phone.sees("You have paused all agents until").await;
    let refused = agent.try_ask(&maya.email, &[]).await;
    refused.refused(403, "access_denied");
    phone.press("Resume").await;
    phone.open("/devices").await;
    phone.sees("They need JavaScript").await;
    phone.follow("Settings").await;
    phone.press("Sign out").await;
    phone.sees("Sign in").await;
    phone.all_quiet(&[]).await;
    phone.off().await;
}
