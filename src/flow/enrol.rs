//! A person adds or removes a browser that receives notifications.

use super::sign_in::Present;
use crate::app::App;
use crate::channel::web_push::{Subscription, SubscriptionError};
use crate::domain::audit::{Actor, AuditEvent, Kind};
use crate::domain::id::DeviceId;
use crate::domain::token::master_key::DoesNotOpen;
use crate::domain::user::browser::browser_name;
use crate::entropy::NoEntropy;
use crate::store::commit::NewDevice;
use crate::store::{Commit, StoreError, Write};

/// Devices one person may have at once.
pub const MOST_DEVICES: usize = 20;

/// Why a device was not added.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// The browser's subscription is not one we can use.
    #[error(transparent)]
    Subscription(#[from] SubscriptionError),
    /// There are enough.
    #[error("there are {MOST_DEVICES} devices already: remove one first")]
    TooMany,
    /// Nothing could be remembered.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nothing could be made up.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
    /// Nothing could be sealed.
    #[error(transparent)]
    Seal(#[from] DoesNotOpen),
}

/// The public key that browsers subscribe with.
pub fn vapid_key(app: &App) -> String {
    app.channels.web_push.public_key_base64url()
}

/// Adds the browser whose `PushSubscription` this is; what the same browser was before is replaced.
pub async fn add_device(
    app: &App,
    by: &Present,
    subscription: &[u8],
    user_agent: Option<&str>,
    from: Option<String>,
) -> Result<DeviceId, EnrolError> {
    let subscription = Subscription::read(subscription, &app.channels.sender)?;
    if app.store.devices(by.user.id).await?.len() >= MOST_DEVICES {
        return Err(EnrolError::TooMany);
    }
    let now = app.clock.now();
    let id = DeviceId(app.entropy.id(now)?);
    let nonce = app.entropy.bytes()?;
    let sealed =
        app.secrets
            .subscriptions
            .seal(&subscription.to_stored(), id.0.as_bytes(), nonce)?;
    let device = NewDevice {
        id,
        user: by.user.id,
        name: user_agent.map_or_else(|| "A browser".to_owned(), browser_name),
        endpoint_hash: app.secrets.endpoint_hash(&subscription.fingerprint()),
        subscription: sealed,
        created_at: now,
    };
    let event = event(app, by, Kind::DeviceAdded, id, from)
        .fact("service", subscription.service().unwrap_or("other"));
    let commit = Commit::of(Write::AddDevice(Box::new(device))).event(event);
    app.store.commit(commit).await?;
    app.people.forget(by.user.id);
    Ok(id)
}

/// Removes a device of theirs. Removing it twice, or another's, changes nothing and says nothing.
pub async fn remove_device(
    app: &App,
    id: DeviceId,
    by: &Present,
    from: Option<String>,
) -> Result<(), StoreError> {
    let retire = Write::RetireDevice(id, Some(by.user.id), "removed", app.clock.now());
    let event = event(app, by, Kind::DeviceRemoved, id, from);
    match app.store.commit(Commit::of(retire).event(event)).await {
        Ok(()) | Err(StoreError::Overtaken) => {}
        Err(other) => return Err(other),
    }
    app.people.forget(by.user.id);
    Ok(())
}

fn event(app: &App, by: &Present, kind: Kind, id: DeviceId, from: Option<String>) -> AuditEvent {
    AuditEvent::new(app.clock.now(), kind, Actor::Person)
        .user(by.user.id)
        .from(from)
        .fact("device", id.to_string())
        .fact("session", by.session.id.to_string())
}
