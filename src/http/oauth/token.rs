//! The token endpoint (RFC 6749 §3.2, CIBA §10.1).

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use crate::app::App;
use crate::domain::ciba;
use crate::domain::ciba::refusal::Refusal;
use crate::flow::collect::{Collection, collect};
use crate::http::extract::agent_request::AgentRequest;
use crate::http::reply::oauth_error::{OAuthError, raw_json};

/// `POST /oauth/token`.
pub(super) async fn token(
    State(app): State<App>,
    request: AgentRequest,
) -> Result<Response, OAuthError> {
    let grant_type = request.form.get("grant_type");
    let grant_type = grant_type.ok_or(Refusal::InvalidRequest("grant_type is missing"))?;
    if grant_type != ciba::GRANT_TYPE {
        return Err(Refusal::UnsupportedGrantType.into());
    }
    if !request.client.client().may_use(ciba::GRANT_TYPE) {
        return Err(Refusal::UnauthorizedClient("this client is not registered for CIBA").into());
    }
    let auth_req_id = request.form.get("auth_req_id");
    let auth_req_id = auth_req_id.ok_or(Refusal::InvalidRequest("auth_req_id is missing"))?;
    let auth_req_id = auth_req_id.to_owned();
    let AgentRequest {
        client,
        form,
        idempotency_key,
        wait,
        from,
    } = request;
    drop(form);
    let collection = Collection {
        by: client,
        auth_req_id,
        idempotency_key,
        wait,
        from,
    };
    let response = collect(&app, collection).await?;
    Ok(raw_json(StatusCode::OK, Body::from(response)))
}
