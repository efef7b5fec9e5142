//! How it comes in: the whole URL space, and what every answer gets.

pub mod api;
pub mod bridges;
pub mod extract;
pub mod health;
pub mod layer;
pub mod oauth;
pub mod pages;
pub mod reply;

use axum::Router;

use crate::app::App;
use crate::http::layer::security_headers::SecurityHeaders;

/// Everything this server answers.
pub fn router(app: App) -> Router {
    let headers = SecurityHeaders::new(app.settings.is_https());
    Router::new()
        .merge(oauth::router())
        .merge(api::router())
        .merge(bridges::router())
        .merge(pages::router())
        .merge(health::router())
        .layer(headers.layer())
        .with_state(app)
}
