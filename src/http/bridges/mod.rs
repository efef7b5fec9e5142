//! For programs that speak something other than OAuth: proxies.

mod forward_auth;
mod original;

use axum::Router;
use axum::routing::any;

use crate::app::App;
use crate::paths;

/// What they ask.
pub fn router() -> Router<App> {
    Router::new()
        .route(paths::FORWARD_AUTH, any(forward_auth::ask))
        .route(paths::FORWARD_AUTH_BELOW, any(forward_auth::ask))
}
