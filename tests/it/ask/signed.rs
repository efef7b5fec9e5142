//! An agent signs its requests (CIBA §7.1.1): every parameter inside, and none beside.

use countersign::flow::register::{NewClient, RegisterError, add_client};
use serde_json::{Value, json};
use time::Duration;
use tokio::task::JoinSet;

use crate::world::{Agent, Answer, Signer, World};

/// An agent with a secret whose requests are signed, and what it signs them with.
async fn signing(world: &World) -> (Agent, Signer) {
    let mut signer = Signer::unregistered(world);
    let new = NewClient {
        jwks: Some(signer.jwks()),
        request_signing_alg: Some("ES256".into()),
        ..NewClient::agent("Signing Agent")
    };
    let agent = world.client(new).await;
    signer.id.clone_from(&agent.id);
    (agent, signer)
}

/// A good request for Maya.
fn request(world: &World, signer: &Signer, jti: &str) -> Value {
    let mut claims = signer.claims(world, jti);
    let object = claims.as_object_mut().expect("an object");
    object.remove("sub");
    object.insert("nbf".into(), object["iat"].clone());
    object.insert("scope".into(), json!("openid calendar.read"));
    object.insert("login_hint".into(), json!("maya@acme.example"));
    object.insert("binding_message".into(), json!("for the summer party"));
    claims
}

async fn send(agent: &Agent, form: &[(&str, &str)], headers: &[(&str, &str)]) -> Answer {
    agent.post("/bc-authorize", form, headers).await
}

both! {
    async fn a_signed_request_is_asked_once_however_often_it_is_sent(world: World) {
        world.person("Maya").await;
        let (agent, signer) = signing(&world).await;
        let jwt = signer.sign(&request(&world, &signer, "1"));
        let mut tries = JoinSet::new();
        for _ in 0..8 {
            let (agent, jwt) = (agent.clone(), jwt.clone());
            tries.spawn(async move { send(&agent, &[("request", &jwt)], &[]).await });
        }
        let answers = tries.join_all().await;
        let (taken, refused): (Vec<_>, Vec<_>) =
            answers.into_iter().partition(|answer| answer.status.is_success());
        assert_eq!(taken.len(), 1);
        for answer in refused {
            answer.refused(400, "invalid_request");
        }
        let waiting = agent.get("/api/v1/approvals").await;
        assert_eq!(waiting.ok()["approvals"].as_array().expect("a list").len(), 1);
    }
}

both! {
    async fn the_same_question_signed_again_is_the_same_question(world: World) {
        world.person("Maya").await;
        let (agent, signer) = signing(&world).await;
        let key = [("idempotency-key", "k")];
        let first = signer.sign(&request(&world, &signer, "1"));
        let first = send(&agent, &[("request", &first)], &key).await;
        world.advance(Duration::seconds(30));
        let again = signer.sign(&request(&world, &signer, "2"));
        let again = send(&agent, &[("request", &again)], &key).await;
        assert_eq!(again.ok()["auth_req_id"], first.ok()["auth_req_id"]);
        let mut other = request(&world, &signer, "3");
        other["binding_message"] = json!("for the winter party");
        let other = signer.sign(&other);
        send(&agent, &[("request", &other)], &key).await.refused(422, "invalid_request");
    }
}

#[tokio::test]
async fn t29_a_used_request_stays_used_when_the_server_starts_again() {
    let world = World::sqlite().await;
    world.person("Maya").await;
    let (agent, signer) = signing(&world).await;
    let jwt = signer.sign(&request(&world, &signer, "1"));
    send(&agent, &[("request", &jwt)], &[]).await.ok();
    // What one process remembers is not what refuses it.
    let other = world.another_instance().await;
    let answer = send(&agent.at(&other), &[("request", &jwt)], &[]).await;
    answer.refused(400, "invalid_request");
    // An assertion may have the same jti: they are counted apart.
    let mut next = request(&world, &signer, "2");
    next["jti"] = json!("another");
    send(&agent, &[("request", &signer.sign(&next))], &[])
        .await
        .ok();
}

#[tokio::test]
async fn t28_t30_no_parameter_stands_beside_a_signed_request() {
    let world = World::sqlite().await;
    world.person("Maya").await;
    let (agent, signer) = signing(&world).await;
    for (n, beside) in [
        ("scope", "openid calendar.read"),
        ("login_hint", "maya@acme.example"),
        ("login_hint_token", "x"),
        ("id_token_hint", "x"),
        ("binding_message", "for the summer party"),
        ("requested_expiry", "60"),
        ("acr_values", "1"),
        ("max_age", "60"),
        ("request_context", "{}"),
        ("user_code", "1234"),
        ("client_notification_token", "x"),
        ("authorization_details", "[]"),
        ("resource", "https://calendar.example.com"),
        ("resume_state", "here"),
    ]
    .into_iter()
    .enumerate()
    {
        let jwt = signer.sign(&request(&world, &signer, &n.to_string()));
        let answer = send(&agent, &[("request", &jwt), beside], &[]).await;
        answer.refused(400, "invalid_request");
    }
    // A hint outside only is no hint.
    let mut without = request(&world, &signer, "no hint");
    without
        .as_object_mut()
        .expect("an object")
        .remove("login_hint");
    let jwt = signer.sign(&without);
    send(&agent, &[("request", &jwt)], &[])
        .await
        .refused(400, "invalid_request");
}

#[tokio::test]
async fn an_age_may_be_signed_as_a_number_or_a_string() {
    let world = World::sqlite().await;
    world.person("Maya").await;
    let (agent, signer) = signing(&world).await;
    for (jti, age, taken) in [
        ("1", json!(60), true),
        ("2", json!("60"), true),
        ("3", json!(-1), false),
        ("4", json!(1.5), false),
        ("5", json!([60]), false),
    ] {
        let mut claims = request(&world, &signer, jti);
        claims["max_age"] = age;
        let answer = send(&agent, &[("request", &signer.sign(&claims))], &[]).await;
        if taken {
            let id = answer.ok()["approval_id"].as_str().expect("an id");
            assert_eq!(agent.status(id).await.ok()["max_age"], 60);
        } else {
            answer.refused(400, "invalid_request");
        }
    }
}

#[tokio::test]
async fn a_signed_context_is_an_object() {
    let world = World::sqlite().await;
    world.person("Maya").await;
    let (agent, signer) = signing(&world).await;
    for (jti, context, taken) in [
        ("1", json!({"ip": "192.0.2.1"}), true),
        ("2", json!("{}"), false),
        ("3", json!({"a": "x".repeat(4096)}), false),
    ] {
        let mut claims = request(&world, &signer, jti);
        claims["request_context"] = context.clone();
        let answer = send(&agent, &[("request", &signer.sign(&claims))], &[]).await;
        if taken {
            answer.ok();
            let opened = world.noted("request.opened").await;
            assert_eq!(opened[0]["facts"]["request_context"], context);
        } else {
            answer.refused(400, "invalid_request");
        }
    }
}

#[tokio::test]
async fn t31_whoever_registered_to_sign_signs_and_nobody_else_does() {
    let world = World::sqlite().await;
    world.person("Maya").await;
    let (agent, signer) = signing(&world).await;
    let plain = [("scope", "openid"), ("login_hint", "maya@acme.example")];
    send(&agent, &plain, &[])
        .await
        .refused(400, "invalid_request");
    let other = world.agent("Plain Agent").await;
    let mut theirs = signer.clone();
    theirs.id.clone_from(&other.id);
    let jwt = theirs.sign(&request(&world, &theirs, "1"));
    send(&other, &[("request", &jwt)], &[])
        .await
        .refused(400, "invalid_request");
    // Nor does one client sign for another.
    let stolen = signer.sign(&request(&world, &theirs, "2"));
    send(&agent, &[("request", &stolen)], &[])
        .await
        .refused(400, "invalid_request");
}

#[tokio::test]
async fn t05_signing_is_registered_with_an_algorithm_and_keys() {
    let world = World::sqlite().await;
    for alg in ["none", "HS256", "RS256"] {
        let new = NewClient {
            jwks: Some(Signer::unregistered(&world).jwks()),
            request_signing_alg: Some(alg.into()),
            ..NewClient::agent("Odd Agent")
        };
        let added = add_client(&world.app, new).await;
        assert!(
            matches!(added, Err(RegisterError::RequestSigning(_))),
            "{alg}"
        );
    }
    let new = NewClient {
        request_signing_alg: Some("ES256".into()),
        ..NewClient::agent("Keyless Agent")
    };
    let added = add_client(&world.app, new).await;
    assert!(matches!(added, Err(RegisterError::RequestSigning(_))));
}
