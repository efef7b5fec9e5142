//! Who is asked (CIBA §7.1, §7.2).

use std::sync::LazyLock;

use countersign::config::Settings;
use countersign::domain::ciba::hint_token::HintIssuer;
use countersign::flow::answer::Choice;
use countersign::flow::register::set_person_active;
use serde_json::json;

use crate::world::{Asked, Customs, Signer, Site, World};

#[tokio::test]
async fn t10_t11_there_is_exactly_one_hint() {
    let world = World::sqlite().await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let hints = [
        ("login_hint", maya.email.as_str()),
        ("login_hint_token", "x"),
        ("id_token_hint", "x"),
    ];
    for chosen in [0b000, 0b010, 0b100, 0b011, 0b101, 0b110, 0b111] {
        let mut form = vec![("scope", "openid")];
        form.extend(
            (0..3)
                .filter(|at| chosen >> at & 1 == 1)
                .map(|at| hints[at]),
        );
        let answer = agent.post("/bc-authorize", &form, &[]).await;
        answer.refused(400, "invalid_request");
    }
    // Sent without a value is not sent.
    let empty = [("login_hint_token", ""), ("id_token_hint", "")];
    agent.try_ask(&maya.email, &empty).await.ok();
    agent.try_ask("", &[]).await.refused(400, "invalid_request");
}

both! {
    async fn every_name_of_a_person_leads_to_them(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        world.person("Otto").await;
        let sub = maya.id.to_string();
        let iss_sub = |issuer: &str| json!({"format": "iss_sub", "iss": issuer, "sub": sub}).to_string();
        for hint in [
            "maya@acme.example",
            " Maya@ACME.example ",
            "maya",
            "MAYA",
            &sub,
            &iss_sub(&world.url),
            &iss_sub(&format!("{}/", world.url)),
        ] {
            let asked = agent.ask(hint, &[]).await;
            assert_eq!(world.stored(&asked).await.request.question().user, maya.id, "{hint}");
        }
        for stranger in [
            "nobody@acme.example",
            "nobody",
            "maya@acme.example.evil.example",
            "0192f0c1a2b37c4d8e5f60718293a4b5",
            "%",
            "' OR 1=1 --",
            &iss_sub("https://another.example"),
        ] {
            agent.try_ask(stranger, &[]).await.refused(400, "unknown_user_id");
        }
    }
}

both! {
    async fn t20_somebody_disabled_is_nobody(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        set_person_active(&world.app, maya.id, false).await.expect("disabled");
        let disabled = agent.try_ask(&maya.email, &[]).await;
        let unknown = agent.try_ask("nobody@acme.example", &[]).await;
        disabled.refused(400, "unknown_user_id");
        assert_eq!(disabled.body, unknown.body);
        set_person_active(&world.app, maya.id, true).await.expect("enabled");
        agent.ask(&maya.email, &[]).await;
    }
}

both! {
    async fn t21_an_id_token_hints_at_whom_it_is_about(world: World) {
        let (agent, other) = (world.agent("Billing Agent").await, world.agent("Other Agent").await);
        let maya = world.person("Maya").await;
        let asked = agent.ask(&maya.email, &[]).await;
        let present = world.present(&maya).await;
        world.try_answer(&present, &asked, Choice::Once).await.expect("taken");
        let answer = agent.poll(&asked.auth_req_id).await;
        let token = answer.ok()["id_token"].as_str().expect("a token").to_owned();
        let hint = [("scope", "openid"), ("id_token_hint", token.as_str())];
        // It ended after five minutes; who it is about has not changed.
        world.advance(time::Duration::hours(1));
        let again = Asked::of(&agent.post("/bc-authorize", &hint, &[]).await);
        assert_eq!(world.stored(&again).await.request.question().user, maya.id);
        other.post("/bc-authorize", &hint, &[]).await.refused(400, "invalid_request");
        set_person_active(&world.app, maya.id, false).await.expect("disabled");
        agent.post("/bc-authorize", &hint, &[]).await.refused(400, "unknown_user_id");
    }
}

/// The site of somebody who knows our people, whose tokens are trusted.
static IDP: LazyLock<Site> = LazyLock::new(Site::start);

fn trusting() -> Customs {
    let trust = |settings: &mut Settings| {
        settings.hint_issuers = vec![HintIssuer {
            issuer: IDP.url(""),
            jwks_uri: IDP.url("/keys"),
        }];
    };
    Customs {
        settings: Some(trust),
        ..Customs::default()
    }
}

#[tokio::test]
async fn t22_somebody_else_s_token_says_who_is_asked() {
    let world = World::sqlite_with(trusting()).await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let signer = Signer::unregistered(&world);
    IDP.put("/keys", &signer.jwks());
    let now = world.app.clock.now().unix_timestamp();
    let token = |email: &str, exp: i64| {
        let sub_id = json!({"format": "email", "email": email});
        signer.sign(
            &json!({"iss": IDP.url(""), "aud": signer.audience, "exp": exp, "sub_id": sub_id}),
        )
    };
    let ask = async |token: &str| {
        let form = [("scope", "openid"), ("login_hint_token", token)];
        agent.post("/bc-authorize", &form, &[]).await
    };
    let asked = Asked::of(&ask(&token(&maya.email, now + 60)).await);
    assert_eq!(world.stored(&asked).await.request.question().user, maya.id);
    ask(&token("nobody@acme.example", now + 60))
        .await
        .refused(400, "unknown_user_id");
    ask(&token(&maya.email, now))
        .await
        .refused(400, "expired_login_hint_token");
    let stranger = signer.with_another_key();
    let forged = stranger.sign(
        &json!({"iss": IDP.url(""), "aud": signer.audience, "exp": now + 60,
        "sub_id": {"format": "email", "email": maya.email}}),
    );
    ask(&forged).await.refused(400, "invalid_request");
    // Nobody who is not trusted is called.
    let elsewhere = signer.sign(
        &json!({"iss": "https://evil.example", "aud": signer.audience, "exp": now + 60,
        "sub_id": {"format": "email", "email": maya.email}}),
    );
    ask(&elsewhere).await.refused(400, "invalid_request");
    assert!(IDP.asked("/keys") <= 2);
}
