//! The calls an agent makes: discovery, the question, a poll, a look at the status.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use form_urlencoded::Serializer;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{RequestBuilder, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Credentials, Wait};
use crate::cli::exit::{Exit, Failure};
use crate::domain::action::json::digest;
use crate::domain::ciba::GRANT_TYPE;

/// How long one poll is held: what the server holds at most, less the way there and back.
const HOLD: u64 = 25;

/// How long any call may take: longer than a held poll.
const PATIENCE: Duration = Duration::from_secs(40);

/// The most that is read of an answer.
const MOST: usize = 1024 * 1024;

/// How often a server that does not answer is tried again before giving up, and after how long.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(400);

/// A server, as it describes itself, and who calls it.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Server {
    http: reqwest::Client,
    metadata: Metadata,
    by: Credentials,
}

#[derive(Clone, Debug, Deserialize)]
struct Metadata {
    issuer: String,
    token_endpoint: String,
    backchannel_authentication_endpoint: Option<String>,
}

/// What is asked.
#[derive(Clone, Debug, Default)]
pub(in crate::cli) struct Question {
    /// Who is asked.
    pub(in crate::cli) login_hint: String,
    /// `scope`, with `openid`.
    pub(in crate::cli) scope: String,
    /// The agent's words.
    pub(in crate::cli) binding_message: Option<String>,
    /// Typed details, as JSON.
    pub(in crate::cli) authorization_details: Option<String>,
    /// For which services.
    pub(in crate::cli) resources: Vec<String>,
    /// How many seconds there are to answer.
    pub(in crate::cli) requested_expiry: Option<String>,
    /// What comes back with the answer.
    pub(in crate::cli) resume_state: Option<String>,
    /// How many seconds old the sign-in behind a yes may be.
    pub(in crate::cli) max_age: Option<String>,
    /// How the person must have signed in.
    pub(in crate::cli) acr_values: Option<String>,
    /// The person's user code.
    pub(in crate::cli) user_code: Option<SecretString>,
}

#[derive(Deserialize)]
struct Acknowledged {
    auth_req_id: String,
    expires_in: i64,
    interval: Option<u64>,
    approval_id: Option<String>,
    match_code: Option<String>,
    verification_uri: Option<String>,
}

/// What the server answered that was not what was wanted.
#[derive(Clone, Debug)]
pub(in crate::cli) enum Refused {
    /// An OAuth error.
    Told {
        /// The HTTP status.
        status: u16,
        /// `error`.
        error: String,
        /// `error_description`.
        description: Option<String>,
    },
    /// No answer, or none that could be read: it may pass.
    Silent(String),
}

impl Server {
    /// Finds a server by its issuer.
    pub(in crate::cli) async fn discover(issuer: &str, by: Credentials) -> Result<Self, Failure> {
        let issuer = issuer.trim_end_matches('/');
        let http = reqwest::Client::builder()
            .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .connect_timeout(Duration::from_secs(5))
            .timeout(PATIENCE)
            .build()
            .map_err(|error| Failure::new(Exit::Failed, error))?;
        let url = format!("{issuer}{}", crate::paths::OPENID_CONFIGURATION);
        let found = persist(async || read(http.get(&url)).await).await;
        let metadata: Metadata = match found {
            Ok(document) => serde_json::from_value(Value::Object(document)).map_err(|_| {
                no_server(issuer, "what it says of itself is no discovery document")
            })?,
            Err(refused) => return Err(no_server(issuer, &refused.to_string())),
        };
        if metadata.issuer.trim_end_matches('/') != issuer {
            return Err(Failure::new(
                Exit::Usage,
                format_args!("the server at {issuer} calls itself {}", metadata.issuer),
            )
            .effect("a server that is reached under another name could be another server")
            .fix(format_args!("give --server {}", metadata.issuer)));
        }
        Ok(Self { http, metadata, by })
    }

    /// The server's issuer.
    pub(in crate::cli) fn issuer(&self) -> &str {
        self.metadata.issuer.trim_end_matches('/')
    }

    /// Asks. The same key and question never ask twice, so a lost answer is asked for again.
    pub(in crate::cli) async fn ask(
        &self,
        question: &Question,
        key: &str,
        collect_key: String,
        now: i64,
    ) -> Result<Wait, Refused> {
        let endpoint = self.metadata.backchannel_authentication_endpoint.as_deref();
        let endpoint =
            endpoint.ok_or_else(|| Refused::Silent("the server does not speak CIBA".to_owned()))?;
        let token = self.by.notification_token(key);
        let mut form = question.form();
        // An agent that is called needs one; others may send it. The same key asks with the same token.
        form.push(("client_notification_token", &token));
        let answer = persist(async || {
            let call = self.post(endpoint, &form).header("Idempotency-Key", key);
            read(call).await
        })
        .await?;
        let told: Acknowledged = serde_json::from_value(Value::Object(answer))
            .map_err(|_| Refused::Silent("the acknowledgement cannot be read".to_owned()))?;
        Ok(Wait {
            server: self.issuer().to_owned(),
            client_id: self.by.client_id.clone(),
            auth_req_id: told.auth_req_id,
            approval_id: told.approval_id,
            match_code: told.match_code,
            verification_uri: told.verification_uri,
            interval: told.interval.unwrap_or(5),
            expires_at: now.saturating_add(told.expires_in),
            collect_key,
        })
    }

    /// Polls once, for as long as the server holds it.
    pub(in crate::cli) async fn collect(&self, wait: &Wait) -> Result<Map<String, Value>, Refused> {
        let form = [
            ("grant_type", GRANT_TYPE),
            ("auth_req_id", wait.auth_req_id.as_str()),
        ];
        let call = self
            .post(&self.metadata.token_endpoint, &form)
            .header("Prefer", format!("wait={HOLD}"))
            .header("Idempotency-Key", &wait.collect_key);
        read(call).await
    }

    /// Looks at a request.
    pub(in crate::cli) async fn status(
        &self,
        approval_id: &str,
    ) -> Result<Map<String, Value>, Refused> {
        let path = crate::paths::APPROVAL.replace("{id}", approval_id);
        let call = self.http.get(format!("{}{path}", self.issuer()));
        read(call.header(AUTHORIZATION, self.by.basic())).await
    }

    fn post(&self, url: &str, form: &[(&str, &str)]) -> RequestBuilder {
        let mut body = Serializer::new(String::new());
        body.extend_pairs(form);
        let call = self
            .http
            .post(url)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        if self.by.in_form {
            body.append_pair("client_id", &self.by.client_id);
            body.append_pair("client_secret", self.by.secret.expose_secret());
            call.body(body.finish())
        } else {
            call.header(AUTHORIZATION, self.by.basic())
                .body(body.finish())
        }
    }
}

impl Credentials {
    /// What whoever calls the agent about a question shows. It follows from the secret, so that a question
    /// that is asked again is the same question.
    fn notification_token(&self, key: &str) -> String {
        let secret = self.secret.expose_secret();
        URL_SAFE_NO_PAD.encode(digest(&format!("client_notification_token {secret} {key}")))
    }

    /// RFC 6749 §2.3.1: both parts form-urlencoded first.
    fn basic(&self) -> HeaderValue {
        let encode =
            |part: &str| form_urlencoded::byte_serialize(part.as_bytes()).collect::<String>();
        let (id, secret) = (encode(&self.client_id), encode(self.secret.expose_secret()));
        let encoded = STANDARD.encode(format!("{id}:{secret}"));
        // Base64 is always a header's text.
        let mut value = HeaderValue::from_str(&format!("Basic {encoded}"))
            .unwrap_or_else(|_| HeaderValue::from_static(""));
        value.set_sensitive(true);
        value
    }
}

impl Question {
    fn form(&self) -> Vec<(&str, &str)> {
        let mut form = vec![
            ("scope", self.scope.as_str()),
            ("login_hint", self.login_hint.as_str()),
        ];
        let optional = [
            ("binding_message", &self.binding_message),
            ("authorization_details", &self.authorization_details),
            ("requested_expiry", &self.requested_expiry),
            ("resume_state", &self.resume_state),
            ("max_age", &self.max_age),
            ("acr_values", &self.acr_values),
        ];
        form.extend(
            optional
                .into_iter()
                .filter_map(|(name, value)| Some((name, value.as_deref()?))),
        );
        form.extend(self.resources.iter().map(|it| ("resource", it.as_str())));
        let code = self.user_code.as_ref();
        form.extend(code.map(|code| ("user_code", code.expose_secret())));
        form
    }
}

impl Refused {
    /// Whether asking again may help.
    fn may_pass(&self) -> bool {
        match self {
            Self::Silent(_) => true,
            Self::Told { status, .. } => *status >= 500,
        }
    }

    /// The error code, if the server gave one.
    pub(in crate::cli) fn code(&self) -> Option<&str> {
        match self {
            Self::Told { error, .. } => Some(error),
            Self::Silent(_) => None,
        }
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Told {
                error,
                description: Some(description),
                ..
            } => write!(f, "{error}: {description}"),
            Self::Told { error, .. } => f.write_str(error),
            Self::Silent(why) => f.write_str(why),
        }
    }
}

fn no_server(issuer: &str, why: &str) -> Failure {
    Failure::new(
        Exit::Unreachable,
        format_args!("no server answers at {issuer}: {why}"),
    )
    .fix("start it (countersign serve), or name it with --server or COUNTERSIGN_SERVER")
}

/// Tries again for a moment when nothing comes back.
async fn persist<T>(call: impl AsyncFn() -> Result<T, Refused>) -> Result<T, Refused> {
    let mut tried = 1;
    loop {
        match call().await {
            Err(refused) if refused.may_pass() && tried < TRIES => {
                tokio::time::sleep(PAUSE * tried).await;
                tried += 1;
            }
            ended => return ended,
        }
    }
}

/// Sends, and reads a JSON object.
async fn read(call: RequestBuilder) -> Result<Map<String, Value>, Refused> {
    let silent = |error: reqwest::Error| {
        let error = error.without_url();
        Refused::Silent(crate::cli::exit::chain(&error))
    };
    let mut response = call.send().await.map_err(silent)?;
    let status = response.status();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(silent)? {
        if body.len() + chunk.len() > MOST {
            return Err(Refused::Silent("the answer is too long".to_owned()));
        }
        body.extend_from_slice(&chunk);
    }
    let told = serde_json::from_slice::<Map<String, Value>>(&body);
    match (status, told) {
        (StatusCode::OK, Ok(told)) => Ok(told),
        (_, Ok(told)) if told.contains_key("error") => {
            let text = |name: &str| told.get(name).and_then(Value::as_str).map(str::to_owned);
            Err(Refused::Told {
                status: status.as_u16(),
                error: text("error").unwrap_or_default(),
                description: text("error_description"),
            })
        }
        (status, Ok(_) | Err(_)) => Err(Refused::Silent(format!("the answer was {status}"))),
    }
}
