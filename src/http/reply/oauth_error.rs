//! Errors as agents read them (CIBA §13, RFC 6749 §5.2): `error` and `error_description`, nothing else.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use time::Duration;

use crate::domain::ciba::refusal::Refusal;
use crate::flow::{Fault, Unserved};
use crate::http::extract::form::BodyError;
use crate::http::reply::dpop_nonce;

/// The media type of every answer to an agent.
pub const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// An answer that says why not.
#[derive(Debug)]
pub struct OAuthError(pub Unserved);

#[derive(Serialize)]
struct Wording<'a> {
    error: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_description: Option<&'a str>,
}

impl<T: Into<Unserved>> From<T> for OAuthError {
    fn from(why: T) -> Self {
        Self(why.into())
    }
}

impl From<BodyError> for OAuthError {
    fn from(why: BodyError) -> Self {
        Self(Unserved::Refused(match why {
            BodyError::TooLarge => Refusal::InvalidRequest("the body is too large"),
            BodyError::Broken => Refusal::InvalidRequest("the body broke off"),
        }))
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        match self.0 {
            Unserved::Refused(refusal) => refuse(&refusal),
            Unserved::Failed(fault) => fail(&fault),
        }
    }
}

fn refuse(refusal: &Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let mut response = worded(status, refusal.code(), refusal.description());
    if let Some(seconds) = refusal.retry_after() {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Refusal::UseDpopNonce(nonce) = refusal {
        return dpop_nonce::with(Some(nonce.clone()), response);
    }
    if matches!(refusal, Refusal::InvalidToken) {
        let challenge = HeaderValue::from_static(r#"Bearer error="invalid_token""#);
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, challenge);
    }
    if matches!(refusal, Refusal::InvalidClient { basic: true }) {
        let challenge = HeaderValue::from_static(r#"Basic realm="countersign""#);
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

/// Our own fault is logged here, once, and told to nobody.
fn fail(fault: &Fault) -> Response {
    if fault.passes() {
        return refuse(&Refusal::Unavailable {
            retry_after: Duration::seconds(1),
        });
    }
    tracing::error!(error = %fault, "a request could not be served");
    worded(
        StatusCode::INTERNAL_SERVER_ERROR,
        "server_error",
        Some("the server failed"),
    )
}

fn worded(status: StatusCode, error: &str, description: Option<&str>) -> Response {
    json(
        status,
        &Wording {
            error,
            error_description: description,
        },
    )
}

/// An answer in JSON.
pub fn json<T: Serialize>(status: StatusCode, body: &T) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => raw_json(status, Body::from(bytes)),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// An answer that is JSON already.
pub fn raw_json(status: StatusCode, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}

/// Not known and not yours look the same.
pub fn not_found() -> Response {
    let wording = Wording {
        error: "not_found",
        error_description: None,
    };
    json(StatusCode::NOT_FOUND, &wording)
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;
    use crate::store::StoreError;

    #[tokio::test]
    async fn t59_whoever_is_too_busy_says_so_and_when_to_come_again() {
        for fault in [StoreError::Overloaded, StoreError::Closed] {
            let response = OAuthError::from(fault).into_response();
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(response.headers()[header::RETRY_AFTER], "1");
            assert_eq!(response.headers()[header::CONTENT_TYPE], JSON);
            let body = response.into_body().collect().await.unwrap().to_bytes();
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert!(body["error"].is_string() && body["error_description"].is_string());
        }
    }
}
