//! An agent asks, a person reads exactly what it is about and says yes, the agent gets exactly that.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::domain::action::json::canonical;
use countersign::domain::action::{Card, Tier};
use countersign::flow::register::set_person_active;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{World, claims, form, hex, payment, small_payment};

both! {
    async fn only_this_time_is_collected_as_exactly_what_was_shown(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let details = small_payment("240.00", "Hanna Herwitz");
        let asked = agent.ask(&maya.email, &[
            ("authorization_details", &details),
            ("binding_message", "Invoice 5521, due Friday"),
        ]).await;

        let mut browser = world.signed_in(&maya).await;
        let inbox = browser.get("/").await;
        assert!(inbox.body.contains(&format!("href=\"{}\"", asked.page())), "{}", inbox.body);
        let page = browser.get(&asked.page()).await;
        let text = page.text();
        assert!(page.body.contains("<h1 tabindex=\"-1\"><bdi>Pay €240.00 to Hanna Herwitz</bdi></h1>"), "{}", page.body);
        for fact in [
            "Billing Agent asks for Payments",
            "Amount €240.00",
            "To Hanna Herwitz",
            "Billing Agent says Invoice 5521, due Friday",
            &format!("Code {}", asked.match_code),
            "Answer by 08:10 UTC ( about 10 minutes ). No answer means no.",
        ] {
            assert!(text.contains(fact), "{fact}: {text}");
        }
        let quote = "<blockquote dir=\"auto\">Invoice 5521, due Friday</blockquote>";
        assert!(page.body.contains(quote), "{}", page.body);
        assert!(page.body.contains("<time datetime=\"2027-01-15T08:10:00Z\">"), "{}", page.body);
        let shown = page.forms()[0].fields.iter().find(|(name, _)| name == "card").cloned();
        let (_, shown) = shown.expect("the digest of what is shown");

        agent.poll(&asked.auth_req_id).await.refused(400, "authorization_pending");
        let receipt = page.press(&mut browser, "Only this time", &[]).await;
        assert!(receipt.text().contains("Allowed once"), "{}", receipt.text());
        assert!(receipt.text().contains("Billing Agent has not collected it yet"), "{}", receipt.text());

        world.advance(time::Duration::seconds(5));
        let collected = agent.poll(&asked.auth_req_id).await;
        let token = collected.ok()["access_token"].as_str().expect("a token").to_owned();
        let claims = claims(&token);
        let asked_for: Value = serde_json::from_str(&details).expect("JSON");
        assert_eq!(canonical(&claims["authorization_details"]), canonical(&asked_for));
        assert_eq!(canonical(&collected.body["authorization_details"]), canonical(&asked_for));
        assert_eq!(claims["sub"], maya.id.to_string());
        assert_eq!(claims["client_id"], agent.id.as_str());
        assert_eq!(claims["aud"], "https://payments.example.com");
        assert_eq!(claims["approval_id"], asked.approval_id.as_str());
        assert_eq!(claims["acr"], "urn:countersign:acr:host-link");

        // The token, the page, the audit log and the stored card are about the same thing.
        let stored = world.stored(&asked).await;
        let card_digest = digest(&SHA256, stored.card.as_bytes());
        let card_digest = card_digest.as_ref();
        assert_eq!(claims["card_digest"], URL_SAFE_NO_PAD.encode(card_digest));
        assert_eq!(shown, hex(card_digest));
        let approved = world.noted("request.approved").await;
        assert_eq!(approved.len(), 1);
        assert_eq!(approved[0]["facts"]["card_digest"], shown.as_str());
        assert_eq!(approved[0]["facts"]["answer"], "once");
        assert_eq!(approved[0]["from"], "127.0.0.1");

        let page = browser.get(&asked.page()).await;
        assert!(page.text().contains("Saved, and collected by Billing Agent at 08:00 UTC ."), "{}", page.text());
        assert!(!page.has_button("Only this time") && !page.has_button("Deny"));
        agent.poll(&asked.auth_req_id).await.refused(400, "invalid_grant");
        world.audit_holds().await;
    }
}

#[tokio::test]
async fn the_answers_have_their_names_and_none_is_picked_beforehand() {
    let world = World::sqlite().await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let details = small_payment("240.00", "Hanna");
    let more = [("authorization_details", &*details)];
    let asked = agent.ask(&maya.email, &more).await;
    let mut browser = world.signed_in(&maya).await;
    let page = browser.get(&asked.page()).await;
    let forms = page.forms().into_iter();
    let forms = forms.filter(|form| form.action != "/pause");
    let buttons = forms.flat_map(|form| form.buttons);
    let labels: Vec<String> = buttons.map(|(_, _, label)| label).collect();
    assert_eq!(labels, ["Only this time", "Deny", "Always…"]);
    assert!(!page.body.contains("autofocus"));

    // Just Enter, or a form without an answer, is no answer.
    let sent = page.submit(&mut browser, &asked.page(), &[]).await;
    assert_eq!(sent.status.as_u16(), 400);
    assert!(
        sent.text().contains("Your answer was not sent"),
        "{}",
        sent.text()
    );
    assert_eq!(world.state(&asked).await, "pending");
}

#[tokio::test]
async fn a_request_for_mere_presence_offers_no_always() {
    let world = World::sqlite().await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let asked = agent.ask(&maya.email, &[]).await;
    let mut browser = world.signed_in(&maya).await;
    let page = browser.get(&asked.page()).await;
    assert!(page.has_button("Only this time") && page.has_button("Deny"));
    assert!(!page.has_button("Always…"));
    let forced = browser.get(&format!("{}/always", asked.page())).await;
    assert!(forced.url.ends_with(&asked.page()), "{}", forced.url);
}

#[tokio::test]
async fn sec_a10_the_heading_comes_from_the_details_and_never_from_the_agent() {
    let world = World::sqlite().await;
    let agent = world.agent("Calendar Helper").await;
    let maya = world.person("Maya").await;
    let said = "Read calendar";
    let more = [
        ("authorization_details", &*payment("9000.00", "Mallory")),
        ("binding_message", said),
    ];
    let asked = agent.ask(&maya.email, &more).await;
    let mut browser = world.signed_in(&maya).await;
    let page = browser.get(&asked.page()).await;
    let heading = page.body.split("<h1").nth(1).expect("a heading");
    let heading = heading.split("</h1>").next().expect("its end");
    assert!(heading.contains("Pay €9,000.00 to Mallory"), "{heading}");
    assert_eq!(page.body.matches(said).count(), 1);
    let quoted = format!("<blockquote dir=\"auto\">{said}");
    assert!(page.body.contains(&quoted));
    assert!(page.text().contains("Important"), "{}", page.text());

    // What was shown can be computed again from what is kept, and nothing else gives the same.
    let stored = world.stored(&asked).await;
    let card: Card = serde_json::from_str(&stored.card).expect("a card");
    let question = stored.request.question();
    assert_eq!(card.tier, Tier::High);
    assert_eq!(card.digest(), question.card_digest);
    let altered = stored.card.replace("9,000.00", "9.00");
    assert_ne!(altered, stored.card);
    let altered: Card = serde_json::from_str(&altered).expect("a card");
    assert_ne!(altered.digest(), question.card_digest);
}

#[tokio::test]
async fn sec_a13_an_answer_given_twice_in_one_form_is_none() {
    let world = World::sqlite().await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let asked = agent.ask(&maya.email, &[]).await;
    let mut browser = world.signed_in(&maya).await;
    let page = browser.get(&asked.page()).await;
    let shown = page.forms().remove(0);
    let plain = form(&shown.pairs());
    let origin = world.url.clone();
    let headers = [("origin", &*origin), ("sec-fetch-site", "same-origin")];
    for (body, status) in [
        (format!("{plain}&answer=deny&answer=once"), 400),
        (format!("{plain}&answer=once&answer=once"), 400),
        (format!("{plain}&answer=once&%61nswer=deny"), 400),
        (format!("{plain}&answer=once&{plain}"), 400),
        (format!("{plain}&answer=allow"), 400),
        (format!("{plain}&answer=ONCE"), 400),
        (format!("{plain}&answer=once&reason=%FF"), 400),
        (format!("{plain}&answer=once&reason=%ED%A0%80"), 400),
        (
            format!("{plain}&answer=once&reason={}", "x".repeat(20_000)),
            413,
        ),
        (String::new(), 403),
    ] {
        let sent = browser
            .send(Method::POST, &asked.page(), Some(body.clone()), &headers)
            .await;
        assert_eq!(sent.status.as_u16(), status, "{body}");
        assert!(sent.text().contains("Your answer was not sent"), "{body}");
    }
    let json_headers = [headers[0], headers[1], ("content-type", "application/json")];
    let json = Some(json!({"answer": "once"}).to_string());
    let sent = browser
        .send(Method::POST, &asked.page(), json, &json_headers)
        .await;
    assert_eq!(sent.status.as_u16(), 400);
    assert_eq!(world.state(&asked).await, "pending");
    assert!(world.noted("request.approved").await.is_empty());
}

both! {
    async fn a_grave_request_needs_a_sign_in_of_the_last_five_minutes(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let details = payment("9000.00", "Hanna");
        let mut browser = world.signed_in(&maya).await;
        let old_session = browser.cookies["countersign"].clone();
        world.advance(time::Duration::minutes(4));
        let asked = agent.ask(&maya.email, &[
            ("authorization_details", &details), ("requested_expiry", "600"),
        ]).await;
        let early = browser.get(&asked.page()).await;
        assert!(early.has_button("Only this time"), "{}", early.text());
        assert!(!early.has_button("Always…"), "{}", early.text());

        // The page was opened in time, the button was not pressed in time.
        world.advance(time::Duration::seconds(61));
        let late = early.press(&mut browser, "Only this time", &[]).await;
        assert_eq!(late.status.as_u16(), 403, "{}", late.text());
        assert!(late.text().contains("Your answer was not sent: your sign-in is older than five minutes."), "{}", late.text());
        assert!(!late.has_button("Only this time") && late.has_button("Deny"), "{}", late.text());
        assert_eq!(world.state(&asked).await, "pending");

        // A fresh link, from the page itself.
        let sent = late.submit(&mut browser, "/signin/again", &[]).await;
        assert!(sent.text().contains("Look in your mailbox"), "{}", sent.text());
        world.deliver().await;
        let letter = world.letters().into_iter().find(|it| it.contains("/signin/")).expect("a letter");
        let link = crate::person::sign_in_url(&letter);
        let page = browser.get(&link).await;
        let page = page.submit(&mut browser, "/signin/", &[]).await;
        assert!(page.url.ends_with(&asked.page()), "back to the request: {}", page.url);
        assert_ne!(browser.cookies["countersign"], old_session);

        let receipt = page.press(&mut browser, "Only this time", &[]).await;
        assert!(receipt.text().contains("Allowed once"), "{}", receipt.text());
        let collected = agent.poll(&asked.auth_req_id).await;
        let claims = claims(collected.ok()["access_token"].as_str().expect("a token"));
        assert_eq!(claims["acr"], "urn:countersign:acr:email-link");
        assert_eq!(claims["auth_time"], world.app.clock.now().unix_timestamp());
        let approved = world.noted("request.approved").await;
        assert_eq!(approved[0]["facts"]["assurance"], "email_link");
        assert_eq!(approved[0]["facts"]["authenticated_at"], claims["auth_time"]);

        // The session before has ended with it.
        browser.cookies.insert("countersign".to_owned(), old_session);
        let page = browser.get("/settings").await;
        assert!(page.url.contains("/signin"), "{}", page.url);
    }
}

#[tokio::test]
async fn sec_b01_an_old_sign_in_cannot_allow_what_is_grave_but_can_deny_it() {
    let world = World::sqlite().await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let mut browser = world.signed_in(&maya).await;
    world.advance(time::Duration::minutes(6));
    let details = payment("9000.00", "Hanna");
    let grave = [
        [("authorization_details", &*details)].to_vec(),
        [("scope", "openid files.delete")].to_vec(),
    ];
    for more in grave {
        let asked = agent.ask(&maya.email, &more).await;
        let page = browser.get(&asked.page()).await;
        assert!(!page.has_button("Only this time"), "{}", page.text());
        // Whoever drives this browser may send what they like.
        let shown = page.forms().remove(0);
        for path in [asked.page(), format!("{}/always", asked.page())] {
            let mut fields = shown.pairs();
            fields.extend([("answer", "once"), ("until", "7d")]);
            let sent = browser.post(&path, &fields).await;
            assert_eq!(sent.status.as_u16(), 403, "{path}: {}", sent.text());
            assert_eq!(world.state(&asked).await, "pending");
        }
        let denied = page.press(&mut browser, "Deny", &[]).await;
        assert!(denied.text().contains("Denied"), "{}", denied.text());
        assert_eq!(world.state(&asked).await, "denied");
    }
    assert!(world.noted("request.approved").await.is_empty());
}

#[tokio::test]
async fn an_ordinary_request_needs_no_fresh_sign_in_and_says_how_old_it_is() {
    let world = World::sqlite().await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let mut browser = world.signed_in(&maya).await;
    world.advance(time::Duration::hours(3));
    let details = small_payment("240.00", "Hanna");
    let more = [("authorization_details", &*details)];
    let asked = agent.ask(&maya.email, &more).await;
    let page = browser.get(&asked.page()).await;
    page.press(&mut browser, "Only this time", &[]).await;
    let collected = agent.poll(&asked.auth_req_id).await;
    let claims = claims(collected.ok()["access_token"].as_str().expect("a token"));
    let signed_in_at = world.app.clock.now() - time::Duration::hours(3);
    assert_eq!(claims["auth_time"], signed_in_at.unix_timestamp());
}

#[tokio::test]
async fn whoever_is_disabled_can_answer_nothing_any_more() {
    let world = World::sqlite().await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let asked = agent.ask(&maya.email, &[]).await;
    let mut browser = world.signed_in(&maya).await;
    let page = browser.get(&asked.page()).await;
    let disabled = set_person_active(&world.app, maya.id, false).await;
    disabled.expect("disabled");
    let sent = page.press(&mut browser, "Only this time", &[]).await;
    assert_eq!(sent.status.as_u16(), 401, "{}", sent.text());
    assert_eq!(world.state(&asked).await, "pending");
}
