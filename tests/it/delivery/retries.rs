//! A promise is kept trying while it is worth anything, with pauses, and by one at a time.

use countersign::domain::parcel::Channel;
use countersign::flow::deliver;
use serde_json::json;
use time::Duration;

use crate::world::push_service::{Phone, PushService};
use crate::world::smtp_server::SmtpServer;
use crate::world::{Agent, Asked, Customs, World, small_payment};

async fn asked_with_a_phone(world: &World, service: &PushService) -> (Agent, Asked, Phone) {
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let mut browser = world.signed_in(&maya).await;
    let phone = service.subscribed(&mut browser).await;
    let details = small_payment("240.00", "Hanna");
    let more = [("authorization_details", &*details)];
    let asked = agent.ask(&maya.email, &more).await;
    (agent, asked, phone)
}

/// Delivers second by second; says after how many seconds something was tried.
async fn tried_at(world: &World, service: &PushService, seconds: i64) -> Vec<i64> {
    let mut tried = Vec::new();
    for second in 0..seconds {
        let before = service.pushes().len();
        world.deliver().await;
        if service.pushes().len() > before {
            tried.push(second);
        }
        world.advance(Duration::SECOND);
    }
    tried
}

both! {
    async fn a_busy_service_is_tried_again_with_growing_pauses_until_it_takes_it(world: World) {
        let service = PushService::start(&world);
        let (agent, asked, phone) = asked_with_a_phone(&world, &service).await;
        service.answers(500);
        let tried = tried_at(&world, &service, 50).await;
        // Doubling from a second, less up to a quarter by chance; looked at once a second.
        assert!((5..=8).contains(&tried.len()), "{tried:?}");
        let pauses: Vec<i64> = tried.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(pauses.is_sorted() && pauses.last().expect("some") >= &12, "{pauses:?}");
        let status = agent.status(&asked.approval_id).await;
        let line = status.ok()["delivery"][0].clone();
        assert_eq!((&line["state"], &line["why"]), (&json!("waiting"), &json!("the push service answered 500")));
        assert_eq!(line["attempts"], tried.len());
        assert_eq!(status.body["unreachable"], false);

        service.answers(201);
        let tried = tried_at(&world, &service, 33).await;
        assert_eq!(tried.len(), 1, "{tried:?}");
        let status = agent.status(&asked.approval_id).await;
        assert_eq!(status.ok()["delivery"][0]["state"], "delivered");
        assert!(status.body["delivery"][0].get("why").is_none());
        assert_eq!(phone.pushes().last().expect("a push").status, 201);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t94_a_service_that_asks_for_patience_gets_it() {
    let world = World::sqlite().await;
    let service = PushService::start(&world);
    let (agent, asked, _) = asked_with_a_phone(&world, &service).await;
    service.answers_later(429, 90);
    world.deliver().await;
    service.answers(201);
    let tried = tried_at(&world, &service, 95).await;
    assert_eq!(tried, [90]);
    let status = agent.status(&asked.approval_id).await;
    assert_eq!(status.ok()["delivery"][0]["state"], "delivered");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t94_what_will_never_be_taken_is_not_tried_again_and_a_letter_follows() {
    for status in [400, 401, 403, 413] {
        let world = World::sqlite().await;
        let service = PushService::start(&world);
        let (agent, asked, phone) = asked_with_a_phone(&world, &service).await;
        service.answers(status);
        let tried = tried_at(&world, &service, 62).await;
        assert_eq!(tried, [0], "{status}");
        let said = agent.status(&asked.approval_id).await;
        let line = &said.ok()["delivery"][0];
        let why = format!("the push service answered {status}");
        assert_eq!(
            (&line["state"], &line["why"]),
            (&json!("failed"), &json!(why))
        );
        assert!(!said.body.to_string().contains(&phone.endpoint));
        assert_eq!(said.body["delivery"][1]["state"], "delivered");
        assert_eq!(said.body["unreachable"], false);
        assert_eq!(world.letters().len(), 1);
        // The phone itself is not forgotten: the fault may be ours.
        let user = world.stored(&asked).await.request.question().user;
        assert_eq!(
            world
                .store()
                .devices(user)
                .await
                .expect("the database")
                .len(),
            1
        );
    }
}

both! {
    async fn t93_a_phone_that_is_gone_is_retired_and_the_request_can_still_be_answered(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let service = PushService::start(&world);
        for status in [404, 410] {
            let mut browser = world.signed_in(&maya).await;
            let phone = service.subscribed(&mut browser).await;
            let asked = agent.ask(&maya.email, &[]).await;
            service.answers(status);
            world.deliver().await;
            let said = agent.status(&asked.approval_id).await;
            assert_eq!(said.ok()["delivery"][0]["why"], format!("the push service answered {status}"));
            assert_eq!(said.body["delivery"][0]["state"], "failed");
            assert!(world.store().devices(maya.id).await.expect("the database").is_empty());
            let devices = browser.get("/devices").await;
            assert!(!devices.has_button("Remove"), "{}", devices.text());

            service.answers(201);
            world.advance(Duration::MINUTE);
            world.deliver().await;
            assert_eq!(phone.pushes().len(), 1, "it is not tried again");
            assert!(world.letters().iter().any(|letter| letter.contains(&asked.approval_id)));
            let page = browser.get(&asked.page()).await;
            let receipt = page.press(&mut browser, "Only this time", &[]).await;
            assert!(receipt.text().contains("Allowed once"), "{}", receipt.text());

            // The same browser may come back.
            assert_eq!(phone.subscribe(&mut browser).await.status.as_u16(), 201);
            browser.get("/devices").await.press(&mut browser, "Remove", &[]).await;
        }
        assert_eq!(world.noted("device.gone").await.len(), 2);
    }
}

both! {
    async fn retries_end_with_the_request(world: World) {
        let service = PushService::start(&world);
        let (agent, asked, _) = asked_with_a_phone(&world, &service).await;
        service.answers(503);
        for _ in 0..60 {
            world.deliver().await;
            world.advance(Duration::seconds(10));
        }
        let tried = service.pushes().len();
        assert!((6..=13).contains(&tried), "{tried}");
        world.sweep().await;
        service.answers(201);
        for _ in 0..3 {
            world.deliver().await;
            world.advance(Duration::minutes(5));
        }
        assert_eq!(service.pushes().len(), tried, "nothing is delivered after the end");
        let status = agent.status(&asked.approval_id).await;
        assert_eq!(status.ok()["state"], "expired");
    }
}

both! {
    async fn a_promise_claimed_by_who_has_died_is_kept_by_the_next_when_the_lease_ends(world: World) {
        let service = PushService::start(&world);
        let (agent, asked, phone) = asked_with_a_phone(&world, &service).await;
        // Claimed, and then never heard of again.
        let now = world.app.clock.now();
        let claimed = deliver::claim(&world.app, Channel::WebPush, 10, now).await.expect("a claim");
        assert_eq!(claimed.len(), 1);
        let world = world.restarted().await;
        world.deliver().await;
        assert!(phone.pushes().is_empty(), "somebody may still be at it");
        world.advance(Duration::minutes(3));
        world.deliver().await;
        assert_eq!(phone.pushes().len(), 1);
        // Whoever claimed it first comes back to life, too late to be believed.
        for parcel in claimed {
            deliver::keep(&world.app, parcel).await.expect("kept");
        }
        let status = agent.status(&asked.approval_id).await;
        assert_eq!(status.ok()["delivery"][0]["state"], "delivered");
        world.deliver().await;
        assert!(phone.pushes().len() <= 2);
    }
}

both! {
    async fn two_instances_deliver_each_promise_once(world: World) {
        let agent = world.agent("Billing Agent").await;
        let service = PushService::start(&world);
        let mut phones = Vec::new();
        for at in 0..6 {
            let person = world.person(&format!("Person{at}")).await;
            let mut browser = world.signed_in(&person).await;
            phones.push(service.subscribed(&mut browser).await);
            agent.ask(&person.email, &[]).await;
        }
        let other = world.another_instance().await;
        tokio::join!(world.deliver(), other.deliver());
        for phone in &phones {
            assert_eq!(phone.pushes().len(), 1);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_server_that_is_busy_is_tried_again_and_one_that_refuses_is_not() {
    let server = SmtpServer::start();
    let customs = Customs {
        smtp: Some(server.url()),
        ..Customs::default()
    };
    let world = World::sqlite_with(customs).await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    for command in ["MAIL", "RCPT", "DATA", "."] {
        server.answers(command, "451 4.3.0 come back later");
        let asked = agent.ask(&maya.email, &[]).await;
        world.deliver().await;
        let status = agent.status(&asked.approval_id).await;
        let line = &status.ok()["delivery"][0];
        assert_eq!(line["state"], "waiting", "{command}");
        assert_eq!(line["why"], "the mail server answered 451", "{command}");
        server.takes_everything();
        world.advance(Duration::seconds(2));
        world.deliver().await;
        let letter = server.letters().pop().expect("a letter");
        assert!(letter.raw.contains(&asked.approval_id), "{command}");

        server.answers(command, "550 5.1.1 <maya@acme.example> no such user");
        let asked = agent.ask(&maya.email, &[]).await;
        world.deliver().await;
        let attempts = server.attempts();
        let status = agent.status(&asked.approval_id).await;
        let line = &status.ok()["delivery"][0];
        assert_eq!(line["state"], "failed", "{command}");
        // What the mail server says may quote addresses: only its number is passed on.
        assert_eq!(line["why"], "the mail server answered 550", "{command}");
        assert_eq!(status.body["unreachable"], true, "{command}");
        server.takes_everything();
        world.advance(Duration::minutes(2));
        world.deliver().await;
        assert_eq!(server.attempts(), attempts, "{command}");
        agent.cancel(&asked.approval_id).await;
        // What rang is long ago.
        world.advance(Duration::minutes(10));
    }
}
