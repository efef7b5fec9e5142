//! Discovery: OpenID Connect Discovery 1.0 and RFC 8414, the same document at both places.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::app::App;
use crate::domain::ciba;
use crate::domain::ciba::mode::Mode;
use crate::domain::client::AuthMethod;
use crate::domain::client::keys;
use crate::domain::consent::assurance::Assurance;
use crate::domain::token::algorithm::Algorithm;
use crate::domain::token::{exchange, refresh};
use crate::http::reply::oauth_error::json;
use crate::paths;

#[derive(Serialize)]
struct Metadata<'a> {
    issuer: &'a str,
    token_endpoint: String,
    registration_endpoint: String,
    jwks_uri: String,
    backchannel_authentication_endpoint: String,
    backchannel_token_delivery_modes_supported: Vec<&'static str>,
    backchannel_user_code_parameter_supported: bool,
    backchannel_authentication_request_signing_alg_values_supported: [&'static str; 3],
    client_id_metadata_document_supported: bool,
    grant_types_supported: [&'static str; 3],
    response_types_supported: [&'static str; 0],
    subject_types_supported: [&'static str; 1],
    id_token_signing_alg_values_supported: [Algorithm; 4],
    token_endpoint_auth_methods_supported: Vec<&'static str>,
    token_endpoint_auth_signing_alg_values_supported: [&'static str; 3],
    introspection_endpoint: String,
    introspection_endpoint_auth_methods_supported: Vec<&'static str>,
    introspection_endpoint_auth_signing_alg_values_supported: [&'static str; 3],
    introspection_signing_alg_values_supported: [&'static str; 1],
    revocation_endpoint: String,
    revocation_endpoint_auth_methods_supported: Vec<&'static str>,
    revocation_endpoint_auth_signing_alg_values_supported: [&'static str; 3],
    dpop_signing_alg_values_supported: [&'static str; 3],
    tls_client_certificate_bound_access_tokens: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    mtls_endpoint_aliases: Option<BTreeMap<&'static str, String>>,
    grant_management_actions_supported: [&'static str; 2],
    grant_management_endpoint: String,
    grant_management_action_required: bool,
    request_parameter_supported: bool,
    request_uri_parameter_supported: bool,
    claims_parameter_supported: bool,
    scopes_supported: Vec<&'a str>,
    claims_supported: [&'static str; 8],
    acr_values_supported: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authorization_details_types_supported: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    protected_resources: Vec<&'a str>,
}

/// The endpoints that take certificates, at the host that asks for them (RFC 8705 §5).
fn aliases(url: &str) -> BTreeMap<&'static str, String> {
    let at = |path: &str| format!("{url}{path}");
    BTreeMap::from([
        ("token_endpoint", at(paths::TOKEN)),
        (
            "backchannel_authentication_endpoint",
            at(paths::BACKCHANNEL_AUTHENTICATION),
        ),
        ("introspection_endpoint", at(paths::INTROSPECTION)),
        ("revocation_endpoint", at(paths::REVOCATION)),
    ])
}

/// `GET /.well-known/openid-configuration`.
pub(super) async fn openid(State(app): State<App>) -> Response {
    metadata(&app)
}

/// `GET /.well-known/oauth-authorization-server`.
pub(super) async fn oauth(State(app): State<App>) -> Response {
    metadata(&app)
}

fn metadata(app: &App) -> Response {
    use crate::domain::action::PermissionKey;
    let issuer = app.settings.public_url.as_str();
    let at = |path: &str| format!("{issuer}{path}");
    let certificates = app.settings.takes_certificates();
    let methods = AuthMethod::SUPPORTED.into_iter();
    let methods = methods.filter(|method| certificates || !method.is_by_certificate());
    let methods: Vec<_> = methods.map(AuthMethod::as_str).collect();
    let current = app.catalogue.get();
    let catalogue = &current.catalogue;
    let mut scopes = vec!["openid"];
    let mut types = Vec::new();
    for (_, permission) in catalogue.permissions() {
        match &permission.key {
            PermissionKey::Scope(scope) => scopes.push(scope),
            PermissionKey::Type(kind) => types.push(kind.as_str()),
        }
    }
    let document = Metadata {
        issuer,
        token_endpoint: at(paths::TOKEN),
        registration_endpoint: at(paths::REGISTRATION),
        jwks_uri: at(paths::JWKS),
        backchannel_authentication_endpoint: at(paths::BACKCHANNEL_AUTHENTICATION),
        backchannel_token_delivery_modes_supported: Mode::SUPPORTED.map(Mode::as_str).to_vec(),
        backchannel_user_code_parameter_supported: true,
        backchannel_authentication_request_signing_alg_values_supported: keys::ALGORITHMS,
        client_id_metadata_document_supported: !app.settings.client_documents.is_empty(),
        grant_types_supported: [ciba::GRANT_TYPE, refresh::GRANT_TYPE, exchange::GRANT_TYPE],
        response_types_supported: [],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: Algorithm::ALL,
        token_endpoint_auth_methods_supported: methods.clone(),
        token_endpoint_auth_signing_alg_values_supported: keys::ALGORITHMS,
        introspection_endpoint: at(paths::INTROSPECTION),
        introspection_endpoint_auth_methods_supported: methods.clone(),
        introspection_endpoint_auth_signing_alg_values_supported: keys::ALGORITHMS,
        introspection_signing_alg_values_supported: ["ES256"],
        revocation_endpoint: at(paths::REVOCATION),
        revocation_endpoint_auth_methods_supported: methods,
        revocation_endpoint_auth_signing_alg_values_supported: keys::ALGORITHMS,
        dpop_signing_alg_values_supported: keys::ALGORITHMS,
        tls_client_certificate_bound_access_tokens: certificates,
        mtls_endpoint_aliases: app.settings.mtls_url.as_deref().map(aliases),
        grant_management_actions_supported: ["query", "revoke"],
        grant_management_endpoint: at(paths::GRANTS),
        grant_management_action_required: false,
        request_parameter_supported: false,
        // Said, as OpenID Connect takes it for true otherwise.
        request_uri_parameter_supported: false,
        claims_parameter_supported: false,
        scopes_supported: scopes,
        claims_supported: [
            "iss",
            "sub",
            "aud",
            "iat",
            "exp",
            "auth_time",
            "acr",
            "at_hash",
        ],
        acr_values_supported: Assurance::ALL.map(Assurance::acr).to_vec(),
        authorization_details_types_supported: types,
        protected_resources: catalogue
            .resources
            .iter()
            .map(|it| it.identifier.as_str())
            .collect(),
    };
    let mut response = json(StatusCode::OK, &document);
    let cached = HeaderValue::from_static("public, max-age=300");
    response.headers_mut().insert(header::CACHE_CONTROL, cached);
    response
}
