//! What is refused, whoever presents it.

use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use time::Duration;

use super::*;
use crate::domain::client::assertion::Audience;
use crate::domain::client::key_source::KeySource;
use crate::domain::client::keys::PublicKeys;
use crate::domain::client::secret::{SecretHashes, secret_hash};
use crate::domain::token::keyring::SigningKey;

const ISSUER: &str = "https://ask.example";

const US: Us<'_> = Us {
    issuer: ISSUER,
    alias: Some("https://mtls.ask.example"),
    endpoints: ["/oauth/token", "/bc-authorize"],
};

fn now() -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + Duration::days(20_000)
}

fn client(credentials: Credentials) -> Arc<Client> {
    Arc::new(Client::agent(ClientId("agent".into()), credentials, now()))
}

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

struct Signer {
    pair: EcdsaKeyPair,
    jwks: String,
}

impl Signer {
    fn new() -> Self {
        let (key, pkcs8) = SigningKey::generate().unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8).unwrap();
        Self {
            pair,
            jwks: json!({"keys": [key.public()]}).to_string(),
        }
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        let signature = self
            .pair
            .sign(&SystemRandom::new(), message.as_bytes())
            .unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }

    fn client(&self) -> Arc<Client> {
        let keys = PublicKeys::read(&self.jwks).unwrap();
        client(Credentials::PrivateKeyJwt(KeySource::Registered(keys)))
    }
}

fn claims() -> Value {
    let at = now().unix_timestamp();
    json!({"iss": "agent", "sub": "agent", "aud": ISSUER, "iat": at, "exp": at + 60, "jti": "once"})
}

fn with(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

fn present(jwt: &str, client: Arc<Client>) -> Result<Authenticated, Refusal> {
    Presented::read_assertion(jwt)?.verify(Some(client), US, None, now())
}

#[test]
fn a_secret_is_taken_by_the_registered_method_only() {
    let hash = secret_hash("s3cret");
    let read = |authorization: Option<&str>, form| Presented::read(authorization, form);
    let verify = |presented: Presented, credentials| {
        presented
            .verify(Some(client(credentials)), US, None, now())
            .is_ok()
    };
    let header = basic("agent", "s3cret");
    let form = FormCredentials {
        client_id: Some("agent"),
        client_secret: Some("s3cret"),
        ..FormCredentials::default()
    };
    let by_header = || read(Some(&header), FormCredentials::default()).unwrap();
    assert!(verify(
        by_header(),
        Credentials::SecretBasic(SecretHashes::of(hash))
    ));
    assert!(!verify(
        by_header(),
        Credentials::SecretPost(SecretHashes::of(hash))
    ));
    assert!(verify(
        read(None, form).unwrap(),
        Credentials::SecretPost(SecretHashes::of(hash))
    ));
    assert!(!verify(
        read(None, form).unwrap(),
        Credentials::SecretBasic(SecretHashes::of(hash))
    ));
}

#[test]
fn basic_credentials_are_form_decoded_first() {
    let header = basic("an+agent", "a%3Ab%2Bc");
    let presented = Presented::read(Some(&header), FormCredentials::default()).unwrap();
    assert_eq!(presented.client, ClientId("an agent".into()));
    let Proof::Basic(secret) = presented.proof else {
        panic!("basic")
    };
    assert_eq!(secret.expose_secret(), "a:b+c");
}

#[test]
fn t18_nothing_a_wrong_secret_a_stranger_and_two_methods_are_refused_alike() {
    let refused = |authorization: Option<&str>, form: FormCredentials<'_>| {
        let outcome = Presented::read(authorization, form).and_then(|presented| {
            let known = presented.client.0 == "agent";
            let client = known.then(|| {
                client(Credentials::SecretBasic(SecretHashes::of(secret_hash(
                    "s3cret",
                ))))
            });
            presented.verify(client, US, None, now())
        });
        matches!(outcome, Err(Refusal::InvalidClient { .. }))
    };
    let nothing = FormCredentials::default();
    assert!(refused(None, nothing));
    assert!(refused(
        None,
        FormCredentials {
            client_id: Some("agent"),
            ..nothing
        }
    ));
    assert!(refused(Some(&basic("agent", "wrong")), nothing));
    assert!(refused(Some(&basic("stranger", "s3cret")), nothing));
    assert!(refused(Some("Basic ???"), nothing));
    assert!(refused(Some("Bearer x"), nothing));
    let both = FormCredentials {
        client_secret: Some("s3cret"),
        ..nothing
    };
    assert!(refused(Some(&basic("agent", "s3cret")), both));
    let other = FormCredentials {
        client_id: Some("other"),
        ..nothing
    };
    assert!(refused(Some(&basic("agent", "s3cret")), other));
}

#[test]
fn a_disabled_client_is_refused() {
    let mut disabled = (*client(Credentials::SecretBasic(SecretHashes::of(secret_hash(
        "s3cret",
    )))))
    .clone();
    disabled.active = false;
    let presented = Presented::read(Some(&basic("agent", "s3cret")), FormCredentials::default());
    assert!(
        presented
            .unwrap()
            .verify(Some(Arc::new(disabled)), US, None, now())
            .is_err()
    );
}

#[test]
fn a_good_assertion_is_taken_and_remembered() {
    let signer = Signer::new();
    let jwt = signer.sign(&json!({"alg": "ES256"}), &claims());
    let authenticated = present(&jwt, signer.client()).unwrap();
    assert!(authenticated.used_assertion().is_some());
    let typed = json!({"alg": "ES256", "typ": "client-authentication+jwt"});
    assert!(present(&signer.sign(&typed, &claims()), signer.client()).is_ok());
}

#[test]
fn t19_sec_e06_a_claim_that_is_wrong_ill_typed_or_missing_refuses_the_assertion() {
    let signer = Signer::new();
    let at = now().unix_timestamp();
    let wrong = [
        with(claims(), "aud", json!("https://other.example")),
        with(claims(), "iss", json!("other")),
        with(claims(), "exp", json!(at)),
        with(claims(), "exp", json!((at + 60).to_string())),
        with(claims(), "exp", json!(f64::from(u32::MAX) + 0.5)),
        with(claims(), "exp", json!(at + 3600)),
        with(claims(), "exp", json!(-1)),
        with(claims(), "exp", Value::Null),
        with(claims(), "jti", Value::Null),
        with(claims(), "jti", json!("")),
        with(claims(), "iat", json!(at + 3600)),
        with(claims(), "nbf", json!(at + 3600)),
        with(claims(), "nbf", json!("soon")),
    ];
    for claims in wrong {
        let jwt = signer.sign(&json!({"alg": "ES256"}), &claims);
        assert!(present(&jwt, signer.client()).is_err(), "{claims}");
    }
}

#[test]
fn sec_e08_an_assertion_names_us_and_nobody_beside_us() {
    let signer = Signer::new();
    let mut compat = (*signer.client()).clone();
    compat.proof.audience = Audience::CibaCompat;
    let compat = Arc::new(compat);
    let taken = |aud: &Value, client: &Arc<Client>| {
        let claims = with(claims(), "aud", aud.clone());
        let jwt = signer.sign(&json!({"alg": "ES256"}), &claims);
        present(&jwt, Arc::clone(client)).is_ok()
    };
    let at = |path: &str| json!(format!("{ISSUER}{path}"));
    // The issuer as one string: by everyone. What CIBA allows besides: by those registered so.
    for (aud, strict) in [
        (at(""), true),
        (at("/"), false),
        (at("/oauth/token"), false),
        (at("/bc-authorize"), false),
        (json!([ISSUER]), false),
        (json!([at("/oauth/token")]), false),
        (json!("https://mtls.ask.example/oauth/token"), false),
    ] {
        assert_eq!(taken(&aud, &signer.client()), strict, "{aud}");
        assert!(taken(&aud, &compat), "{aud}");
    }
    for aud in [
        at("/oauth/jwks"),
        at("/oauth/token/"),
        at("/oauth/token?a"),
        at(".evil.example"),
        json!("https://mtls.ask.example"),
        json!("https://mtls.ask.example/"),
        json!("https://mtls.ask.example/oauth/jwks"),
        at(".evil.example/oauth/token"),
        json!("https://ASK.example"),
        json!("https://ask.exampl"),
        json!("https://evil.example/oauth/token"),
        json!([ISSUER, "https://evil.example"]),
        json!([ISSUER, ISSUER]),
        json!([]),
        json!([[ISSUER]]),
        json!({"a": ISSUER}),
        json!(""),
        Value::Null,
    ] {
        assert!(!taken(&aud, &signer.client()), "{aud}");
        assert!(!taken(&aud, &compat), "{aud}");
    }
}

#[test]
fn t19_clocks_may_differ_by_a_minute_and_no_more() {
    let signer = Signer::new();
    let at = now().unix_timestamp();
    for (name, ahead, taken) in [
        ("iat", 10, true),
        ("nbf", 10, true),
        ("iat", 61, false),
        ("nbf", 61, false),
    ] {
        let jwt = signer.sign(
            &json!({"alg": "ES256"}),
            &with(claims(), name, json!(at + ahead)),
        );
        assert_eq!(
            present(&jwt, signer.client()).is_ok(),
            taken,
            "{name} {ahead}"
        );
    }
}

#[test]
fn sec_e01_e03_e04_e05_no_header_chooses_how_it_is_checked() {
    let signer = Signer::new();
    let headers = [
        json!({"alg": "none"}),
        json!({"alg": "None"}),
        json!({"alg": "nOnE"}),
        json!({"alg": "HS256"}),
        json!({"alg": "RS256"}),
        json!({"alg": "PS256"}),
        json!({"alg": "EdDSA"}),
        json!({}),
        json!({"alg": "ES256", "kid": "../../dev/null"}),
        json!({"alg": "ES256", "kid": "k".repeat(129)}),
        json!({"alg": "ES256", "jku": "https://evil.example/jwks"}),
        json!({"alg": "ES256", "x5u": "https://evil.example/x5u"}),
        json!({"alg": "ES256", "jwk": {"kty": "EC"}}),
        json!({"alg": "ES256", "x5c": []}),
        json!({"alg": "ES256", "crit": ["exp"]}),
        json!({"alg": "ES256", "b64": false}),
        json!({"alg": "ES256", "zip": "DEF"}),
        json!({"alg": "ES256", "typ": "at+jwt"}),
        json!({"alg": "ES256", "typ": "dpop+jwt"}),
    ];
    for header in headers {
        let jwt = signer.sign(&header, &claims());
        assert!(present(&jwt, signer.client()).is_err(), "{header}");
    }
    let good = signer.sign(&json!({"alg": "ES256"}), &claims());
    let unsigned = good.rsplit_once('.').unwrap().0.to_owned() + ".";
    assert!(present(&unsigned, signer.client()).is_err());
    assert!(present(&format!("{good}.more.parts"), signer.client()).is_err());
}

#[test]
fn sec_e02_a_public_key_is_not_a_shared_secret() {
    let signer = Signer::new();
    let header = URL_SAFE_NO_PAD.encode(json!({"alg": "HS256"}).to_string());
    let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims().to_string()));
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, signer.jwks.as_bytes());
    let tag = aws_lc_rs::hmac::sign(&key, message.as_bytes());
    let jwt = format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()));
    assert!(present(&jwt, signer.client()).is_err());
}

#[test]
fn another_client_s_key_does_not_sign_for_this_one() {
    let jwt = Signer::new().sign(&json!({"alg": "ES256"}), &claims());
    assert!(present(&jwt, Signer::new().client()).is_err());
}

#[test]
fn sec_e11_private_weak_and_odd_keys_are_not_registered() {
    use crate::domain::client::keys::BadKeys;
    let (key, _) = SigningKey::generate().unwrap();
    let mut private = serde_json::to_value(key.public()).unwrap();
    private["d"] = json!("AAAA");
    let read = |key: Value| PublicKeys::read(&json!({"keys": [key]}).to_string());
    assert_eq!(read(private), Err(BadKeys::Private));
    assert_eq!(
        read(json!({"kty": "oct", "k": "AAAA"})),
        Err(BadKeys::Private)
    );
    let rsa = json!({"kty": "RSA", "n": URL_SAFE_NO_PAD.encode([0xFF_u8; 128]), "e": "AQAB"});
    assert_eq!(read(rsa), Err(BadKeys::Unsupported));
    let small = json!({"kty": "RSA", "n": URL_SAFE_NO_PAD.encode([0xFF_u8; 256]), "e": "Aw"});
    assert_eq!(read(small), Err(BadKeys::Unsupported));
    let off = json!({"kty": "EC", "crv": "P-256", "x": URL_SAFE_NO_PAD.encode([1_u8; 32]),
        "y": URL_SAFE_NO_PAD.encode([2_u8; 32])});
    assert_eq!(read(off), Err(BadKeys::Unsupported));
    for odd in ["AAAA", ""] {
        let short = json!({"kty": "OKP", "crv": "Ed25519", "x": odd});
        assert_eq!(read(short), Err(BadKeys::Unsupported));
    }
    assert_eq!(PublicKeys::read(r#"{"keys":[]}"#), Err(BadKeys::Count));
    assert_eq!(PublicKeys::read("[]"), Err(BadKeys::Malformed));
}

#[test]
fn credentials_do_not_print() {
    let presented = Presented::read(Some(&basic("agent", "s3cret")), FormCredentials::default());
    assert!(!format!("{presented:?}").contains("s3cret"));
    let client = client(Credentials::SecretBasic(SecretHashes::of(secret_hash(
        "s3cret",
    ))));
    assert!(!format!("{client:?}").contains("112"), "no hash bytes");
}
