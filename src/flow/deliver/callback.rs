//! One attempt to call an agent: what it is told is read from the request as it is now.

use time::OffsetDateTime;

use super::attempt::{Attempt, request};
use crate::app::App;
use crate::domain::ciba::approval::{Question, State};
use crate::domain::ciba::mode::ping;
use crate::domain::ciba::notification_token::NotificationToken;
use crate::domain::client::Client;
use crate::domain::id::ParcelId;
use crate::domain::parcel::{Delivery, Parcel};
use crate::domain::token::callback::SignedCallback;
use crate::domain::token::keyring::Kind as TokenKind;
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
    let question = stored.request.question();
    let Some(client) = active_client(app, question).await? else {
        return Ok(Attempt::refused("the agent is disabled"));
    };
    let body = ping::body(&app.secrets.auth_req_ids.make(question.id.0));
    Ok(call(app, parcel.id, &client, &stored, body, now).await)
}

/// The agent, as the row has it and not as it is remembered: one that was disabled a moment ago is told
/// nothing.
pub(super) async fn active_client(
    app: &App,
    question: &Question,
) -> Result<Option<Client>, StoreError> {
    let client = app.store.client(&question.client).await?;
    Ok(client.filter(|client| client.active))
}

/// Calls the agent at its endpoint, with the token it sent along and a signature of ours.
pub(super) async fn call(
    app: &App,
    promise: ParcelId,
    client: &Client,
    stored: &StoredRequest,
    body: String,
    now: OffsetDateTime,
) -> Attempt {
    let Some(endpoint) = &client.notification_endpoint else {
        return Attempt::refused("the agent has no endpoint");
    };
    let Some(token) = token(app, stored) else {
        return Attempt::refused("the agent's token does not open with this master key");
    };
    let claims = SignedCallback::new(&app.settings.public_url, &client.id, promise, &body, now);
    let keyring = app.keyring.get();
    let Ok(signature) = keyring.active.sign(TokenKind::Callback, &claims) else {
        return Attempt::Made(Delivery::later("the call could not be signed"));
    };
    let callback = &app.channels.callback;
    let call = callback.deliver(endpoint, &token, &signature, body, now);
    Attempt::Made(call.await)
}

fn token(app: &App, stored: &StoredRequest) -> Option<NotificationToken> {
    let sealed = stored.notification_token.as_ref()?;
    let place = stored.request.question().id.0;
    let sealer = &app.secrets.notification_tokens;
    let opened = sealer.open(sealed, place.as_bytes()).ok()?;
    NotificationToken::from_text(std::str::from_utf8(&opened).ok()?)
}
