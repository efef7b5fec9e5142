//! How this server proves to a push service that it is the one the browser subscribed to
//! (RFC 8292).
//!
//! The crate `web-push` could sign too, but reads the system clock for it, and forgets the port in
//! the audience. It is handed our token instead, and writes the header.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretSlice;
use serde_json::json;
use time::{Duration, OffsetDateTime};
use url::Url;

use super::contact::VapidContact;

/// How long a token lives. Push services refuse more than 24 hours.
const LIFE: Duration = Duration::hours(12);

/// The key every subscription of this server is bound to: P-256.
///
/// Made once, sealed by the caller and kept for good: browsers subscribed under one key never
/// accept another.
#[derive(Clone)]
pub struct VapidKey {
    scalar: SecretSlice<u8>,
    public: Vec<u8>,
    pair: Arc<EcdsaKeyPair>,
}

/// The bytes are no P-256 private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a P-256 private key")]
pub struct NotAKey;

/// A token could not be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the VAPID token could not be signed")]
pub(super) struct NotSigned;

impl VapidKey {
    /// The key with this private scalar (32 bytes, big-endian).
    ///
    /// Random bytes are one but for a chance in 2³²: whoever makes a key draws again then.
    pub fn from_scalar(scalar: &[u8]) -> Result<Self, NotAKey> {
        let agreement = PrivateKey::from_private_key(&ECDH_P256, scalar).map_err(|_| NotAKey)?;
        let public = agreement
            .compute_public_key()
            .map_err(|_| NotAKey)?
            .as_ref()
            .to_vec();
        let pair = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            scalar,
            &public,
        )
        .map_err(|_| NotAKey)?;
        Ok(Self {
            scalar: scalar.to_vec().into(),
            public,
            pair: Arc::new(pair),
        })
    }

    /// The private scalar, to be sealed and kept.
    pub fn scalar(&self) -> &SecretSlice<u8> {
        &self.scalar
    }

    /// The public key as the browser wants it for `applicationServerKey`.
    pub fn public_key_base64url(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.public)
    }

    /// The public point, uncompressed.
    pub(super) fn public(&self) -> &[u8] {
        &self.public
    }

    /// A token for one push service: ES256 over its origin, our contact and an end.
    pub(super) fn token(
        &self,
        endpoint: &Url,
        contact: &VapidContact,
        now: OffsetDateTime,
    ) -> Result<String, NotSigned> {
        let header = json!({"typ": "JWT", "alg": "ES256"});
        let claims = json!({
            "aud": endpoint.origin().ascii_serialization(),
            "exp": (now + LIFE).unix_timestamp(),
            "sub": contact.as_str(),
        });
        let encode = |part: serde_json::Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encode(header), encode(claims));
        let hash = digest(&SHA256, signed.as_bytes());
        // Fixed: r and s side by side, as JWS has it, not DER.
        let signature = self.pair.sign_digest(&hash).map_err(|_| NotSigned)?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

impl fmt::Debug for VapidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VapidKey({})", self.public_key_base64url())
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
    use secrecy::ExposeSecret;
    use time::macros::datetime;

    use super::*;

    fn token_for(endpoint: &str, now: OffsetDateTime) -> (VapidKey, String) {
        let key = VapidKey::from_scalar(&[7; 32]).unwrap();
        let contact = VapidContact::read("mailto:ops@example.com").unwrap();
        let token = key
            .token(&endpoint.parse().unwrap(), &contact, now)
            .unwrap();
        (key, token)
    }

    fn part(token: &str, index: usize) -> serde_json::Value {
        let part = token.split('.').nth(index).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }

    #[test]
    fn t96_a_token_lives_at_most_a_day_and_by_the_clock_it_was_given() {
        let now = datetime!(2001-02-03 04:05:06 UTC);
        let (_, token) = token_for("https://fcm.googleapis.com/fcm/send/x", now);
        let exp = part(&token, 1)["exp"].as_i64().unwrap() - now.unix_timestamp();
        assert!((1..=24 * 3600).contains(&exp), "{exp}");
    }

    #[test]
    fn t96_the_audience_is_an_origin_and_nothing_more() {
        let now = OffsetDateTime::UNIX_EPOCH;
        for (endpoint, audience) in [
            (
                "https://fcm.googleapis.com/fcm/send/x?y",
                "https://fcm.googleapis.com",
            ),
            (
                "https://web.push.apple.com:443/x",
                "https://web.push.apple.com",
            ),
            ("http://localhost:1234/wpush/v2/x", "http://localhost:1234"),
        ] {
            let (_, token) = token_for(endpoint, now);
            assert_eq!(part(&token, 1)["aud"], audience);
            assert_eq!(part(&token, 1)["sub"], "mailto:ops@example.com");
            assert_eq!(part(&token, 1).as_object().unwrap().len(), 3);
        }
    }

    #[test]
    fn t96_the_signature_is_es256_as_jws_writes_it() {
        let (key, token) = token_for("https://push.example.net/x", OffsetDateTime::UNIX_EPOCH);
        assert_eq!(part(&token, 0), json!({"typ": "JWT", "alg": "ES256"}));
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        assert_eq!(signature.len(), 64);
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.public())
            .verify(signed.as_bytes(), &signature)
            .unwrap();
    }

    #[test]
    fn a_key_comes_back_from_its_scalar() {
        let key = VapidKey::from_scalar(&[9; 32]).unwrap();
        let back = VapidKey::from_scalar(key.scalar().expose_secret()).unwrap();
        assert_eq!(back.public_key_base64url(), key.public_key_base64url());
        assert_eq!(
            URL_SAFE_NO_PAD.decode(key.public_key_base64url()).unwrap()[0],
            4
        );
        assert!(!format!("{key:?}").contains("0909"));
        for scalar in [&[0; 32][..], &[255; 32], &[1; 31], &[]] {
            assert_eq!(VapidKey::from_scalar(scalar).unwrap_err(), NotAKey);
        }
    }
}
