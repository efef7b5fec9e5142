//! The authentication request (CIBA §7.1, §7.2): raw parameters become an [`AuthenticationRequest`],
//! in the order the specification gives.
//!
//! The client has proved who it is before anything here runs, so that strangers cannot probe. Who the
//! hint names is looked up by the caller afterwards: this file only says who is meant.

use serde_json::Value;
use time::{Duration, OffsetDateTime};

use super::expiry::{self, Windows};
use super::hint::{self, Hint, Hints, IdTokens};
use super::mode::Mode;
use super::notification_token::NotificationToken;
use super::refusal::Refusal;
use super::{GRANT_TYPE, binding_message, request_context};
use crate::domain::action::text::CleanText;
use crate::domain::action::{Asked, AskedError, Catalogue, PermissionKey, read_details};
use crate::domain::client::{Client, Role, admits};
use crate::domain::consent::step_up::Wanted;
use crate::domain::held::{HeldTransaction, naming};
use crate::domain::id::UserId;
use crate::domain::token::keyring::Keyring;

/// Longest `resume_state`, in bytes.
pub const LONGEST_RESUME_STATE: usize = 16 * 1024;

/// Longest `scope`, in bytes.
const LONGEST_SCOPE: usize = 2048;

/// The parameters as they came: absent, or a value that is not empty.
#[derive(Clone, Copy, Default)]
#[expect(
    missing_docs,
    reason = "CIBA §7.1 explains each; RFC 9396, 8707, 9449 and 9470 the others but resume_state and transaction, which are ours"
)]
pub struct Parameters<'a> {
    pub scope: Option<&'a str>,
    pub client_notification_token: Option<&'a str>,
    pub acr_values: Option<&'a str>,
    pub max_age: Option<&'a str>,
    pub login_hint: Option<&'a str>,
    pub login_hint_token: Option<&'a str>,
    pub id_token_hint: Option<&'a str>,
    pub binding_message: Option<&'a str>,
    pub user_code: Option<&'a str>,
    pub requested_expiry: Option<&'a str>,
    pub request: Option<&'a str>,
    pub authorization_details: Option<&'a str>,
    pub request_context: Option<&'a str>,
    pub resource: &'a [&'a str],
    pub resume_state: Option<&'a str>,
    pub dpop_jkt: Option<&'a str>,
    pub transaction: Option<&'a str>,
}

impl std::fmt::Debug for Parameters<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Some of them are secrets.
        f.write_str("Parameters")
    }
}

/// A request that can be asked, if its hint names somebody.
#[derive(Clone, Debug, PartialEq)]
pub struct AuthenticationRequest {
    /// Who is meant.
    pub hint: Hint,
    /// By which the agent knows us when we call it.
    pub notification_token: Option<NotificationToken>,
    /// `scope`, as it came.
    pub scope: String,
    /// What is asked, in the catalogue's terms.
    pub asked: Asked,
    /// The agent's words, if it sent any.
    pub said: Option<CleanText>,
    /// How long the person has.
    pub answer_window: Duration,
    /// The agent's words to itself.
    pub resume_state: Option<String>,
    /// What it wants of the sign-in behind a yes.
    pub wanted: Wanted,
    /// What it has noticed, for whoever looks for fraud.
    pub context: Option<Value>,
    /// Whether the person's code is needed, if they have one: anybody can write a `login_hint`, and the other
    /// hints were given to this client (§7.1.2).
    pub needs_user_code: bool,
}

/// What a request is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// What may be asked for at all.
    pub catalogue: &'a Catalogue,
    /// Our issuer.
    pub issuer: &'a str,
    /// Bounds on the answer window.
    pub windows: Windows,
    /// Our keys, by which an ID token of ours is known.
    pub keyring: &'a Keyring,
    /// When it is asked.
    pub now: OffsetDateTime,
    /// What the request names by `transaction`.
    pub held: Option<&'a HeldTransaction>,
}

impl<'a> Parameters<'a> {
    /// The signed request, if there is one. No parameter may stand beside it (§7.1.1).
    pub fn signed(&self) -> Result<Option<&'a str>, Refusal> {
        let Some(request) = self.request else {
            return Ok(None);
        };
        let beside = [
            self.scope,
            self.client_notification_token,
            self.acr_values,
            self.max_age,
            self.login_hint,
            self.login_hint_token,
            self.id_token_hint,
            self.binding_message,
            self.user_code,
            self.requested_expiry,
            self.authorization_details,
            self.request_context,
            self.resume_state,
            self.dpop_jkt,
            self.transaction,
        ];
        if beside.iter().any(Option::is_some) || !self.resource.is_empty() {
            return Err(Refusal::InvalidRequest(
                "no parameter may stand beside a signed request",
            ));
        }
        Ok(Some(request))
    }
}

impl AuthenticationRequest {
    /// A question for which no agent has sent parameters: a service asks itself, or a proxy's route does.
    pub fn unsent(person: UserId, asked: Asked, answer_window: Duration) -> Self {
        let mut scope = vec!["openid"];
        scope.extend(asked.scopes());
        Self {
            hint: Hint::Subject(person),
            notification_token: None,
            scope: scope.join(" "),
            asked,
            said: None,
            answer_window,
            resume_state: None,
            wanted: Wanted::default(),
            context: None,
            needs_user_code: false,
        }
    }
}

/// Judges a request (§7.2, steps 3 to 6). A signed one was opened before.
pub fn read(
    parameters: Parameters<'_>,
    client: &Client,
    terms: Terms<'_>,
) -> Result<AuthenticationRequest, Refusal> {
    may_ask(client)?;
    let notification_token =
        NotificationToken::read(client.mode, parameters.client_notification_token)?;
    let scopes = match (parameters.scope, terms.held) {
        (Some(scope), _) => read_scope(scope)?,
        (None, Some(_)) => Vec::new(),
        (None, None) => return Err(Refusal::InvalidRequest("scope is missing")),
    };
    let details = match parameters.authorization_details {
        Some(json) => read_details(json, terms.catalogue)
            .map_err(|why| Refusal::InvalidAuthorizationDetails(why.to_string().into()))?,
        None => Vec::new(),
    };
    let resource: Vec<String> = parameters
        .resource
        .iter()
        .map(|&it| it.to_owned())
        .collect();
    let (scope, asked) = if let Some(held) = terms.held {
        by_the_service(held, &parameters)?;
        naming::asked(held, &scopes, &details, terms.catalogue)?
    } else {
        let asked = Asked::read(&scopes, &details, &resource, terms.catalogue);
        let scope = parameters.scope.unwrap_or_default().to_owned();
        (scope, asked.map_err(refuse_asked)?)
    };
    permitted(client, &asked)?;
    not_forbidden(&asked, terms.catalogue)?;
    let said = parameters
        .binding_message
        .map(binding_message::read)
        .transpose()?;
    let told_apart = said.is_some() || !details.is_empty() || terms.held.is_some();
    if client.profile.wants_context() && !told_apart {
        return Err(Refusal::InvalidRequest(
            "binding_message or authorization_details must tell this request from others",
        ));
    }
    let answer_window = expiry::answer_window(parameters.requested_expiry, terms.windows)?;
    let answer_window = match terms.held {
        Some(held) => answer_window.min(held.time_left(terms.now)),
        None => answer_window,
    };
    let resume_state = parameters.resume_state.map(read_resume_state).transpose()?;
    let context = parameters
        .request_context
        .map(request_context::read)
        .transpose()?;
    let wanted = Wanted::read(parameters.max_age, parameters.acr_values)?;
    let hints = Hints {
        login_hint: parameters.login_hint,
        login_hint_token: parameters.login_hint_token,
        id_token_hint: parameters.id_token_hint,
    };
    let id_tokens = IdTokens {
        keyring: terms.keyring,
        client: &client.id,
        now: terms.now,
    };
    let hint = hint::read(hints, terms.issuer, id_tokens)?;
    Ok(AuthenticationRequest {
        hint,
        notification_token,
        scope,
        asked,
        said,
        answer_window,
        resume_state,
        wanted,
        context,
        needs_user_code: client.proof.user_code && parameters.login_hint.is_some(),
    })
}

/// The service's own words are the card: the agent adds none, and no other service.
fn by_the_service(held: &HeldTransaction, parameters: &Parameters<'_>) -> Result<(), Refusal> {
    if parameters.binding_message.is_some() {
        return Err(Refusal::InvalidRequest(
            "binding_message cannot stand beside transaction: the service's words are shown",
        ));
    }
    let other = |named: &str| Some(named) != held.asked.resource.as_deref();
    if parameters.resource.iter().any(|named| other(named)) {
        return Err(Refusal::InvalidTarget(
            "resource is not that of the transaction",
        ));
    }
    Ok(())
}

/// Whether a client may be asked for without having asked itself: it may ask for this, and registered nothing that
/// its own requests must have and one that is made for it cannot.
pub fn may_ask_unheard(client: &Client, asked: &Asked) -> Result<(), Refusal> {
    may_ask(client)?;
    if client.request_signing.is_some() || client.profile.wants_context() {
        return Err(Refusal::UnauthorizedClient(
            "this client's requests say more than what they ask for",
        ));
    }
    permitted(client, asked)
}

fn may_ask(client: &Client) -> Result<(), Refusal> {
    let registered = match client.mode {
        Mode::Poll | Mode::Ping => client.may_use(GRANT_TYPE),
        Mode::Push => true,
    };
    match client.role {
        Role::Agent if registered => Ok(()),
        Role::Agent | Role::ResourceServer => Err(Refusal::UnauthorizedClient(
            "this client is not registered for CIBA",
        )),
    }
}

/// The scopes besides `openid`, which must be among them.
fn read_scope(scope: &str) -> Result<Vec<&str>, Refusal> {
    let token = |b: u8| matches!(b, 0x21 | 0x23..=0x5B | 0x5D..=0x7E);
    if scope.len() > LONGEST_SCOPE || !scope.bytes().all(|b| b == b' ' || token(b)) {
        return Err(Refusal::InvalidScope("scope is malformed"));
    }
    let mut scopes: Vec<&str> = Vec::new();
    for scope in scope.split(' ').filter(|scope| !scope.is_empty()) {
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    let before = scopes.len();
    scopes.retain(|scope| *scope != "openid");
    if scopes.len() == before {
        return Err(Refusal::InvalidRequest("scope must contain openid"));
    }
    Ok(scopes)
}

fn refuse_asked(why: AskedError) -> Refusal {
    match why {
        AskedError::UnknownScope => Refusal::InvalidScope("a scope is not in the catalogue"),
        AskedError::UnknownResource => Refusal::InvalidTarget("a resource is not in the catalogue"),
        AskedError::MixedResources => {
            Refusal::InvalidTarget("everything in one request must belong to one resource")
        }
    }
}

/// What this client may ask for, by its registration.
fn permitted(client: &Client, asked: &Asked) -> Result<(), Refusal> {
    for item in &asked.items {
        match &item.key {
            PermissionKey::Scope(scope) if !admits(&client.scopes, scope) => {
                return Err(Refusal::InvalidScope(
                    "this client may not ask for a scope it named",
                ));
            }
            PermissionKey::Type(kind) if !admits(&client.types, kind) => {
                return Err(Refusal::InvalidAuthorizationDetails(
                    "this client may not ask for a type it named".into(),
                ));
            }
            PermissionKey::Scope(_) | PermissionKey::Type(_) => {}
        }
    }
    match &asked.resource {
        Some(resource) if !admits(&client.resources, resource) => Err(Refusal::InvalidTarget(
            "this client may not ask for that resource",
        )),
        Some(_) | None => Ok(()),
    }
}

/// What policy lets nobody be asked for (§13): known here, and for this client, so that who may not
/// even name it learns nothing about it.
fn not_forbidden(asked: &Asked, catalogue: &Catalogue) -> Result<(), Refusal> {
    match asked.forbidden_by(catalogue) {
        Some(item) => Err(Refusal::Forbidden(item.key.clone())),
        None => Ok(()),
    }
}

fn read_resume_state(text: &str) -> Result<String, Refusal> {
    if text.len() > LONGEST_RESUME_STATE {
        return Err(Refusal::InvalidRequest(
            "resume_state is longer than 16384 bytes",
        ));
    }
    Ok(text.to_owned())
}
