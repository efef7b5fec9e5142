//! Clients that a document of their own makes: a row each, kept in step with it.

use time::OffsetDateTime;

use super::RegisterError;
use super::change::change;
use super::client::judge;
use super::dynamic::described;
use crate::app::App;
use crate::domain::audit::{Actor, AuditEvent, Kind};
use crate::domain::ciba::refusal::Refusal;
use crate::domain::client::document::{self, BadDocument};
use crate::domain::client::document_hosts::MOST_CLIENTS;
use crate::domain::client::profile::Profile;
use crate::domain::client::{Client, ProofTerms};
use crate::domain::id::ClientId;
use crate::flow::{Fault, Unserved, keys};
use crate::store::{Commit, StoreError, Write};

/// Why no client is made of a document.
#[derive(Debug, thiserror::Error)]
pub(in crate::flow) enum NoClient {
    /// What it says.
    #[error(transparent)]
    Document(#[from] BadDocument),
    /// What a client may be here.
    #[error(transparent)]
    Register(#[from] RegisterError),
}

/// The client that a document makes. It need not be read again until then.
pub(in crate::flow) fn made(
    app: &App,
    id: &ClientId,
    body: &[u8],
    until: OffsetDateTime,
) -> Result<Client, NoClient> {
    let metadata = document::read(&id.0, body)?;
    let made = judge(app, described(metadata, Profile::Core))?;
    Ok(Client {
        id: id.clone(),
        document_until: Some(until),
        ..made.client
    })
}

/// Adds one that has just proved that it holds the keys in its document.
pub(in crate::flow) async fn admit(app: &App, client: &Client) -> Result<(), Unserved> {
    let host = document::host(&client.id.0).unwrap_or_default();
    if app.store.clients_below(&format!("https://{host}/")).await? >= MOST_CLIENTS {
        tracing::warn!(host, "this host has as many clients as a host may have");
        return Err(Refusal::InvalidClient { basic: false }.into());
    }
    ensure(app, client).await?;
    let event = AuditEvent::new(app.clock.now(), Kind::ClientAdded, Actor::Client)
        .client(&client.id)
        .fact("role", client.role.as_str())
        .fact("auth", client.credentials.method().as_str())
        .fact("mode", client.mode.as_str())
        .fact("profile", client.profile.as_str());
    let commit = Commit::of(Write::AddClient(Box::new(client.clone()))).event(event);
    match app.store.commit(commit).await {
        // Another call of its own was first.
        Ok(()) | Err(StoreError::Overtaken) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Brings the row into step with what the document says now. What an operator has said of it stays.
pub(in crate::flow) async fn in_step(
    app: &App,
    kept: &Client,
    said: Client,
) -> Result<Option<Client>, Unserved> {
    ensure(app, &said).await?;
    let to = Client {
        profile: kept.profile,
        proof: ProofTerms {
            audience: kept.proof.audience,
            ..said.proof
        },
        resources: kept.resources.clone(),
        ..said
    };
    match change(app, kept, to, Actor::Server, None).await {
        Ok(client) => Ok(Some(client)),
        // Another instance has read it too, or an operator has just disabled the client.
        Err(StoreError::Overtaken) => Ok(app.store.client(&kept.id).await?),
        Err(error) => Err(error.into()),
    }
}

/// There is a key of ours to sign its ID tokens with.
async fn ensure(app: &App, client: &Client) -> Result<(), Fault> {
    Ok(keys::ensure(app, client.id_token_alg).await?)
}
