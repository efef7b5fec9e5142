//! What vouches for a call to an agent's endpoint: who sent it, to whom, when, about which promise, and what its
//! body is. Signed like every token of ours, so that whoever has learnt an agent's notification token still
//! cannot call it in our name.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use time::OffsetDateTime;

use super::access::numeric_date;
use crate::domain::action::json::digest;
use crate::domain::id::{ClientId, ParcelId};

/// The header it is in.
pub const HEADER: &str = "countersign-signature";

/// The claims.
#[derive(Debug, Serialize)]
pub struct SignedCallback<'a> {
    iss: &'a str,
    aud: &'a ClientId,
    iat: i64,
    jti: String,
    body_sha256: String,
}

impl<'a> SignedCallback<'a> {
    /// For one call. Whoever is called twice about one promise finds the same `jti`.
    pub fn new(
        issuer: &'a str,
        client: &'a ClientId,
        promise: ParcelId,
        body: &str,
        now: OffsetDateTime,
    ) -> Self {
        Self {
            iss: issuer,
            aud: client,
            iat: numeric_date(now),
            jti: promise.to_string(),
            body_sha256: URL_SAFE_NO_PAD.encode(digest(body)),
        }
    }
}
