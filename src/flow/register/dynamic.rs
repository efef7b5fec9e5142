//! Clients that register themselves (RFC 7591, RFC 7592), with a token an operator has handed out.

use secrecy::{ExposeSecret, SecretString};
use time::{Duration, OffsetDateTime};

use super::RegisterError;
use super::change::change;
use super::client::{AddedClient, Admission, NewClient, admit, judged};
use crate::app::App;
use crate::domain::audit::{Actor, AuditEvent, Kind};
use crate::domain::ciba::refusal::Refusal;
use crate::domain::client::metadata::{self, Metadata};
use crate::domain::client::profile::Profile;
use crate::domain::client::{Client, ProofTerms, Role};
use crate::domain::id::{ClientId, RegistrationTokenId};
use crate::flow::{Fault, Unserved};
use crate::store::{Commit, NewRegistrationToken, StoreError, Write};

/// A token that lets clients register.
#[derive(Debug)]
pub struct RegistrationToken {
    /// The token: shown once.
    pub token: SecretString,
    /// When it ends.
    pub expires_at: OffsetDateTime,
    /// How many clients it is good for.
    pub uses: u32,
}

/// Hands out a token that is good for so many clients of that profile, for so long.
pub async fn registration_token(
    app: &App,
    uses: u32,
    life: Duration,
    profile: Profile,
) -> Result<RegistrationToken, RegisterError> {
    let now = app.clock.now();
    let new = NewRegistrationToken {
        id: RegistrationTokenId(app.entropy.id(now)?),
        uses,
        profile,
        created_at: now,
        expires_at: now + life,
    };
    let event = AuditEvent::new(now, Kind::RegistrationTokenMade, Actor::Operator)
        .fact("registration_token", new.id.to_string())
        .fact("uses", uses)
        .fact("profile", profile.as_str())
        .fact("expires_at", new.expires_at.unix_timestamp());
    let write = Write::AddRegistrationToken(new);
    app.store.commit(Commit::of(write).event(event)).await?;
    Ok(RegistrationToken {
        token: app.secrets.registration_tokens.make(new.id.0).into(),
        expires_at: new.expires_at,
        uses,
    })
}

/// Registers a client by what it says of itself.
pub async fn register(
    app: &App,
    token: &str,
    document: &serde_json::Value,
    from: Option<String>,
) -> Result<AddedClient, Unserved> {
    let id = app.secrets.registration_tokens.read(token);
    let id = RegistrationTokenId(id.ok_or(Refusal::InvalidToken)?);
    let profile = app.store.registration_profile(id).await?;
    let profile = profile.ok_or(Refusal::InvalidToken)?;
    let metadata = metadata::read(document).map_err(|why| refuse(&why))?;
    let admission = Admission {
        by: Actor::Client,
        from,
        token: Some(id),
    };
    match admit(app, described(metadata, profile), admission).await {
        Ok(added) => Ok(added),
        Err(RegisterError::Store(StoreError::Overtaken)) => Err(Refusal::InvalidToken.into()),
        Err(error) => Err(unserved(error)),
    }
}

fn unserved(error: RegisterError) -> Unserved {
    if let RegisterError::Store(error) = error {
        error.into()
    } else if let RegisterError::Entropy(error) = error {
        error.into()
    } else if let RegisterError::Signing(error) = error {
        Fault::from(error).into()
    } else {
        refuse(&error).into()
    }
}

/// The client whose registration a token of its own gives access to.
pub async fn registered(app: &App, id: &ClientId, token: &str) -> Result<Client, Unserved> {
    if !app.secrets.is_registration_access(token, id) {
        return Err(Refusal::InvalidToken.into());
    }
    let found = app.store.client(id).await?.filter(|client| client.active);
    found.ok_or_else(|| Refusal::InvalidToken.into())
}

/// A client is something else from now on. Its secret, if it needs one and had none, is in the answer.
pub async fn replace(
    app: &App,
    id: &ClientId,
    token: &str,
    document: &serde_json::Value,
    from: Option<String>,
) -> Result<AddedClient, Unserved> {
    let before = registered(app, id, token).await?;
    let metadata = metadata::read_replacement(document, &before, app.clock.now());
    let metadata = metadata.map_err(|why| refuse(&why))?;
    let to = judged(app, described(metadata, before.profile)).await;
    let mut to = to.map_err(unserved)?;
    if let Some(kept) = before.credentials.secret() {
        to.client.credentials = to.client.credentials.keeping(*kept);
        to.secret = None;
    }
    // What an operator has said of it stays.
    to.client.role = before.role;
    to.client.resources.clone_from(&before.resources);
    to.client.proof.audience = before.proof.audience;
    match change(app, &before, to.client, Actor::Client, from).await {
        Ok(client) => Ok(AddedClient { client, ..to }),
        // It was disabled, or changed by somebody else, at this moment.
        Err(StoreError::Overtaken) => Err(Refusal::InvalidToken.into()),
        Err(error) => Err(error.into()),
    }
}

/// A client takes its registration back: it is refused everywhere, and nothing of it is honoured.
pub async fn deregister(
    app: &App,
    id: &ClientId,
    token: &str,
    from: Option<String>,
) -> Result<(), Unserved> {
    let client = registered(app, id, token).await?;
    let event = AuditEvent::new(app.clock.now(), Kind::ClientDisabled, Actor::Client)
        .client(&client.id)
        .from(from);
    let commit = Commit::of(Write::SetClientActive(client.id.clone(), false)).event(event);
    match app.store.commit(commit).await {
        Ok(()) => {}
        Err(StoreError::Overtaken) => return Err(Refusal::InvalidToken.into()),
        Err(error) => return Err(error.into()),
    }
    app.clients.forget(&client.id);
    Ok(())
}

/// The secret of a client that has just been added, for its one showing.
pub fn shown_secret(added: &AddedClient) -> Option<&str> {
    added.secret.as_ref().map(ExposeSecret::expose_secret)
}

/// What metadata asks for.
pub(super) fn described(metadata: Metadata, profile: Profile) -> NewClient {
    NewClient {
        name: metadata.name,
        role: Role::Agent,
        profile,
        auth: metadata.auth,
        jwks: metadata.jwks,
        jwks_uri: metadata.jwks_uri,
        tls_subject: metadata.tls_subject,
        request_signing_alg: metadata.request_signing_alg,
        id_token_alg: metadata.id_token_alg,
        proof: ProofTerms {
            audience: profile.usual_audience(),
            ..metadata.proof
        },
        mode: metadata.mode,
        notification_endpoint: metadata.notification_endpoint,
        scopes: metadata.scopes,
        types: metadata.types,
        resources: Vec::new(),
        grant_types: metadata.grant_types,
    }
}

/// In words that repeat nothing of what was sent, and only those an error may have.
fn refuse(why: &dyn std::fmt::Display) -> Refusal {
    let plain = |c: char| matches!(c, ' '..='!' | '#'..='[' | ']'..='~');
    let words: String = why.to_string().chars().filter(|c| plain(*c)).collect();
    Refusal::InvalidClientMetadata(words)
}
