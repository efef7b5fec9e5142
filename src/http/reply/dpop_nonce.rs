//! `DPoP-Nonce` (RFC 9449 §8): whoever shows a key is handed the nonce for its next proof.

use axum::response::Response;
use http::{HeaderName, HeaderValue};

use crate::app::App;
use crate::domain::client::authentication::Authenticated;

/// `DPoP-Nonce`.
const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// The nonce for a client's next proof, if it sends any.
pub fn for_who_shows_a_key(app: &App, client: &Authenticated) -> Option<String> {
    client.proof()?;
    Some(app.secrets.dpop_nonces.current(app.clock.now()))
}

/// A response with that nonce.
pub fn with(nonce: Option<String>, mut response: Response) -> Response {
    if let Some(value) = nonce.and_then(|nonce| HeaderValue::try_from(nonce).ok()) {
        response.headers_mut().insert(DPOP_NONCE, value);
    }
    response
}

/// A response with the nonce for the client's next proof.
pub fn offered(app: &App, client: &Authenticated, response: Response) -> Response {
    with(for_who_shows_a_key(app, client), response)
}
