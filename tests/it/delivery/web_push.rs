//! Notifications: what a phone reads, what the push service between may know, and when it is over.

use crate::world::push_service::{Phone, PushService};
use crate::world::{Agent, Asked, Browser, World, payment, small_payment};
use serde_json::json;
use time::Duration;

both! {
    async fn a_notification_opens_to_what_was_asked_and_to_nothing_for_anybody_else(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let service = PushService::start(&world);
        let mut browser = world.signed_in(&maya).await;
        let phone = service.subscribed(&mut browser).await;
        let details = small_payment("240.00", "Hanna Herwitz");
        let more = [("authorization_details", &*details), ("binding_message", "ZQ-CANARY"), ("requested_expiry", "300")];
        let asked = agent.ask(&maya.email, &more).await;
        world.advance(Duration::seconds(40));
        world.deliver().await;

        let pushes = phone.pushes();
        assert_eq!(pushes.len(), 1);
        let push = &pushes[0];
        assert_eq!((push.status, push.fault), (201, None), "a strict push service takes it");
        // As long as the request lives and no longer.
        assert_eq!(push.header("ttl"), Some("260"));
        assert_eq!(push.header("urgency"), Some("high"));
        let key = browser.get("/devices").await.data("vapid-key");
        assert_eq!(push.vapid().expect("vapid").1, key, "the key the browser subscribed with");
        assert_eq!(phone.open(push), json!({
            "web_push": 8030,
            "notification": {
                "title": "Billing Agent asks",
                "body": format!("Pay €240.00 to Hanna Herwitz · by 08:05 · {}", asked.match_code),
                "lang": "en", "dir": "auto", "silent": false,
                "tag": format!("r-{}", asked.approval_id),
                "navigate": format!("{}{}", world.url, asked.page()),
            },
            "countersign_badge": 1,
        }));
        // The service between sees neither what, nor about which request.
        let wire = String::from_utf8_lossy(&push.body).into_owned() + push.header("topic").expect("a topic");
        for hidden in ["Billing", "Hanna", &asked.approval_id, &asked.match_code] {
            assert!(!wire.contains(hidden), "{hidden}");
        }
        let status = agent.status(&asked.approval_id).await;
        assert_eq!(status.ok()["delivery"][0], json!({
            "channel": "web_push", "state": "delivered", "attempts": 1, "at": "2027-01-15T08:00:40Z",
        }));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_a17_a_grave_request_shows_a_locked_phone_only_that_it_waits() {
    let world = World::sqlite().await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let service = PushService::start(&world);
    let mut browser = world.signed_in(&maya).await;
    let phone = service.subscribed(&mut browser).await;
    let details = payment("9000.00", "Hanna Herwitz");
    for more in [
        [("authorization_details", &*details)],
        [("scope", "openid files.delete")],
    ] {
        let asked = agent.ask(&maya.email, &more).await;
        world.deliver().await;
        let push = phone.pushes().pop().expect("a push");
        assert_eq!(push.header("urgency"), Some("high"));
        let payload = phone.open(&push);
        let notification = &payload["notification"];
        assert_eq!(notification["title"], "1 important request");
        assert_eq!(notification["body"], "");
        let all = payload.to_string();
        for hidden in ["Billing", "Hanna", "9,000", "files", &asked.match_code] {
            assert!(!all.contains(hidden), "{hidden}: {all}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_pressing_makes_no_sound() {
    let world = World::sqlite().await;
    let agent = world.agent("Calendar Agent").await;
    let maya = world.person("Maya").await;
    let service = PushService::start(&world);
    let mut browser = world.signed_in(&maya).await;
    let phone = service.subscribed(&mut browser).await;
    let more = [("scope", "openid calendar.read")];
    agent.ask(&maya.email, &more).await;
    world.deliver().await;
    let push = phone.pushes().remove(0);
    assert_eq!(push.header("urgency"), Some("normal"));
    let payload = phone.open(&push);
    assert_eq!(payload["notification"]["silent"], true);
}

/// Maya has a phone and a laptop, and both ring.
async fn two_devices(world: &World, service: &PushService) -> (Agent, Browser, Asked, [Phone; 2]) {
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let mut browser = world.signed_in(&maya).await;
    let phones = [
        service.subscribed(&mut browser).await,
        service.subscribed(&mut world.signed_in(&maya).await).await,
    ];
    let asked = agent.ask(&maya.email, &[]).await;
    world.deliver().await;
    for phone in &phones {
        assert_eq!(phone.pushes().len(), 1);
    }
    (agent, browser, asked, phones)
}

both! {
    async fn an_answer_takes_the_question_off_every_device_that_shows_it(world: World) {
        let service = PushService::start(&world);
        let (_, mut browser, asked, phones) = two_devices(&world, &service).await;
        let page = browser.get(&asked.page()).await;
        page.press(&mut browser, "Deny", &[]).await;
        world.deliver().await;
        for phone in &phones {
            let pushes = phone.pushes();
            assert_eq!(pushes.len(), 2);
            assert_eq!(pushes[0].header("topic"), pushes[1].header("topic"), "it replaces what was not delivered yet");
            assert_eq!(pushes[1].header("urgency"), Some("low"));
            let (first, second) = (phone.open(&pushes[0]), phone.open(&pushes[1]));
            assert_eq!(first["notification"]["tag"], second["notification"]["tag"], "and what is shown");
            assert_eq!(second["notification"]["title"], "Answered");
            assert_eq!(second["notification"]["silent"], true);
            assert_eq!(second["countersign_badge"], 0);
        }
        world.advance(Duration::minutes(5));
        world.deliver().await;
        assert_eq!(service.pushes().len(), 4, "nothing more, and no letter");
        assert!(world.letters().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ends_otherwise_is_taken_off_too_and_says_how() {
    for withdrawn in [true, false] {
        let world = World::sqlite().await;
        let service = PushService::start(&world);
        let (agent, _, asked, phones) = two_devices(&world, &service).await;
        let words = if withdrawn {
            let cancelled = agent.cancel(&asked.approval_id).await;
            assert!(cancelled.status.is_success(), "{cancelled:?}");
            "Withdrawn by the agent"
        } else {
            world.advance(Duration::minutes(10));
            world.sweep().await;
            "Ended without an answer"
        };
        world.deliver().await;
        for phone in &phones {
            let last = phone.pushes().pop().expect("a push");
            assert_eq!(phone.open(&last)["notification"]["title"], words);
        }
    }
}

both! {
    async fn nothing_is_delivered_about_what_is_settled(world: World) {
        let service = PushService::start(&world);
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let mut browser = world.signed_in(&maya).await;
        let phone = service.subscribed(&mut browser).await;
        let asked = agent.ask(&maya.email, &[]).await;
        let page = browser.get(&asked.page()).await;
        page.press(&mut browser, "Only this time", &[]).await;
        for _ in 0..3 {
            world.deliver().await;
            world.advance(Duration::minutes(2));
        }
        assert!(phone.pushes().is_empty(), "neither the question nor that it is over");
        assert!(world.letters().is_empty());
        let status = agent.status(&asked.approval_id).await;
        assert_eq!(status.ok()["delivery"][0]["state"], "dropped");
        assert_eq!(status.body["unreachable"], false);
    }
}

both! {
    async fn sec_c09_a_phone_is_given_a_minute_before_a_letter_follows(world: World) {
        let service = PushService::start(&world);
        let (_, _, asked, _) = two_devices(&world, &service).await;
        assert!(world.letters().is_empty());
        world.advance(Duration::seconds(59));
        world.deliver().await;
        assert!(world.letters().is_empty());
        world.advance(Duration::SECOND);
        world.deliver().await;
        assert_eq!(world.letters().len(), 1);
        assert!(world.letters()[0].contains(&asked.approval_id));
        assert_eq!(service.pushes().len(), 2);
    }
}
