//! Keys of every algorithm, checked by a library that is not ours.

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{DecodingKey, Validation};
use serde_json::{Value, json};

use super::*;

fn made(algorithm: Algorithm) -> SigningKey {
    let (key, pkcs8) = SigningKey::generate_for(algorithm).unwrap();
    let again = SigningKey::from_pkcs8(algorithm, &pkcs8).unwrap();
    assert_eq!(key.public(), again.public());
    again
}

#[test]
fn what_is_signed_verifies_with_the_published_key() {
    let claims = json!({"sub": "maya"});
    for algorithm in Algorithm::ALL {
        let key = made(algorithm);
        let token = key.sign(Kind::AccessToken, &claims).unwrap();
        let header = jsonwebtoken::decode_header(&token).unwrap();
        assert_eq!(header.typ.as_deref(), Some("at+jwt"));
        assert_eq!(header.kid.as_deref(), Some(key.public().kid.as_str()));
        assert_eq!(json!(header.alg), algorithm.as_str());
        let jwk: Jwk = serde_json::from_value(json!(key.public())).unwrap();
        let public = DecodingKey::from_jwk(&jwk).unwrap();
        let mut validation = Validation::new(header.alg);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        let read = jsonwebtoken::decode::<Value>(&token, &public, &validation).unwrap();
        assert_eq!(read.claims, claims);
    }
}

#[test]
fn only_what_a_published_key_signed_for_this_is_read() {
    let now = OffsetDateTime::UNIX_EPOCH;
    let hour = time::Duration::hours(1);
    let [active, old, strange] = [(); 3].map(|()| made(Algorithm::Es256));
    let [rsa, edwards] = [Algorithm::Ps256, Algorithm::EdDsa].map(made);
    let keyring = Keyring {
        others: vec![rsa.clone(), edwards.clone()],
        retiring: vec![(old.public().clone(), now + hour)],
        ..Keyring::of(active.clone())
    };
    let claims = json!({"sub": "maya"});
    let read = |token: &str, now| -> Option<Value> { keyring.read(Kind::AccessToken, token, now) };
    for key in [&active, &old, &rsa, &edwards] {
        let token = key.sign(Kind::AccessToken, &claims).unwrap();
        assert_eq!(read(&token, now), Some(claims.clone()));
        for at in [3, token.len() / 2, token.len() - 3] {
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(read(&String::from_utf8(bytes).unwrap(), now), None, "{at}");
        }
    }
    let late = old.sign(Kind::AccessToken, &claims).unwrap();
    assert_eq!(read(&late, now + hour), None);
    let other_kind = active.sign(Kind::IdToken, &claims).unwrap();
    assert_eq!(read(&other_kind, now), None);
    let forged = strange.sign(Kind::AccessToken, &claims).unwrap();
    let (_, rest) = forged.split_once('.').unwrap();
    let genuine = active.sign(Kind::AccessToken, &claims).unwrap();
    let (header, _) = genuine.split_once('.').unwrap();
    for odd in [forged.clone(), format!("{header}.{rest}")] {
        assert_eq!(read(&odd, now), None);
    }
    for odd in ["", ".", "..", "a.b.c", "e30.e30.e30", "é.é.é"] {
        assert_eq!(read(odd, now), None, "{odd}");
    }
}

#[test]
fn the_key_says_the_algorithm_and_never_the_header() {
    // The same RSA key for both paddings: only a header tells them apart, and it is not asked.
    let (key, pkcs8) = SigningKey::generate_for(Algorithm::Ps256).unwrap();
    let other = SigningKey::from_pkcs8(Algorithm::Rs256, &pkcs8).unwrap();
    let keyring = Keyring {
        others: vec![key.clone()],
        ..Keyring::of(made(Algorithm::Es256))
    };
    let read = |token: &str| -> Option<Value> {
        keyring.read(Kind::IdToken, token, OffsetDateTime::UNIX_EPOCH)
    };
    let good = key.sign(Kind::IdToken, &json!({})).unwrap();
    let wrong = other.sign(Kind::IdToken, &json!({})).unwrap();
    assert_eq!(other.public().kid, key.public().kid);
    assert!(read(&good).is_some());
    assert!(read(&wrong).is_none());
    let (head, _) = good.split_once('.').unwrap();
    let (_, rest) = wrong.split_once('.').unwrap();
    assert!(read(&format!("{head}.{rest}")).is_none());
}

#[test]
fn each_algorithm_has_the_signer_that_is_for_it() {
    let keyring = Keyring {
        others: vec![made(Algorithm::EdDsa)],
        ..Keyring::of(made(Algorithm::Es256))
    };
    let signer = |algorithm| keyring.signer(algorithm).map(SigningKey::algorithm);
    assert_eq!(signer(Algorithm::Es256), Some(Algorithm::Es256));
    assert_eq!(signer(Algorithm::EdDsa), Some(Algorithm::EdDsa));
    assert_eq!(signer(Algorithm::Rs256), None);
}

#[test]
fn a_private_key_does_not_print() {
    let key = made(Algorithm::Es256);
    assert_eq!(
        format!("{key:?}"),
        format!("SigningKey({})", key.public().kid)
    );
}
