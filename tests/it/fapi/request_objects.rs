//! Modules that alter one thing about a signed request: each is `invalid_request`, and nobody is asked.

use jsonwebtoken::{Algorithm, Header};
use serde_json::{Value, json};

use super::party::{corrupted, unsigned};
use super::{Op, Party};

const HOUR: i64 = 3600;

/// These requests are refused, and the same one unaltered is not.
async fn refused<const N: usize>(op: &Op, objects: [String; N]) {
    for object in objects {
        let answer = op.first.ask(&op.world, &object).await;
        answer.refused(400, "invalid_request");
    }
    let waiting = op
        .world
        .store()
        .waiting_requests(op.maya.id, op.world.app.clock.now(), 10)
        .await;
    assert!(
        waiting.expect("the database").is_empty(),
        "nobody was asked"
    );
    op.ask(&op.first).await;
}

/// A request with that claim changed, or taken away.
fn with(op: &Op, party: &Party, name: &str, value: Option<Value>) -> String {
    let mut claims = party.object(&op.world);
    match value {
        Some(value) => claims[name] = value,
        None => {
            claims.as_object_mut().expect("an object").remove(name);
        }
    }
    party.sign(&claims)
}

fn now(op: &Op) -> i64 {
    op.world.app.clock.now().unix_timestamp()
}

async fn missing(op: &Op, name: &str) {
    refused(op, [with(op, &op.first, name, None)]).await;
}

module! { async fn ensure_request_object_missing_aud_fails(op: Op) { missing(&op, "aud").await; } }
module! { async fn ensure_request_object_missing_iss_fails(op: Op) { missing(&op, "iss").await; } }
module! { async fn ensure_request_object_missing_exp_fails(op: Op) { missing(&op, "exp").await; } }
module! { async fn ensure_request_object_missing_iat_fails(op: Op) { missing(&op, "iat").await; } }
module! { async fn ensure_request_object_missing_nbf_fails(op: Op) { missing(&op, "nbf").await; } }
module! { async fn ensure_request_object_missing_jti_fails(op: Op) { missing(&op, "jti").await; } }

module! {
    async fn ensure_request_object_bad_aud_fails(op: Op) {
        let elsewhere = json!(format!("{}/bc-authorize", op.first.issuer));
        let bad = |aud| with(&op, &op.first, "aud", Some(aud));
        refused(&op, [bad(json!("https://other.example")), bad(elsewhere)]).await;
    }
}

module! {
    async fn ensure_request_object_bad_iss_fails(op: Op) {
        refused(&op, [with(&op, &op.first, "iss", Some(json!(op.second.id)))]).await;
    }
}

module! {
    async fn ensure_request_object_expired_exp_fails(op: Op) {
        let mut claims = op.first.object(&op.world);
        claims["iat"] = json!(now(&op) - HOUR - 300);
        claims["nbf"] = claims["iat"].clone();
        claims["exp"] = json!(now(&op) - HOUR);
        refused(&op, [op.first.sign(&claims)]).await;
    }
}

module! {
    async fn ensure_request_object_exp_is_70_minutes_in_future_fails(op: Op) {
        let exp = json!(now(&op) + 70 * 60);
        refused(&op, [with(&op, &op.first, "exp", Some(exp))]).await;
    }
}

module! {
    async fn ensure_request_object_nbf_is_10_minutes_in_future_fails(op: Op) {
        let mut claims = op.first.object(&op.world);
        claims["nbf"] = json!(now(&op) + 600);
        claims["exp"] = json!(now(&op) + 900);
        refused(&op, [op.first.sign(&claims)]).await;
    }
}

module! {
    async fn ensure_request_object_nbf_is_70_minutes_in_past_fails(op: Op) {
        let nbf = json!(now(&op) - 70 * 60);
        refused(&op, [with(&op, &op.first, "nbf", Some(nbf))]).await;
    }
}

module! {
    async fn ensure_request_object_signature_algorithm_is_none_fails(op: Op) {
        refused(&op, [unsigned(&op.first.object(&op.world))]).await;
    }
}

module! {
    async fn ensure_request_object_signature_is_bad_fails(op: Op) {
        let good = op.first.sign(&op.first.object(&op.world));
        refused(&op, [corrupted(&good)]).await;
    }
}

module! {
    async fn ensure_request_object_signature_algorithm_is_rs256_fails(op: Op) {
        let claims = op.first.object(&op.world);
        refused(&op, [op.first.sign_as(&Header::new(Algorithm::RS256), &claims)]).await;
    }
}

module! {
    async fn ensure_request_object_signed_by_other_client_fails(op: Op) {
        refused(&op, [op.second.sign(&op.first.object(&op.world))]).await;
    }
}
