//! Clients: agents that ask, and services that rely on answers.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use time::Duration;

use super::{MOST_LISTED, RegisterError, unless_already};
use crate::app::App;
use crate::domain::action::catalogue::rules::{is_identifier, is_scope};
use crate::domain::action::text::display_name;
use crate::domain::audit::{Actor, AuditEvent, Kind};
use crate::domain::ciba;
use crate::domain::ciba::mode::Mode;
use crate::domain::client::certificate::Subject;
use crate::domain::client::delivery;
use crate::domain::client::key_source::KeySource;
use crate::domain::client::keys::PublicKeys;
use crate::domain::client::profile::Profile;
use crate::domain::client::request_signing::RequestSigning;
use crate::domain::client::secret::{SecretHashes, secret_hash};
use crate::domain::client::{AuthMethod, Client, Credentials, ProofTerms, Role};
use crate::domain::id::{ClientId, RegistrationTokenId};
use crate::domain::token::algorithm::Algorithm;
use crate::domain::token::{exchange, refresh};
use crate::entropy::{Entropy, NoEntropy};
use crate::flow::keys;
use crate::store::commit::RotatedSecret;
use crate::store::{Commit, StoreError, Write};

/// The grant types there are. Exchanging is for clients that are registered for it by name.
const GRANT_TYPES: [&str; 3] = [ciba::GRANT_TYPE, refresh::GRANT_TYPE, exchange::GRANT_TYPE];

/// An agent's usual ones.
const USUAL: [&str; 2] = [ciba::GRANT_TYPE, refresh::GRANT_TYPE];

/// Letters of a client's id.
const LONGEST_ID: usize = 40;

/// How often an id is tried with another ending.
const TRIES: usize = 5;

/// A client to be added.
#[derive(Clone, Debug)]
pub struct NewClient {
    /// What people read.
    pub name: String,
    /// What it is here for.
    pub role: Role,
    /// How strictly it is held.
    pub profile: Profile,
    /// How it will prove who it is.
    pub auth: AuthMethod,
    /// Its public keys, to authenticate or to sign its requests with.
    pub jwks: Option<String>,
    /// Where they are instead.
    pub jwks_uri: Option<String>,
    /// Whom its certificate names, for `tls_client_auth`.
    pub tls_subject: Option<Subject>,
    /// The algorithm it signs its requests with, if it does.
    pub request_signing_alg: Option<String>,
    /// What its ID tokens are signed with.
    pub id_token_alg: Algorithm,
    /// What it must prove besides who it is.
    pub proof: ProofTerms,
    /// How it learns answers.
    pub mode: Mode,
    /// Where it is called, unless it polls.
    pub notification_endpoint: Option<String>,
    /// Scopes it may ask for; empty for all.
    pub scopes: Vec<String>,
    /// Types of details it may ask for; empty for all.
    pub types: Vec<String>,
    /// Resources it may ask for, empty for all; or the ones it is, as a service.
    pub resources: Vec<String>,
    /// Its grant types; empty for the usual ones of its role.
    pub grant_types: Vec<String>,
}

impl NewClient {
    /// An agent with a secret that may ask for everything in the catalogue.
    pub fn agent(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            role: Role::Agent,
            profile: Profile::Core,
            auth: AuthMethod::ClientSecretBasic,
            jwks: None,
            jwks_uri: None,
            tls_subject: None,
            request_signing_alg: None,
            id_token_alg: Algorithm::default(),
            proof: ProofTerms::default(),
            mode: Mode::Poll,
            notification_endpoint: None,
            scopes: Vec::new(),
            types: Vec::new(),
            resources: Vec::new(),
            grant_types: Vec::new(),
        }
    }
}

/// A client that was added, and the one moment its secret is known.
#[derive(Clone, Debug)]
pub struct AddedClient {
    /// The client.
    pub client: Client,
    /// Its secret, unless it signs for itself.
    pub secret: Option<SecretString>,
}

/// Who adds a client, and by what right.
pub(super) struct Admission {
    /// Who.
    pub(super) by: Actor,
    /// From where.
    pub(super) from: Option<String>,
    /// The token it is used for, unless an operator adds it.
    pub(super) token: Option<RegistrationTokenId>,
}

/// Adds a client. Its secret, if it has one, is in the answer and nowhere else.
pub async fn add_client(app: &App, new: NewClient) -> Result<AddedClient, RegisterError> {
    let admission = Admission {
        by: Actor::Operator,
        from: None,
        token: None,
    };
    admit(app, new, admission).await
}

/// Judges a client, and adds it.
pub(super) async fn admit(
    app: &App,
    new: NewClient,
    admission: Admission,
) -> Result<AddedClient, RegisterError> {
    let now = app.clock.now();
    let AddedClient { mut client, secret } = judged(app, new).await?;
    let slug = client.id.0.clone();
    for attempt in 0..TRIES {
        // Who registers itself never gets the plain name: an operator may have meant it for another.
        if attempt > 0 || slug.is_empty() || admission.token.is_some() {
            client.id = ClientId(with_ending(&slug, &app.entropy)?);
        }
        let event = AuditEvent::new(now, Kind::ClientAdded, admission.by.clone())
            .client(&client.id)
            .from(admission.from.clone())
            .fact("role", client.role.as_str())
            .fact("auth", client.credentials.method().as_str())
            .fact("mode", client.mode.as_str())
            .fact("profile", client.profile.as_str());
        let commit = Commit::of(Write::AddClient(Box::new(client.clone()))).event(event);
        let commit = match admission.token {
            Some(token) => commit.and(Write::UseRegistrationToken(token, now)),
            None => commit,
        };
        match app.store.commit(commit).await {
            Ok(()) => return Ok(AddedClient { client, secret }),
            // Its ending is random: what did not hold is the token.
            Err(StoreError::Overtaken) if admission.token.is_none() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(RegisterError::Taken(client.id.0))
}

/// The same as [`judge`]; and there is a key of ours to sign for it with then.
pub(super) async fn judged(app: &App, new: NewClient) -> Result<AddedClient, RegisterError> {
    let judged = judge(app, new)?;
    keys::ensure(app, judged.client.id_token_alg).await?;
    Ok(judged)
}

/// What a client is registered as, if it may be that, under an id that follows from its name.
pub(super) fn judge(app: &App, new: NewClient) -> Result<AddedClient, RegisterError> {
    let name = display_name(&new.name).map_err(RegisterError::Name)?;
    check_lists(&new)?;
    let keys = key_source(app, &new)?;
    let (credentials, secret) = credentials(app, &new, keys.clone())?;
    let request_signing = request_signing(&new, &credentials, keys)?;
    let grant_types = grant_types(&new)?;
    check_delivery(app, &new, &grant_types)?;
    let client = Client {
        id: ClientId(slug(name.as_str())),
        name: name.into_string(),
        role: new.role,
        active: true,
        profile: new.profile,
        credentials,
        proof: new.proof,
        request_signing,
        id_token_alg: new.id_token_alg,
        mode: new.mode,
        notification_endpoint: new.notification_endpoint,
        scopes: new.scopes,
        types: new.types,
        resources: new.resources,
        grant_types,
        created_at: app.clock.now(),
        revision: 0,
        document_until: None,
    };
    client.profile.judge(&client)?;
    Ok(AddedClient { client, secret })
}

/// Disables a client, or enables it again.
pub async fn set_client_active(
    app: &App,
    id: &ClientId,
    active: bool,
) -> Result<Client, RegisterError> {
    let mut client = client(app, id).await?;
    let kind = if active {
        Kind::ClientEnabled
    } else {
        Kind::ClientDisabled
    };
    let event = AuditEvent::new(app.clock.now(), kind, Actor::Operator).client(id);
    let commit = Commit::of(Write::SetClientActive(id.clone(), active)).event(event);
    app.store
        .commit(commit)
        .await
        .map_err(|error| unless_already(error, &client.name, active))?;
    app.clients.forget(id);
    client.active = active;
    Ok(client)
}

/// One client.
pub async fn client(app: &App, id: &ClientId) -> Result<Client, RegisterError> {
    let found = app.store.client(id).await?;
    found.ok_or_else(|| RegisterError::Unknown(format!("client `{id}`")))
}

/// Gives a client another secret. The one before is taken for `overlap` more, so that it can be exchanged
/// without a gap; without one, it is refused at once.
pub async fn rotate_secret(
    app: &App,
    id: &ClientId,
    overlap: Option<Duration>,
) -> Result<AddedClient, RegisterError> {
    let client = client(app, id).await?;
    let kept = client.credentials.secret();
    let kept = kept.ok_or_else(|| RegisterError::NoSecret(client.name.clone()))?;
    let (to, secret) = new_secret(&app.entropy)?;
    let now = app.clock.now();
    let keep_until = overlap.map(|overlap| now + overlap);
    let rotated = RotatedSecret {
        client: id.clone(),
        from: kept.current,
        to,
        keep_until,
    };
    let event = AuditEvent::new(now, Kind::ClientSecretRotated, Actor::Operator)
        .client(id)
        .fact("overlap", overlap.map_or(0, Duration::whole_seconds));
    let commit = Commit::of(Write::RotateSecret(rotated)).event(event);
    match app.store.commit(commit).await {
        Ok(()) => {}
        Err(StoreError::Overtaken) => {
            return Err(RegisterError::Already(format!(
                "{} was given another secret",
                client.name
            )));
        }
        Err(error) => return Err(error.into()),
    }
    app.clients.forget(id);
    Ok(AddedClient {
        client,
        secret: Some(secret),
    })
}

/// All clients, by id.
pub async fn clients(app: &App) -> Result<Vec<Client>, RegisterError> {
    Ok(app.store.clients(MOST_LISTED).await?)
}

/// How it learns answers fits together, and its endpoint may be called.
fn check_delivery(app: &App, new: &NewClient, grant_types: &[String]) -> Result<(), RegisterError> {
    let endpoint = new.notification_endpoint.as_deref();
    delivery::judge(new.role, new.mode, endpoint, grant_types)?;
    if let Some(endpoint) = endpoint {
        app.channels.sender.check(endpoint)?;
    }
    Ok(())
}

fn check_lists(new: &NewClient) -> Result<(), RegisterError> {
    let first_odd =
        |list: &[String], fits: fn(&str) -> bool| list.iter().find(|entry| !fits(entry)).cloned();
    if let Some(odd) = first_odd(&new.scopes, is_scope) {
        return Err(RegisterError::Scope(odd));
    }
    if let Some(odd) = first_odd(&new.types, |name| {
        !name.is_empty() && name.len() <= 200 && name.bytes().all(|b| b.is_ascii_graphic())
    }) {
        return Err(RegisterError::Type(odd));
    }
    if let Some(odd) = first_odd(&new.resources, is_identifier) {
        return Err(RegisterError::Resource(odd));
    }
    match new.role {
        Role::ResourceServer if new.resources.is_empty() => Err(RegisterError::NoResource),
        Role::ResourceServer | Role::Agent => Ok(()),
    }
}

fn credentials(
    app: &App,
    new: &NewClient,
    keys: Option<KeySource>,
) -> Result<(Credentials, Option<SecretString>), RegisterError> {
    let signs_requests = new.request_signing_alg.is_some();
    let needs_subject = matches!(new.auth, AuthMethod::TlsClientAuth);
    if needs_subject != new.tls_subject.is_some() {
        return Err(RegisterError::SubjectMisplaced);
    }
    let secret = || new_secret(&app.entropy).map(|(hash, secret)| (SecretHashes::of(hash), secret));
    match (new.auth, keys) {
        (AuthMethod::PrivateKeyJwt, Some(source)) => Ok((Credentials::PrivateKeyJwt(source), None)),
        (AuthMethod::SelfSignedTlsClientAuth, Some(source)) => {
            Ok((Credentials::SelfSignedTls(source), None))
        }
        (AuthMethod::PrivateKeyJwt | AuthMethod::SelfSignedTlsClientAuth, None) => {
            Err(RegisterError::KeysMissing)
        }
        (
            AuthMethod::ClientSecretBasic
            | AuthMethod::ClientSecretPost
            | AuthMethod::TlsClientAuth,
            Some(_),
        ) if !signs_requests => Err(RegisterError::KeysUnused),
        (AuthMethod::ClientSecretBasic, _) => {
            let (kept, secret) = secret()?;
            Ok((Credentials::SecretBasic(kept), Some(secret)))
        }
        (AuthMethod::ClientSecretPost, _) => {
            let (kept, secret) = secret()?;
            Ok((Credentials::SecretPost(kept), Some(secret)))
        }
        (AuthMethod::TlsClientAuth, _) => {
            let subject = new.tls_subject.clone().filter(Subject::is_sound);
            let subject = subject.ok_or(RegisterError::Subject)?;
            Ok((Credentials::Tls(subject), None))
        }
    }
}

/// How it signs its requests, if it does.
fn request_signing(
    new: &NewClient,
    credentials: &Credentials,
    keys: Option<KeySource>,
) -> Result<Option<RequestSigning>, RegisterError> {
    let Some(algorithm) = &new.request_signing_alg else {
        return Ok(None);
    };
    let own = credentials.keys();
    let other = keys.filter(|_| own.is_none());
    Ok(Some(RequestSigning::read(algorithm, own, other)?))
}

fn key_source(app: &App, new: &NewClient) -> Result<Option<KeySource>, RegisterError> {
    match (&new.jwks, &new.jwks_uri) {
        (Some(_), Some(_)) => Err(RegisterError::KeysTwice),
        (Some(jwks), None) => Ok(Some(KeySource::Registered(PublicKeys::read(jwks)?))),
        (None, Some(url)) => {
            let checked = app.channels.sender.check(url);
            let url = checked.map_err(|why| RegisterError::Address(why.to_string()))?;
            Ok(Some(KeySource::At(url.into())))
        }
        (None, None) => Ok(None),
    }
}

/// A secret, and what is kept of it.
pub(super) fn new_secret(entropy: &Entropy) -> Result<([u8; 32], SecretString), NoEntropy> {
    let secret = format!("cs_{}", URL_SAFE_NO_PAD.encode(entropy.bytes::<32>()?));
    Ok((secret_hash(&secret), secret.into()))
}

fn grant_types(new: &NewClient) -> Result<Vec<String>, RegisterError> {
    if let Some(unknown) = new
        .grant_types
        .iter()
        .find(|word| !GRANT_TYPES.contains(&word.as_str()))
    {
        return Err(RegisterError::GrantType(unknown.clone()));
    }
    Ok(match (new.role, new.grant_types.is_empty()) {
        (_, false) => new.grant_types.clone(),
        (Role::Agent, true) if !new.mode.collects() => vec![refresh::GRANT_TYPE.to_owned()],
        (Role::Agent, true) => USUAL.map(str::to_owned).to_vec(),
        (Role::ResourceServer, true) => Vec::new(),
    })
}

/// The id a name gives: lower-case letters and digits, joined by hyphens. Empty when it has none.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() >= LONGEST_ID {
            break;
        }
    }
    slug.trim_end_matches('-').to_owned()
}

fn with_ending(slug: &str, entropy: &Entropy) -> Result<String, NoEntropy> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let ending: String = entropy
        .bytes::<6>()?
        .iter()
        .map(|byte| char::from(LETTERS[usize::from(byte % 32)]))
        .collect();
    let front = if slug.is_empty() { "client" } else { slug };
    Ok(format!("{front}-{ending}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_made_of_the_name() {
        for (name, id) in [
            ("Deploy Bot", "deploy-bot"),
            ("  Ops & Co. – Zürich ", "ops-co-z-rich"),
            ("審査", ""),
            ("42", "42"),
        ] {
            assert_eq!(slug(name), id, "{name}");
        }
        assert!(slug(&"a".repeat(100)).len() <= LONGEST_ID);
    }

    #[test]
    fn an_ending_is_put_to_an_id_that_is_taken_or_empty() {
        let entropy = Entropy::seeded(1);
        let id = with_ending("deploy-bot", &entropy).unwrap();
        assert!(id.starts_with("deploy-bot-") && id.len() == 17, "{id}");
        assert!(with_ending("", &entropy).unwrap().starts_with("client-"));
    }
}
