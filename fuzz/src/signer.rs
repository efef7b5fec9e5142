//! The key of whoever sends the bytes, and JWTs made of them.

use std::sync::LazyLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::domain::client::keys::PublicKeys;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

/// When it is, in every harness: seeds say their times by it.
pub(crate) const NOW: i64 = 1_800_000_000;

/// A key pair made for this run.
pub(crate) struct Signer {
    pair: EcdsaKeyPair,
    /// Its public half as a JWK.
    pub(crate) jwk: Value,
    /// Its public half as a client's set.
    pub(crate) keys: PublicKeys,
}

/// The one key there is.
pub(crate) static SIGNER: LazyLock<Signer> = LazyLock::new(|| {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    let point = pair.public_key().as_ref();
    let part = |range| URL_SAFE_NO_PAD.encode(&point[range]);
    let jwk = json!({"kty": "EC", "crv": "P-256", "x": part(1..33), "y": part(33..65)});
    let keys = PublicKeys::read(&json!({"keys": [jwk]}).to_string()).expect("a set");
    Signer { pair, jwk, keys }
});

/// The moment [`NOW`].
pub(crate) fn now() -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + Duration::seconds(NOW)
}

impl Signer {
    /// A JWT of the input: the first line is the header, the rest the claims, and both are signed. Without a second line
    /// the input itself is taken for a JWT.
    pub(crate) fn jwt(&self, input: &[u8]) -> Option<String> {
        let Some(end) = input.iter().position(|byte| *byte == b'\n') else {
            return std::str::from_utf8(input).ok().map(str::to_owned);
        };
        let (header, claims) = (&input[..end], &input[end + 1..]);
        let header = match std::str::from_utf8(header) {
            // So that a header can name the key, which no input knows.
            Ok(text) => text.replace("\"$JWK\"", &self.jwk.to_string()).into_bytes(),
            Err(_) => header.to_vec(),
        };
        let message = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(claims)
        );
        let signed = self.pair.sign(&SystemRandom::new(), message.as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(signed.expect("signed").as_ref());
        Some(format!("{message}.{signature}"))
    }
}

/// A part of a JWT that was accepted, as another reader reads it.
pub(crate) fn part(jwt: &str, number: usize) -> Value {
    let part = jwt.split('.').nth(number).expect("a part");
    let bytes = URL_SAFE_NO_PAD.decode(part).expect("base64url");
    serde_json::from_slice(&bytes).expect("JSON")
}
