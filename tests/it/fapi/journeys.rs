//! Modules that go from the question to the tokens, and beyond.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::domain::ciba::mode::Mode;
use countersign::domain::client::Role;
use countersign::flow::register::NewClient;
use jsonwebtoken::Header;
use serde_json::{Value, json};
use time::Duration;

use super::party::SCOPE;
use super::{Op, Party, customs};
use crate::world::{Answer, Asked, World, claims, deny};

/// What every acknowledgement has (plan, common checks).
#[track_caller]
fn is_acknowledged(asked: &Asked) {
    let id = &asked.auth_req_id;
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    assert!(id.bytes().all(allowed) && id.len() * 6 > 160, "{id}");
    assert!(asked.expires_in > 0);
    assert!(asked.body["interval"].as_u64().is_some());
}

/// What every token response has.
#[track_caller]
fn has_tokens(op: &Op, party: &Party, answer: &Answer) -> (String, String) {
    let body = answer.ok();
    assert_eq!(answer.headers["cache-control"], "no-store");
    let text = |name: &str| body[name].as_str().expect("text").to_owned();
    assert!(body["expires_in"].as_i64().expect("a number") > 0);
    assert_eq!(text("scope"), SCOPE, "what was granted is said");
    let (access, id_token) = (text("access_token"), text("id_token"));
    assert!(access.len() * 6 > 128);
    let header = id_token.split('.').next().expect("a header");
    let header: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).expect("base64url")).expect("JSON");
    assert!(["ES256", "PS256"].contains(&header["alg"].as_str().expect("text")));
    assert!(header["kid"].is_string());
    let id_token = claims(&id_token);
    let now = op.world.app.clock.now().unix_timestamp();
    assert_eq!(id_token["iss"], party.issuer);
    assert_eq!(id_token["aud"], party.id);
    assert!(id_token["exp"].as_i64().expect("a number") > now);
    assert_eq!(id_token["iat"], now);
    assert!(id_token["sub"].is_string() && id_token.get("nonce").is_none());
    (access, text("refresh_token"))
}

module! {
    [
        poll_private_key_jwt, poll_mtls, ping_private_key_jwt, ping_mtls,
        poll_private_key_jwt_on_postgresql, ping_mtls_on_postgresql
    ]
    async fn fapi_ciba_id1(op: Op) {
        // The first client, as plainly as can be.
        let asked = op.ask(&op.first).await;
        is_acknowledged(&asked);
        op.is_pending(&op.first, &asked).await;
        op.world.approve(&op.maya, &asked).await;
        op.world.deliver().await;
        op.was_called(1);
        let answer = op.first.poll(&op.world, &asked.auth_req_id).await;
        let (access, _) = has_tokens(&op, &op.first, &answer);
        let again = op.first.poll(&op.world, &asked.auth_req_id).await;
        again.refused(400, "invalid_grant");

        // The second: a type, an expiry, an acr, and the longest token.
        let mut object = op.second.object(&op.world);
        object["requested_expiry"] = json!(300);
        object["acr_values"] = json!("urn:countersign:acr:host-link");
        let mut header = Header::new(op.second.algorithm);
        header.typ = Some("oauth-authz-req+jwt".to_owned());
        let object = op.second.sign_as(&header, &object);
        let asked = Asked::of(&op.second.ask(&op.world, &object).await);
        is_acknowledged(&asked);
        op.is_pending(&op.second, &asked).await;
        op.world.approve(&op.maya, &asked).await;
        op.world.deliver().await;
        op.was_called(2);
        if op.mode == Mode::Ping {
            let calls = op.receiver.calls();
            let call = calls.last().expect("a call");
            assert_eq!(call.json(), json!({"auth_req_id": asked.auth_req_id}));
            let token = op.second.token.as_deref().expect("a token");
            assert_eq!(token.len(), 1024);
            assert_eq!(
                call.header("authorization"),
                Some(&*format!("Bearer {token}"))
            );
        }
        let answer = op.second.poll(&op.world, &asked.auth_req_id).await;
        let (other_access, _) = has_tokens(&op, &op.second, &answer);
        let id_token = claims(answer.body["id_token"].as_str().expect("text"));
        assert_eq!(id_token["acr"], "urn:countersign:acr:host-link");

        // Each token is bound to its own client's certificate, which a service that asks us is told.
        let service = NewClient {
            role: Role::ResourceServer,
            resources: vec!["https://calendar.example.com".to_owned()],
            grant_types: Vec::new(),
            ..NewClient::agent("Calendar")
        };
        let service = op.world.client(service).await;
        let mut bound = Vec::new();
        for token in [&access, &other_access] {
            let told = service
                .post("/oauth/introspect", &[("token", token)], &[])
                .await;
            assert_eq!(told.ok()["active"], true, "{told:?}");
            bound.push(
                told.body["cnf"]["x5t#S256"]
                    .as_str()
                    .expect("a thumbprint")
                    .to_owned(),
            );
        }
        assert_ne!(bound[0], bound[1]);
        // A token in the address of a request is none.
        let url = format!("{}/oauth/introspect?token={access}", op.world.url);
        let answer = op.world.http.get(url).send().await.expect("an answer");
        assert_eq!(answer.status(), 405);
    }
}

module! {
    async fn user_rejects_authentication(op: Op) {
        let asked = op.ask(&op.first).await;
        op.world.answer(&op.maya, &asked, deny("")).await;
        op.world.deliver().await;
        op.was_called(1);
        let answer = op.first.poll(&op.world, &asked.auth_req_id).await;
        answer.refused(400, "access_denied");
    }
}

module! {
    async fn multiple_call_to_token_endpoint(op: Op) {
        let asked = op.ask(&op.first).await;
        for _ in 0..20 {
            let answer = op.first.poll(&op.world, &asked.auth_req_id).await;
            assert_eq!(answer.status, 400, "{answer:?}");
            assert!(["authorization_pending", "slow_down"].contains(&answer.error()), "{answer:?}");
        }
        op.world.approve(&op.maya, &asked).await;
        op.world.advance(Duration::seconds(60));
        op.first.poll(&op.world, &asked.auth_req_id).await.ok();
    }
}

module! {
    async fn ensure_wrong_auth_req_id_in_token_endpoint_request(op: Op) {
        let asked = op.ask(&op.first).await;
        op.world.approve(&op.maya, &asked).await;
        for wrong in [asked.auth_req_id.as_str(), "nonsense"] {
            let answer = op.second.poll(&op.world, wrong).await;
            answer.refused(400, "invalid_grant");
        }
        op.first.poll(&op.world, &asked.auth_req_id).await.ok();
    }
}

module! {
    async fn refresh_token(op: Op) {
        let asked = op.ask(&op.first).await;
        op.world.approve(&op.maya, &asked).await;
        let first = op.first.poll(&op.world, &asked.auth_req_id).await;
        let (access, refresh) = has_tokens(&op, &op.first, &first);
        assert!(refresh.bytes().all(|b| (0x20..=0x7e).contains(&b)) && refresh.len() * 6 > 128);
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
        let other = op.second.post(&op.world, "/oauth/token", &form).await;
        other.refused(400, "invalid_grant");
        op.world.advance(Duration::seconds(61));
        let renewed = op.first.post(&op.world, "/oauth/token", &form).await;
        let renewed_access = renewed.ok()["access_token"].as_str().expect("text");
        assert_ne!(renewed_access, access);
        let cnf = |token: &str| claims(token)["cnf"].clone();
        assert_eq!(cnf(renewed_access), cnf(&access));
        let id_token = |answer: &Answer| claims(answer.body["id_token"].as_str().expect("text"));
        let (before, after) = (id_token(&first), id_token(&renewed));
        for name in ["iss", "sub", "aud", "auth_time"] {
            assert_eq!(before[name], after[name], "{name}");
        }
    }
}

#[tokio::test]
async fn discovery_end_point_verification() {
    let world = World::sqlite_with(customs()).await;
    let url = format!("{}/.well-known/openid-configuration", world.url);
    let answer = Answer::of(world.http.get(url).send().await.expect("an answer")).await;
    let document = answer.ok();
    assert_eq!(document["issuer"], world.url);
    let has = |name: &str, value: &str| {
        let listed = document[name].as_array().expect("a list");
        assert!(listed.contains(&json!(value)), "{name}: {value}");
    };
    has("backchannel_token_delivery_modes_supported", "poll");
    has("backchannel_token_delivery_modes_supported", "ping");
    has("grant_types_supported", crate::world::GRANT_TYPE);
    for alg in ["PS256", "ES256"] {
        has(
            "backchannel_authentication_request_signing_alg_values_supported",
            alg,
        );
        has("token_endpoint_auth_signing_alg_values_supported", alg);
    }
    has("id_token_signing_alg_values_supported", "ES256");
    for method in [
        "private_key_jwt",
        "tls_client_auth",
        "self_signed_tls_client_auth",
    ] {
        has("token_endpoint_auth_methods_supported", method);
    }
    assert_eq!(document["tls_client_certificate_bound_access_tokens"], true);
    assert!(document["backchannel_user_code_parameter_supported"].is_boolean());
    for name in [
        "backchannel_authentication_endpoint",
        "token_endpoint",
        "jwks_uri",
    ] {
        assert!(
            document[name]
                .as_str()
                .expect("a URL")
                .starts_with(&world.url)
        );
    }
    let keys = world
        .http
        .get(document["jwks_uri"].as_str().expect("a URL"))
        .send()
        .await;
    let keys = Answer::of(keys.expect("an answer")).await;
    assert!(keys.ok()["keys"][0]["kid"].is_string());
}
