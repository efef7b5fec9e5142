//! A service that was called gets a token that goes with the call inside its trust domain.

use countersign::config::Settings;
use countersign::domain::client::Role;
use countersign::flow::register::NewClient;
use serde_json::{Value, json};
use time::Duration;

use super::{Cast, access, access_token};
use crate::world::{Agent, Answer, Customs, World, claims, small_payment};

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";
const TRANSACTION: &str = "urn:ietf:params:oauth:token-type:txn_token";
const PAYMENTS: &str = "https://payments.example.com";
const DOMAIN: &str = "acme.internal";

fn in_a_domain() -> Customs {
    Customs {
        settings: Some(|settings: &mut Settings| settings.trust_domain = Some(DOMAIN.to_owned())),
        ..Customs::default()
    }
}

async fn gateway(world: &World, resource: &str) -> Agent {
    let new = NewClient {
        role: Role::ResourceServer,
        resources: vec![resource.to_owned()],
        grant_types: vec![EXCHANGE.to_owned()],
        ..NewClient::agent("Gateway")
    };
    world.client(new).await
}

async fn begin(service: &Agent, token: &str, more: &[(&str, &str)]) -> Answer {
    let form = [
        ("grant_type", EXCHANGE),
        ("subject_token", token),
        ("subject_token_type", ACCESS),
        ("requested_token_type", TRANSACTION),
    ];
    let form = [&form[..], more].concat();
    service.post("/oauth/token", &form, &[]).await
}

async fn a_call_goes_on_inside_one_trust_domain(world: World) {
    let mut cast = Cast::of(&world).await;
    let (service, other) = (
        gateway(&world, PAYMENTS).await,
        gateway(&world, "https://calendar.example.com").await,
    );
    let pay = small_payment("10.00", "Hanna");
    let mixed = [
        ("scope", "openid payments.read"),
        ("authorization_details", pay.as_str()),
    ];
    let tokens = cast.allowed(&mixed).await;
    let (token, held) = (access_token(&tokens), access(&tokens));
    let here = ("audience", DOMAIN);
    let more = [
        here,
        ("scope", "payments.read"),
        ("request_context", "{\"ip\":\"192.0.2.1\"}"),
        ("request_details", "{\"to\":\"ledger\"}"),
    ];
    let begun = begin(&service, token, &more).await;
    let body = begun.ok();
    assert_eq!(
        (
            &body["token_type"],
            &body["issued_token_type"],
            &body["expires_in"]
        ),
        (&json!("N_A"), &json!(TRANSACTION), &json!(60))
    );
    assert!(body.get("refresh_token").is_none() && body.get("scope").is_none());
    let header = jsonwebtoken::decode_header(access_token(&begun)).expect("a header");
    assert_eq!(header.typ.as_deref(), Some("txntoken+jwt"));
    let mut said = claims(access_token(&begun));
    assert_eq!(said["txn"].take().as_str().map(str::len), Some(32));
    let now = world.app.clock.now().unix_timestamp();
    let details: Value = serde_json::from_str(&pay).expect("JSON");
    assert_eq!(
        said,
        json!({
            "iss": world.url, "aud": DOMAIN, "iat": now, "exp": now + 60, "txn": null,
            "sub": held["sub"], "scope": "payments.read", "req_wl": service.id,
            "tctx": {
                "approval_id": held["approval_id"], "grant_id": held["grant_id"], "card_digest": held["card_digest"],
                "client_id": cast.agent.id, "act": {"sub": cast.agent.id}, "authorization_details": details,
                "request_details": {"to": "ledger"},
            },
            "rctx": {"ip": "192.0.2.1"},
        })
    );
    // It is no access token, and gives none.
    service.introspect(access_token(&begun)).await.inactive();
    begin(&service, access_token(&begun), &[here])
        .await
        .refused(400, "invalid_request");

    begin(&service, token, &[])
        .await
        .refused(400, "invalid_target");
    begin(&service, token, &[("audience", "elsewhere.internal")])
        .await
        .refused(400, "invalid_target");
    begin(&service, token, &[here, ("audience", PAYMENTS)])
        .await
        .refused(400, "invalid_target");
    begin(&service, token, &[here, ("scope", "calendar.read")])
        .await
        .refused(400, "invalid_scope");
    begin(&service, token, &[here, ("request_context", "[]")])
        .await
        .refused(400, "invalid_request");
    begin(&other, token, &[here])
        .await
        .refused(400, "invalid_request");
    cast.agent.revoke(token).await;
    begin(&service, token, &[here])
        .await
        .refused(400, "invalid_request");
    assert_eq!(world.noted("transaction.begun").await.len(), 1);
    world.advance(Duration::seconds(1));
    world.audit_holds().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_goes_on_inside_one_trust_domain_on_sqlite() {
    let world = World::sqlite_with(in_a_domain()).await;
    Box::pin(a_call_goes_on_inside_one_trust_domain(world)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_goes_on_inside_one_trust_domain_on_postgresql() {
    let world = World::postgresql_with(in_a_domain()).await;
    Box::pin(a_call_goes_on_inside_one_trust_domain(world)).await;
}

#[tokio::test]
async fn without_a_trust_domain_there_are_no_transaction_tokens() {
    let world = World::sqlite().await;
    let mut cast = Cast::of(&world).await;
    let service = gateway(&world, "https://calendar.example.com").await;
    let tokens = cast.calendar().await;
    let begun = begin(&service, access_token(&tokens), &[("audience", DOMAIN)]).await;
    begun.refused(400, "invalid_request");
}
