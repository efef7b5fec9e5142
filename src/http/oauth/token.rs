//! The token endpoint (RFC 6749 §3.2, CIBA §10.1).

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use crate::app::App;
use crate::domain::ciba;
use crate::domain::ciba::refusal::Refusal;
use crate::domain::ciba::token_request::may_collect;
use crate::domain::token::{exchange, refresh};
use crate::flow::collect::{Collection, collect};
use crate::flow::exchange::Exchanging;
use crate::flow::refresh::Refreshing;
use crate::http::extract::agent_request::AgentRequest;
use crate::http::reply::dpop_nonce;
use crate::http::reply::oauth_error::{OAuthError, raw_json};

/// `POST /oauth/token`.
pub(super) async fn token(
    State(app): State<App>,
    request: AgentRequest,
) -> Result<Response, OAuthError> {
    let grant_type = request.form.get("grant_type");
    let grant_type = grant_type.ok_or(Refusal::InvalidRequest("grant_type is missing"))?;
    request.client.must_be_bound()?;
    let registered = request.client.client().may_use(grant_type);
    let nonce = dpop_nonce::for_who_shows_a_key(&app, &request.client);
    let response = match grant_type {
        ciba::GRANT_TYPE => {
            may_collect(request.client.client())?;
            collected(&app, request).await?
        }
        // Boxed: a held poll should not be as large as a refresh.
        refresh::GRANT_TYPE if registered => Box::pin(refreshed(&app, request)).await?,
        refresh::GRANT_TYPE => {
            return Err(Refusal::UnauthorizedClient(
                "this client is not registered for refreshing",
            )
            .into());
        }
        exchange::GRANT_TYPE if registered => Box::pin(exchanged(&app, request)).await?,
        exchange::GRANT_TYPE => {
            return Err(Refusal::UnauthorizedClient(
                "this client is not registered for token exchange",
            )
            .into());
        }
        _ => return Err(Refusal::UnsupportedGrantType.into()),
    };
    let response = raw_json(StatusCode::OK, Body::from(response));
    Ok(dpop_nonce::with(nonce, response))
}

/// CIBA §10.1.
async fn collected(app: &App, request: AgentRequest) -> Result<String, OAuthError> {
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
    Ok(collect(app, collection).await?)
}

/// RFC 6749 §6.
async fn refreshed(app: &App, request: AgentRequest) -> Result<String, OAuthError> {
    let form = &request.form;
    let refresh_token = form.get("refresh_token");
    let refresh_token = refresh_token.ok_or(Refusal::InvalidRequest("refresh_token is missing"))?;
    let resource: Vec<&str> = form.all("resource").collect();
    let refreshing = Refreshing {
        by: &request.client,
        refresh_token,
        scope: form.get("scope"),
        authorization_details: form.get("authorization_details"),
        resource: &resource,
        idempotency_key: request.idempotency_key.as_deref(),
        from: request.from.clone(),
    };
    Ok(crate::flow::refresh::refresh(app, refreshing).await?)
}

/// RFC 8693 §2.1.
async fn exchanged(app: &App, request: AgentRequest) -> Result<String, OAuthError> {
    let form = &request.form;
    let audiences = form.all("resource").chain(form.all("audience"));
    let audiences: Vec<&str> = audiences.collect();
    let exchanging = Exchanging {
        by: &request.client,
        subject: (form.get("subject_token"), form.get("subject_token_type")),
        actor: (form.get("actor_token"), form.get("actor_token_type")),
        requested: form.get("requested_token_type"),
        scope: form.get("scope"),
        authorization_details: form.get("authorization_details"),
        audiences: &audiences,
        requested_expiry: form.get("requested_expiry"),
        may_act: form.get("may_act"),
        request_context: form.get("request_context"),
        request_details: form.get("request_details"),
        from: request.from.clone(),
    };
    Ok(crate::flow::exchange::run(app, exchanging).await?)
}
