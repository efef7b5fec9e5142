//! The keys we sign with, and the set we publish (RFC 7515, RFC 7517, RFC 7638).
//!
//! Over aws-lc directly: `jsonwebtoken` verifies for us, but it parses the private key anew for every
//! signature, and signing is on the way of every token.

mod public_jwk;
mod signing_key;

use aws_lc_rs::error;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use time::OffsetDateTime;

use super::algorithm::Algorithm;
use crate::domain::receipt;

pub use self::public_jwk::{PublicJwk, PublicKey};
pub use self::signing_key::SigningKey;

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
    /// `callback+jwt`: a call to an agent's endpoint.
    Callback,
    /// `approval-receipt+jwt`, ours.
    Receipt,
}

impl Kind {
    fn typ(self) -> &'static str {
        match self {
            Self::AccessToken => "at+jwt",
            Self::IdToken => "JWT",
            Self::Introspection => "token-introspection+jwt",
            Self::Transaction => "txntoken+jwt",
            Self::Callback => "callback+jwt",
            Self::Receipt => receipt::TYPE,
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

/// The keys that sign, one for each algorithm at most, and the ones still published so that what they signed
/// can be checked.
#[derive(Clone, Debug)]
pub struct Keyring {
    /// Signs ES256: every access token, and what asks for nothing else.
    pub active: SigningKey,
    /// Sign the ID tokens of clients that asked for another algorithm.
    pub others: Vec<SigningKey>,
    /// Published until the moment beside them.
    pub retiring: Vec<(PublicJwk, OffsetDateTime)>,
}

impl Keyring {
    /// A ring of one ES256 key.
    pub fn of(active: SigningKey) -> Self {
        Self {
            active,
            others: Vec::new(),
            retiring: Vec::new(),
        }
    }

    /// The key that signs with that algorithm.
    pub fn signer(&self, algorithm: Algorithm) -> Option<&SigningKey> {
        std::iter::once(&self.active)
            .chain(&self.others)
            .find(|key| key.algorithm() == algorithm)
    }

    /// The published set (`jwks_uri`): the active keys first.
    pub fn published(&self, now: OffsetDateTime) -> Vec<PublicJwk> {
        self.public_at(now).cloned().collect()
    }

    /// Every key there is, by its name and whether it signs.
    pub fn names(&self) -> impl Iterator<Item = (&str, bool)> {
        let retiring = self.retiring.iter().map(|(key, _)| (key, false));
        self.signing()
            .map(|key| (key, true))
            .chain(retiring)
            .map(|(key, signs)| (key.kid.as_str(), signs))
    }

    fn signing(&self) -> impl Iterator<Item = &PublicJwk> {
        std::iter::once(&self.active)
            .chain(&self.others)
            .map(SigningKey::public)
    }

    fn public_at(&self, now: OffsetDateTime) -> impl Iterator<Item = &PublicJwk> {
        let retiring = self.retiring.iter().filter(move |(_, until)| now < *until);
        self.signing().chain(retiring.map(|(key, _)| key))
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
        let key = self.public_at(now).find(|key| key.kid == header.kid)?;
        let ours = header.alg == key.alg.as_str()
            && header.typ == kind.typ()
            && key.has_signed(signed.as_bytes(), &decode(signature)?);
        if !ours {
            return None;
        }
        serde_json::from_slice(&decode(claims)?).ok()
    }
}

#[cfg(test)]
mod tests;
