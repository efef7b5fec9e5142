//! A client proves who it is, and that it holds its key.
//!
//! An assertion, and a DPoP proof, has one effect. This process notices a second use at once; what
//! has an effect is made durable first, in the database that all instances share. A poll that finds
//! nothing has none: its assertion follows in its own time, its proof stays in memory. Whoever
//! sends such a proof again elsewhere learns that there is no answer yet, or gets a token that only the
//! key's owner can use; writing each poll's proof would cost every waiting agent a write every few seconds.

use std::sync::Arc;

use crate::app::App;
use crate::domain::ciba::refusal::Refusal;
use crate::domain::client::assertion::Us;
use crate::domain::client::authentication::{Authenticated, Presented};
use crate::domain::client::dpop::{self, Expected, Proof};
use crate::domain::client::{Client, document};
use crate::flow::{Unserved, client_document, key_sets};
use crate::paths;
use crate::store::{Commit, StoreError, Write};

/// What came beside the credentials.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shown<'a> {
    /// The `DPoP` header of a POST.
    pub dpop: Option<&'a str>,
    /// The path it was sent to.
    pub path: &'a str,
}

/// Checks what was presented. What was seen before is refused, in this process at once.
pub async fn client(
    app: &App,
    presented: Presented,
    shown: Shown<'_>,
) -> Result<Authenticated, Unserved> {
    let refused = Refusal::InvalidClient {
        basic: presented.basic,
    };
    let now = app.clock.now();
    let authenticated = if document::is_one(&presented.client.0) {
        // Boxed, as in `verified`.
        Box::pin(client_document::client(app, &presented)).await?
    } else {
        let client = app.clients.find(&app.store, &presented.client).await?;
        verified(app, &presented, client).await?
    };
    // Read first: whoever is told to come back with a nonce may come back with the same assertion.
    let proof = shown.dpop.map(|proof| read(app, proof, shown.path));
    let proof = proof.transpose()?;
    let id = &authenticated.client().id;
    if let Some(used) = authenticated.used_assertion()
        && !app.assertions.first_use(id, used, now)
    {
        return Err(refused.into());
    }
    if let Some(proof) = &proof
        && !app.assertions.first_use(id, proof.used(), now)
    {
        return Err(used_before().into());
    }
    Ok(authenticated.showing(proof))
}

/// Checks what was presented against a client.
pub(super) async fn verified(
    app: &App,
    presented: &Presented,
    client: Option<Arc<Client>>,
) -> Result<Authenticated, Refusal> {
    let elsewhere = presented.needs_keys()
        && (client.as_ref()).is_some_and(|it| it.active && it.credentials.jwks_uri().is_some());
    match client {
        // Boxed: few clients keep their keys elsewhere, and all polls come through here.
        Some(client) if elsewhere => Box::pin(signed_elsewhere(app, presented, client)).await,
        client => presented.verify(client, us(app), None, app.clock.now()),
    }
}

/// Checks an assertion or a certificate with the keys at the client's own address.
async fn signed_elsewhere(
    app: &App,
    presented: &Presented,
    client: Arc<Client>,
) -> Result<Authenticated, Refusal> {
    let url = client.credentials.jwks_uri().unwrap_or_default();
    key_sets::opened(app, url, |keys| {
        let now = app.clock.now();
        presented.verify(Some(Arc::clone(&client)), us(app), keys, now)
    })
    .await
}

/// Whom an assertion may name.
fn us(app: &App) -> Us<'_> {
    Us {
        issuer: &app.settings.public_url,
        alias: app.settings.mtls_url.as_deref(),
        endpoints: [paths::TOKEN, paths::BACKCHANNEL_AUTHENTICATION],
    }
}

fn read(app: &App, proof: &str, path: &str) -> Result<Proof, Refusal> {
    let endpoint = format!("{}{path}", app.settings.public_url);
    let alias = app.settings.mtls_url.as_ref();
    let alias = alias.map(|url| format!("{url}{path}"));
    let expected = Expected {
        method: "POST",
        endpoint: &endpoint,
        alias: alias.as_deref(),
        token: None,
        nonces: &app.secrets.dpop_nonces,
        nonce_required: app.settings.dpop_nonce_required,
    };
    dpop::read(proof, expected, app.clock.now())
}

fn used_before() -> Refusal {
    Refusal::InvalidDpopProof("it has been used before")
}

/// Makes the one use of an assertion and a proof durable, before anything happens because of it.
pub async fn spend(app: &App, by: &Authenticated) -> Result<(), Unserved> {
    let write = |used: &_| Write::UseAssertion(by.client().id.clone(), Clone::clone(used));
    let assertion = by.used_assertion().map(write);
    let proof = by.proof().map(|proof| write(proof.used()));
    let both = assertion.is_some() && proof.is_some();
    let writes = assertion.into_iter().chain(proof);
    let commit = writes.fold(Commit::default(), Commit::and);
    if commit.is_empty() {
        return Ok(());
    }
    match app.store.commit(commit).await {
        Err(StoreError::Overtaken) if both => Err(which(app, by).await?.into()),
        Err(StoreError::Overtaken) if by.proof().is_some() => Err(used_before().into()),
        Err(StoreError::Overtaken) => Err(Refusal::InvalidClient { basic: false }.into()),
        other => Ok(other?),
    }
}

/// Which of the two was used before: the assertion is spent all the same.
async fn which(app: &App, by: &Authenticated) -> Result<Refusal, StoreError> {
    let Some(used) = by.used_assertion() else {
        return Ok(used_before());
    };
    let write = Write::UseAssertion(by.client().id.clone(), used.clone());
    match app.store.commit(Commit::of(write)).await {
        Ok(()) => Ok(used_before()),
        Err(StoreError::Overtaken) => Ok(Refusal::InvalidClient { basic: false }),
        Err(error) => Err(error),
    }
}

/// The same for a request without effect (a poll that finds nothing): this process remembers it
/// already, and the assertion's row may follow.
pub fn spend_later(app: &App, by: &Authenticated) {
    if let Some(used) = by.used_assertion() {
        let write = Write::UseAssertion(by.client().id.clone(), used.clone());
        app.store.commit_later(Commit::of(write));
    }
}
