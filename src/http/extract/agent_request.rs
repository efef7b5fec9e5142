//! What an agent sends: a form from a client that is then asked to prove who it is.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use http::{HeaderMap, HeaderName, header};

use super::FormParams;
use super::form::{self, MOST_BYTES, read_form, read_json};
use super::query::read_query;
use super::{client_certificate, peer};
use crate::app::App;
use crate::domain::action::json::digest;
use crate::domain::ciba::refusal::Refusal;
use crate::domain::client::authentication::{Authenticated, FormCredentials, Presented};
use crate::domain::client::certificate::Certificate;
use crate::flow;
use crate::flow::authenticate::Shown;
use crate::http::reply::oauth_error::OAuthError;
use crate::paths;

/// Parameters that may stand more than once (RFC 8707 §2, RFC 8693 §2.1).
const REPEATABLE: [&str; 2] = ["resource", "audience"];

/// Parameters that authenticate the client, and change from try to try.
const CREDENTIALS: [&str; 4] = [
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
];

/// `Idempotency-Key`.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// `DPoP` (RFC 9449 §4.1).
const DPOP: HeaderName = HeaderName::from_static("dpop");

/// `Prefer` (RFC 7240).
const PREFER: HeaderName = HeaderName::from_static("prefer");

/// A form, read strictly, from a client that has proved who it is.
pub struct AgentRequest {
    /// The client.
    pub client: Authenticated,
    /// The form.
    pub form: FormParams,
    /// The `Idempotency-Key` header.
    pub idempotency_key: Option<String>,
    /// `Prefer: wait=N`.
    pub wait: Duration,
    /// The caller's address.
    pub from: Option<String>,
}

impl FromRequest<App> for AgentRequest {
    type Rejection = OAuthError;

    async fn from_request(request: Request, app: &App) -> Result<Self, OAuthError> {
        let (parts, body) = request.into_parts();
        let json = form::is_json(&parts.headers) && parts.uri.path() == paths::TOKEN;
        if !json && !form::is_form(&parts.headers) {
            let why = "the body must be application/x-www-form-urlencoded";
            return Err(Refusal::InvalidRequest(why).into());
        }
        let body: Bytes = form::body_of(&parts.headers, body, MOST_BYTES).await?;
        let form = if json {
            read_json(&body)
        } else {
            read_form(&body, &REPEATABLE)
        };
        let form = form.map_err(|_| {
            Refusal::InvalidRequest("the form is malformed, or a parameter is doubled")
        })?;
        let shown = Shown {
            dpop: dpop(&parts.headers)?,
            path: parts.uri.path(),
        };
        let certificate = client_certificate::shown(app, &parts.headers, &parts.extensions)?;
        let client = authenticate(app, &parts.headers, &form, certificate.as_ref(), shown).await?;
        Ok(Self {
            client,
            form,
            idempotency_key: idempotency_key(&parts.headers)?,
            wait: preferred_wait(&parts.headers),
            from: peer::from(app, &parts.headers, &parts.extensions),
        })
    }
}

impl AgentRequest {
    /// SHA-256 of what is asked, whoever and however it is asked: the parameters in order of their
    /// names, without those that authenticate the client, and without a user code, which is short enough to be
    /// guessed by it.
    pub fn digest(&self) -> [u8; 32] {
        let mut parameters: Vec<(&str, &str)> = self
            .form
            .iter()
            .filter(|(name, _)| !CREDENTIALS.contains(name) && *name != "user_code")
            .collect();
        parameters.sort_unstable();
        let encoded = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(parameters)
            .finish();
        digest(&encoded)
    }
}

/// A client that proves who it is without a form: in the `Authorization` header.
#[derive(Debug)]
pub struct AgentHeaders {
    /// The client.
    pub client: Authenticated,
    /// The caller's address.
    pub from: Option<String>,
}

impl axum::extract::FromRequestParts<App> for AgentHeaders {
    type Rejection = OAuthError;

    async fn from_request_parts(
        parts: &mut http::request::Parts,
        app: &App,
    ) -> Result<Self, OAuthError> {
        let client = authenticate_without_form(app, parts).await?;
        flow::authenticate::spend_later(app, &client);
        let from = peer::from(app, &parts.headers, &parts.extensions);
        Ok(Self { client, from })
    }
}

async fn authenticate(
    app: &App,
    headers: &HeaderMap,
    form: &FormParams,
    certificate: Option<&Certificate>,
    shown: Shown<'_>,
) -> Result<Authenticated, OAuthError> {
    let credentials = FormCredentials {
        client_id: form.get("client_id"),
        client_secret: form.get("client_secret"),
        assertion_type: form.get("client_assertion_type"),
        assertion: form.get("client_assertion"),
        certificate,
    };
    let presented = Presented::read(authorization(headers)?, credentials)?;
    Ok(flow::authenticate::client(app, presented, shown).await?)
}

/// For requests without a body: Basic, or an assertion as `Authorization: Bearer`, which only the key's
/// owner could have signed for us. A `client_secret_post` client sends its secret as Basic here, and one with a
/// certificate names itself in the query.
async fn authenticate_without_form(
    app: &App,
    parts: &http::request::Parts,
) -> Result<Authenticated, OAuthError> {
    let authorization = authorization(&parts.headers)?;
    let bearer = authorization.and_then(|it| {
        let (scheme, rest) = it.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(rest)
    });
    let shown = client_certificate::shown(app, &parts.headers, &parts.extensions)?;
    let presented = match (bearer, &shown) {
        (Some(assertion), _) => Presented::read_assertion(assertion)?,
        (None, Some(certificate)) if authorization.is_none() => {
            let query = read_query(parts.uri.query(), &[]);
            let query = query.map_err(|_| Refusal::InvalidRequest("the query is malformed"))?;
            let named = FormCredentials {
                client_id: query.get("client_id"),
                certificate: Some(certificate),
                ..FormCredentials::default()
            };
            Presented::read(None, named)?
        }
        (None, Some(_) | None) => Presented::read_basic_for_any(authorization)?,
    };
    Ok(flow::authenticate::client(app, presented, Shown::default()).await?)
}

/// The `Authorization` header, of which there may be one.
pub fn authorization(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(only), None) => only
            .to_str()
            .map(Some)
            .map_err(|_| Refusal::InvalidClient { basic: true }),
        (Some(_), Some(_)) => Err(Refusal::InvalidRequest(
            "there are two Authorization headers",
        )),
    }
}

/// The `Idempotency-Key` header.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    text(headers, &IDEMPOTENCY_KEY)
}

/// The proof, of which there may be one.
pub fn dpop(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let mut values = headers.get_all(&DPOP).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(only), None) => only
            .to_str()
            .map(Some)
            .map_err(|_| Refusal::InvalidDpopProof("it is not a JWT")),
        (Some(_), Some(_)) => Err(Refusal::InvalidDpopProof("there are two DPoP headers")),
    }
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, Refusal> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(only), None) => only
            .to_str()
            .map(|text| Some(text.to_owned()))
            .map_err(|_| Refusal::InvalidRequest("Idempotency-Key must be ASCII")),
        (Some(_), Some(_)) => Err(Refusal::InvalidRequest(
            "there are two Idempotency-Key headers",
        )),
    }
}

/// `Prefer: wait=N`, in seconds; anything else in it is ignored, as RFC 7240 has it.
pub fn preferred_wait(headers: &HeaderMap) -> Duration {
    let seconds = headers
        .get_all(&PREFER)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .find_map(|preference| {
            preference
                .trim()
                .strip_prefix("wait=")?
                .trim()
                .parse::<u64>()
                .ok()
        });
    Duration::from_secs(seconds.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_wait_is_preferred_in_seconds() {
        let wait = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(PREFER, HeaderValue::from_static(value));
            preferred_wait(&headers).as_secs()
        };
        assert_eq!(wait("wait=30"), 30);
        assert_eq!(wait("respond-async, wait=5"), 5);
        for nothing in ["wait", "wait=", "wait=-1", "wait=soon", "respond-async"] {
            assert_eq!(wait(nothing), 0, "{nothing}");
        }
    }
}
