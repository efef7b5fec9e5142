//! Registration by clients themselves (RFC 7591), and what they may do with it afterwards (RFC 7592).

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};

use crate::app::App;
use crate::domain::action::json::{JsonError, Limits, strict};
use crate::domain::ciba::refusal::Refusal;
use crate::domain::client::Client;
use crate::domain::client::key_source::KeySource;
use crate::domain::id::ClientId;
use crate::flow::register::{AddedClient, dynamic};
use crate::http::extract::form::{self, MOST_BYTES};
use crate::http::extract::peer;
use crate::http::reply::oauth_error::{OAuthError, json as reply};
use crate::paths;

/// `POST /oauth/register`.
pub(super) async fn register(
    State(app): State<App>,
    request: Request<Body>,
) -> Result<Response, OAuthError> {
    let (parts, body) = request.into_parts();
    let token = bearer(&parts.headers)?.to_owned();
    let document = document(&parts.headers, body).await?;
    let from = peer::from(&app, &parts.headers, &parts.extensions);
    let added = dynamic::register(&app, &token, &document, from).await?;
    Ok(reply(StatusCode::CREATED, &shown_once(&app, &added)))
}

/// `PUT /oauth/register/{client_id}`.
pub(super) async fn replace(
    State(app): State<App>,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Result<Response, OAuthError> {
    let (parts, body) = request.into_parts();
    let token = bearer(&parts.headers)?.to_owned();
    let document = document(&parts.headers, body).await?;
    let from = peer::from(&app, &parts.headers, &parts.extensions);
    let to = dynamic::replace(&app, &ClientId(id), &token, &document, from).await?;
    Ok(reply(StatusCode::OK, &shown_once(&app, &to)))
}

/// What a client says of itself.
async fn document(headers: &HeaderMap, body: Body) -> Result<Value, OAuthError> {
    if !form::is_json(headers) {
        return Err(Refusal::InvalidRequest("the body must be application/json").into());
    }
    let body = form::body_of(headers, body, MOST_BYTES).await?;
    let document = strict(&body, Limits::REQUEST);
    let refuse = |why: JsonError| Refusal::InvalidClientMetadata(why.to_string());
    Ok(document.map_err(refuse)?)
}

/// What is in force, with the secret if there is a new one.
fn shown_once(app: &App, client: &AddedClient) -> Value {
    let mut described = described(app, &client.client);
    if let (Some(members), Some(secret)) =
        (described.as_object_mut(), dynamic::shown_secret(client))
    {
        members.insert("client_secret".to_owned(), json!(secret));
        members.insert("client_secret_expires_at".to_owned(), json!(0));
    }
    described
}

/// `GET /oauth/register/{client_id}`.
pub(super) async fn read(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, OAuthError> {
    let client = dynamic::registered(&app, &ClientId(id), bearer(&headers)?).await?;
    Ok(reply(StatusCode::OK, &described(&app, &client)))
}

/// `DELETE /oauth/register/{client_id}`.
pub(super) async fn delete(
    State(app): State<App>,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Result<Response, OAuthError> {
    let (parts, _) = request.into_parts();
    let from = peer::from(&app, &parts.headers, &parts.extensions);
    let token = bearer(&parts.headers)?;
    dynamic::deregister(&app, &ClientId(id), token, from).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn bearer(headers: &HeaderMap) -> Result<&str, Refusal> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(only), None) = (values.next(), values.next()) else {
        return Err(Refusal::InvalidToken);
    };
    let (scheme, token) = only
        .to_str()
        .ok()
        .and_then(|it| it.split_once(' '))
        .ok_or(Refusal::InvalidToken)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(token)
    } else {
        Err(Refusal::InvalidToken)
    }
}

/// What is in force, in the words of RFC 7591.
fn described(app: &App, client: &Client) -> Value {
    let mut described = json!({
        "client_id": client.id,
        "client_id_issued_at": client.created_at.unix_timestamp(),
        "client_name": client.name,
        "token_endpoint_auth_method": client.credentials.method(),
        "grant_types": client.grant_types,
        "response_types": [],
        "backchannel_token_delivery_mode": client.mode,
        "backchannel_user_code_parameter": client.proof.user_code,
        "id_token_signed_response_alg": client.id_token_alg,
        "dpop_bound_access_tokens": client.proof.dpop_bound,
        "tls_client_certificate_bound_access_tokens": client.proof.certificate_bound,
        "registration_access_token": app.secrets.registration_access(&client.id),
        "registration_client_uri":
            format!("{}{}/{}", app.settings.public_url, paths::REGISTRATION, client.id),
    });
    let mut put = |name: &str, value: Value| {
        if let Some(members) = described.as_object_mut() {
            members.insert(name.to_owned(), value);
        }
    };
    if let Some(endpoint) = &client.notification_endpoint {
        put("backchannel_client_notification_endpoint", json!(endpoint));
    }
    if !client.scopes.is_empty() {
        put(
            "scope",
            json!(format!("openid {}", client.scopes.join(" "))),
        );
    }
    if !client.types.is_empty() {
        put("authorization_details_types", json!(client.types));
    }
    if let Some(signing) = &client.request_signing {
        put(
            "backchannel_authentication_request_signing_alg",
            json!(signing.algorithm()),
        );
    }
    match client.keys() {
        Some(KeySource::Registered(keys)) => {
            put(
                "jwks",
                serde_json::from_str(keys.document()).unwrap_or_default(),
            );
        }
        Some(KeySource::At(url)) => put("jwks_uri", json!(url)),
        None => {}
    }
    if let Some(Value::Object(subject)) = client
        .credentials
        .tls_subject()
        .and_then(|it| serde_json::to_value(it).ok())
    {
        for (name, value) in subject {
            put(&name, value);
        }
    }
    described
}
