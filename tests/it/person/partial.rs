//! A person allows less than was asked, and everything that follows says exactly that.

use countersign::domain::consent::partial::Trim;
use countersign::flow::answer::{AnswerError, Choice};
use serde_json::{Value, json};
use time::Duration;

use crate::world::{Agent, Asked, World, claims, small_payment};

const PAYMENTS: &str = "https://payments.example.com";

/// Seeing payments, and two of them: €240.00 to Hanna and €9.00 to Otto.
async fn three(agent: &Agent, email: &str) -> Asked {
    let one = |amount, to| {
        small_payment(amount, to)
            .trim_matches(['[', ']'])
            .to_owned()
    };
    let both = format!("[{},{}]", one("240.00", "Hanna"), one("9.00", "Otto"));
    let more = [
        ("scope", "openid payments.read"),
        ("authorization_details", both.as_str()),
    ];
    agent.ask(email, &more).await
}

async fn one(agent: &Agent, email: &str, amount: &str) -> Asked {
    let details = small_payment(amount, "Hanna");
    agent
        .ask(email, &[("authorization_details", &details)])
        .await
}

fn amount(details: &Value) -> &Value {
    &details[0]["instructedAmount"]["amount"]
}

both! {
    async fn what_is_left_is_what_the_token_and_everything_after_it_say(world: World) {
        let agent = world.agent("Billing Agent").await;
        let service = world.service(PAYMENTS).await;
        let maya = world.person("Maya").await;
        let mut browser = world.signed_in(&maya).await;
        let asked = three(&agent, &maya.email).await;
        let page = browser.get(&asked.page()).await;
        assert_eq!(page.body.matches("type=\"checkbox\"").count(), 3, "{}", page.body);
        assert_eq!(page.body.matches(" checked").count(), 3, "all of it, unless they say otherwise");
        let less = [("less.1.amount", "100"), ("item.2", "")];
        let receipt = page.press(&mut browser, "Only this time", &less).await;
        let text = receipt.text();
        for words in ["Allowed in part, once", "You allowed 2 of 3 See your payments Pay €100.00 to Hanna"] {
            assert!(text.contains(words), "{words}: {text}");
        }

        // A second tap is told the same, and changes nothing.
        let again = page.press(&mut browser, "Only this time", &[]).await;
        assert_eq!(again.status.as_u16(), 409);
        assert!(again.text().contains("Pay €100.00 to Hanna"), "{}", again.text());

        let remainder = json!([{"type": "payment_small", "creditor": "Hanna",
            "instructedAmount": {"amount": "100.00", "currency": "EUR"}}]);
        let status = agent.status(&asked.approval_id).await;
        let granted = &status.ok()["granted"];
        assert_eq!(granted["scope"], "openid payments.read");
        assert_eq!(granted["authorization_details"], remainder);
        assert_eq!(granted["in_part"], true);

        let collected = agent.poll(&asked.auth_req_id).await;
        assert_eq!(collected.ok()["scope"], "openid payments.read");
        assert_eq!(collected.body["authorization_details"], remainder);
        let token = collected.body["access_token"].as_str().expect("a token").to_owned();
        let said = claims(&token);
        assert_eq!((&said["scope"], &said["authorization_details"]),
            (&"openid payments.read".into(), &remainder));

        let introspected = service.introspect(&token).await;
        assert_eq!(introspected.active()["authorization_details"], remainder);
        assert_eq!(introspected.body["scope"], "openid payments.read");
        let held = agent.get(&format!("/oauth/grants/{}", collected.body["grant_id"].as_str().expect("an id"))).await;
        let held = held.ok().to_string();
        assert!(held.contains("100.00") && !held.contains("240.00") && !held.contains("Otto"), "{held}");

        let receipt = browser.get(&format!("{}/receipt", asked.page())).await;
        let receipt = claims(&receipt.body);
        assert_eq!(receipt["authorization_details"], remainder);
        assert_eq!(receipt["card"]["items"][1]["detail"]["instructedAmount"]["amount"], "240.00",
            "what was shown is in it, too");
        assert_eq!(receipt["card_digest"], said["card_digest"]);

        // What can be refreshed is less again, and never what was left out.
        let refresh = collected.body["refresh_token"].as_str().expect("one").to_owned();
        let otto = small_payment("9.00", "Otto");
        let more = [("authorization_details", otto.as_str())];
        agent.refresh_with(&refresh, &more, &[]).await.refused(400, "invalid_authorization_details");
        world.advance(Duration::minutes(2));
        let refreshed = agent.refresh(&refresh).await;
        assert_eq!(refreshed.ok()["scope"], "openid payments.read");
        assert!(refreshed.body.get("authorization_details").is_none(), "{refreshed:?}");

        let history = browser.get("/history").await.text();
        assert!(history.contains("Allowed in part, once. You allowed 2 of 3: See your payments; Pay €100.00 to Hanna"), "{history}");
        let approved = world.noted("request.approved").await;
        assert_eq!(approved[0]["facts"]["in_part"], true);
        world.audit_holds().await;
    }
}

both! {
    async fn whoever_leaves_nothing_has_denied_it(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let mut browser = world.signed_in(&maya).await;
        for button in ["Only this time", "Allow within these limits"] {
            let asked = agent.ask(&maya.email, &[("scope", "openid calendar.read calendar.write")]).await;
            let path = if button == "Only this time" { asked.page() } else { format!("{}/always", asked.page()) };
            let page = browser.get(&path).await;
            let none = [("item.0", ""), ("item.1", "")];
            let receipt = page.press(&mut browser, button, &none).await;
            let text = receipt.text();
            assert!(text.contains("Denied") && text.contains("You left nothing of it, so all of it was denied."), "{text}");
            agent.poll(&asked.auth_req_id).await.refused(400, "access_denied");
            let status = agent.status(&asked.approval_id).await;
            assert_eq!(status.ok()["state"], "denied");
            assert_eq!(status.body["deny_reason"], "nothing_left");
            assert_eq!(status.body["retry"], "with_changes");
            assert!(status.body.get("granted").is_none());
        }
        assert!(world.noted("standing_grant.made").await.is_empty());
        world.audit_holds().await;
    }
}

#[tokio::test]
async fn more_than_was_asked_is_refused_in_clear_words_and_nothing_is_decided() {
    let world = World::sqlite().await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let mut browser = world.signed_in(&maya).await;
    let asked = three(&agent, &maya.email).await;
    let page = browser.get(&asked.page()).await;
    for (typed, words) in [
        (
            "240.01",
            "Amount can only be lowered: it was asked as €240.00.",
        ),
        ("-1", "What you typed for Amount could not be read."),
        ("", "What you typed for Amount could not be read."),
        ("$10", "What you typed for Amount could not be read."),
    ] {
        let set = [("less.1.amount", typed), ("item.2", "")];
        let refused = page.press(&mut browser, "Only this time", &set).await;
        assert_eq!(refused.status.as_u16(), 422, "{typed}");
        let text = refused.text();
        assert!(
            text.contains(&format!("Your answer was not sent. {words}")),
            "{text}"
        );
        assert_eq!(world.state(&asked).await, "pending", "{typed}");
        // What was left out stays left out, and what was typed is there to be mended.
        assert_eq!(
            refused.body.matches(" checked").count(),
            2,
            "{}",
            refused.body
        );
        let typed = format!("name=\"less.1.amount\" value=\"{typed}\"");
        assert!(refused.body.contains(&typed), "{}", refused.body);
    }
    // To deny, nothing needs to be right.
    let set = [("less.1.amount", "a lot")];
    page.press(&mut browser, "Deny", &set).await;
    assert_eq!(world.state(&asked).await, "denied");
}

#[tokio::test]
async fn a_page_drawn_by_another_catalogue_answers_nothing() {
    let world = World::sqlite().await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let mut browser = world.signed_in(&maya).await;
    let asked = one(&agent, &maya.email, "240.00").await;
    let page = browser.get(&asked.page()).await;
    for other in ["", "0", "2"] {
        let set = [("drawn_by", other), ("less.0.amount", "1")];
        let refused = page.press(&mut browser, "Only this time", &set).await;
        assert_eq!(refused.status.as_u16(), 409, "{other}");
        assert_eq!(world.state(&asked).await, "pending");
    }

    // Nor does a trim that policy does not have any more.
    world.catalogue(|catalogue| {
        let permission = crate::tokens::permission(catalogue, "payment_small");
        permission
            .fields
            .iter_mut()
            .for_each(|field| field.narrowable = false);
    });
    let mut trim = Trim::default();
    let lower = countersign::domain::consent::partial::Lowered::To("1".to_owned());
    trim.lowered.insert((0, "amount".to_owned()), lower);
    let present = world.present(&maya).await;
    let refused = world.try_answer(&present, &asked, Choice::Part(trim)).await;
    assert!(matches!(refused, Err(AnswerError::Part(_))));
    assert_eq!(world.state(&asked).await, "pending");
}

both! {
    async fn always_is_bounded_by_what_is_granted_not_by_what_was_asked(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let mut browser = world.signed_in(&maya).await;
        let asked = one(&agent, &maya.email, "240.00").await;
        let path = format!("{}/always?drawn_by=1&less.0.amount=100", asked.page());
        let sheet = browser.get(&path).await;
        let text = sheet.text();
        assert!(text.contains("may Pay €100.00 to Hanna"), "{text}");
        assert!(sheet.body.contains("value=\"100.00\""), "{}", sheet.body);
        let picks = [("pick.0.amount", "at-most")];
        let receipt = sheet.press(&mut browser, "Allow within these limits", &picks).await;
        assert!(receipt.text().contains("Allowed in part, and from now on"), "{}", receipt.text());
        let collected = agent.poll(&asked.auth_req_id).await;
        assert_eq!(amount(&collected.ok()["authorization_details"]), "100.00");

        let below = one(&agent, &maya.email, "100.00").await;
        assert_eq!(world.state(&below).await, "approved");
        let status = agent.status(&below.approval_id).await;
        assert_eq!(status.ok()["granted"]["in_part"], false);
        for more in ["100.01", "240.00"] {
            let above = one(&agent, &maya.email, more).await;
            assert_eq!(world.state(&above).await, "pending", "{more}");
        }

        // What is left out is not allowed from now on either.
        let asked = agent.ask(&maya.email, &[("scope", "openid calendar.read calendar.write")]).await;
        let sheet = browser.get(&format!("{}/always?drawn_by=1&item.0=on", asked.page())).await;
        assert_eq!(sheet.body.matches("type=\"checkbox\"").count(), 2);
        sheet.press(&mut browser, "Allow within these limits", &[]).await;
        assert_eq!(agent.poll(&asked.auth_req_id).await.ok()["scope"], "openid calendar.read");
        let read = agent.ask(&maya.email, &[("scope", "openid calendar.read")]).await;
        assert_eq!(world.state(&read).await, "approved");
        let write = agent.ask(&maya.email, &[("scope", "openid calendar.write")]).await;
        assert_eq!(world.state(&write).await, "pending");

        // A sheet for more than was asked leads back, with the words.
        let asked = one(&agent, &maya.email, "50.00").await;
        if world.state(&asked).await == "pending" {
            let back = browser.get(&format!("{}/always?drawn_by=1&less.0.amount=51", asked.page())).await;
            assert_eq!(back.status.as_u16(), 422);
        }
        world.audit_holds().await;
    }
}
