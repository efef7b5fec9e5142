//! The introspection endpoint (RFC 7662, RFC 9701).

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::app::App;
use crate::domain::ciba::refusal::Refusal;
use crate::domain::token::introspection::SIGNED;
use crate::flow::introspect::{self, Introspecting};
use crate::http::extract::agent_request::AgentRequest;
use crate::http::reply::oauth_error::{OAuthError, raw_json};

/// `POST /oauth/introspect`.
pub(super) async fn introspect(
    State(app): State<App>,
    headers: HeaderMap,
    request: Result<AgentRequest, OAuthError>,
) -> Result<Response, OAuthError> {
    let signed = wants_signed(&headers);
    let request = match request {
        Ok(request) => request,
        Err(refused) => return Ok(unauthenticated(refused, signed)),
    };
    let form = &request.form;
    let token = form.get("token");
    let token = token.ok_or(Refusal::InvalidRequest("token is missing"))?;
    let consume = match form.get("consume") {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(Refusal::InvalidRequest("consume is true or false").into()),
    };
    let it = Introspecting {
        by: &request.client,
        token,
        consume,
        from: request.from.clone(),
    };
    let told = introspect::introspect(&app, it).await?;
    if !signed {
        return Ok(raw_json(StatusCode::OK, Body::from(told.to_json())));
    }
    let jwt = introspect::signed(&app, &told, &request.client.client().id)?;
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static(SIGNED));
    Ok(([kind], jwt).into_response())
}

/// RFC 9701 §5 wants 400 where RFC 7662 has 401.
fn unauthenticated(refused: OAuthError, signed: bool) -> Response {
    let mut response = refused.into_response();
    if signed && response.status() == StatusCode::UNAUTHORIZED {
        *response.status_mut() = StatusCode::BAD_REQUEST;
    }
    response
}

/// Whether the signed form is accepted by its name.
fn wants_signed(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter();
    accepted
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|range| {
            let mut parts = range.split(';').map(str::trim);
            let named = parts
                .next()
                .is_some_and(|it| it.eq_ignore_ascii_case(SIGNED));
            let refused = |it: &str| matches!(it, "q=0" | "q=0." | "q=0.0" | "q=0.00" | "q=0.000");
            named && !parts.any(refused)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signed_form_is_asked_for_by_name() {
        let wants = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(value));
            wants_signed(&headers)
        };
        assert!(wants("application/token-introspection+jwt"));
        assert!(wants(
            "application/json;q=0.5, Application/Token-Introspection+JWT; q=0.9"
        ));
        for other in [
            "*/*",
            "application/json",
            "application/jwt",
            "application/token-introspection+jwt;q=0",
        ] {
            assert!(!wants(other), "{other}");
        }
    }
}
