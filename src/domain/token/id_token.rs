//! ID tokens: who it was, told to the agent (OpenID Connect Core §2; CIBA §10.1.1).

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use time::Duration;

use crate::domain::id::UserId;

/// Long enough to be read once.
pub const LIFETIME: Duration = Duration::minutes(5);

/// The claims of an ID token.
#[derive(Debug, Serialize)]
pub struct IdTokenClaims<'a> {
    /// Us.
    pub iss: &'a str,
    /// The person who answered.
    pub sub: UserId,
    /// The agent.
    pub aud: &'a str,
    /// When it was issued.
    pub iat: i64,
    /// When it ends.
    pub exp: i64,
    /// When the person last proved it was them.
    pub auth_time: i64,
    /// How they proved it.
    pub acr: &'static str,
    /// Ties it to the access token beside it.
    pub at_hash: String,
    /// Ties it to the refresh token beside it, where it is handed over unasked (CIBA §10.3.1).
    #[serde(
        rename = "urn:openid:params:jwt:claim:rt_hash",
        skip_serializing_if = "Option::is_none"
    )]
    pub rt_hash: Option<String>,
    /// Ties it to the request, where it is handed over unasked (CIBA §10.3.1).
    #[serde(
        rename = "urn:openid:params:jwt:claim:auth_req_id",
        skip_serializing_if = "Option::is_none"
    )]
    pub auth_req_id: Option<&'a str>,
}

/// `at_hash` and `rt_hash` for ES256, which is what ID tokens are signed with: the left half of SHA-256
/// over the token (OpenID Connect Core §3.1.3.6).
pub fn token_hash(token: &str) -> String {
    let hash = digest::digest(&digest::SHA256, token.as_bytes());
    URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t76_the_specifications_own_examples_hash_alike() {
        assert_eq!(
            token_hash("G5kXH2wHvUra0sHlDy1iTkDJgsgUO1bN"),
            "Wt0kVFXMacqvnHeyU0001w"
        );
        assert_eq!(
            token_hash("4bwc0ESC_IAhflf-ACC_vjD_ltc11ne-8gFPfA2Kx16"),
            "sHahCuSpXCRg5mkDDvvr4w"
        );
    }
}
