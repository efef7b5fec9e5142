//! What services have parked: held transactions.

use std::time::Duration;

use axum::extract::{Path, RawQuery, Request, State};
use axum::response::Response;
use http::StatusCode;

use crate::app::App;
use crate::domain::ciba::refusal::Refusal;
use crate::domain::held::parking::MOST_BYTES;
use crate::domain::id::TransactionId;
use crate::flow::held::end::{self, Ending};
use crate::flow::held::park::{self, Sent};
use crate::flow::held::status;
use crate::http::extract::agent_request::{AgentHeaders, idempotency_key};
use crate::http::extract::form;
use crate::http::extract::query::read_query;
use crate::http::reply::oauth_error::{OAuthError, json, not_found};

/// `POST /api/v1/transactions`: a service parks an action.
pub(super) async fn park(
    State(app): State<App>,
    service: AgentHeaders,
    request: Request,
) -> Result<Response, OAuthError> {
    let (parts, body) = request.into_parts();
    if !form::is_json(&parts.headers) {
        return Err(Refusal::InvalidRequest("the body must be application/json").into());
    }
    let key = idempotency_key(&parts.headers)?;
    let body = form::body_of(&parts.headers, body, MOST_BYTES).await?;
    let sent = Sent {
        body: &body,
        idempotency_key: key.as_deref(),
        from: service.from.clone(),
    };
    let parked = park::park(&app, &service.client, sent).await?;
    Ok(json(StatusCode::CREATED, &parked))
}

/// `GET /api/v1/transactions?before=`: the newest first.
pub(super) async fn list(
    State(app): State<App>,
    service: AgentHeaders,
    RawQuery(query): RawQuery,
) -> Result<Response, OAuthError> {
    let query = read_query(query.as_deref(), &[]).map_err(|_| malformed())?;
    let before = query
        .get("before")
        .map(str::parse::<TransactionId>)
        .transpose();
    let before = before.map_err(|_| malformed())?;
    let listing = status::list(&app, service.client.client(), before).await?;
    Ok(json(StatusCode::OK, &listing))
}

/// `GET /api/v1/transactions/{id}?wait=`: with a wait, answers when there is an answer.
pub(super) async fn status(
    State(app): State<App>,
    service: AgentHeaders,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, OAuthError> {
    let query = read_query(query.as_deref(), &[]).map_err(|_| malformed())?;
    let wait = query.get("wait").map(str::parse::<u64>).transpose();
    let wait = Duration::from_secs(wait.map_err(|_| malformed())?.unwrap_or(0));
    let Ok(id) = id.parse::<TransactionId>() else {
        return Ok(not_found());
    };
    let status = status::status(&app, service.client.client(), id, wait).await?;
    Ok(status.map_or_else(not_found, |status| json(StatusCode::OK, &status)))
}

/// `DELETE /api/v1/transactions/{id}`: the service gives the action up.
pub(super) async fn cancel(
    State(app): State<App>,
    service: AgentHeaders,
    Path(id): Path<String>,
) -> Result<Response, OAuthError> {
    let Ok(id) = id.parse::<TransactionId>() else {
        return Ok(not_found());
    };
    let ending = end::cancel(&app, service.client.client(), id, service.from.clone()).await?;
    Ok(ended(&ending))
}

/// `POST /api/v1/transactions/{id}/release`: the service runs the action now.
pub(super) async fn release(
    State(app): State<App>,
    service: AgentHeaders,
    Path(id): Path<String>,
) -> Result<Response, OAuthError> {
    let Ok(id) = id.parse::<TransactionId>() else {
        return Ok(not_found());
    };
    let ending = end::release(&app, service.client.client(), id, service.from.clone()).await?;
    Ok(ended(&ending))
}

fn ended(ending: &Ending) -> Response {
    match ending {
        Ending::Done(status) => json(StatusCode::OK, status),
        Ending::Not(status) => json(StatusCode::CONFLICT, status),
        Ending::Unknown => not_found(),
    }
}

fn malformed() -> Refusal {
    Refusal::InvalidRequest("the query is malformed")
}
