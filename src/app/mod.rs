//! What every flow needs, built once: clock, entropy, store, keys, channels.

mod assertions;
mod attention;
mod clients;
pub mod documents;
mod key_sets;
mod lately;
pub mod open;
mod people;
mod rates;
mod requests;
mod secrets;
mod user_codes;

use std::ops::Deref;
use std::sync::{Arc, PoisonError, RwLock};

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::channel::callback::Callback;
use crate::channel::email::Mailer;
use crate::channel::sender::Sender;
use crate::channel::web_push::WebPush;
use crate::channel::webhook::Webhook;
use crate::clock::Clock;
use crate::config::Settings;
use crate::domain::action::Catalogue;
use crate::domain::id::RequestId;
use crate::domain::token::keyring::Keyring;
use crate::entropy::Entropy;
use crate::outbox::Wake;
use crate::signal::Signal;
use crate::store::{Commit, Store, StoreError};

pub use assertions::Assertions;
pub use attention::Attention;
pub use clients::Clients;
pub use documents::Documents;
pub use key_sets::KeySets;
pub use people::{People, Reachable};
pub use rates::Rates;
pub use requests::Requests;
pub use secrets::Secrets;
pub use user_codes::UserCodes;

/// A handle on everything; cheap to clone.
#[derive(Clone, Debug)]
pub struct App(Arc<Parts>);

/// What an [`App`] is made of.
#[derive(Debug)]
pub struct Parts {
    /// What time it is.
    pub clock: Clock,
    /// Random bytes.
    pub entropy: Entropy,
    /// What is remembered.
    pub store: Store,
    /// What an operator may change.
    pub settings: Settings,
    /// Keys derived from the master key.
    pub secrets: Secrets,
    /// The keys that sign tokens.
    pub keyring: Current<Keyring>,
    /// What may be asked for.
    pub catalogue: Current<VersionedCatalogue>,
    /// Clients, remembered for a moment so that a pending poll touches no disk.
    pub clients: Clients,
    /// Documents that clients are made of, looked at a moment ago.
    pub documents: Documents,
    /// Keys fetched from clients' own addresses.
    pub key_sets: KeySets,
    /// People and their devices, remembered for a moment.
    pub people: People,
    /// Requests asked or answered here a moment ago.
    pub requests: Requests,
    /// What has rung at people's lately.
    pub attention: Attention,
    /// How often clients have asked lately.
    pub rates: Rates,
    /// Turns for hashing user codes.
    pub user_codes: UserCodes,
    /// Client assertions seen by this process.
    pub assertions: Assertions,
    /// Who is waiting for which answer.
    pub signal: Signal,
    /// Rings when something was promised.
    pub outbox: Wake,
    /// The ways out.
    pub channels: Channels,
    /// Everything that runs beside the requests; the server waits for it when it stops.
    pub tasks: TaskTracker,
    /// Cancelled when the server stops.
    pub stop: CancellationToken,
}

/// The catalogue and its version.
#[derive(Clone, Debug, Default)]
pub struct VersionedCatalogue {
    /// 0 before any was applied.
    pub version: i32,
    /// The catalogue.
    pub catalogue: Catalogue,
}

/// The ways out.
#[derive(Debug)]
pub struct Channels {
    /// The guarded HTTP client.
    pub sender: Sender,
    /// To browsers.
    pub web_push: WebPush,
    /// To mailboxes.
    pub mailer: Mailer,
    /// To agents.
    pub callback: Callback,
    /// To services.
    pub webhook: Webhook,
}

impl App {
    /// Wraps the parts.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Writes all of a commit, or nothing; what it promises is delivered soon.
    pub async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        let promises = commit.promises();
        self.store.commit(commit).await?;
        if promises {
            self.outbox.ring();
        }
        Ok(())
    }

    /// A request is not what this process remembers of it any more: it is forgotten, and whoever waits
    /// for it looks again.
    pub fn moved_on(&self, id: RequestId) {
        // In this order: who is woken must not find what was.
        self.requests.forget(id);
        self.signal.settled(id);
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// A value that is replaced now and then, and read all the time.
#[derive(Debug)]
pub struct Current<T>(RwLock<Arc<T>>);

impl<T> Current<T> {
    /// Starts with a value.
    pub fn new(value: T) -> Self {
        Self(RwLock::new(Arc::new(value)))
    }

    /// The value as it is now.
    pub fn get(&self) -> Arc<T> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces it.
    pub fn set(&self, value: T) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(value);
    }
}
