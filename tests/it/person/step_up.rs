//! An agent that met a service's challenge passes it on (RFC 9470): the person signs in again, and the tokens say so.

use countersign::domain::consent::assurance::Assurance;
use countersign::domain::user::User;
use countersign::flow::sign_in::make_link;
use serde_json::{Value, json};
use time::Duration;

use crate::tokens::{BOTH, Cast, access};
use crate::world::{Browser, World, claims};

const READ: (&str, &str) = ("scope", "openid calendar.read");
const LETTER: &str = "urn:countersign:acr:email-link";
const HOST: &str = "urn:countersign:acr:host-link";

async fn sign_in(world: &World, browser: &mut Browser, user: &User, how: Assurance) {
    let link = make_link(&world.app, user, how, None)
        .await
        .expect("a link");
    let page = browser.get(&link).await;
    page.submit(browser, "/signin/", &[]).await;
}

both! {
    async fn an_old_sign_in_is_made_anew_and_the_tokens_say_when(world: World) {
        let mut cast = Cast::of(&world).await;
        let asked_for = [READ, ("max_age", "300")];
        world.advance(Duration::minutes(4));
        let asked = cast.agent.ask(&cast.maya.email, &asked_for).await;
        let early = cast.browser.get(&asked.page()).await;
        assert!(early.has_button("Only this time") && early.has_button("Always…"), "{}", early.text());

        // The page was opened in time, the button was not pressed in time.
        world.advance(Duration::seconds(61));
        let late = early.press(&mut cast.browser, "Only this time", &[]).await;
        assert_eq!(late.status.as_u16(), 403, "{}", late.text());
        let words = "Your answer was not sent: your sign-in is older than the agent wants it.";
        assert!(late.text().contains(words), "{}", late.text());
        let why = "Sign in again to allow this. The agent wants a sign-in that is not older than 5 minutes. You can still deny.";
        assert!(late.text().contains(why), "{}", late.text());
        assert!(!late.has_button("Only this time") && !late.has_button("Always…"), "{}", late.text());
        assert!(late.has_button("Deny") && late.text().contains("Send me a fresh sign-in link"), "{}", late.text());
        let sheet = format!("{}/always", asked.page());
        let form = early.forms().remove(0);
        let mut fields = form.pairs();
        fields.push(("until", "max"));
        let forced = cast.browser.post(&sheet, &fields).await;
        assert_eq!(forced.status.as_u16(), 403, "{}", forced.text());
        assert_eq!(world.state(&asked).await, "pending");
        let status = cast.agent.status(&asked.approval_id).await;
        assert_eq!(status.ok()["max_age"], 300);
        assert_eq!(status.body["acr"], Value::Null);

        sign_in(&world, &mut cast.browser, &cast.maya, Assurance::EmailLink).await;
        let signed_in_at = world.app.clock.now().unix_timestamp();
        world.advance(Duration::seconds(30));
        let page = cast.browser.get(&asked.page()).await;
        page.press(&mut cast.browser, "Only this time", &[]).await;
        let collected = cast.agent.poll(&asked.auth_req_id).await;
        let id_token = claims(collected.ok()["id_token"].as_str().expect("an ID token"));
        for token in [access(&collected), id_token] {
            assert_eq!(token["auth_time"], signed_in_at);
            assert_eq!(token["acr"], LETTER);
        }
        let status = cast.agent.status(&asked.approval_id).await;
        assert_eq!(status.ok()["auth_time"], signed_in_at);
        assert_eq!(status.body["acr"], LETTER);
        assert_eq!(world.noted("request.opened").await[0]["facts"]["max_age"], 300);
        world.audit_holds().await;
    }
}

both! {
    async fn an_always_answers_for_nobody_who_must_sign_in_anew(world: World) {
        let mut cast = Cast::of(&world).await;
        let given = access(&cast.always().await);
        world.advance(Duration::hours(1));
        let state = async |more: (&str, &str)| {
            let asked = cast.agent.ask(&cast.maya.email, &[("scope", BOTH), more]).await;
            (world.state(&asked).await, asked)
        };
        for asks in [("max_age", "0"), ("max_age", "3599")] {
            assert_eq!(state(asks).await.0, "pending", "{asks:?}");
        }
        for covered in [("max_age", "3600"), ("acr_values", HOST), ("acr_values", LETTER), ("acr_values", "1 2")] {
            let (state, asked) = state(covered).await;
            assert_eq!(state, "approved", "{covered:?}");
            // It rests on what the "always" was given with.
            let collected = access(&cast.agent.poll(&asked.auth_req_id).await);
            assert_eq!(collected["auth_time"], given["auth_time"]);
            assert_eq!(collected["acr"], HOST);
            let status = cast.agent.status(&asked.approval_id).await;
            assert_eq!(status.ok()["auth_time"], given["auth_time"]);
        }
    }
}

#[tokio::test]
async fn a_rule_made_by_letter_answers_nothing_that_wants_more() {
    let world = World::sqlite().await;
    let mut cast = Cast::of(&world).await;
    sign_in(&world, &mut cast.browser, &cast.maya, Assurance::EmailLink).await;
    cast.always().await;
    for (acr, expected) in [(HOST, "pending"), (LETTER, "approved")] {
        let more = [("scope", BOTH), ("acr_values", acr)];
        let asked = cast.agent.ask(&cast.maya.email, &more).await;
        assert_eq!(world.state(&asked).await, expected, "{acr}");
    }
}

#[tokio::test]
async fn a_surer_sign_in_is_asked_for_only_when_nothing_less_would_do() {
    let world = World::sqlite().await;
    let mut cast = Cast::of(&world).await;
    sign_in(&world, &mut cast.browser, &cast.maya, Assurance::EmailLink).await;
    for voluntary in ["1 urn:example:gold", &format!("{HOST} {LETTER}")] {
        let more = [READ, ("acr_values", voluntary)];
        let asked = cast.agent.ask(&cast.maya.email, &more).await;
        let page = cast.browser.get(&asked.page()).await;
        assert!(page.has_button("Only this time"), "{}", page.text());
    }
    let more = [READ, ("acr_values", HOST)];
    let asked = cast.agent.ask(&cast.maya.email, &more).await;
    let page = cast.browser.get(&asked.page()).await;
    let why = "The agent wants a sign-in by a link from whoever runs this server.";
    assert!(page.text().contains(why), "{}", page.text());
    assert!(
        !page.has_button("Only this time") && !page.text().contains("Send me a fresh sign-in link")
    );
    let form = page.forms().remove(0);
    let mut fields = form.pairs();
    fields.push(("answer", "once"));
    let forced = cast.browser.post(&asked.page(), &fields).await;
    assert_eq!(forced.status.as_u16(), 403, "{}", forced.text());

    sign_in(&world, &mut cast.browser, &cast.maya, Assurance::HostLink).await;
    let page = cast.browser.get(&asked.page()).await;
    page.press(&mut cast.browser, "Only this time", &[]).await;
    let collected = cast.agent.poll(&asked.auth_req_id).await;
    assert_eq!(access(&collected)["acr"], HOST);
    let status = cast.agent.status(&asked.approval_id).await;
    assert_eq!(status.ok()["acr_values"], json!([HOST]));

    // A no needs nothing.
    sign_in(&world, &mut cast.browser, &cast.maya, Assurance::EmailLink).await;
    let asked = cast
        .agent
        .ask(
            &cast.maya.email,
            &[READ, ("acr_values", HOST), ("max_age", "0")],
        )
        .await;
    let page = cast.browser.get(&asked.page()).await;
    page.press(&mut cast.browser, "Deny", &[]).await;
    assert_eq!(world.state(&asked).await, "denied");
    let status = cast.agent.status(&asked.approval_id).await;
    assert_eq!(status.ok()["auth_time"], Value::Null);
}

#[tokio::test]
async fn an_agent_cannot_make_a_grave_request_easier() {
    let world = World::sqlite().await;
    let mut cast = Cast::of(&world).await;
    world.advance(Duration::minutes(6));
    let grave = [
        ("scope", "openid files.delete"),
        ("max_age", "86400"),
        ("acr_values", LETTER),
    ];
    let asked = cast.agent.ask(&cast.maya.email, &grave).await;
    let page = cast.browser.get(&asked.page()).await;
    assert!(!page.has_button("Only this time"), "{}", page.text());
    assert!(
        page.text()
            .contains("requests need a sign-in that is not older than five minutes"),
        "{}",
        page.text()
    );
}
