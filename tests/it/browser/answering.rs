//! The main job, on a phone: it buzzes, a person answers in each of the three ways, the agent goes on.

use serde_json::json;

use super::{accepted, payment};
use crate::world::{Phone, PushService, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_buzzes_and_a_person_answers_in_each_of_the_three_ways() {
    let (mut service, customs) = PushService::google().await;
    let world = World::for_browsers(customs).await;
    let maya = world.person("Maya").await;
    let agent = world.agent("Billing Agent").await;
    let mut phone = Phone::new(&world, Some(&service), json!({})).await;

    phone.sign_in(&world, &maya).await;
    phone.sees("Nothing is waiting.").await;
    let errors = phone.tell("installability", json!({})).await;
    assert_eq!(errors["errors"], json!([]));
    phone.subscribe().await;
    service.event("subscribed").await;

    // Only this time.
    let asked = agent
        .ask(
            &maya.email,
            &[
                ("scope", "openid calendar.write"),
                ("binding_message", "Lunch"),
            ],
        )
        .await;
    world.deliver().await;
    accepted(&service.event("posted").await);
    let note = phone.notification(&asked.match_code).await;
    assert_eq!(note["title"], "Billing Agent asks");
    phone
        .tap_notification(&asked.match_code, &asked.page())
        .await;
    phone.sees("Add and move appointments").await;
    phone.sees(&asked.match_code).await;
    phone.press("Only this time").await;
    phone.sees("Allowed once").await;
    let tokens = agent.poll(&asked.auth_req_id).await;
    assert!(tokens.ok()["access_token"].is_string());
    phone.sees("collected by Billing Agent").await;

    // Always, within limits.
    let details = payment("40.00");
    let paying = [("authorization_details", details.as_str())];
    let asked = agent.ask(&maya.email, &paying).await;
    world.deliver().await;
    phone
        .tap_notification(&asked.match_code, &asked.page())
        .await;
    phone.press("Always…").await;
    phone.sees("Allow without asking").await;
    let ceiling = json!({"selector": "[name='pick.0.amount.at-most']", "value": "50.00"});
    phone.tell("fill", ceiling).await;
    phone.press("Allow within these limits").await;
    phone.sees("Allowed, and from now on").await;
    agent.poll(&asked.auth_req_id).await.ok();
    world.deliver().await;
    while service.unasked().await > 0 {
        accepted(&service.event("posted").await);
    }

    // The next one within them asks nobody; that it was the first is told. The one beyond them asks.
    let details = payment("50.00");
    let asked = agent
        .ask(&maya.email, &[("authorization_details", &details)])
        .await;
    agent.poll(&asked.auth_req_id).await.ok();
    world.deliver().await;
    accepted(&service.event("posted").await);
    let note = phone.notification("Its first use").await;
    assert_eq!(note["title"], "Allowed by your rule");
    agent
        .ask(&maya.email, &[("authorization_details", &details)])
        .await;
    world.deliver().await;
    assert_eq!(service.unasked().await, 0, "nobody is told");
    phone.open("/allowed").await;
    phone.sees("Used 2 times").await;

    // Deny, and say why.
    let details = payment("50.01");
    let asked = agent
        .ask(&maya.email, &[("authorization_details", &details)])
        .await;
    world.deliver().await;
    accepted(&service.event("posted").await);
    phone
        .tap_notification(&asked.match_code, &asked.page())
        .await;
    let summary = json!({"text": "Give a reason for a no"});
    phone.tell("click", summary).await;
    let reason = json!({"selector": "#reason", "value": "One cent too much."});
    phone.tell("fill", reason).await;
    phone.press("Deny").await;
    phone.sees("One cent too much.").await;
    agent
        .poll(&asked.auth_req_id)
        .await
        .refused(400, "access_denied");
    let status = agent.status(&asked.approval_id).await;
    assert_eq!(status.ok()["reason"], "One cent too much.");

    phone.all_quiet(&[]).await;

    // Without a network there is a page that says so, and nothing else.
    phone.tell("offline", json!({})).await;
    phone.open("/").await;
    phone.sees("You are offline").await;
    phone.off().await;
    service.end().await;
    world.audit_holds().await;
}
