//! The revocation endpoint (RFC 7009).

use axum::extract::State;
use http::StatusCode;

use crate::app::App;
use crate::domain::ciba::refusal::Refusal;
use crate::flow::revoke::{self, Revoking};
use crate::http::extract::agent_request::AgentRequest;
use crate::http::reply::oauth_error::OAuthError;

/// `POST /oauth/revoke`: 200 whether or not there was anything to revoke.
pub(super) async fn revoke(
    State(app): State<App>,
    request: AgentRequest,
) -> Result<StatusCode, OAuthError> {
    let token = request.form.get("token");
    let token = token.ok_or(Refusal::InvalidRequest("token is missing"))?;
    let it = Revoking {
        by: &request.client,
        token,
        from: request.from.clone(),
    };
    revoke::revoke(&app, it).await?;
    Ok(StatusCode::OK)
}
