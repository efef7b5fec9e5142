//! An agent's own requests, as status.

use std::time::Duration;

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use http::StatusCode;

use crate::app::App;
use crate::domain::ciba::refusal::Refusal;
use crate::domain::id::RequestId;
use crate::flow::status;
use crate::flow::withdraw::{self, Withdrawn};
use crate::http::extract::agent_request::AgentHeaders;
use crate::http::extract::query::read_query;
use crate::http::reply::oauth_error::{OAuthError, json, not_found};

/// `GET /api/v1/approvals?before=`: the newest first.
pub(super) async fn list(
    State(app): State<App>,
    agent: AgentHeaders,
    RawQuery(query): RawQuery,
) -> Result<Response, OAuthError> {
    let query = read_query(query.as_deref(), &[]).map_err(|_| malformed())?;
    let before = query.get("before").map(str::parse::<RequestId>).transpose();
    let before = before.map_err(|_| malformed())?;
    let listing = status::list(&app, &agent.client.client().id, before).await?;
    Ok(json(StatusCode::OK, &listing))
}

/// `GET /api/v1/approvals/{id}?wait=`: with a wait, answers when it is settled.
pub(super) async fn status(
    State(app): State<App>,
    agent: AgentHeaders,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, OAuthError> {
    let query = read_query(query.as_deref(), &[]).map_err(|_| malformed())?;
    let wait = query
        .get("wait")
        .map(str::parse::<u64>)
        .transpose()
        .map_err(|_| malformed())?;
    let Ok(id) = id.parse::<RequestId>() else {
        return Ok(not_found());
    };
    let wait = Duration::from_secs(wait.unwrap_or(0));
    let status = status::status(&app, &agent.client.client().id, id, wait).await?;
    Ok(status.map_or_else(not_found, |status| json(StatusCode::OK, &status)))
}

/// `DELETE /api/v1/approvals/{id}`: the agent no longer needs an answer.
pub(super) async fn withdraw(
    State(app): State<App>,
    agent: AgentHeaders,
    Path(id): Path<String>,
) -> Result<Response, OAuthError> {
    let Ok(id) = id.parse::<RequestId>() else {
        return Ok(not_found());
    };
    let client = &agent.client.client().id;
    Ok(
        match withdraw::withdraw(&app, client, id, agent.from.clone()).await? {
            Withdrawn::Cancelled(status) => json(StatusCode::OK, &status),
            Withdrawn::TooLate(status) => json(StatusCode::CONFLICT, &status),
            Withdrawn::Unknown => not_found(),
        },
    )
}

fn malformed() -> Refusal {
    Refusal::InvalidRequest("the query is malformed")
}
