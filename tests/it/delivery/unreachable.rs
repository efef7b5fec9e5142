//! Nobody could be reached: known at once, not when the answer window closes.

use serde_json::json;
use time::Duration;

use crate::world::push_service::PushService;
use crate::world::smtp_server::SmtpServer;
use crate::world::{Customs, World};

async fn without_letters() -> World {
    let customs = Customs {
        no_mail: true,
        ..Customs::default()
    };
    World::sqlite_with(customs).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_no_channel_at_all_is_unreachable_from_the_start() {
    let world = without_letters().await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let asked = agent.ask(&maya.email, &[]).await;
    let status = agent.status(&asked.approval_id).await;
    assert_eq!(status.ok()["unreachable"], true);
    assert_eq!(status.body["delivery"], json!([]));
    // She may look by herself all the same.
    let mut browser = world.signed_in(&maya).await;
    let page = browser.get(&asked.page()).await;
    page.press(&mut browser, "Only this time", &[]).await;
    let status = agent.status(&asked.approval_id).await;
    assert_eq!(status.ok()["unreachable"], false);
    agent.poll(&asked.auth_req_id).await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_every_phone_is_gone_the_agent_knows_at_once() {
    let world = without_letters().await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let service = PushService::start(&world);
    let mut browser = world.signed_in(&maya).await;
    for _ in 0..3 {
        service.subscribed(&mut browser).await;
    }
    let asked = agent.ask(&maya.email, &[]).await;
    let status = agent.status(&asked.approval_id).await;
    assert_eq!(status.ok()["unreachable"], false, "not known yet");
    service.answers(410);
    world.deliver().await;
    let status = agent.status(&asked.approval_id).await;
    assert_eq!(status.ok()["unreachable"], true);
    assert_eq!(status.body["state"], "pending");
    assert_eq!(status.body["delivery"][0]["state"], "failed");
    assert_eq!(
        status.body["delivery"][0]["why"],
        "the push service answered 410"
    );
    let noted = world.noted("request.unreachable").await;
    assert_eq!(noted.len(), 1, "once, whoever was last");
    assert_eq!(noted[0]["request"], asked.approval_id.as_str());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_way_left_is_not_unreachable_and_none_left_is() {
    let server = SmtpServer::start();
    let customs = Customs {
        smtp: Some(server.url()),
        ..Customs::default()
    };
    let world = World::sqlite_with(customs).await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let service = PushService::start(&world);
    let mut browser = world.signed_in(&maya).await;
    service.subscribed(&mut browser).await;
    let asked = agent.ask(&maya.email, &[]).await;
    service.answers(410);
    world.deliver().await;
    let status = agent.status(&asked.approval_id).await;
    assert_eq!(status.ok()["unreachable"], false, "the letter is to come");
    server.answers("RCPT", "550 5.1.1 no such user");
    world.advance(Duration::MINUTE);
    world.deliver().await;
    let status = agent.status(&asked.approval_id).await;
    assert_eq!(status.ok()["unreachable"], true);
    assert_eq!(status.body["delivery"][1]["channel"], "email");
    assert_eq!(
        status.body["delivery"][1]["why"],
        "the mail server answered 550"
    );
    assert_eq!(world.noted("request.unreachable").await.len(), 1);
    // After its end it still says so.
    world.advance(Duration::minutes(10));
    world.sweep().await;
    let status = agent.status(&asked.approval_id).await;
    assert_eq!(status.ok()["state"], "expired");
    assert_eq!(status.body["unreachable"], true);
    world.audit_holds().await;
}
