//! A person says no, and why.

use crate::world::{World, small_payment};

both! {
    async fn a_no_and_its_reason_reach_the_agent(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let details = small_payment("240.00", "Hanna");
        let asked = agent.ask(&maya.email, &[("authorization_details", &details)]).await;
        let mut browser = world.signed_in(&maya).await;
        let page = browser.get(&asked.page()).await;
        let reason = "Wrong invoice:\r\nuse 5522, \"not\" <5521> & thanks – Ñ 🙏";
        let receipt = page.press(&mut browser, "Deny", &[("reason", reason)]).await;
        let text = receipt.text();
        assert!(text.contains("Denied"), "{text}");
        assert!(text.contains("Saved. Billing Agent is told “denied”."), "{text}");
        let one_line = "Wrong invoice: use 5522, \"not\" <5521> & thanks – Ñ 🙏";
        assert!(text.contains(&format!("You said: {one_line}")), "{text}");

        agent.poll(&asked.auth_req_id).await.refused(400, "access_denied");
        let status = agent.status(&asked.approval_id).await;
        assert_eq!(status.ok()["state"], "denied");
        assert_eq!(status.body["reason"], one_line);
        assert_eq!(status.body["decided_by"], "person");
        assert_eq!((&status.body["deny_reason"], &status.body["retry"]), (&"other".into(), &"with_changes".into()));
        assert!(!receipt.has_button("Not now"), "it has its reason");

        // It stays a no, however often it is asked.
        let again = page.press(&mut browser, "Only this time", &[]).await;
        assert_eq!(again.status.as_u16(), 409, "{}", again.text());
        agent.poll(&asked.auth_req_id).await.refused(400, "access_denied");
        let denied = world.noted("request.denied").await;
        assert_eq!(denied.len(), 1);
        assert!(!denied[0].to_string().contains("invoice"), "reasons are prose, and stay out of the log");
        world.audit_holds().await;
    }
}

#[tokio::test]
async fn a_no_needs_no_reason() {
    let world = World::sqlite().await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let mut browser = world.signed_in(&maya).await;
    for reason in ["", "   \r\n "] {
        let asked = agent.ask(&maya.email, &[]).await;
        let page = browser.get(&asked.page()).await;
        let set = [("reason", reason)];
        let receipt = page.press(&mut browser, "Deny", &set).await;
        assert!(!receipt.text().contains("You said"), "{}", receipt.text());
        let status = agent.status(&asked.approval_id).await;
        assert_eq!(status.ok()["state"], "denied");
        assert!(status.body.get("reason").is_none(), "{status:?}");
    }
}

#[tokio::test]
async fn a_reason_that_cannot_be_passed_on_is_said_to_be_and_nothing_is_decided() {
    let world = World::sqlite().await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let asked = agent.ask(&maya.email, &[]).await;
    let mut browser = world.signed_in(&maya).await;
    let page = browser.get(&asked.page()).await;
    let just_fits = "é".repeat(280);
    let too_long = "é".repeat(281);
    for reason in [&*too_long, "turn\u{202e}ed", "hid\u{200b}den", "bell\u{7}"] {
        let set = [("reason", reason)];
        let refused = page.press(&mut browser, "Deny", &set).await;
        assert_eq!(refused.status.as_u16(), 422, "{reason:?}");
        let text = refused.text();
        assert!(
            text.contains("Your answer was not sent. That reason cannot be sent:"),
            "{text}"
        );
        assert!(refused.has_button("Deny"), "{text}");
        assert_eq!(world.state(&asked).await, "pending", "{reason:?}");
    }
    let set = [("reason", &*just_fits)];
    page.press(&mut browser, "Deny", &set).await;
    let status = agent.status(&asked.approval_id).await;
    assert_eq!(status.ok()["reason"], just_fits);
}

#[tokio::test]
async fn a_reason_beside_a_yes_goes_nowhere() {
    let world = World::sqlite().await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let asked = agent.ask(&maya.email, &[]).await;
    let mut browser = world.signed_in(&maya).await;
    let page = browser.get(&asked.page()).await;
    let set = [("reason", "second thoughts")];
    page.press(&mut browser, "Only this time", &set).await;
    let status = agent.status(&asked.approval_id).await;
    assert_eq!(status.ok()["state"], "approved");
    assert!(status.body.get("reason").is_none(), "{status:?}");
}

both! {
    async fn why_may_be_said_once_after_the_no(world: World) {
        let maya = world.person("Maya").await;
        let mut browser = world.signed_in(&maya).await;
        for (label, word, retry) in [
            ("Not now", "not_now", "after"),
            ("Wrong details", "wrong_details", "with_changes"),
            ("Too much", "too_much", "with_changes"),
            ("I didn’t ask for this", "not_mine", "never"),
        ] {
            // One that was told no twice asks no more.
            let agent = world.agent(label).await;
            let asked = agent.ask(&maya.email, &[]).await;
            let page = browser.get(&asked.page()).await;
            let denied = page.press(&mut browser, "Deny", &[]).await;
            agent.poll(&asked.auth_req_id).await.refused(400, "access_denied");
            let before = agent.status(&asked.approval_id).await;
            assert_eq!((before.ok().get("deny_reason"), &before.body["retry"]), (None, &"never".into()));

            let said = denied.press(&mut browser, label, &[]).await;
            assert!(said.text().contains(&format!("You said: {label}")), "{}", said.text());
            assert!(!said.has_button("Not now"), "once is enough");
            let status = agent.status(&asked.approval_id).await;
            assert_eq!(status.ok()["state"], "denied");
            assert_eq!((&status.body["deny_reason"], &status.body["retry"]), (&word.into(), &retry.into()));
            assert!(status.body.get("reason").is_none(), "{status:?}");
            let mut expected = vec!["request.opened", "request.denied", "request.denial_explained"];
            if word == "not_mine" {
                expected.push("agent.reported");
            }
            assert_eq!(world.happened(&asked).await, expected);

            // The same again is the same; another one is too late.
            let again = denied.press(&mut browser, label, &[]).await;
            assert_eq!(again.status.as_u16(), 200, "{}", again.text());
            let other = if word == "too_much" { "Not now" } else { "Too much" };
            let late = denied.press(&mut browser, other, &[]).await;
            assert_eq!(late.status.as_u16(), 409, "{}", late.text());
            assert_eq!(agent.status(&asked.approval_id).await.ok()["deny_reason"], word);
        }
        let explained = world.noted("request.denial_explained").await;
        assert_eq!(explained.len(), 4);
        assert_eq!(explained[3]["facts"]["deny_reason"], "not_mine");
        world.audit_holds().await;
    }
}

both! {
    async fn why_may_be_said_in_words_and_not_for_long(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let noor = world.person("Noor").await;
        let mut browser = world.signed_in(&maya).await;
        let asked = agent.ask(&maya.email, &[("requested_expiry", "3600")]).await;
        let page = browser.get(&asked.page()).await;
        let denied = page.press(&mut browser, "Deny", &[]).await;
        for text in ["", "  ", "bell\u{7}", &"é".repeat(281)] {
            let refused = denied.press(&mut browser, "Send", &[("text", text)]).await;
            assert_eq!(refused.status.as_u16(), 422, "{text}");
        }
        let path = format!("{}/reason", asked.page());
        let elsewhere = browser.post(&path, &[("why", "not_now"), ("csrf", "x")]).await;
        assert!(elsewhere.status.is_client_error());
        let mut stranger = world.signed_in(&noor).await;
        let theirs = stranger.post(&path, &[("why", "not_now"), ("csrf", "x")]).await;
        assert!(theirs.status.is_client_error());
        assert!(agent.status(&asked.approval_id).await.ok().get("deny_reason").is_none());

        world.advance(time::Duration::minutes(10) - time::Duration::MILLISECOND);
        let said = denied.press(&mut browser, "Send", &[("text", "use\r\n5522")]).await;
        assert!(said.text().contains("You said: use 5522"), "{}", said.text());
        let status = agent.status(&asked.approval_id).await;
        assert_eq!((&status.ok()["deny_reason"], &status.body["reason"]), (&"other".into(), &"use 5522".into()));
        assert_eq!(status.body["retry"], "with_changes");

        let asked = agent.ask(&maya.email, &[("requested_expiry", "3600")]).await;
        let page = browser.get(&asked.page()).await;
        let denied = page.press(&mut browser, "Deny", &[]).await;
        world.advance(time::Duration::minutes(10));
        let late = denied.press(&mut browser, "Not now", &[]).await;
        assert_eq!(late.status.as_u16(), 409);
        assert!(!late.has_button("Not now"), "it is not offered any more");
        assert!(agent.status(&asked.approval_id).await.ok().get("deny_reason").is_none());

        // What was allowed has no reason.
        let agent = world.agent("Deploy Bot").await;
        let asked = agent.ask(&maya.email, &[]).await;
        let page = browser.get(&asked.page()).await;
        let allowed = page.press(&mut browser, "Only this time", &[]).await;
        assert!(!allowed.has_button("Not now"));
        assert!(agent.status(&asked.approval_id).await.ok().get("retry").is_none());
        world.audit_holds().await;
    }
}
