//! User codes (CIBA §7.1.2): what an agent must know before it may disturb somebody.

use std::time::Instant;

use countersign::domain::audit::Actor;
use countersign::domain::user::User;
use countersign::domain::user::code::CodeHash;
use countersign::flow::register::NewClient;
use countersign::flow::user_code;
use serde_json::{Value, json};
use time::Duration;

use crate::world::{Agent, Asked, Signer, World, form, hex};

const CODE: &str = "Kite-4711-Lamp";

/// An agent that registered for user codes.
async fn asker(world: &World) -> Agent {
    let mut new = NewClient::agent("Cold Caller");
    new.proof.user_code = true;
    world.client(new).await
}

/// Maya, who has a code.
async fn maya(world: &World) -> User {
    let maya = world.person("Maya").await;
    let code = CODE.into();
    let set = user_code::set(&world.app, maya.id, &code, Actor::Operator, None);
    set.await.expect("a code");
    maya
}

async fn wrong(agent: &Agent, maya: &User, code: &str) {
    let answer = agent.try_ask(&maya.email, &[("user_code", code)]).await;
    answer.refused(400, "invalid_user_code");
}

both! {
    async fn t23_whoever_registered_for_it_brings_the_code_of_whom_it_asks(world: World) {
        let agent = asker(&world).await;
        let maya = world.person("Maya").await;
        let mut browser = world.signed_in(&maya).await;
        agent.ask(&maya.email, &[]).await;
        let settings = browser.get("/settings").await;
        let saved = settings.press(&mut browser, "Save code", &[("code", CODE)]).await;
        assert!(saved.text().contains("Your user code was saved."), "{}", saved.text());
        assert!(saved.text().contains("You have a user code."), "{}", saved.text());

        agent.try_ask(&maya.email, &[]).await.refused(400, "missing_user_code");
        agent.try_ask(&maya.email, &[("user_code", "")]).await.refused(400, "missing_user_code");
        for code in ["kite-4711-lamp", "Kite-4711-Lam", "0", &"x".repeat(5000), "\u{7}"] {
            wrong(&agent, &maya, code).await;
            world.advance(Duration::DAY);
        }
        let asked = agent.ask(&maya.email, &[("user_code", CODE)]).await;
        assert_eq!(world.state(&asked).await, "pending");
        // By each name a person can be hinted at.
        let sub = maya.id.to_string();
        for hint in ["maya", &sub] {
            agent.try_ask(hint, &[]).await.refused(400, "missing_user_code");
            agent.ask(hint, &[("user_code", CODE)]).await;
        }
        // Who has none needs none, and who is nobody is nobody.
        world.person("Ben").await;
        agent.ask("ben", &[]).await;
        agent.ask("ben", &[("user_code", "whatever")]).await;
        for code in [CODE, ""] {
            let answer = agent.try_ask("nobody@acme.example", &[("user_code", code)]).await;
            answer.refused(400, "unknown_user_id");
        }
        // Who did not register for codes is not asked for one.
        let other = world.agent("Old Friend").await;
        other.ask(&maya.email, &[]).await;
        other.ask(&maya.email, &[("user_code", "whatever")]).await;
        // Who was given an ID token was here before.
        world.approve(&maya, &asked).await;
        let collected = agent.poll(&asked.auth_req_id).await;
        let id_token = collected.ok()["id_token"].as_str().expect("an ID token");
        let hint = [("scope", "openid"), ("id_token_hint", id_token)];
        Asked::of(&agent.post("/bc-authorize", &hint, &[]).await);

        // It is nowhere in what a thief finds, and in no history.
        assert!(!world.loot().await.holds(CODE.as_bytes()));
        assert!(!Value::from(world.history().await).to_string().contains(CODE));
        assert_eq!(world.noted("person.user_code_set").await[0]["by"], "person");
        let noted = world.noted("person.user_code_wrong").await;
        assert_eq!(noted.len(), 5);
        assert_eq!(noted[0]["client"], agent.id.as_str());

        let mut browser = world.signed_in(&maya).await;
        let settings = browser.get("/settings").await;
        settings.press(&mut browser, "Remove code", &[]).await;
        agent.ask(&maya.email, &[]).await;
        world.audit_holds().await;
    }
}

both! {
    async fn five_wrong_codes_lock_it_everywhere_for_a_while(world: World) {
        let agent = asker(&world).await;
        let maya = maya(&world).await;
        let other = world.another_instance().await;
        for n in 1..=5 {
            wrong(&agent, &maya, &format!("guess-{n}")).await;
        }
        // Even the right one, at each instance, and nobody is told of it.
        for agent in [&agent, &agent.at(&other)] {
            wrong(agent, &maya, CODE).await;
        }
        let noted = world.noted("person.user_code_wrong").await;
        assert_eq!(noted.len(), 5);
        let until = world.app.clock.now() + Duration::minutes(15);
        assert_eq!(noted[4]["facts"], json!({"wrong": 5, "locked_until": until.unix_timestamp()}));
        world.deliver().await;
        assert!(world.letters().is_empty());
        world.advance(Duration::minutes(15) - Duration::SECOND);
        wrong(&agent, &maya, CODE).await;
        world.advance(Duration::SECOND);
        agent.ask(&maya.email, &[("user_code", CODE)]).await;
        // The right one has forgiven the others.
        wrong(&agent, &maya, "guess-6").await;
        agent.ask(&maya.email, &[("user_code", CODE)]).await;
    }
}

both! {
    async fn many_guesses_at_once_are_no_more_than_five(world: World) {
        let agent = asker(&world).await;
        let maya = maya(&world).await;
        let other = world.another_instance().await;
        let mut guesses = tokio::task::JoinSet::new();
        for n in 0..16 {
            let agent = if n % 2 == 0 { agent.clone() } else { agent.at(&other) };
            let email = maya.email.clone();
            guesses.spawn(async move {
                let guess = format!("guess-{n}");
                agent.try_ask(&email, &[("user_code", &guess)]).await
            });
        }
        for answer in guesses.join_all().await {
            answer.refused(400, "invalid_user_code");
        }
        assert_eq!(world.noted("person.user_code_wrong").await.len(), 5);
        wrong(&agent, &maya, CODE).await;
        world.audit_holds().await;
    }
}

#[tokio::test]
async fn a_code_belongs_to_the_request_under_its_key_and_is_not_told_by_it() {
    let world = World::sqlite().await;
    let agent = asker(&world).await;
    let maya = maya(&world).await;
    let key = [("idempotency-key", "k")];
    let ask = async |code| {
        let more = [("user_code", code)];
        agent.try_ask_with(&maya.email, &more, &key).await
    };
    let first = ask(CODE).await;
    assert_eq!(
        ask(CODE).await.ok()["auth_req_id"],
        first.ok()["auth_req_id"]
    );
    ask("Kite-4711").await.refused(422, "invalid_request");
    // A thief who knows all the rest cannot try codes on what is stored.
    let asked = Asked::of(&first);
    let stored = world.stored(&asked).await.request_digest.expect("a digest");
    let all = form(&[
        ("login_hint", &maya.email),
        ("scope", "openid"),
        ("user_code", CODE),
    ]);
    let guess = countersign::domain::action::json::digest(&all);
    assert_ne!(hex(&stored), hex(&guess));
}

#[tokio::test]
async fn a_code_may_be_inside_a_signed_request() {
    let world = World::sqlite().await;
    let maya = maya(&world).await;
    let mut signer = Signer::unregistered(&world);
    let mut new = NewClient {
        jwks: Some(signer.jwks()),
        request_signing_alg: Some("ES256".into()),
        ..NewClient::agent("Signing Agent")
    };
    new.proof.user_code = true;
    let agent = world.client(new).await;
    signer.id.clone_from(&agent.id);
    for (jti, code, error) in [
        ("1", Value::Null, "missing_user_code"),
        ("2", json!("guess-1"), "invalid_user_code"),
        ("3", json!(123_456), "invalid_request"),
        ("4", json!(CODE), ""),
    ] {
        let mut claims = signer.claims(&world, jti);
        let object = claims.as_object_mut().expect("an object");
        object.remove("sub");
        object.insert("nbf".into(), object["iat"].clone());
        object.insert("scope".into(), json!("openid"));
        object.insert("login_hint".into(), json!(maya.email));
        if !code.is_null() {
            object.insert("user_code".into(), code);
        }
        let request = signer.sign(&claims);
        let answer = agent
            .post("/bc-authorize", &[("request", &request)], &[])
            .await;
        if error.is_empty() {
            Asked::of(&answer);
        } else {
            answer.refused(400, error);
        }
    }
}

#[tokio::test]
async fn nobody_at_all_takes_as_long_as_a_wrong_code() {
    let world = World::sqlite().await;
    let agent = asker(&world).await;
    let maya = maya(&world).await;
    world.person("Ben").await;
    let hash = CodeHash::of_nobody();
    let alone = (0..4).map(|_| {
        let began = Instant::now();
        assert!(!hash.matches(&[0; 32]));
        began.elapsed()
    });
    let alone = alone.min().expect("a time");
    let fastest = async |hint: &str| {
        let mut fastest = std::time::Duration::MAX;
        for _ in 0..4 {
            let began = Instant::now();
            agent.try_ask(hint, &[("user_code", "guess-1")]).await;
            fastest = fastest.min(began.elapsed());
        }
        fastest
    };
    // Nobody who is asked about is answered sooner than a hash takes.
    for hint in [&maya.email, "nobody@acme.example", "ben"] {
        let fastest = fastest(hint).await;
        assert!(
            fastest * 2 > alone,
            "{hint}: {fastest:?}, a hash: {alone:?}"
        );
    }
}

#[tokio::test]
async fn sec_b01_an_old_sign_in_neither_sets_nor_removes_a_code() {
    let world = World::sqlite().await;
    let maya = maya(&world).await;
    let mut browser = world.signed_in(&maya).await;
    let fresh = browser.get("/settings").await;
    for odd in ["", "short", "with space"] {
        let refused = fresh
            .press(&mut browser, "Save code", &[("code", odd)])
            .await;
        assert_eq!(refused.status.as_u16(), 422, "{odd}: {}", refused.text());
        assert!(
            refused.text().contains("Nothing was saved:"),
            "{}",
            refused.text()
        );
    }
    world.advance(Duration::minutes(5) + Duration::SECOND);
    for button in ["Save code", "Remove code"] {
        let refused = fresh
            .press(&mut browser, button, &[("code", "another-code")])
            .await;
        assert_eq!(refused.status.as_u16(), 403, "{button}: {}", refused.text());
        let words = "Nothing was changed: your sign-in is older than five minutes.";
        assert!(refused.text().contains(words), "{}", refused.text());
    }
    let agent = asker(&world).await;
    agent.ask(&maya.email, &[("user_code", CODE)]).await;
    assert!(world.noted("person.user_code_removed").await.is_empty());
}
