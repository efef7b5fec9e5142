//! JWTs of others: requests, proofs, assertions, hints.

use std::sync::{Arc, LazyLock};

use countersign::domain::ciba::hint_token::{self, HintIssuer};
use countersign::domain::ciba::request_object;
use countersign::domain::client::assertion::Us;
use countersign::domain::client::authentication::Presented;
use countersign::domain::client::dpop::{self, Expected, Nonces};
use countersign::domain::client::key_source::KeySource;
use countersign::domain::client::{Client, Credentials};
use countersign::domain::id::ClientId;
use countersign::domain::token::master_key::MasterKey;
use serde_json::Value;

use crate::signer::{NOW, SIGNER, now, part};

const ISSUER: &str = "https://ask.example";

/// Longest clocks may differ.
const SKEW: i64 = 60;

fn number(claims: &Value, name: &str) -> i64 {
    claims[name].as_i64().expect("a number")
}

/// What no header of an accepted JWT says.
fn is_plain(header: &Value, but: &[&str]) {
    for name in ["jku", "jwk", "x5u", "x5c", "crit", "b64", "zip"] {
        assert!(but.contains(&name) || header.get(name).is_none(), "{name}");
    }
    assert_eq!(header["alg"], "ES256");
}

/// A signed request (CIBA §7.1.1).
pub fn request_object(input: &[u8]) -> bool {
    let Some(jwt) = SIGNER.jwt(input) else {
        return false;
    };
    let client = ClientId("agent".into());
    let signer = request_object::Signer {
        client: &client,
        algorithm: "ES256",
        keys: &SIGNER.keys,
    };
    let Ok(object) = request_object::read(&jwt, signer, ISSUER, now()) else {
        return false;
    };
    is_plain(&part(&jwt, 0), &[]);
    let claims = part(&jwt, 1);
    assert_eq!(claims["iss"], "agent");
    let aud = &claims["aud"];
    let listed = aud
        .as_array()
        .is_some_and(|all| all.iter().any(|it| it == ISSUER));
    assert!(aud == ISSUER || listed);
    assert!(!claims["jti"].as_str().expect("text").is_empty());
    let (exp, nbf) = (number(&claims, "exp"), number(&claims, "nbf"));
    assert!(exp > NOW && exp - nbf <= 3600 && nbf <= NOW + SKEW);
    assert!(number(&claims, "iat") <= NOW + SKEW);
    // What is asked is what was signed.
    let resource = object.resource();
    let parameters = object.parameters(&resource);
    for (name, value) in [
        ("scope", parameters.scope),
        ("login_hint", parameters.login_hint),
        ("binding_message", parameters.binding_message),
        ("resume_state", parameters.resume_state),
    ] {
        let signed = claims[name].as_str().filter(|text| !text.is_empty());
        assert_eq!(value, signed, "{name}");
    }
    assert_eq!(object.digest(), object.clone().digest());
    true
}

/// A DPoP proof (RFC 9449 §4.3).
pub fn dpop_proof(input: &[u8]) -> bool {
    static NONCES: LazyLock<Nonces> =
        LazyLock::new(|| Nonces::new(&MasterKey::new(&[7; MasterKey::LENGTH])));
    const ENDPOINT: &str = "https://ask.example/oauth/token";
    let Some(jwt) = SIGNER.jwt(input) else {
        return false;
    };
    let expected = Expected {
        method: "POST",
        endpoint: ENDPOINT,
        alias: None,
        token: None,
        nonces: &NONCES,
        nonce_required: false,
    };
    let Ok(proof) = dpop::read(&jwt, expected, now()) else {
        return false;
    };
    let header = part(&jwt, 0);
    is_plain(&header, &["jwk"]);
    assert_eq!(header["typ"], "dpop+jwt");
    assert!(header["jwk"].get("d").is_none());
    let claims = part(&jwt, 1);
    assert_eq!(claims["htm"], "POST");
    let htu = url::Url::parse(claims["htu"].as_str().expect("text")).expect("a URL");
    assert_eq!(htu.host_str(), Some("ask.example"));
    assert_eq!(htu.path(), "/oauth/token");
    assert!((number(&claims, "iat") - NOW).abs() <= 600);
    assert!(proof.used().expires_at > now());
    true
}

fn client() -> Arc<Client> {
    static CLIENT: LazyLock<Arc<Client>> = LazyLock::new(|| {
        let keys = KeySource::Registered(SIGNER.keys.clone());
        let id = ClientId("agent".into());
        Arc::new(Client::agent(id, Credentials::PrivateKeyJwt(keys), now()))
    });
    Arc::clone(&CLIENT)
}

/// A client assertion (RFC 7523).
pub fn client_assertion(input: &[u8]) -> bool {
    let Some(jwt) = SIGNER.jwt(input) else {
        return false;
    };
    let Ok(presented) = Presented::read_assertion(&jwt) else {
        return false;
    };
    let us = Us {
        issuer: ISSUER,
        alias: None,
        endpoints: ["/oauth/token", "/bc-authorize"],
    };
    if presented.verify(Some(client()), us, None, now()).is_err() {
        return false;
    }
    is_plain(&part(&jwt, 0), &[]);
    let claims = part(&jwt, 1);
    assert_eq!(
        (&claims["iss"], &claims["sub"]),
        (&"agent".into(), &"agent".into())
    );
    assert_eq!(claims["aud"], ISSUER);
    assert!(!claims["jti"].as_str().expect("text").is_empty());
    let exp = number(&claims, "exp");
    assert!(exp > NOW && exp <= NOW + 300 + SKEW);
    true
}

/// A `login_hint_token`.
pub fn login_hint_token(input: &[u8]) -> bool {
    let Some(jwt) = SIGNER.jwt(input) else {
        return false;
    };
    let trusted = [HintIssuer {
        issuer: "https://idp.example".into(),
        jwks_uri: "https://idp.example/jwks".into(),
    }];
    let Ok(by) = hint_token::issuer(&jwt, &trusted) else {
        return false;
    };
    if hint_token::read(&jwt, by, &SIGNER.keys, ISSUER, now()).is_err() {
        return false;
    }
    is_plain(&part(&jwt, 0), &[]);
    let claims = part(&jwt, 1);
    assert_eq!(claims["iss"], "https://idp.example");
    assert!(number(&claims, "exp") > NOW);
    assert!(claims["sub_id"]["format"].is_string());
    true
}
