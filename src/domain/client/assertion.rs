//! `private_key_jwt` (RFC 7523 as amended; OpenID Connect Core §9): a client signs for itself.
//!
//! The key decides the algorithm, never the header; a header may name a key of that client and nothing
//! else ([`keys`](super::keys)). The claims are judged here, against the injected time.

use serde::Deserialize;
use time::{Duration, OffsetDateTime};

use super::keys::{PublicKeys, sha256};
use super::{Client, jws};
use crate::domain::id::ClientId;

/// An assertion may not be valid for longer than this.
const LONGEST_LIFE: Duration = Duration::minutes(5);

/// Clocks of others may differ from ours by this much (FAPI 2.0 §5.3.2.1: more than 60 s is refused).
pub(in crate::domain) const SKEW: Duration = Duration::seconds(60);

/// An assertion that has been used, or a DPoP proof, which asserts a key: its `jti` may not come again
/// before `expires_at`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedAssertion {
    /// SHA-256 of the `jti`; of a proof, together with its key and address.
    pub jti_hash: [u8; 32],
    /// When it could no longer be replayed anyway.
    pub expires_at: OffsetDateTime,
}

/// Whom an assertion may be addressed to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Audience {
    /// The issuer, as one string, and nothing else (draft-ietf-oauth-rfc7523bis §4, FAPI 2.0 §5.3.2.1).
    #[default]
    Strict,
    /// Also the token and the backchannel endpoint (CIBA §7.1), and the issuer with a slash at its end.
    CibaCompat,
}

impl Audience {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Strict, Self::CibaCompat];

    /// The word as registered.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::CibaCompat => "ciba-compat",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == word)
    }

    fn takes(self, aud: &Aud, us: Us<'_>) -> bool {
        match (self, aud) {
            (Self::Strict | Self::CibaCompat, Aud::One(one)) if one == us.issuer => true,
            (Self::Strict, Aud::One(_) | Aud::Only(_)) => false,
            (Self::CibaCompat, Aud::One(one) | Aud::Only([one])) => {
                let endpoint = |front: &str| {
                    let path = one.strip_prefix(front);
                    path.is_some_and(|path| us.endpoints.contains(&path))
                };
                let slash = one.strip_prefix(us.issuer);
                slash.is_some_and(|rest| matches!(rest, "" | "/"))
                    || endpoint(us.issuer)
                    || us.alias.is_some_and(endpoint)
            }
        }
    }
}

/// What an assertion for us may be addressed to: never taken from what a request says.
#[derive(Clone, Copy, Debug)]
pub struct Us<'a> {
    /// The issuer.
    pub issuer: &'a str,
    /// The address in front of our endpoints at the host that asks for certificates, if there is one.
    pub alias: Option<&'a str>,
    /// Paths under it of the endpoints that CIBA §7.1 allows.
    pub endpoints: [&'a str; 2],
}

/// Checks an assertion (RFC 7523 §3): `iss` = `sub` = the client, `aud` = us and only us, signed as its
/// profile allows.
pub(super) fn verify(
    keys: &PublicKeys,
    jwt: &str,
    client: &Client,
    us: Us<'_>,
    now: OffsetDateTime,
) -> Option<UsedAssertion> {
    let header = read_header(jwt).filter(|header| client.profile.takes(&header.alg))?;
    let claims: Claims = keys.claims(jwt, &header.alg, header.kid.as_deref())?;
    let expires_at = claims.judge(&client.id, now)?;
    if !client.proof.audience.takes(&claims.aud, us) {
        return None;
    }
    Some(UsedAssertion {
        jti_hash: sha256(claims.jti.as_bytes()),
        expires_at: expires_at + SKEW,
    })
}

fn read_header(jwt: &str) -> Option<jws::Header> {
    jws::header(jwt).filter(|header| header.is_typed("client-authentication+jwt"))
}

/// All required, all strictly typed: an `exp` that is a string is no `exp`.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Aud,
    exp: i64,
    jti: String,
    #[serde(default)]
    iat: Option<i64>,
    #[serde(default)]
    nbf: Option<i64>,
}

/// One address, as a string or as the only one of a list.
#[derive(Deserialize)]
#[serde(untagged)]
enum Aud {
    One(String),
    Only([String; 1]),
}

impl Claims {
    fn judge(&self, client: &ClientId, now: OffsetDateTime) -> Option<OffsetDateTime> {
        let expires_at = OffsetDateTime::from_unix_timestamp(self.exp).ok()?;
        let soonest = (now + SKEW).unix_timestamp();
        let good = self.iss == client.0
            && self.sub == client.0
            && (1..=256).contains(&self.jti.len())
            && now < expires_at
            && expires_at <= now + LONGEST_LIFE + SKEW
            && self.iat.is_none_or(|iat| iat <= soonest)
            && self.nbf.is_none_or(|nbf| nbf <= soonest);
        good.then_some(expires_at)
    }
}

/// Who an assertion says it is from: only to find the keys it must then be checked with.
pub(super) fn unverified_subject(jwt: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Subject {
        sub: String,
    }
    read_header(jwt)?;
    let claims = jwt.split('.').nth(1)?;
    let it: Subject = jws::part(claims)?;
    (it.sub.len() <= 255).then_some(it.sub)
}
