//! One attempt to call a service about what it has parked: what it is told is read as it is now.

use time::OffsetDateTime;

use super::attempt::Attempt;
use crate::app::App;
use crate::domain::held::webhook::{body, event};
use crate::domain::parcel::Parcel;
use crate::flow::Fault;
use crate::flow::held::status::{describe, rfc3339};

/// There is an answer, or there will be none. What the service has ended itself meanwhile it knows.
pub(super) async fn webhook(
    app: &App,
    parcel: &Parcel,
    now: OffsetDateTime,
) -> Result<Attempt, Fault> {
    let stored = match parcel.request {
        Some(id) => app.store.request(id).await?,
        None => None,
    };
    let Some(stored) = stored else {
        return Ok(Attempt::NotNeeded);
    };
    if now >= parcel.worthless_after {
        return Ok(Attempt::TooLate);
    }
    let transaction = stored.request.question().asked.transaction;
    let held = match transaction {
        Some(id) => app.store.held_transaction(id).await?,
        None => None,
    };
    // Asked about anew: whoever asks now will be told of.
    let Some(held) = held.filter(|it| it.request == parcel.request) else {
        return Ok(Attempt::NotNeeded);
    };
    let Some(address) = &held.webhook else {
        return Ok(Attempt::NotNeeded);
    };
    let service = app.store.client(&held.service).await?;
    if !service.is_some_and(|service| service.active) {
        return Ok(Attempt::refused("the service is disabled"));
    }
    let status = describe(app, &held, Some(&stored));
    let Some(event) = event(status.state) else {
        return Ok(Attempt::NotNeeded);
    };
    let Some(body) = body(event, &rfc3339(parcel.created_at), &status) else {
        return Ok(Attempt::refused("what there is to tell cannot be written"));
    };
    let id = parcel.id.to_string();
    let signature = app.secrets.webhook(&held.service).sign(&id, now, &body);
    let webhook = &app.channels.webhook;
    let call = webhook.deliver(address, &id, &signature, body, now);
    Ok(Attempt::Made(call.await))
}
