//! ID tokens: who it was, told to the agent (OpenID Connect Core §2; CIBA §10.1.1).

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use time::Duration;

use super::algorithm::Algorithm;
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

/// `at_hash` and `rt_hash`: the left half of a hash over the token, of the hash the ID token's own algorithm
/// uses (OpenID Connect Core §3.1.3.6). EdDSA does not say its hash; with Ed25519 it is SHA-512.
pub fn token_hash(algorithm: Algorithm, token: &str) -> String {
    let hash = match algorithm {
        Algorithm::Es256 | Algorithm::Ps256 | Algorithm::Rs256 => &digest::SHA256,
        Algorithm::EdDsa => &digest::SHA512,
    };
    let hash = digest::digest(hash, token.as_bytes());
    let bytes = hash.as_ref();
    URL_SAFE_NO_PAD.encode(&bytes[..bytes.len() / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t76_the_specifications_own_examples_hash_alike() {
        for algorithm in [Algorithm::Es256, Algorithm::Ps256, Algorithm::Rs256] {
            assert_eq!(
                token_hash(algorithm, "G5kXH2wHvUra0sHlDy1iTkDJgsgUO1bN"),
                "Wt0kVFXMacqvnHeyU0001w"
            );
            assert_eq!(
                token_hash(algorithm, "4bwc0ESC_IAhflf-ACC_vjD_ltc11ne-8gFPfA2Kx16"),
                "sHahCuSpXCRg5mkDDvvr4w"
            );
        }
    }

    #[test]
    fn t76_others_hash_alike_with_each_algorithm() {
        // The values in the documentation of the npm package `oidc-token-hash`.
        let token = "YmJiZTAwYmYtMzgyOC00NzhkLTkyOTItNjJjNDM3MGYzOWIy9sFhvH8K_x8UIHj1osisS57f5DduL-ar_qw5jl3lthwpMjm283aVMQXDmoqqqydDSqJfbhptzw8rUVwkuQbolw";
        assert_eq!(
            token_hash(Algorithm::Rs256, token),
            "x7vk7f6BvQj0jQHYFIk4ag"
        );
        assert_eq!(
            token_hash(Algorithm::EdDsa, token),
            "EGEAhGYyfuwDaVTifvrWSoD5MSy_5hZPy6I7Vm-7pTQ"
        );
    }
}
