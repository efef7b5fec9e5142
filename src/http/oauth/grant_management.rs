//! What a client holds, one answer at a time (Grant Management for OAuth 2.0).
//!
//! The client proves who it is as at every other address of ours, where the draft has an access token with
//! a scope of its own; and another's grant is 404 like one that there is not.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use crate::app::App;
use crate::domain::id::GrantId;
use crate::flow::grants;
use crate::http::extract::agent_request::AgentHeaders;
use crate::http::reply::oauth_error::{OAuthError, json, not_found};

/// `GET /oauth/grants/{id}`.
pub(super) async fn query(
    State(app): State<App>,
    agent: AgentHeaders,
    Path(id): Path<String>,
) -> Result<Response, OAuthError> {
    let Ok(id) = id.parse::<GrantId>() else {
        return Ok(not_found());
    };
    let held = grants::query(&app, &agent.client, id).await?;
    Ok(held.map_or_else(not_found, |held| json(StatusCode::OK, &held)))
}

/// `DELETE /oauth/grants/{id}`.
pub(super) async fn give_back(
    State(app): State<App>,
    agent: AgentHeaders,
    Path(id): Path<String>,
) -> Result<Response, OAuthError> {
    let Ok(id) = id.parse::<GrantId>() else {
        return Ok(not_found());
    };
    let given_back = grants::give_back(&app, &agent.client, id, agent.from.clone()).await?;
    Ok(if given_back {
        StatusCode::NO_CONTENT.into_response()
    } else {
        not_found()
    })
}
