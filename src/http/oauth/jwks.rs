//! The published keys (RFC 7517).

use axum::extract::State;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::app::App;
use crate::domain::token::keyring::PublicJwk;
use crate::http::reply::oauth_error::json;

#[derive(Serialize)]
struct JwkSet {
    keys: Vec<PublicJwk>,
}

/// `GET /oauth/jwks`.
pub(super) async fn jwks(State(app): State<App>) -> Response {
    let keys = app.keyring.get().published(app.clock.now());
    let mut response = json(StatusCode::OK, &JwkSet { keys });
    // A rotation overlaps by far more than this.
    let cached = HeaderValue::from_static("public, max-age=300");
    response.headers_mut().insert(header::CACHE_CONTROL, cached);
    response
}
