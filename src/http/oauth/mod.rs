//! For agents: OAuth and CIBA endpoints, named as the specifications name them.

mod backchannel_authentication;
mod grant_management;
mod introspection;
mod jwks;
mod metadata;
mod registration;
pub mod resource_metadata;
mod revocation;
mod token;

use axum::Router;
use axum::routing::{get, post};

use crate::app::App;
use crate::paths;

/// The endpoints.
pub fn router() -> Router<App> {
    Router::new()
        .route(paths::OPENID_CONFIGURATION, get(metadata::openid))
        .route(paths::OAUTH_METADATA, get(metadata::oauth))
        .route(paths::RESOURCE_METADATA, get(resource_metadata::metadata))
        .route(
            paths::RESOURCE_METADATA_BELOW,
            get(resource_metadata::metadata),
        )
        .route(paths::JWKS, get(jwks::jwks))
        .route(
            paths::BACKCHANNEL_AUTHENTICATION,
            post(backchannel_authentication::ask),
        )
        .route(paths::REGISTRATION, post(registration::register))
        .route(
            paths::REGISTERED,
            get(registration::read)
                .put(registration::replace)
                .delete(registration::delete),
        )
        .route(paths::TOKEN, post(token::token))
        .route(paths::INTROSPECTION, post(introspection::introspect))
        .route(paths::REVOCATION, post(revocation::revoke))
        .route(
            paths::GRANT,
            get(grant_management::query).delete(grant_management::give_back),
        )
}
