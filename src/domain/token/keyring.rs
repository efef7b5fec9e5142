//! The keys we sign with, and the set we publish (RFC 7515, RFC 7517, RFC 7638).
//!
//! ES256 over aws-lc directly: `jsonwebtoken` verifies for us, but it parses the private key anew for
//! every signature, and signing is on the way of every token.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use aws_lc_rs::{digest, error};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// The public half of a signing key, as published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicJwk {
    /// `EC`.
    pub kty: String,
    /// `P-256`.
    pub crv: String,
    /// The point's x.
    pub x: String,
    /// The point's y.
    pub y: String,
    /// The key's id: its thumbprint.
    pub kid: String,
    /// `ES256`.
    pub alg: String,
    /// `sig`.
    #[serde(rename = "use")]
    pub usage: String,
}

/// A key pair that signs ES256. Does not print its private half.
#[derive(Clone)]
pub struct SigningKey {
    pair: Arc<EcdsaKeyPair>,
    public: PublicJwk,
    headers: Arc<Headers>,
}

/// Encoded JOSE headers, made once.
struct Headers {
    access: String,
    id: String,
}

/// What a signed token is for: its JOSE `typ`, so that none can be taken for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `at+jwt` (RFC 9068 §2.1).
    AccessToken,
    /// `JWT` (OpenID Connect).
    IdToken,
}

/// The key could not be read, or could not sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signing key does not work")]
pub struct BrokenKey;

impl From<error::Unspecified> for BrokenKey {
    fn from(_: error::Unspecified) -> Self {
        Self
    }
}

impl From<error::KeyRejected> for BrokenKey {
    fn from(_: error::KeyRejected) -> Self {
        Self
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public.kid)
    }
}

impl SigningKey {
    /// Makes a new key and returns its PKCS#8 form, to be sealed.
    pub fn generate() -> Result<(Self, Vec<u8>), BrokenKey> {
        let pkcs8 =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())?;
        Ok((Self::from_pkcs8(pkcs8.as_ref())?, pkcs8.as_ref().to_vec()))
    }

    /// Reads a key from its PKCS#8 form.
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, BrokenKey> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8)?;
        let public = PublicJwk::from_point(pair.public_key().as_ref())?;
        let header = |typ: &str| {
            URL_SAFE_NO_PAD.encode(format!(
                r#"{{"alg":"ES256","typ":"{typ}","kid":"{}"}}"#,
                public.kid
            ))
        };
        let headers = Headers {
            access: header("at+jwt"),
            id: header("JWT"),
        };
        Ok(Self {
            pair: Arc::new(pair),
            public,
            headers: Arc::new(headers),
        })
    }

    /// The public half.
    pub fn public(&self) -> &PublicJwk {
        &self.public
    }

    /// A compact JWS over the claims.
    pub fn sign<C: Serialize>(&self, kind: Kind, claims: &C) -> Result<String, BrokenKey> {
        let header = match kind {
            Kind::AccessToken => &self.headers.access,
            Kind::IdToken => &self.headers.id,
        };
        let claims = serde_json::to_vec(claims).map_err(|_| BrokenKey)?;
        let mut token = String::with_capacity(header.len() + claims.len() * 4 / 3 + 96);
        token.push_str(header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = self.pair.sign(&SystemRandom::new(), token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature.as_ref(), &mut token);
        Ok(token)
    }
}

impl PublicJwk {
    /// The JWK of an uncompressed P-256 point.
    pub fn from_point(point: &[u8]) -> Result<Self, BrokenKey> {
        let (&[4], rest) = point.split_at_checked(1).ok_or(BrokenKey)? else {
            return Err(BrokenKey);
        };
        let (x, y) = rest.split_at_checked(32).ok_or(BrokenKey)?;
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        // RFC 7638: the required members, in this order, without spaces.
        let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let kid = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, canonical.as_bytes()));
        Ok(Self {
            kty: "EC".into(),
            crv: "P-256".into(),
            x,
            y,
            kid,
            alg: "ES256".into(),
            usage: "sig".into(),
        })
    }
}

/// The key that signs, and the ones still published so that what they signed can be checked.
#[derive(Clone, Debug)]
pub struct Keyring {
    /// Signs.
    pub active: SigningKey,
    /// Published until the moment beside them.
    pub retiring: Vec<(PublicJwk, OffsetDateTime)>,
}

impl Keyring {
    /// The published set (`jwks_uri`): the active key first.
    pub fn published(&self, now: OffsetDateTime) -> Vec<PublicJwk> {
        let retiring = self.retiring.iter().filter(|(_, until)| now < *until);
        std::iter::once(self.active.public())
            .chain(retiring.map(|(key, _)| key))
            .cloned()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_verifies_with_the_published_key() {
        let (key, pkcs8) = SigningKey::generate().unwrap();
        let again = SigningKey::from_pkcs8(&pkcs8).unwrap();
        assert_eq!(key.public(), again.public());
        let claims = serde_json::json!({"sub": "maya"});
        let token = again.sign(Kind::AccessToken, &claims).unwrap();
        let header = jsonwebtoken::decode_header(&token).unwrap();
        assert_eq!(header.typ.as_deref(), Some("at+jwt"));
        assert_eq!(header.kid.as_deref(), Some(key.public().kid.as_str()));
        let public =
            jsonwebtoken::DecodingKey::from_ec_components(&key.public().x, &key.public().y)
                .unwrap();
        let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::ES256);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        let read = jsonwebtoken::decode::<serde_json::Value>(&token, &public, &validation).unwrap();
        assert_eq!(read.claims, claims);
    }

    #[test]
    fn a_private_key_does_not_print() {
        let (key, _) = SigningKey::generate().unwrap();
        assert_eq!(
            format!("{key:?}"),
            format!("SigningKey({})", key.public().kid)
        );
    }
}
