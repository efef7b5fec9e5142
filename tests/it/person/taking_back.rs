//! A person takes a yes back: undone while nobody has collected it, withdrawn after.

use countersign::domain::ciba::approval::State;
use countersign::flow::answer::Choice;
use countersign::flow::take_back::{self, TakeBack, TakeBackError};
use time::Duration;

use crate::person::allow_always;
use crate::world::{World, small_payment};

both! {
    async fn what_nobody_has_collected_is_undone_and_the_agent_hears_of_a_no_only(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let noor = world.person("Noor").await;
        let mut browser = world.signed_in(&maya).await;
        let asked = agent.ask(&maya.email, &[("scope", "openid calendar.write")]).await;
        let page = browser.get(&asked.page()).await;
        let allowed = page.press(&mut browser, "Only this time", &[]).await;
        assert!(allowed.text().contains("Until it is collected you can undo this: then it is a no."), "{}", allowed.text());
        assert!(!allowed.has_button("Withdraw"));

        // Nobody else can, and no form of another page.
        let mut stranger = world.signed_in(&noor).await;
        let path = format!("{}/take-back", asked.page());
        let theirs = stranger.post(&path, &[("do", "undo"), ("csrf", "x")]).await;
        assert!(theirs.status.is_client_error());
        assert_eq!(world.state(&asked).await, "approved");

        world.advance(Duration::seconds(20));
        let undone = allowed.press(&mut browser, "Undo", &[]).await;
        let text = undone.text();
        assert!(text.contains("Denied") && text.contains("You denied this at"), "{text}");
        assert!(undone.has_button("Not now"), "it may be explained, as any no: {text}");
        agent.poll(&asked.auth_req_id).await.refused(400, "access_denied");
        let status = agent.status(&asked.approval_id).await;
        assert_eq!((&status.ok()["state"], &status.body["retry"]), (&"denied".into(), &"never".into()));
        assert!(status.body.get("granted").is_none(), "{status:?}");
        // A second tap is the same, and there is no way back.
        let again = allowed.press(&mut browser, "Undo", &[]).await;
        assert_eq!(again.status.as_u16(), 200, "{}", again.text());
        let late = page.press(&mut browser, "Only this time", &[]).await;
        assert_eq!(late.status.as_u16(), 409);
        let expected = ["request.opened", "request.approved", "request.undone"];
        assert_eq!(world.happened(&asked).await, expected);
        world.audit_holds().await;
    }
}

both! {
    async fn what_was_collected_is_withdrawn_and_no_token_of_it_stands(world: World) {
        let agent = world.agent("Billing Agent").await;
        let service = world.service("https://calendar.example.com").await;
        let maya = world.person("Maya").await;
        let mut browser = world.signed_in(&maya).await;
        let asked = agent.ask(&maya.email, &[("scope", "openid calendar.read")]).await;
        world.approve(&maya, &asked).await;
        let before = browser.get(&asked.page()).await;
        let collected = agent.poll(&asked.auth_req_id).await;
        let word = |name: &str| collected.ok()[name].as_str().expect("a token").to_owned();
        let (token, refresh) = (word("access_token"), word("refresh_token"));
        service.introspect(&token).await.active();

        // Who was about to undo it is told, and what there is instead.
        let late = before.press(&mut browser, "Undo", &[]).await;
        assert_eq!(late.status.as_u16(), 409);
        assert!(late.text().contains("It was too late to undo this."), "{}", late.text());
        assert!(late.text().contains("What the agent already did is not undone."), "{}", late.text());
        service.introspect(&token).await.active();

        let withdrawn = late.press(&mut browser, "Withdraw", &[]).await;
        assert!(withdrawn.text().contains("Billing Agent cannot use it any more."), "{}", withdrawn.text());
        assert!(!withdrawn.has_button("Withdraw"));
        assert_eq!(service.introspect(&token).await.ok()["active"], false);
        agent.refresh(&refresh).await.refused(400, "invalid_grant");
        let again = late.press(&mut browser, "Withdraw", &[]).await;
        assert_eq!(again.status.as_u16(), 200);
        assert_eq!(world.noted("token.withdrawn").await.len(), 1);
        world.audit_holds().await;
    }
}

both! {
    async fn with_a_yes_ends_the_always_that_was_given_with_it(world: World) {
        let maya = world.person("Maya").await;
        let mut browser = world.signed_in(&maya).await;
        let details = small_payment("5.00", "Hanna");
        let more = [("authorization_details", details.as_str())];
        for collect in [false, true] {
            let agent = world.agent("Billing Agent").await;
            let asked = agent.ask(&maya.email, &more).await;
            allow_always(&mut browser, &asked, &[]).await;
            if collect {
                agent.poll(&asked.auth_req_id).await.ok();
            }
            let covered = agent.ask(&maya.email, &more).await;
            assert_eq!(world.state(&covered).await, "approved");
            let page = browser.get(&asked.page()).await;
            page.press(&mut browser, if collect { "Withdraw" } else { "Undo" }, &[]).await;
            let next = agent.ask(&maya.email, &more).await;
            assert_eq!(world.state(&next).await, "pending", "{collect}");
            // What the rule had allowed meanwhile is not given for it any more.
            agent.poll(&covered.auth_req_id).await.refused(400, "invalid_grant");
        }
        assert_eq!(world.noted("standing_grant.stopped").await.len(), 2);
        world.audit_holds().await;
    }
}

both! {
    async fn sec_f05_it_is_collected_or_undone_and_never_both(world: World) {
        let maya = world.person("Maya").await;
        let present = world.present(&maya).await;
        let agent = world.agent("Billing Agent").await;
        let mut undone = 0;
        for round in 0..40 {
            let asked = agent.ask(&maya.email, &[]).await;
            world.try_answer(&present, &asked, Choice::Once).await.expect("taken");
            let undo = take_back::take_back(&world.app, asked.id(), &present, TakeBack::Undo, None);
            let poll = async {
                // Sometimes the one is first, sometimes the other.
                tokio::time::sleep(std::time::Duration::from_millis(round % 10)).await;
                agent.poll(&asked.auth_req_id).await
            };
            let (poll, undo) = tokio::join!(poll, undo);
            match (world.stored(&asked).await.request.state(), undo) {
                (State::Redeemed, Err(TakeBackError::TooLate)) => drop(poll.ok()),
                (State::Denied, Ok(())) => {
                    undone += 1;
                    poll.refused(400, "access_denied");
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(undone > 0);
        world.audit_holds().await;
    }
}
