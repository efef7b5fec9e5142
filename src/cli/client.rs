//! `client`: who may ask.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use time::Duration;

use super::exit::{Exit, Failure};
use super::host::Host;
use super::output::Output;
use crate::domain::action::duration;
use crate::domain::ciba::mode::Mode;
use crate::domain::client::assertion::Audience;
use crate::domain::client::certificate::Subject;
use crate::domain::client::delivery::BadDelivery;
use crate::domain::client::key_source::KeySource;
use crate::domain::client::keys::ALGORITHMS;
use crate::domain::client::profile::Profile;
use crate::domain::client::request_signing::{BadRequestSigning, RequestSigning};
use crate::domain::client::{AuthMethod, Client, ProofTerms, Role};
use crate::domain::id::ClientId;
use crate::domain::token::algorithm::Algorithm;
use crate::flow::register::{self, NewClient, RegisterError};

/// Agents that ask, and services that rely on answers.
#[derive(Debug, Subcommand)]
pub(super) enum ClientCommand {
    /// Register a client; its secret is shown once
    #[command(after_help = "Example:\n  countersign client add \"Deploy Bot\" --scope deploy")]
    Add(Box<Add>),
    /// List the clients
    List,
    /// Show everything about a client
    Show {
        /// Its client_id
        client_id: String,
    },
    /// Give a client another secret, which is shown once
    #[command(after_help = "Example:\n  countersign client rotate-secret deploy-bot --overlap 1h")]
    RotateSecret {
        /// Its client_id
        client_id: String,
        /// How long the secret before is still taken. Without it: not at all
        #[arg(long, value_name = "LENGTH", value_parser = overlap)]
        overlap: Option<Duration>,
    },
    /// Print what calls to a service are signed with (its webhooks)
    WebhookSecret {
        /// Its client_id
        client_id: String,
    },
    /// Let agents register themselves: prints a token, which is shown once
    RegistrationToken {
        /// How many agents it is good for
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        uses: u32,
        /// How long it is good
        #[arg(long, value_name = "LENGTH", default_value = "1h", value_parser = overlap)]
        expires: Duration,
        /// How strictly these agents are held
        #[arg(long, default_value = "ciba-core", value_parser = Profile::ALL.map(Profile::as_str))]
        profile: String,
    },
    /// Refuse a client everywhere, at once
    #[command(visible_alias = "suspend")]
    Disable {
        /// Its client_id
        client_id: String,
    },
    /// Let a disabled client in again
    #[command(visible_alias = "resume")]
    Enable {
        /// Its client_id
        client_id: String,
    },
}

/// What a new client is.
#[derive(Debug, Args)]
pub(super) struct Add {
    /// What people read when it asks
    name: String,
    /// What it is here for
    #[arg(long, default_value = "agent", value_parser = ["agent", "resource_server"])]
    role: String,
    /// How strictly it is held: by CIBA Core, or by the FAPI-CIBA profile as well
    #[arg(long, default_value = "ciba-core", value_parser = Profile::ALL.map(Profile::as_str))]
    profile: String,
    /// How it proves who it is
    #[arg(
        long,
        value_name = "METHOD",
        default_value = "client_secret_basic",
        value_parser = AuthMethod::SUPPORTED.map(AuthMethod::as_str)
    )]
    auth: String,
    /// How it learns answers
    #[arg(long, default_value = "poll", value_parser = ["poll", "ping", "push"])]
    mode: String,
    /// Where it is called, for ping and push: https, or a host in outbound_allow
    #[arg(long, value_name = "URL")]
    notify: Option<String>,
    /// Its public keys, for private_key_jwt or signed requests: a file with a JWK Set, or - for stdin
    #[arg(long, value_name = "FILE")]
    jwks: Option<PathBuf>,
    /// Where its public keys are instead: an https URL
    #[arg(long, value_name = "URL", conflicts_with = "jwks")]
    jwks_uri: Option<String>,
    /// What it signs its requests with; unsigned ones are refused from then on
    #[arg(long, value_name = "ALG", value_parser = ALGORITHMS)]
    request_signing_alg: Option<String>,
    /// What its ID tokens are signed with
    #[arg(long, value_name = "ALG", default_value = "ES256", value_parser = Algorithm::ALL.map(Algorithm::as_str))]
    id_token_alg: String,
    /// A scope it may ask for; may be repeated. Without one: all in the catalogue
    #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ' ')]
    scopes: Vec<String>,
    /// A type of authorization details it may ask for; may be repeated. Without one: all
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// A resource it may ask for, or is, as a resource_server; may be repeated. Without one: all
    #[arg(long = "resource", value_name = "ID")]
    resources: Vec<String>,
    /// What its certificate names, for tls_client_auth: tls_client_auth_subject_dn=CN=…, or tls_client_auth_san_dns,
    /// _san_uri, _san_ip or _san_email
    #[arg(long, value_name = "MEMBER=VALUE", value_parser = tls_subject)]
    tls_subject: Option<Subject>,
    /// Give it no token that is not bound to its certificate (mTLS)
    #[arg(long)]
    certificate_bound: bool,
    /// Give it no token that is not bound to its key (DPoP)
    #[arg(long)]
    dpop_bound: bool,
    /// It brings the user code of whom it asks, where they have one
    #[arg(long)]
    user_code: bool,
    /// Whom its assertions may name, for private_key_jwt: the issuer alone (usual), or also what CIBA allows (usual
    /// for fapi-ciba)
    #[arg(long, value_name = "WHICH", value_parser = Audience::ALL.map(Audience::as_str))]
    assertion_audience: Option<String>,
    /// A grant type; may be repeated. Without one: CIBA and refresh_token, for an agent
    #[arg(long = "grant-type", value_name = "TYPE")]
    grant_types: Vec<String>,
}

impl From<RegisterError> for Failure {
    fn from(error: RegisterError) -> Self {
        match error {
            RegisterError::Store(error) => error.into(),
            RegisterError::Signing(error) => error.into(),
            error @ RegisterError::Entropy(_) => Self::new(Exit::Failed, error),
            error @ RegisterError::Taken(_) => Self::new(Exit::Conflict, error)
                .effect("nothing was added")
                .fix("`countersign person list` shows who is there"),
            error @ RegisterError::Already(_) => {
                Self::new(Exit::Conflict, error).effect("nothing was changed")
            }
            error @ RegisterError::Unknown(_) => Self::new(Exit::Usage, error)
                .fix("`countersign person list` and `countersign client list` show who is there"),
            error @ (RegisterError::KeysMissing | RegisterError::KeysUnused) => {
                Self::new(Exit::Usage, error).fix(
                    "give --auth private-key-jwt and --jwks FILE or --jwks-uri URL together"
                        .replace("private-key-jwt", "private_key_jwt"),
                )
            }
            error @ RegisterError::RequestSigning(BadRequestSigning::KeysMissing) => {
                Self::new(Exit::Usage, error)
                    .effect("nothing was added")
                    .fix("give --jwks FILE or --jwks-uri URL")
            }
            error @ RegisterError::NoResource => Self::new(Exit::Usage, error)
                .effect("nothing was added")
                .fix("name it: --resource https://payments.example.com"),
            error @ RegisterError::Delivery(BadDelivery::EndpointMissing) => {
                Self::new(Exit::Usage, error)
                    .effect("nothing was added")
                    .fix("give --notify URL")
            }
            error @ RegisterError::Delivery(BadDelivery::EndpointUnused) => {
                Self::new(Exit::Usage, error)
                    .effect("nothing was added")
                    .fix("give --mode ping or push, or leave --notify out")
            }
            error @ RegisterError::Endpoint(_) => Self::new(Exit::Usage, error)
                .effect("nothing was added")
                .fix("a host of your own network is named in outbound_allow first"),
            error @ RegisterError::NoSecret(_) => {
                Self::new(Exit::Usage, error).effect("nothing was changed")
            }
            error @ RegisterError::Address(_) => Self::new(Exit::Usage, error)
                .effect("nothing was added")
                .fix("hosts that are not public are listed in outbound_allow"),
            error @ RegisterError::SubjectMisplaced => Self::new(Exit::Usage, error)
                .effect("nothing was added")
                .fix("give --auth tls_client_auth and --tls-subject together"),
            error @ (RegisterError::KeysTwice
            | RegisterError::Subject
            | RegisterError::RequestSigning(BadRequestSigning::Algorithm)
            | RegisterError::Delivery(
                BadDelivery::GrantTypeMissing | BadDelivery::NotAnAgent,
            )
            | RegisterError::Profile(_)
            | RegisterError::Name(_)
            | RegisterError::Email(_)
            | RegisterError::Username
            | RegisterError::Keys(_)
            | RegisterError::Scope(_)
            | RegisterError::Resource(_)
            | RegisterError::Type(_)
            | RegisterError::GrantType(_)) => {
                Self::new(Exit::Usage, error).effect("nothing was added")
            }
        }
    }
}

/// Runs the command.
pub(super) async fn run(
    command: ClientCommand,
    host: &Host,
    output: Output,
) -> Result<Exit, Failure> {
    match command {
        ClientCommand::Add(add) => add_client(*add, host, output).await,
        ClientCommand::List => list(host, output).await,
        ClientCommand::Show { client_id } => show(client_id, host, output).await,
        ClientCommand::RotateSecret { client_id, overlap } => {
            rotate_secret(client_id, overlap, host, output).await
        }
        ClientCommand::WebhookSecret { client_id } => {
            super::webhook_secret::webhook_secret(client_id, host, output).await
        }
        ClientCommand::RegistrationToken {
            uses,
            expires,
            profile,
        } => {
            let profile = Profile::from_word(&profile).unwrap_or_default();
            registration_token(uses, expires, profile, host, output).await
        }
        ClientCommand::Disable { client_id } => set_active(client_id, false, host, output).await,
        ClientCommand::Enable { client_id } => set_active(client_id, true, host, output).await,
    }
}

async fn add_client(add: Add, host: &Host, output: Output) -> Result<Exit, Failure> {
    let jwks = add.jwks.as_deref().map(super::input::read).transpose()?;
    let profile = Profile::from_word(&add.profile).unwrap_or_default();
    let audience = add
        .assertion_audience
        .as_deref()
        .and_then(Audience::from_word);
    let new = NewClient {
        name: add.name,
        role: Role::from_word(&add.role).unwrap_or(Role::Agent),
        profile,
        auth: AuthMethod::from_word(&add.auth).unwrap_or(AuthMethod::ClientSecretBasic),
        jwks,
        jwks_uri: add.jwks_uri,
        tls_subject: add.tls_subject,
        request_signing_alg: add.request_signing_alg,
        id_token_alg: Algorithm::from_word(&add.id_token_alg).unwrap_or_default(),
        proof: ProofTerms {
            dpop_bound: add.dpop_bound,
            user_code: add.user_code,
            certificate_bound: add.certificate_bound,
            audience: audience.unwrap_or_else(|| profile.usual_audience()),
        },
        mode: Mode::from_word(&add.mode).unwrap_or(Mode::Poll),
        notification_endpoint: add.notify,
        scopes: add.scopes,
        types: add.types,
        resources: add.resources,
        grant_types: add.grant_types,
    };
    warn_of_unknown(&new, host, output);
    let added = register::add_client(&host.app, new).await?;
    let (id, name) = (&added.client.id, &added.client.name);
    output.done(format_args!("client {id} ({name}) was added"));
    let secret = added.secret.as_ref().map(ExposeSecret::expose_secret);
    if output.json {
        let mut shown = shown(&added.client);
        if let (Some(shown), Some(secret)) = (shown.as_object_mut(), secret) {
            shown.insert("client_secret".to_owned(), json!(secret));
        }
        output.json(&shown);
    } else {
        output.data(format_args!("client_id      {id}"));
        if let Some(secret) = secret {
            output.data(format_args!("client_secret  {secret}"));
        }
    }
    if secret.is_some() {
        output.warn("the secret is shown this once: keep it where only the client can read it");
    }
    if let Some(endpoint) = &added.client.notification_endpoint {
        output.next(format_args!(
            "it is called at {endpoint} when there is an answer"
        ));
        return Ok(Exit::Ok);
    }
    if added.client.role == Role::ResourceServer {
        output
            .next("it may introspect its tokens, and park actions: docs/how-to/hold-an-action.md");
        return Ok(Exit::Ok);
    }
    output.next(format_args!(
        "let it ask:  COUNTERSIGN_CLIENT_ID={id} COUNTERSIGN_CLIENT_SECRET_FILE=… countersign ask maya@example.com \"Hello?\""
    ));
    Ok(Exit::Ok)
}

/// What a client may ask for need not be in the catalogue yet, but a typing error is likelier.
fn warn_of_unknown(new: &NewClient, host: &Host, output: Output) {
    let current = host.app.catalogue.get();
    let catalogue = &current.catalogue;
    let known_scope = |name: &String| name == "openid" || catalogue.scope(name).is_some();
    let scopes = new.scopes.iter().filter(|name| !known_scope(name));
    let types = new
        .types
        .iter()
        .filter(|name| catalogue.detail_type(name).is_none());
    let resources = new
        .resources
        .iter()
        .filter(|name| catalogue.resource(name).is_none());
    for name in scopes.chain(types).chain(resources) {
        output.warn(format_args!("the catalogue has no {name}"));
    }
}

async fn list(host: &Host, output: Output) -> Result<Exit, Failure> {
    let clients = register::clients(&host.app).await?;
    if output.json {
        let clients: Vec<Value> = clients.iter().map(shown).collect();
        output.json(&json!({ "clients": clients }));
        return Ok(Exit::Ok);
    }
    if clients.is_empty() {
        output.next("no clients yet: countersign client add \"Deploy Bot\"");
        return Ok(Exit::Ok);
    }
    let rows: Vec<[String; 5]> = clients
        .iter()
        .map(|client| {
            [
                client.id.0.clone(),
                client.name.clone(),
                client.role.as_str().to_owned(),
                client.credentials.method().as_str().to_owned(),
                state(client.active).to_owned(),
            ]
        })
        .collect();
    let head = ["CLIENT_ID", "NAME", "ROLE", "AUTH", "STATE"];
    output.table(head, &rows);
    Ok(Exit::Ok)
}

/// `member=value`, of RFC 8705 §2.1.2.
fn tls_subject(text: &str) -> Result<Subject, String> {
    let (member, value) = text.split_once('=').unwrap_or((text, ""));
    let read = serde_json::from_value(json!({ member: value })).ok();
    read.filter(Subject::is_sound)
        .ok_or_else(|| "it must be a member of RFC 8705 and its value".to_owned())
}

/// How long two secrets are taken.
fn overlap(text: &str) -> Result<Duration, String> {
    let length = duration::read(text).map_err(|error| error.to_string())?;
    if (Duration::SECOND..=Duration::days(30)).contains(&length) {
        Ok(length)
    } else {
        Err("it must be from 1s to 30d".to_owned())
    }
}

async fn rotate_secret(
    client_id: String,
    overlap: Option<Duration>,
    host: &Host,
    output: Output,
) -> Result<Exit, Failure> {
    let rotated = register::rotate_secret(&host.app, &ClientId(client_id), overlap).await?;
    let (id, name) = (&rotated.client.id, &rotated.client.name);
    let before = match overlap {
        Some(length) => format!(
            "the one before is taken for {} more",
            duration::write(length)
        ),
        None => "the one before is not taken any more".to_owned(),
    };
    output.done(format_args!("{name} has another secret; {before}"));
    let secret = rotated.secret.as_ref().map(ExposeSecret::expose_secret);
    let secret = secret.unwrap_or_default();
    if output.json {
        output.json(&json!({ "client_id": id, "client_secret": secret }));
    } else {
        output.data(format_args!("client_id      {id}"));
        output.data(format_args!("client_secret  {secret}"));
    }
    output.warn("the secret is shown this once: keep it where only the client can read it");
    Ok(Exit::Ok)
}

async fn registration_token(
    uses: u32,
    expires: Duration,
    profile: Profile,
    host: &Host,
    output: Output,
) -> Result<Exit, Failure> {
    let made = register::dynamic::registration_token(&host.app, uses, expires, profile).await?;
    let token = made.token.expose_secret();
    if output.json {
        let expires_at = made.expires_at.unix_timestamp();
        output
            .json(&json!({ "registration_token": token, "uses": uses, "expires_at": expires_at }));
    } else {
        output.data(token);
    }
    let length = duration::write(expires);
    output.warn(format_args!(
        "whoever has it can register {uses} agent(s) within {length}: it is shown this once"
    ));
    Ok(Exit::Ok)
}

async fn show(client_id: String, host: &Host, output: Output) -> Result<Exit, Failure> {
    let client = register::client(&host.app, &ClientId(client_id)).await?;
    let shown = shown(&client);
    if output.json {
        output.json(&shown);
        return Ok(Exit::Ok);
    }
    let members = shown.as_object().into_iter().flatten();
    for (name, value) in members {
        let words = match value {
            Value::String(text) => text.clone(),
            Value::Array(list) if list.is_empty() => "all".to_owned(),
            Value::Array(list) => {
                let words: Vec<_> = list.iter().filter_map(Value::as_str).collect();
                words.join(" ")
            }
            Value::Null => "none".to_owned(),
            Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
        };
        output.data(format_args!("{name:<32}  {words}"));
    }
    Ok(Exit::Ok)
}

async fn set_active(
    client_id: String,
    active: bool,
    host: &Host,
    output: Output,
) -> Result<Exit, Failure> {
    let client = register::set_client_active(&host.app, &ClientId(client_id), active).await?;
    output.done(format_args!("{} is {}", client.name, state(active)));
    if output.json {
        output.json(&shown(&client));
    }
    Ok(Exit::Ok)
}

/// The word for whether a client or a person may take part.
pub(super) fn state(active: bool) -> &'static str {
    if active { "active" } else { "disabled" }
}

fn shown(client: &Client) -> Value {
    json!({
        "client_id": client.id,
        "client_name": client.name,
        "role": client.role,
        "profile": client.profile.as_str(),
        "state": state(client.active),
        "token_endpoint_auth_method": client.credentials.method(),
        "jwks_uri": client.keys().and_then(KeySource::address),
        "backchannel_authentication_request_signing_alg": client.request_signing.as_ref().map(RequestSigning::algorithm),
        "id_token_signed_response_alg": client.id_token_alg,
        "tls_subject": client.credentials.tls_subject(),
        "tls_client_certificate_bound_access_tokens": client.proof.certificate_bound,
        "dpop_bound_access_tokens": client.proof.dpop_bound,
        "backchannel_user_code_parameter": client.proof.user_code,
        "assertion_audience": client.proof.audience.as_str(),
        "backchannel_token_delivery_mode": client.mode,
        "backchannel_client_notification_endpoint": client.notification_endpoint,
        "grant_types": client.grant_types,
        "scopes": client.scopes,
        "types": client.types,
        "resources": client.resources,
    })
}
