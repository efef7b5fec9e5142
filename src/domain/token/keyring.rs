//! The keys we sign with, and the set we publish (RFC 7515, RFC 7517, RFC 7638).
//!
//! ES256 over aws-lc directly: `jsonwebtoken` verifies for us, but it parses the private key anew for
//! every signature, and signing is on the way of every token.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
    UnparsedPublicKey,
};
use aws_lc_rs::{digest, error};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
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
    introspection: String,
    transaction: String,
}

/// What a signed token is for: its JOSE `typ`, so that none can be taken for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `at+jwt` (RFC 9068 §2.1).
    AccessToken,
    /// `JWT` (OpenID Connect).
    IdToken,
    /// `token-introspection+jwt` (RFC 9701 §5).
    Introspection,
    /// `txntoken+jwt` (draft-ietf-oauth-transaction-tokens).
    Transaction,
}

impl Kind {
    fn typ(self) -> &'static str {
        match self {
            Self::AccessToken => "at+jwt",
            Self::IdToken => "JWT",
            Self::Introspection => "token-introspection+jwt",
            Self::Transaction => "txntoken+jwt",
        }
    }
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
        let header = |kind: Kind| {
            URL_SAFE_NO_PAD.encode(format!(
                r#"{{"alg":"ES256","typ":"{}","kid":"{}"}}"#,
                kind.typ(),
                public.kid
            ))
        };
        let headers = Headers {
            access: header(Kind::AccessToken),
            id: header(Kind::IdToken),
            introspection: header(Kind::Introspection),
            transaction: header(Kind::Transaction),
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
            Kind::Introspection => &self.headers.introspection,
            Kind::Transaction => &self.headers.transaction,
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

    /// Whether this key has signed that.
    fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let mut point = [4; 65];
        let (x, y) = point[1..].split_at_mut(32);
        let decoded = [(&self.x, x), (&self.y, y)].map(|(text, into)| {
            let length = URL_SAFE_NO_PAD.decode_slice(text, into);
            length == Ok(32)
        });
        decoded == [true; 2]
            && UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &point)
                .verify(message, signature)
                .is_ok()
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

    /// The claims of a token of this kind that a published key of ours has signed. Whether it has ended
    /// is not asked here.
    pub fn read<C: DeserializeOwned>(
        &self,
        kind: Kind,
        token: &str,
        now: OffsetDateTime,
    ) -> Option<C> {
        #[derive(Deserialize)]
        struct Header {
            alg: String,
            typ: String,
            kid: String,
        }
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let header: Header = serde_json::from_slice(&decode(header)?).ok()?;
        let keys = self.published(now);
        let key = keys.iter().find(|key| key.kid == header.kid)?;
        let ours = header.alg == key.alg
            && header.typ == kind.typ()
            && key.has_signed(signed.as_bytes(), &decode(signature)?);
        if !ours {
            return None;
        }
        serde_json::from_slice(&decode(claims)?).ok()
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
    fn only_what_a_published_key_signed_for_this_is_read() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let hour = time::Duration::hours(1);
        let (active, _) = SigningKey::generate().unwrap();
        let (old, _) = SigningKey::generate().unwrap();
        let (strange, _) = SigningKey::generate().unwrap();
        let keyring = Keyring {
            retiring: vec![(old.public().clone(), now + hour)],
            active: active.clone(),
        };
        let claims = serde_json::json!({"sub": "maya"});
        let read = |token: &str, now| -> Option<serde_json::Value> {
            keyring.read(Kind::AccessToken, token, now)
        };
        for key in [&active, &old] {
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
    fn a_private_key_does_not_print() {
        let (key, _) = SigningKey::generate().unwrap();
        assert_eq!(
            format!("{key:?}"),
            format!("SigningKey({})", key.public().kid)
        );
    }
}
