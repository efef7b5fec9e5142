//! All agents stop asking for a while: because the person wants it so, or whoever runs the server.

use countersign::flow::pause::{pause_everyone, resume_everyone};
use time::Duration;

use crate::tokens::{BOTH, Cast};
use crate::world::push_service::PushService;
use crate::world::{Answer, World};

fn paused(answer: &Answer, seconds: Option<&str>) {
    answer.refused(403, "access_denied");
    let why = answer.body["error_description"].as_str().expect("why");
    assert!(why.starts_with("paused: "), "{why}");
    let wait = answer.headers.get("retry-after");
    assert_eq!(wait.map(|it| it.to_str().expect("text")), seconds);
}

both! {
    async fn sec_a01_while_agents_are_paused_nobody_is_asked_and_no_rule_answers(world: World) {
        let mut cast = Cast::of(&world).await;
        let given = cast.always().await;
        let ben = world.person("Ben").await;
        let page = cast.browser.get("/history").await;
        let page = page.press(&mut cast.browser, "Pause", &[]).await;
        assert!(page.text().contains("You have paused all agents until 09:00 UTC"), "{}", page.text());

        world.advance(Duration::minutes(10));
        let (maya, both) = (cast.maya.email.clone(), [("scope", BOTH)]);
        paused(&cast.agent.try_ask(&maya, &both).await, Some("3000"));
        paused(&cast.agent.try_ask(&maya, &[]).await, Some("3000"));
        // It is hers: others are asked, and what she had allowed goes on.
        cast.agent.ask(&ben.email, &[]).await;
        cast.agent.refresh(crate::tokens::refresh_token(&given)).await.ok();
        let noted = world.noted("request.held_back").await;
        assert_eq!(noted.len(), 2);
        assert_eq!(noted[0]["facts"]["reach"], "person");

        // Whoever cannot be asked is said to be unknown, paused or not.
        cast.agent.try_ask("nobody@acme.example", &[]).await.refused(400, "unknown_user_id");

        // A restart and another instance know of it; every page says so.
        let world = world.restarted().await;
        let instances = world.instances().await;
        for instance in &instances {
            let there = cast.agent.at(instance);
            paused(&there.try_ask(&maya, &both).await, Some("3000"));
        }
        let page = cast.browser.get("/allowed").await;
        let page = page.press(&mut cast.browser, "Resume", &[]).await;
        assert!(page.has_button("Pause") && !page.text().contains("have paused"), "{}", page.text());
        let asked = cast.agent.ask(&maya, &both).await;
        assert_eq!(cast.agent.status(&asked.approval_id).await.ok()["state"], "approved");
    }
}

#[tokio::test]
async fn a_pause_ends_by_itself_at_its_hour_at_midnight_or_never() {
    let world = World::sqlite().await;
    let mut cast = Cast::of(&world).await;
    let maya = cast.maya.email.clone();
    for (ahead, length, end) in [
        ("0", "hour", Some("3600")),
        // It is 08:00 UTC, and 10:30 where she is.
        ("150", "today", Some("48600")),
        ("x", "today", Some("57600")),
        ("0", "resume", None),
    ] {
        let page = cast.browser.get("/").await;
        let set = [("for", length), ("ahead", ahead)];
        let page = page.submit(&mut cast.browser, "/pause", &set).await;
        assert!(page.text().contains("You have paused"), "{}", page.text());
        paused(&cast.agent.try_ask(&maya, &[]).await, end);
    }
    world.advance(Duration::days(10));
    paused(&cast.agent.try_ask(&maya, &[]).await, None);
    world.sign_in(&mut cast.browser, &cast.maya).await;
    let page = cast.browser.get("/").await;
    let set = [("for", "hour")];
    page.submit(&mut cast.browser, "/pause", &set).await;
    world.advance(Duration::HOUR);
    cast.agent.ask(&maya, &[]).await;
    let page = cast.browser.get("/").await;
    for wrong in ["", "year", "-1"] {
        let set = [("for", wrong)];
        let refused = page.submit(&mut cast.browser, "/pause", &set).await;
        assert_eq!(refused.status.as_u16(), 400, "{wrong}");
    }
    assert_eq!(world.noted("pause.begun").await.len(), 5);
    world.audit_holds().await;
}

both! {
    async fn sec_a01_what_was_asked_before_a_pause_rings_when_it_is_over(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let service = PushService::start(&world);
        let mut browser = world.signed_in(&maya).await;
        let phone = service.subscribed(&mut browser).await;
        let asked = agent.ask(&maya.email, &[("requested_expiry", "7200")]).await;
        let page = browser.get("/").await;
        page.press(&mut browser, "Pause", &[]).await;
        for _ in 0..4 {
            world.deliver().await;
            world.advance(Duration::minutes(14));
        }
        assert!(phone.pushes().is_empty() && world.letters().is_empty());
        let status = agent.status(&asked.approval_id).await;
        assert_eq!(status.ok()["state"], "pending");
        let told = &status.body["delivery"][0];
        assert_eq!((&told["state"], &told["why"]), (&"waiting".into(), &"paused".into()));
        assert_eq!(told["attempts"], 0, "nothing was tried");
        // It can be answered all the while.
        assert!(browser.get(&asked.page()).await.has_button("Only this time"));
        world.advance(Duration::minutes(5));
        world.deliver().await;
        assert_eq!(phone.pushes().len(), 1);
    }
}

both! {
    async fn the_operator_pauses_everyone_and_no_person_can_lift_that(world: World) {
        let mut cast = Cast::of(&world).await;
        cast.always().await;
        let ben = world.person("Ben").await;
        let why = "An agent is misbehaving <b>";
        pause_everyone(&world.app, Some(Duration::hours(2)), Some(why)).await.expect("paused");
        for who in [&cast.maya, &ben] {
            paused(&cast.agent.try_ask(&who.email, &[("scope", BOTH)]).await, Some("7200"));
        }
        let page = cast.browser.get("/devices").await;
        let words = "Whoever runs Countersign has paused all agents until 10:00 UTC";
        assert!(page.text().contains(words) && page.text().contains(why), "{}", page.text());
        assert!(!page.body.contains(why), "it is escaped");
        assert!(!page.has_button("Resume"));
        // Hers besides is hers, and outlasts it.
        page.submit(&mut cast.browser, "/pause", &[("for", "resume")]).await;
        assert!(resume_everyone(&world.app).await.expect("resumed"));
        assert!(!resume_everyone(&world.app).await.expect("nothing to resume"));
        paused(&cast.agent.try_ask(&cast.maya.email, &[]).await, None);
        cast.agent.ask(&ben.email, &[]).await;
        assert!(pause_everyone(&world.app, None, Some("turn\u{202e}ed")).await.is_err());
        cast.agent.ask(&ben.email, &[]).await;
        let kinds = ["pause.begun", "pause.ended"];
        let noted = [world.noted(kinds[0]).await, world.noted(kinds[1]).await];
        assert_eq!(noted.clone().map(|it| it.len()), [2, 1]);
        assert_eq!(noted[0][0]["by"], "operator");
        assert!(!noted[0][0].to_string().contains("misbehaving"), "reasons are prose, and stay out of the log");
        world.audit_holds().await;
    }
}
