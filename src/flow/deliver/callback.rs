//! One attempt to call an agent: what it is told is read from the request as it is now.

use time::OffsetDateTime;

use super::attempt::{Attempt, request};
use crate::app::App;
use crate::domain::ciba::approval::{Question, State};
use crate::domain::ciba::mode::ping;
use crate::domain::ciba::notification_token::NotificationToken;
use crate::domain::parcel::Parcel;
use crate::store::{StoreError, StoredRequest};

/// There is an answer. Once the agent has it, or the request is over, nobody needs to be told.
pub(super) async fn ping(
    app: &App,
    parcel: &Parcel,
    now: OffsetDateTime,
) -> Result<Attempt, StoreError> {
    let Some(stored) = request(app, parcel).await? else {
        return Ok(Attempt::NotNeeded);
    };
    match stored.request.clone().at(now).state() {
        State::Approved | State::Denied | State::Cancelled => {}
        State::Pending | State::Redeemed => return Ok(Attempt::NotNeeded),
        State::Expired => return Ok(Attempt::TooLate),
    }
    if now >= parcel.worthless_after {
        return Ok(Attempt::TooLate);
    }
    let auth_req_id = app
        .secrets
        .auth_req_ids
        .make(stored.request.question().id.0);
    call(app, &stored, ping::body(&auth_req_id), now).await
}

/// Calls the agent at its endpoint, with the token it sent along.
async fn call(
    app: &App,
    stored: &StoredRequest,
    body: String,
    now: OffsetDateTime,
) -> Result<Attempt, StoreError> {
    let question = stored.request.question();
    // Not the client as it is remembered: one that was disabled a moment ago is told nothing.
    let client = app.store.client(&question.client).await?;
    let Some(client) = client.filter(|client| client.active) else {
        return Ok(Attempt::refused("the agent is disabled"));
    };
    let Some(endpoint) = client.notification_endpoint else {
        return Ok(Attempt::refused("the agent has no endpoint"));
    };
    let Some(token) = token(app, stored, question) else {
        return Ok(Attempt::refused(
            "the agent's token does not open with this master key",
        ));
    };
    let callback = &app.channels.callback;
    let delivery = callback.deliver(&endpoint, &token, body, now).await;
    Ok(Attempt::Made(delivery))
}

fn token(app: &App, stored: &StoredRequest, question: &Question) -> Option<NotificationToken> {
    let sealed = stored.notification_token.as_ref()?;
    let place = question.id.0.as_bytes();
    let opened = app.secrets.notification_tokens.open(sealed, place).ok()?;
    NotificationToken::from_text(std::str::from_utf8(&opened).ok()?)
}
