//! The list of RFC 9449 §4.3, item by item.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use time::Duration;

use super::*;
use crate::domain::token::keyring::SigningKey;
use crate::domain::token::master_key::MasterKey;

const TOKEN: &str = "https://ask.example/oauth/token";

fn now() -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + Duration::days(20_000)
}

struct Prover {
    pair: EcdsaKeyPair,
    jwk: Value,
    nonces: Nonces,
}

impl Prover {
    fn new() -> Self {
        let (key, pkcs8) = SigningKey::generate().unwrap();
        let public = key.public();
        Self {
            pair: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8).unwrap(),
            jwk: json!(public.key),
            nonces: Nonces::new(&MasterKey::new(&[1; MasterKey::LENGTH])),
        }
    }

    fn header(&self) -> Value {
        json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk})
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

    fn expected(&self, nonce_required: bool) -> Expected<'_> {
        Expected {
            method: "POST",
            endpoint: TOKEN,
            alias: Some("https://mtls.ask.example/oauth/token"),
            token: None,
            nonces: &self.nonces,
            nonce_required,
        }
    }

    fn read(&self, header: &Value, claims: &Value) -> Result<Proof, Refusal> {
        read(&self.sign(header, claims), self.expected(false), now())
    }

    #[track_caller]
    fn refuses(&self, header: &Value, claims: &Value) {
        let read = self.read(header, claims);
        assert!(
            matches!(read, Err(Refusal::InvalidDpopProof(_))),
            "{header} {claims}: {read:?}"
        );
    }
}

fn claims() -> Value {
    json!({"jti": "once", "htm": "POST", "htu": TOKEN, "iat": now().unix_timestamp()})
}

fn with(mut value: Value, name: &str, member: Value) -> Value {
    value[name] = member;
    value
}

fn without(mut value: Value, name: &str) -> Value {
    value.as_object_mut().unwrap().remove(name);
    value
}

#[test]
fn a_good_proof_shows_its_key() {
    let prover = Prover::new();
    let proof = prover.read(&prover.header(), &claims()).unwrap();
    let key = PublicKey::read(&prover.jwk).unwrap().thumbprint();
    assert_eq!(proof.confirmation(), Confirmation::Key(Thumbprint(key)));
    assert_eq!(proof.used().expires_at, now() + SKEW + SKEW);
}

#[test]
fn t80_whatever_is_missing_or_wrong_refuses_a_proof() {
    let prover = Prover::new();
    let header = prover.header();
    for name in ["typ", "alg", "jwk"] {
        prover.refuses(&without(header.clone(), name), &claims());
    }
    for name in ["jti", "htm", "htu", "iat"] {
        prover.refuses(&header, &without(claims(), name));
        prover.refuses(&header, &with(claims(), name, json!(null)));
        prover.refuses(&header, &with(claims(), name, json!({})));
    }
    for typ in ["JWT", "dpop", "DPOP+JWT", ""] {
        prover.refuses(&with(header.clone(), "typ", json!(typ)), &claims());
    }
    for (name, wrong) in [
        ("htm", json!("GET")),
        ("htm", json!("post")),
        ("htu", json!("https://ask.example/bc-authorize")),
        ("jti", json!("")),
        ("jti", json!("x".repeat(257))),
        ("iat", json!(now().unix_timestamp().to_string())),
        ("exp", json!(now().unix_timestamp())),
        ("nbf", json!(now().unix_timestamp() + 120)),
    ] {
        prover.refuses(&header, &with(claims(), name, wrong));
    }
}

#[test]
fn t80_sec_e01_e05_no_header_chooses_how_a_proof_is_checked() {
    let prover = Prover::new();
    let header = prover.header();
    for alg in ["none", "None", "HS256", "RS256", "ES384", "EdDSA", ""] {
        prover.refuses(&with(header.clone(), "alg", json!(alg)), &claims());
    }
    for (name, value) in [
        ("crit", json!(["x"])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("jku", json!("https://evil.example/keys")),
        ("x5u", json!("https://evil.example/certificate")),
        ("x5c", json!(["AAAA"])),
    ] {
        prover.refuses(&with(header.clone(), name, value), &claims());
    }
    for odd in [
        "",
        "a",
        "a.b",
        "a.b.c",
        "a.b.c.d",
        "a.b.c.d.e",
        "..",
        "{}.{}.{}",
    ] {
        assert!(read(odd, prover.expected(false), now()).is_err(), "{odd}");
    }
    let signed = prover.sign(&header, &claims());
    let long = format!("{signed}{}", "A".repeat(LONGEST));
    assert!(read(&long, prover.expected(false), now()).is_err());
}

#[test]
fn t80_a_proof_is_signed_by_the_public_key_it_shows() {
    let (prover, other) = (Prover::new(), Prover::new());
    let stolen = with(prover.header(), "jwk", other.jwk.clone());
    prover.refuses(&stolen, &claims());
    let mut private = prover.jwk.clone();
    private["d"] = json!("AAAA");
    prover.refuses(&with(prover.header(), "jwk", private), &claims());
    let symmetric = json!({"kty": "oct", "k": "AAAA"});
    prover.refuses(&with(prover.header(), "jwk", symmetric), &claims());
    let good = prover.sign(&prover.header(), &claims());
    let altered = format!("{}A", &good[..good.len() - 1]);
    let other = format!("{}B", &good[..good.len() - 1]);
    let altered = if altered == good { other } else { altered };
    let (front, signature) = altered.rsplit_once('.').unwrap();
    let cut = format!("{front}.{}", &signature[..40]);
    assert!(read(&cut, prover.expected(false), now()).is_err());
    assert!(read(&format!("{front}."), prover.expected(false), now()).is_err());
}

#[test]
fn t81_what_the_list_does_not_forbid_is_accepted() {
    let prover = Prover::new();
    let at = now().unix_timestamp();
    let extra = with(prover.header(), "kid", json!("mine"));
    let extra = with(extra, "x-more", json!([1, 2]));
    for iat in [at - 10, at + 10, at - 60, at + 60] {
        let claims = with(with(claims(), "iat", json!(iat)), "more", json!({"a": 1}));
        prover.read(&extra, &claims).unwrap();
    }
    let claims = with(
        claims(),
        "htu",
        json!("HTTPS://ASK.example:443/oauth/token?a#b"),
    );
    prover.read(&prover.header(), &claims).unwrap();
}

#[test]
fn t80_a_proof_beside_a_token_names_it() {
    let prover = Prover::new();
    let expected = Expected {
        token: Some("the.access.token"),
        ..prover.expected(false)
    };
    let ath = URL_SAFE_NO_PAD.encode(sha256(b"the.access.token"));
    let shown = |ath: Option<&str>| {
        let mut claims = claims();
        if let (Some(ath), Some(claims)) = (ath, claims.as_object_mut()) {
            claims.insert("ath".into(), json!(ath));
        }
        read(&prover.sign(&prover.header(), &claims), expected, now())
    };
    assert!(shown(Some(&ath)).is_ok());
    let other = URL_SAFE_NO_PAD.encode(sha256(b"another.access.token"));
    for wrong in [
        None,
        Some(other.as_str()),
        Some(""),
        Some("the.access.token"),
    ] {
        let refused = shown(wrong);
        assert!(
            matches!(refused, Err(Refusal::InvalidDpopProof(_))),
            "{wrong:?}"
        );
    }
}

#[test]
fn t80_sec_e10_a_proof_from_another_time_is_refused() {
    let prover = Prover::new();
    let at = now().unix_timestamp();
    for iat in [
        at - 61,
        at + 61,
        at - 3600,
        at + 3600,
        0,
        -1,
        i64::MAX,
        i64::MIN,
    ] {
        prover.refuses(&prover.header(), &with(claims(), "iat", json!(iat)));
    }
}

#[test]
fn t83_a_nonce_is_ours_and_fresh_or_another_is_handed_out() {
    let prover = Prover::new();
    let nonce = prover.nonces.current(now());
    let asked = |claims: &Value, required, at| {
        let proof = prover.sign(&prover.header(), claims);
        read(&proof, prover.expected(required), at)
    };
    let fresh = with(claims(), "nonce", json!(nonce));
    let proof = asked(&fresh, true, now()).unwrap();
    assert!(proof.used().expires_at > now() + Duration::minutes(4));
    // The nonce says when it was made: a client whose clock is wrong is served.
    let wrong_clock = with(fresh.clone(), "iat", json!(0));
    assert!(asked(&wrong_clock, false, now()).is_ok());
    let later = now() + Duration::minutes(5);
    for (claims, required, at) in [
        (claims(), true, now()),
        (with(claims(), "nonce", json!("stale")), false, now()),
        (fresh, false, later),
    ] {
        let refused = asked(&claims, required, at).unwrap_err();
        assert_eq!(refused, Refusal::UseDpopNonce(prover.nonces.current(at)));
    }
}

#[test]
fn sec_e10_the_same_name_is_another_for_another_key_or_endpoint() {
    let (prover, other) = (Prover::new(), Prover::new());
    let hash = |prover: &Prover, endpoint, jti| {
        let claims = with(with(claims(), "htu", json!(endpoint)), "jti", json!(jti));
        let expected = Expected {
            endpoint,
            ..prover.expected(false)
        };
        let proof = read(&prover.sign(&prover.header(), &claims), expected, now());
        proof.unwrap().used().jti_hash
    };
    let asking = "https://ask.example/bc-authorize";
    let mut hashes = vec![
        hash(&prover, TOKEN, "once"),
        hash(&prover, TOKEN, "twice"),
        hash(&prover, asking, "once"),
        hash(&other, TOKEN, "once"),
    ];
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), 4);
}

#[test]
fn t81_the_endpoint_at_the_host_for_certificates_is_the_same_endpoint() {
    let prover = Prover::new();
    let hash = |htu: &str| {
        let claims = with(claims(), "htu", json!(htu));
        let proof = prover.read(&prover.header(), &claims);
        proof.map(|proof| proof.used().jti_hash)
    };
    let alias = hash("https://mtls.ask.example/oauth/token");
    // What was used there is used here.
    assert_eq!(alias.unwrap(), hash(TOKEN).unwrap());
    assert!(hash("https://mtls.ask.example/bc-authorize").is_err());
    assert!(hash("https://other.ask.example/oauth/token").is_err());
}
