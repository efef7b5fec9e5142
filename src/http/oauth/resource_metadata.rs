//! What a service says about itself (RFC 9728), for services whose well-known address leads here.
//!
//! The document belongs at the service's own host: its proxy sends that one path to us, with the host it
//! was asked for. We say nothing but what the catalogue has, so a host that was made up finds nothing
//! that is not public anyway.

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use serde::Serialize;
use url::{Position, Url};

use crate::app::App;
use crate::domain::action::{Catalogue, PermissionKey, Resource};
use crate::http::reply::oauth_error::{json, not_found};
use crate::paths;

#[derive(Serialize)]
struct Metadata<'a> {
    resource: &'a str,
    resource_name: &'a str,
    authorization_servers: [&'a str; 1],
    bearer_methods_supported: [&'static str; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scopes_supported: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authorization_details_types_supported: Vec<&'a str>,
}

/// `GET /.well-known/oauth-protected-resource…` at a service's host.
pub(super) async fn metadata(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Response {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let asked = host.zip(uri.path_and_query());
    let current = app.catalogue.get();
    let found = asked.and_then(|(host, path)| found(&current.catalogue, host, path.as_str()));
    let Some(resource) = found else {
        return not_found();
    };
    let (mut scopes, mut types) = (Vec::new(), Vec::new());
    for permission in &resource.permissions {
        match &permission.key {
            PermissionKey::Scope(scope) => scopes.push(scope.as_str()),
            PermissionKey::Type(kind) => types.push(kind.as_str()),
        }
    }
    let document = Metadata {
        resource: &resource.identifier,
        resource_name: &resource.name,
        authorization_servers: [app.settings.public_url.as_str()],
        bearer_methods_supported: ["header"],
        scopes_supported: scopes,
        authorization_details_types_supported: types,
    };
    let mut response = json(StatusCode::OK, &document);
    let cached = HeaderValue::from_static("public, max-age=300");
    response.headers_mut().insert(header::CACHE_CONTROL, cached);
    response
}

fn found<'a>(catalogue: &'a Catalogue, host: &str, path: &str) -> Option<&'a Resource> {
    catalogue.resources.iter().find(|resource| {
        let place = well_known(&resource.identifier);
        place.is_some_and(|(at, below)| at.eq_ignore_ascii_case(host) && below == path)
    })
}

/// Where the document of a service is found, if its identifier is an address.
pub fn address(identifier: &str) -> Option<String> {
    let scheme = identifier.split_once(':')?.0;
    let (host, path) = well_known(identifier)?;
    Some(format!("{scheme}://{host}{path}"))
}

/// The host and the path at which an identifier's document belongs (§3.1): the words are put between
/// host and path, and a slash that is the whole path is left out.
fn well_known(identifier: &str) -> Option<(String, String)> {
    let url = Url::parse(identifier).ok()?;
    let host = &url[Position::BeforeHost..Position::AfterPort];
    if !matches!(url.scheme(), "http" | "https") || host.is_empty() {
        return None;
    }
    let path = match url.path() {
        "/" => "",
        path => path,
    };
    let query = &url[Position::AfterPath..Position::AfterQuery];
    Some((
        host.to_owned(),
        format!("{}{path}{query}", paths::RESOURCE_METADATA),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_stand_between_host_and_path() {
        let at = |identifier| well_known(identifier).map(|(host, path)| format!("{host}{path}"));
        for (identifier, place) in [
            (
                "https://a.example",
                "a.example/.well-known/oauth-protected-resource",
            ),
            (
                "https://a.example/",
                "a.example/.well-known/oauth-protected-resource",
            ),
            (
                "https://a.example:8443/x/y",
                "a.example:8443/.well-known/oauth-protected-resource/x/y",
            ),
            (
                "https://a.example/x?y=1",
                "a.example/.well-known/oauth-protected-resource/x?y=1",
            ),
            (
                "http://[::1]:80/mcp",
                "[::1]/.well-known/oauth-protected-resource/mcp",
            ),
        ] {
            assert_eq!(at(identifier).as_deref(), Some(place), "{identifier}");
        }
        assert_eq!(at("urn:example:files"), None);
    }
}
