//! nginx, Caddy, Traefik and Envoy ask whether a request may pass. 200: it may. Anything else: it may not; what is
//! pending is never 2xx. A challenge goes with 401, because nginx hands it on with no other status.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::Value;
use time::Duration;

use super::original::original;
use crate::app::App;
use crate::domain::ciba::refusal::Refusal;
use crate::domain::client::confirmation::Scheme;
use crate::domain::forward_auth::Challenge;
use crate::domain::id::RequestId;
use crate::flow::forward_auth::{Pass, Verdict, Waiting, judge};
use crate::http::extract::peer::{self, PeerAddr};
use crate::http::extract::{agent_request, client_certificate};
use crate::http::oauth::resource_metadata;
use crate::http::reply::dpop_nonce;
use crate::http::reply::oauth_error::{OAuthError, json};

const APPROVAL_ID: HeaderName = HeaderName::from_static("x-approval-id");
const SUBJECT: HeaderName = HeaderName::from_static("x-approval-subject");
const AGENT: HeaderName = HeaderName::from_static("x-approval-agent");
const DECISION: HeaderName = HeaderName::from_static("x-approval-decision");

/// What a caller reads who does not look at `WWW-Authenticate`.
#[derive(Serialize)]
struct Told<'a> {
    error: &'a str,
    error_description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_details: Option<[&'a Value; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    approval_id: Option<RequestId>,
}

/// `ANY /forward-auth`.
pub(super) async fn ask(State(app): State<App>, request: Request) -> Result<Response, OAuthError> {
    let (parts, _) = request.into_parts();
    let ours = parts.extensions.get::<PeerAddr>();
    if !ours.is_some_and(|peer| peer.is_one_of(&app.settings.trusted_proxies)) {
        let why = "only a proxy named in trusted_proxies may ask this";
        return Ok(forbidden(why));
    }
    let original = match original(&parts, app.settings.forward_auth_headers) {
        Ok(original) => original,
        Err(why) => return Ok(forbidden(&why.to_string())),
    };
    let certificate = client_certificate::shown(&app, &parts.headers, &parts.extensions)?;
    let waiting = Waiting {
        original: &original,
        token: token(&parts)?,
        proof: agent_request::dpop(&parts.headers)?,
        certificate: certificate.map(|it| it.thumbprint),
        from: peer::from(&app, &parts.headers, &parts.extensions),
    };
    Ok(match judge(&app, waiting).await? {
        Verdict::Pass(pass) => passes(&pass),
        Verdict::Lacks {
            challenge,
            resource,
            nonce,
            asked,
        } => dpop_nonce::with(nonce, lacks(&challenge, &resource, asked)),
        Verdict::Denied(approval) => denied(approval),
        Verdict::NoRoute => forbidden("no route says what this request needs"),
    })
}

/// The token, and how it is shown; another scheme than ours shows none.
fn token(parts: &Parts) -> Result<Option<(Scheme, &str)>, Refusal> {
    let Some(value) = agent_request::authorization(&parts.headers)? else {
        return Ok(None);
    };
    let Some((scheme, token)) = value.split_once(' ') else {
        return Ok(None);
    };
    let Some(scheme) = Scheme::read(scheme) else {
        return Ok(None);
    };
    let token = token.trim_start_matches(' ');
    // RFC 6750 §2.1: nothing else is a token, and two are two ways of showing one.
    let letter = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b);
    if token.is_empty() || !token.bytes().all(letter) {
        let why = "the Authorization header does not hold one token";
        return Err(Refusal::InvalidRequest(why));
    }
    Ok(Some((scheme, token)))
}

/// Each of the headers is there whenever a request passes: a proxy that copies them leaves none of the caller's.
fn passes(pass: &Pass) -> Response {
    let mut response = StatusCode::OK.into_response();
    let headers = response.headers_mut();
    let decision = if pass.always { "always" } else { "once" };
    put(headers, APPROVAL_ID, &pass.approval.to_string());
    put(headers, SUBJECT, &pass.subject.to_string());
    put(headers, AGENT, &pass.agent.0);
    put(headers, DECISION, decision);
    response
}

fn put(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}

fn lacks(challenge: &Challenge, resource: &str, asked: Option<(RequestId, Duration)>) -> Response {
    let missing = challenge.missing;
    let told = Told {
        error: missing.error().unwrap_or("invalid_token"),
        error_description: missing.description(),
        scope: challenge.scope.as_deref(),
        authorization_details: challenge.detail.as_ref().map(|detail| [detail]),
        approval_id: asked.map(|(approval, _)| approval),
    };
    let mut response = json(StatusCode::UNAUTHORIZED, &told);
    let metadata = resource_metadata::address(resource);
    let approval = asked.map(|(approval, _)| approval.to_string());
    let header = challenge.header(metadata.as_deref(), approval.as_deref());
    let headers = response.headers_mut();
    put(headers, header::WWW_AUTHENTICATE, &header);
    if let Some((_, retry_after)) = asked {
        let seconds = retry_after.whole_seconds().max(1);
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn denied(approval: RequestId) -> Response {
    let told = Told {
        error: "access_denied",
        error_description: "the person said no",
        scope: None,
        authorization_details: None,
        approval_id: Some(approval),
    };
    json(StatusCode::FORBIDDEN, &told)
}

/// 403 and not 404 or 400, which nginx would make a fault of its own.
fn forbidden(why: &str) -> Response {
    let told = Told {
        error: "access_denied",
        error_description: why,
        scope: None,
        authorization_details: None,
        approval_id: None,
    };
    json(StatusCode::FORBIDDEN, &told)
}
