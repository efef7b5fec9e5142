//! The backchannel authentication endpoint (CIBA §7).

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use crate::app::App;
use crate::domain::ciba::request::Parameters;
use crate::flow::ask::{self, Envelope};
use crate::http::extract::agent_request::AgentRequest;
use crate::http::reply::dpop_nonce;
use crate::http::reply::oauth_error::{OAuthError, json};

/// `POST /bc-authorize`: an agent asks.
pub(super) async fn ask(
    State(app): State<App>,
    request: AgentRequest,
) -> Result<Response, OAuthError> {
    let form = &request.form;
    let resource: Vec<&str> = form.all("resource").collect();
    let parameters = Parameters {
        scope: form.get("scope"),
        client_notification_token: form.get("client_notification_token"),
        acr_values: form.get("acr_values"),
        max_age: form.get("max_age"),
        login_hint: form.get("login_hint"),
        login_hint_token: form.get("login_hint_token"),
        id_token_hint: form.get("id_token_hint"),
        binding_message: form.get("binding_message"),
        user_code: form.get("user_code"),
        requested_expiry: form.get("requested_expiry"),
        request: form.get("request"),
        authorization_details: form.get("authorization_details"),
        request_context: form.get("request_context"),
        resource: &resource,
        resume_state: form.get("resume_state"),
        dpop_jkt: form.get("dpop_jkt"),
        transaction: form.get("transaction"),
    };
    let envelope = Envelope {
        digest: match request.idempotency_key {
            Some(_) => request.digest(),
            None => [0; 32],
        },
        idempotency_key: request.idempotency_key.clone(),
        from: request.from.clone(),
    };
    let acknowledgement = ask::ask(&app, &request.client, parameters, envelope).await?;
    let response = json(StatusCode::OK, &acknowledgement);
    Ok(dpop_nonce::offered(&app, &request.client, response))
}
