//! What is refused, whoever signed it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;

use super::*;
use crate::domain::token::keyring::SigningKey;

const ISSUER: &str = "https://ask.example";

fn now() -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + Duration::days(20_000)
}

struct Agent {
    id: ClientId,
    key: EncodingKey,
    keys: PublicKeys,
}

impl Agent {
    fn new() -> Self {
        let (public, private) = SigningKey::generate().unwrap();
        let set = json!({"keys": [public.public()]}).to_string();
        Self {
            id: ClientId("agent".into()),
            key: EncodingKey::from_ec_der(&private),
            keys: PublicKeys::read(&set).unwrap(),
        }
    }

    fn signed_as(&self, header: &Header, claims: &Value) -> String {
        jsonwebtoken::encode(header, claims, &self.key).unwrap()
    }

    fn signed(&self, claims: &Value) -> String {
        self.signed_as(&Header::new(Algorithm::ES256), claims)
    }

    fn read(&self, jwt: &str) -> Result<RequestObject, Refusal> {
        let signer = Signer {
            client: &self.id,
            algorithm: "ES256",
            keys: &self.keys,
        };
        read(jwt, signer, ISSUER, now())
    }
}

fn claims() -> Value {
    let at = now().unix_timestamp();
    json!({
        "iss": "agent", "aud": ISSUER, "exp": at + 300, "nbf": at, "iat": at, "jti": "1",
        "scope": "openid calendar.read", "login_hint": "maya@acme.example", "requested_expiry": 120,
        "authorization_details": [{"type": "deploy"}], "resource": ["https://a.example", "https://b.example"],
    })
}

/// The claims, with one of them set, or removed by null.
fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    let object = claims.as_object_mut().unwrap();
    if value.is_null() {
        object.remove(name);
    } else {
        object.insert(name.to_owned(), value);
    }
    claims
}

#[track_caller]
fn refused(read: Result<RequestObject, Refusal>, why: &str) {
    assert_eq!(read.unwrap_err().code(), "invalid_request", "{why}");
}

#[test]
fn a_signed_request_has_the_parameters_that_were_signed() {
    let agent = Agent::new();
    let object = agent.read(&agent.signed(&claims())).unwrap();
    let resource = object.resource();
    let parameters = object.parameters(&resource);
    assert_eq!(parameters.scope, Some("openid calendar.read"));
    assert_eq!(parameters.requested_expiry, Some("120"));
    assert_eq!(
        parameters.authorization_details,
        Some(r#"[{"type":"deploy"}]"#)
    );
    assert_eq!(
        parameters.resource,
        ["https://a.example", "https://b.example"]
    );
    assert_eq!(parameters.binding_message, None);
    let text = agent.signed(&with("requested_expiry", json!("120")));
    assert_eq!(agent.read(&text).unwrap().digest(), object.digest());
    let other = agent.signed(&with("login_hint", json!("leo@acme.example")));
    assert_ne!(agent.read(&other).unwrap().digest(), object.digest());
    let several = agent.signed(&with("aud", json!(["https://other.example", ISSUER])));
    assert!(agent.read(&several).is_ok());
}

#[test]
fn t24_every_claim_is_needed_and_of_its_type() {
    let agent = Agent::new();
    for name in ["aud", "iss", "exp", "iat", "nbf", "jti"] {
        refused(agent.read(&agent.signed(&with(name, Value::Null))), name);
        refused(
            agent.read(&agent.signed(&with(name, json!({"a": 1})))),
            name,
        );
    }
    for (name, value) in [
        ("exp", json!("2200000000")),
        ("jti", json!(7)),
        ("jti", json!("")),
        ("jti", json!("x".repeat(257))),
        ("aud", json!([ISSUER, 7])),
        ("scope", json!(["openid"])),
        ("login_hint", json!({"format": "iss_sub"})),
        ("binding_message", json!(1)),
        ("requested_expiry", json!(true)),
        ("authorization_details", json!("[]")),
        ("resource", json!([1])),
    ] {
        let why = format!("{name}={value}");
        refused(agent.read(&agent.signed(&with(name, value))), &why);
    }
}

#[test]
fn t25_it_is_for_our_issuer_and_from_this_client() {
    let agent = Agent::new();
    for (name, value) in [
        ("aud", format!("{ISSUER}/bc-authorize")),
        ("aud", format!("{ISSUER}/oauth/token")),
        ("aud", format!("{ISSUER}/")),
        ("iss", "somebody-else".to_owned()),
    ] {
        refused(agent.read(&agent.signed(&with(name, json!(value)))), &value);
    }
    let other = Agent::new();
    refused(agent.read(&other.signed(&claims())), "another's key");
    let jwt = agent.signed(&claims());
    refused(agent.read(&jwt[..jwt.len() - 4]), "a broken signature");
    refused(agent.read(&format!("{jwt}.x.y")), "five parts");
    refused(agent.read("x"), "nothing");
}

#[test]
fn t26_it_lives_an_hour_at_most_and_clocks_may_differ_by_a_minute() {
    let agent = Agent::new();
    let at = |seconds: i64| json!(now().unix_timestamp() + seconds);
    for (name, seconds, good) in [
        ("exp", 1, true),
        ("exp", 0, false),
        ("exp", -1, false),
        ("exp", 3600, true),
        ("exp", 70 * 60, false),
        ("nbf", 60, true),
        ("nbf", 61, false),
        ("nbf", 10 * 60, false),
        ("nbf", -70 * 60, false),
        ("iat", 60, true),
        ("iat", 61, false),
    ] {
        let read = agent.read(&agent.signed(&with(name, at(seconds))));
        assert_eq!(read.is_ok(), good, "{name} {seconds}");
    }
}

#[test]
fn t27_the_registered_algorithm_and_a_plain_header_and_nothing_else() {
    let agent = Agent::new();
    let unsigned = |header: &str| {
        let payload = URL_SAFE_NO_PAD.encode(claims().to_string());
        format!("{}.{payload}.", URL_SAFE_NO_PAD.encode(header))
    };
    for header in [
        r#"{"alg":"none"}"#,
        r#"{"alg":"HS256"}"#,
        r#"{"alg":"RS256"}"#,
    ] {
        refused(agent.read(&unsigned(header)), header);
    }
    let secret = EncodingKey::from_secret(agent.keys.document().as_bytes());
    let shared = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims(), &secret).unwrap();
    refused(agent.read(&shared), "a public key is not a shared secret");
    let with_header = |change: fn(&mut Header)| {
        let mut header = Header::new(Algorithm::ES256);
        change(&mut header);
        agent.read(&agent.signed_as(&header, &claims()))
    };
    refused(
        with_header(|it| it.jku = Some("https://evil.example".into())),
        "jku",
    );
    refused(with_header(|it| it.kid = Some("another".into())), "kid");
    refused(with_header(|it| it.typ = Some("at+jwt".into())), "typ");
    // As the conformance suite writes it.
    assert!(with_header(|it| it.typ = Some("OautH-auThZ-REQ+jWt".into())).is_ok());
    let signer = Signer {
        client: &agent.id,
        algorithm: "EdDSA",
        keys: &agent.keys,
    };
    refused(
        read(&agent.signed(&claims()), signer, ISSUER, now()),
        "registered otherwise",
    );
}
