//! What an agent gets, and what a service can check for itself: with the published keys, by a library
//! that is not ours.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::domain::token::algorithm::Algorithm as KeyAlgorithm;
use countersign::flow::keys;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, TokenData, Validation};
use serde_json::{Value, json};
use time::Duration;

use crate::world::{Agent, World};

async fn published(agent: &Agent) -> JwkSet {
    let keys = agent.get("/oauth/jwks").await;
    serde_json::from_value(keys.ok().clone()).expect("a JWK Set")
}

/// Verifies a token as a stranger would.
fn verify(keys: &JwkSet, token: &str, audience: &str) -> TokenData<Value> {
    let header = jsonwebtoken::decode_header(token).expect("a header");
    let kid = header.kid.expect("the key's name");
    let key = keys.find(&kid).expect("a published key");
    let key = DecodingKey::from_jwk(key).expect("a key");
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_audience(&[audience]);
    validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
    jsonwebtoken::decode(token, &key, &validation).expect("a good token")
}

fn sha256(text: &str) -> Vec<u8> {
    digest(&SHA256, text.as_bytes()).as_ref().to_vec()
}

both! {
    async fn tokens_say_who_allowed_what_to_whom_and_what_was_shown(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let details = json!([{"type": "deploy", "environment": "staging/web", "version": "1.0"}]);
        let asked = agent.ask(&maya.email, &[("authorization_details", &details.to_string())]).await;
        let signed_in_at = world.app.clock.now().unix_timestamp();
        let present = world.present(&maya).await;
        world.advance(Duration::seconds(90));
        let once = countersign::flow::answer::Choice::Once;
        world.try_answer(&present, &asked, once).await.expect("taken");
        world.advance(Duration::seconds(30));
        let redeemed_at = world.app.clock.now().unix_timestamp();
        let answer = agent.poll(&asked.auth_req_id).await;
        let response = answer.ok();
        assert_eq!(answer.headers["content-type"], "application/json");
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert_eq!(response["token_type"], "Bearer");
        assert_eq!(response["expires_in"], 300);
        assert_eq!(response["approval_id"], asked.approval_id);
        let token = |name: &str| response[name].as_str().expect("a token").to_owned();
        let (access, id) = (token("access_token"), token("id_token"));
        let keys = published(&agent).await;

        let good = verify(&keys, &access, "https://deploy.example.com");
        assert_eq!(good.header.typ.as_deref(), Some("at+jwt"));
        let card = world.stored(&asked).await.card;
        let mut claims = good.claims;
        let jti = claims["jti"].take();
        assert_eq!(jti.as_str().map(str::len), Some(32));
        assert_eq!(claims, json!({
            "iss": world.url,
            "sub": maya.id.to_string(),
            "aud": "https://deploy.example.com",
            "client_id": agent.id,
            "iat": redeemed_at,
            "exp": redeemed_at + 300,
            "jti": null,
            "scope": "openid",
            "authorization_details": details,
            "auth_time": signed_in_at,
            "acr": "urn:countersign:acr:host-link",
            "act": {"sub": agent.id},
            "approval_id": asked.approval_id,
            "grant_id": response["grant_id"],
            "card_digest": URL_SAFE_NO_PAD.encode(sha256(&card)),
        }));

        let good = verify(&keys, &id, &agent.id);
        assert_eq!(good.header.typ.as_deref(), Some("JWT"));
        assert_eq!(good.claims, json!({
            "iss": world.url,
            "sub": maya.id.to_string(),
            "aud": agent.id,
            "iat": redeemed_at,
            "exp": redeemed_at + 300,
            "auth_time": signed_in_at,
            "acr": "urn:countersign:acr:host-link",
            "at_hash": URL_SAFE_NO_PAD.encode(&sha256(&access)[..16]),
        }));
    }
}

#[tokio::test]
async fn a_token_is_for_one_resource_and_lives_as_long_as_the_catalogue_says() {
    let world = World::sqlite().await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let keys = published(&agent).await;
    let pay = json!([{
        "type": "payment_initiation",
        "instructedAmount": {"amount": "12.50", "currency": "EUR"},
        "creditorName": "ACME",
        "creditorAccount": {"iban": "DE02120300000000202051"},
    }]);
    let pay = pay.to_string();
    let issuer = world.url.as_str();
    for (more, audience, scope, seconds) in [
        (vec![("scope", "openid")], issuer, "openid", 300),
        (
            vec![
                ("scope", "openid"),
                ("resource", "https://files.example.com"),
            ],
            "https://files.example.com",
            "openid",
            300,
        ),
        (
            vec![("scope", "calendar.read openid")],
            "https://calendar.example.com",
            "calendar.read openid",
            900,
        ),
        (
            vec![
                ("scope", "openid payments.read"),
                ("authorization_details", &pay),
            ],
            "https://payments.example.com",
            "openid payments.read",
            30,
        ),
    ] {
        let asked = agent.ask(&maya.email, &more).await;
        world.approve(&maya, &asked).await;
        let answer = agent.poll(&asked.auth_req_id).await;
        let response = answer.ok();
        assert_eq!(response["expires_in"], seconds, "{more:?}");
        assert_eq!(response["scope"], scope);
        let token = response["access_token"].as_str().expect("a token");
        let claims = verify(&keys, token, audience).claims;
        assert_eq!(claims["scope"], scope);
        let life = claims["exp"]
            .as_i64()
            .zip(claims["iat"].as_i64())
            .map(|(exp, iat)| exp - iat);
        assert_eq!(life, Some(seconds));
    }
}

both! {
    async fn a_rotated_key_signs_no_more_and_is_published_until_its_last_token_ends(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let mut tokens = Vec::new();
        for _ in 0..2 {
            let asked = agent.ask(&maya.email, &[]).await;
            world.approve(&maya, &asked).await;
            let answer = agent.poll(&asked.auth_req_id).await;
            tokens.push(answer.ok()["access_token"].as_str().expect("a token").to_owned());
            keys::rotate(&world.app, KeyAlgorithm::Es256).await.expect("rotated");
        }
        let kid = |token: &str| jsonwebtoken::decode_header(token).expect("a header").kid;
        assert_ne!(kid(&tokens[0]), kid(&tokens[1]));
        let world = world.restarted().await;
        let keys = published(&agent).await;
        for token in &tokens {
            verify(&keys, token, &world.url);
        }
    }
}
