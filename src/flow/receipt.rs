//! Somebody wants proof of an answer, to show to somebody who was not there.

use crate::app::App;
use crate::domain::audit::{Actor, AuditEvent, Kind as AuditKind};
use crate::domain::id::RequestId;
use crate::domain::receipt::Receipt;
use crate::domain::token::keyring::{BrokenKey, Kind};
use crate::flow::sign_in::Present;
use crate::store::{Commit, StoreError, StoredRequest};

/// Why there is no receipt.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    /// There is no such request, or it is somebody else's.
    #[error("there is no such request")]
    Unknown,
    /// Nobody has answered it.
    #[error("nobody has answered that request, so there is nothing to prove")]
    Undecided,
    /// The card cannot be read back: a fault of ours.
    #[error("the card of request {0} cannot be read")]
    Card(RequestId),
    /// The key does not sign.
    #[error(transparent)]
    Key(#[from] BrokenKey),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A receipt for the person who answered.
pub async fn own(app: &App, id: RequestId, by: &Present) -> Result<String, ReceiptError> {
    let stored = app.store.request(id).await?;
    let stored = stored.filter(|stored| stored.request.question().is_put_to(by.user.id));
    signed(app, &stored.ok_or(ReceiptError::Unknown)?)
}

/// A receipt for whoever runs the server; that they took one is in the history.
pub async fn export(app: &App, id: RequestId) -> Result<String, ReceiptError> {
    let stored = app.store.request(id).await?;
    let stored = stored.ok_or(ReceiptError::Unknown)?;
    let receipt = signed(app, &stored)?;
    let question = stored.request.question();
    let event = AuditEvent::new(app.clock.now(), AuditKind::ReceiptExported, Actor::Operator)
        .about(question.id, &question.client, question.user);
    app.store.commit(Commit::default().event(event)).await?;
    Ok(receipt)
}

fn signed(app: &App, stored: &StoredRequest) -> Result<String, ReceiptError> {
    let question = stored.request.question();
    let decision = stored.request.decision().ok_or(ReceiptError::Undecided)?;
    let card = serde_json::from_str(&stored.card).map_err(|_| ReceiptError::Card(question.id))?;
    let issuer = &app.settings.public_url;
    let receipt = Receipt::of(issuer, question, decision, card, app.clock.now());
    Ok(app.keyring.get().active.sign(Kind::Receipt, &receipt)?)
}
