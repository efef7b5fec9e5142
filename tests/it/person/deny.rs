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
