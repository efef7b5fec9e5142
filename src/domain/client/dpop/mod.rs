//! DPoP (RFC 9449): a client proves, with each request, that it holds a key.
//!
//! [`read`] is the list of §4.3, in its order. A proof is good for one request: what it leaves to be
//! remembered ([`Proof::used`]) is spent with the request's effect, as a client assertion is.

mod address;
mod nonce;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use time::OffsetDateTime;

use super::assertion::{SKEW, UsedAssertion};
use super::confirmation::{Confirmation, Thumbprint};
use super::jws;
use super::keys::{PublicKey, sha256};
use crate::domain::ciba::refusal::Refusal;

pub use nonce::Nonces;

/// Longest proof taken.
const LONGEST: usize = 4 * 1024;

/// A key that has just been shown. Only [`read`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    key: Thumbprint,
    used: UsedAssertion,
}

impl Proof {
    /// What a token is bound to by it.
    pub fn confirmation(&self) -> Confirmation {
        Confirmation::Key(self.key)
    }

    /// What must not come again.
    pub fn used(&self) -> &UsedAssertion {
        &self.used
    }
}

/// What a proof must fit.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The request's method.
    pub method: &'a str,
    /// The endpoint, as we publish it: never as a request names it.
    pub endpoint: &'a str,
    /// The same endpoint at the host that asks for certificates, if there is one.
    pub alias: Option<&'a str>,
    /// The access token that comes with it, where one is used (§7): the proof must name it.
    pub token: Option<&'a str>,
    /// Our nonces.
    pub nonces: &'a Nonces,
    /// Whether a proof without a nonce is refused.
    pub nonce_required: bool,
}

/// Members of the header that count; others are ignored, unless they would choose how it is checked.
#[derive(Deserialize)]
struct Header {
    typ: String,
    alg: String,
    jwk: Value,
    crit: Option<IgnoredAny>,
    b64: Option<IgnoredAny>,
    zip: Option<IgnoredAny>,
    jku: Option<IgnoredAny>,
    x5u: Option<IgnoredAny>,
    x5c: Option<IgnoredAny>,
}

/// All required but the last four, all strictly typed; others are ignored.
#[derive(Deserialize)]
struct Claims {
    jti: String,
    htm: String,
    htu: String,
    iat: i64,
    #[serde(default)]
    ath: Option<String>,
    #[serde(default)]
    nonce: Option<String>,
    #[serde(default)]
    exp: Option<i64>,
    #[serde(default)]
    nbf: Option<i64>,
}

/// Checks a proof. That it has not been used before is left to whoever remembers.
pub fn read(proof: &str, expected: Expected<'_>, now: OffsetDateTime) -> Result<Proof, Refusal> {
    let bad = Refusal::InvalidDpopProof;
    let header = read_header(proof)?;
    if header.typ != "dpop+jwt" {
        return Err(bad("its typ is not dpop+jwt"));
    }
    let key = PublicKey::read(&header.jwk)
        .map_err(|_| bad("its jwk is not a public key of a kind that is taken"))?;
    if key.name() != header.alg {
        return Err(bad("its alg is not the one its key signs with"));
    }
    let claims: Claims = key
        .claims(proof)
        .ok_or(bad("it is not signed by its key, or lacks a claim"))?;
    if !(1..=256).contains(&claims.jti.len()) {
        return Err(bad("its jti must have 1 to 256 characters"));
    }
    if claims.htm != expected.method {
        return Err(bad("its htm is not this request's method"));
    }
    let mut ours = [Some(expected.endpoint), expected.alias]
        .into_iter()
        .flatten();
    if !ours.any(|endpoint| address::names(&claims.htu, endpoint)) {
        return Err(bad("its htu is not this endpoint"));
    }
    if let Some(token) = expected.token {
        let named = claims.ath.as_deref().and_then(Thumbprint::read);
        if named != Some(Thumbprint(sha256(token.as_bytes()))) {
            return Err(bad(
                "its ath is not the hash of the token that came with it",
            ));
        }
    }
    let good_until = good_until(&claims, expected, now)?;
    let thumbprint = key.thumbprint();
    Ok(Proof {
        key: Thumbprint(thumbprint),
        used: UsedAssertion {
            jti_hash: spent_name(&thumbprint, expected.endpoint, &claims.jti),
            // Another instance's clock may be behind this one's.
            expires_at: good_until + SKEW,
        },
    })
}

fn read_header(proof: &str) -> Result<Header, Refusal> {
    let bad = Refusal::InvalidDpopProof;
    let malformed = bad("it is not a JWS with typ, alg and jwk");
    if proof.len() > LONGEST {
        return Err(bad("it is too long"));
    }
    let mut parts = proof.split('.');
    let (Some(encoded), 2) = (parts.next(), parts.count()) else {
        return Err(malformed);
    };
    let header: Header = jws::part(encoded).ok_or(malformed)?;
    let odd = [
        &header.crit,
        &header.b64,
        &header.zip,
        &header.jku,
        &header.x5u,
        &header.x5c,
    ];
    if odd.into_iter().any(Option::is_some) {
        return Err(bad("its header says how it is to be checked"));
    }
    Ok(header)
}

/// The end of the time a proof is good for. A nonce says when it was made, so the client's clock need not
/// be right; without one, `iat` says it.
fn good_until(
    claims: &Claims,
    expected: Expected<'_>,
    now: OffsetDateTime,
) -> Result<OffsetDateTime, Refusal> {
    let bad = Refusal::InvalidDpopProof;
    let another = || Refusal::UseDpopNonce(expected.nonces.current(now));
    if let Some(nonce) = &claims.nonce {
        return expected.nonces.good_until(nonce, now).ok_or_else(another);
    }
    if expected.nonce_required {
        return Err(another());
    }
    let made = OffsetDateTime::from_unix_timestamp(claims.iat);
    let made = made.map_err(|_| bad("its iat is not a time"))?;
    if made > now + SKEW || made < now - SKEW {
        return Err(bad("its iat is more than a minute away"));
    }
    let soonest = (now + SKEW).unix_timestamp();
    let early = claims.nbf.is_some_and(|nbf| nbf > soonest);
    let late = claims.exp.is_some_and(|exp| exp <= now.unix_timestamp());
    if early || late {
        return Err(bad("it is not valid at this time"));
    }
    Ok(made + SKEW)
}

/// A name is used once for one key at one endpoint (§11.1).
fn spent_name(key: &[u8; 32], endpoint: &str, jti: &str) -> [u8; 32] {
    let mut name = b"dpop\0".to_vec();
    name.extend_from_slice(key);
    name.extend_from_slice(&sha256(endpoint.as_bytes()));
    name.extend_from_slice(jti.as_bytes());
    sha256(&name)
}

#[cfg(test)]
mod tests;
