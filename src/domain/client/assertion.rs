//! `private_key_jwt` (RFC 7523 as amended; OpenID Connect Core §9): a client signs for itself.
//!
//! The key decides the algorithm, never the header; a header may name a key of that client and nothing
//! else. `jsonwebtoken` checks the signature; the claims are ours to judge, against the injected time.

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::Value;
use time::{Duration, OffsetDateTime};

use crate::domain::id::ClientId;

/// An assertion may not be valid for longer than this.
const LONGEST_LIFE: Duration = Duration::minutes(5);

/// Clocks of others may differ from ours by this much.
const SKEW: Duration = Duration::seconds(60);

/// Shortest RSA modulus taken, in bytes.
const SHORTEST_RSA: usize = 256;

/// Keys a client may register at once.
const MOST_KEYS: usize = 16;

/// An assertion that has been used: its `jti` may not come again before `expires_at`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedAssertion {
    /// SHA-256 of the `jti`.
    pub jti_hash: [u8; 32],
    /// When it could no longer be replayed anyway.
    pub expires_at: OffsetDateTime,
}

/// A client's public keys.
#[derive(Clone, Debug, PartialEq)]
pub struct PublicKeys {
    document: String,
    keys: Vec<PublicKey>,
}

#[derive(Clone, Debug, PartialEq)]
struct PublicKey {
    kid: Option<String>,
    algorithm: Algorithm,
    jwk: Jwk,
}

/// A JWK Set that cannot be a client's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKeys {
    /// Not a JWK Set.
    #[error("it is not a JWK Set")]
    Malformed,
    /// No keys, or too many.
    #[error("it must hold 1 to 16 keys")]
    Count,
    /// A private or symmetric key.
    #[error("it holds a private or symmetric key: only public keys may be registered")]
    Private,
    /// A key of a kind that is not taken.
    #[error("only P-256 and Ed25519 keys, and RSA keys of 2048 bits or more, are taken")]
    Unsupported,
}

impl PublicKeys {
    /// Reads a JWK Set.
    pub fn read(document: &str) -> Result<Self, BadKeys> {
        let raw: Value = serde_json::from_str(document).map_err(|_| BadKeys::Malformed)?;
        let listed = raw
            .get("keys")
            .and_then(Value::as_array)
            .ok_or(BadKeys::Malformed)?;
        if listed.is_empty() || listed.len() > MOST_KEYS {
            return Err(BadKeys::Count);
        }
        let private = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
        if listed
            .iter()
            .any(|key| private.iter().any(|member| key.get(member).is_some()))
        {
            return Err(BadKeys::Private);
        }
        let set: JwkSet = serde_json::from_value(raw).map_err(|_| BadKeys::Unsupported)?;
        let keys = set
            .keys
            .into_iter()
            .map(PublicKey::read)
            .collect::<Result<_, _>>()?;
        Ok(Self {
            document: document.to_owned(),
            keys,
        })
    }

    /// The JWK Set as registered.
    pub fn document(&self) -> &str {
        &self.document
    }

    /// Checks an assertion (RFC 7523 §3): `iss` = `sub` = the client, `aud` = us and only us.
    pub(super) fn verify(
        &self,
        jwt: &str,
        client: &ClientId,
        audience: &str,
        now: OffsetDateTime,
    ) -> Option<UsedAssertion> {
        let header = read_header(jwt)?;
        let candidates = self
            .keys
            .iter()
            .filter(|key| match (&header.kid, &key.kid) {
                (Some(named), Some(kid)) => named == kid,
                (Some(_), None) | (None, _) => true,
            });
        let claims = candidates
            .filter(|key| key.name() == header.alg)
            .find_map(|key| key.verified_claims(jwt))?;
        let expires_at = claims.judge(client, audience, now)?;
        let mut jti_hash = [0; 32];
        jti_hash.copy_from_slice(digest::digest(&digest::SHA256, claims.jti.as_bytes()).as_ref());
        Some(UsedAssertion {
            jti_hash,
            expires_at: expires_at + SKEW,
        })
    }
}

/// The only header members an assertion may have. `jku`, `x5u`, `jwk`, `crit`, `zip`, `b64` and all
/// the rest are refused, wherever they point.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    typ: Option<String>,
}

fn read_header(jwt: &str) -> Option<Header> {
    let mut parts = jwt.split('.');
    let encoded = parts.next()?;
    if parts.count() != 2 {
        return None;
    }
    let header: Header = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(encoded).ok()?).ok()?;
    let typ = header.typ.as_deref().map(str::to_ascii_lowercase);
    let typed = matches!(
        typ.as_deref(),
        None | Some("jwt" | "client-authentication+jwt")
    );
    let named = header.kid.as_deref().is_none_or(|kid| kid.len() <= 128);
    (typed && named).then_some(header)
}

/// All required, all strictly typed: an `exp` that is a string is no `exp`.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    exp: i64,
    jti: String,
    #[serde(default)]
    iat: Option<i64>,
    #[serde(default)]
    nbf: Option<i64>,
}

impl Claims {
    fn judge(
        &self,
        client: &ClientId,
        audience: &str,
        now: OffsetDateTime,
    ) -> Option<OffsetDateTime> {
        let expires_at = OffsetDateTime::from_unix_timestamp(self.exp).ok()?;
        let soonest = (now + SKEW).unix_timestamp();
        let good = self.iss == client.0
            && self.sub == client.0
            && self.aud == audience
            && (1..=256).contains(&self.jti.len())
            && now < expires_at
            && expires_at <= now + LONGEST_LIFE + SKEW
            && self.iat.is_none_or(|iat| iat <= soonest)
            && self.nbf.is_none_or(|nbf| nbf <= soonest);
        good.then_some(expires_at)
    }
}

impl PublicKey {
    fn read(jwk: Jwk) -> Result<Self, BadKeys> {
        let algorithm = algorithm(&jwk.algorithm).ok_or(BadKeys::Unsupported)?;
        DecodingKey::from_jwk(&jwk).map_err(|_| BadKeys::Unsupported)?;
        Ok(Self {
            kid: jwk.common.key_id.clone(),
            algorithm,
            jwk,
        })
    }

    /// `alg` as the header must have it.
    fn name(&self) -> &'static str {
        if self.algorithm == Algorithm::ES256 {
            "ES256"
        } else if self.algorithm == Algorithm::PS256 {
            "PS256"
        } else {
            "EdDSA"
        }
    }

    fn verified_claims(&self, jwt: &str) -> Option<Claims> {
        let key = DecodingKey::from_jwk(&self.jwk).ok()?;
        let mut validation = Validation::new(self.algorithm);
        // Time and audience are judged above: this library would read the system's clock.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        jsonwebtoken::decode::<Claims>(jwt, &key, &validation)
            .ok()
            .map(|token| token.claims)
    }
}

/// What a key of that kind signs with: the key says, never a header.
fn algorithm(parameters: &AlgorithmParameters) -> Option<Algorithm> {
    if let AlgorithmParameters::EllipticCurve(it) = parameters {
        return (it.curve == EllipticCurve::P256).then_some(Algorithm::ES256);
    }
    if let AlgorithmParameters::OctetKeyPair(it) = parameters {
        return (it.curve == EllipticCurve::Ed25519).then_some(Algorithm::EdDSA);
    }
    if let AlgorithmParameters::RSA(it) = parameters {
        let modulus = URL_SAFE_NO_PAD.decode(&it.n).ok()?;
        return (modulus.len() >= SHORTEST_RSA).then_some(Algorithm::PS256);
    }
    None
}

/// Algorithms an assertion may be signed with.
pub const ALGORITHMS: [&str; 3] = ["ES256", "PS256", "EdDSA"];

/// Who an assertion says it is from: only to find the keys it must then be checked with.
pub(super) fn unverified_subject(jwt: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Subject {
        sub: String,
    }
    read_header(jwt)?;
    let claims = jwt.split('.').nth(1)?;
    let it: Subject = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    (it.sub.len() <= 255).then_some(it.sub)
}
