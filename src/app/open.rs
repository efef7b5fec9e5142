//! Putting an [`App`] together: the database, the keys, the catalogue, the ways out.

use secrecy::{ExposeSecret, SecretString};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{
    App, Attention, Channels, Clients, Current, Documents, KeySets, Parts, People, Rates, Requests,
    Secrets, UserCodes, VersionedCatalogue,
};
use crate::channel::callback::Callback;
use crate::channel::email::Mailer;
use crate::channel::sender::{Sender, SenderError, SenderOptions};
use crate::channel::web_push::{VapidContact, WebPush};
use crate::channel::webhook::Webhook;
use crate::clock::Clock;
use crate::config::Settings;
use crate::domain::token::master_key::MasterKey;
use crate::entropy::Entropy;
use crate::flow::keys::{self, KeysError, Tools};
use crate::outbox::Wake;
use crate::signal::Signal;
use crate::store::{Store, StoreError};

/// What an [`App`] is made from.
#[derive(Debug)]
pub struct Options {
    /// How it behaves.
    pub settings: Settings,
    /// `sqlite://…` or `postgres://…`; it may hold a password.
    pub database_url: SecretString,
    /// What everything secret is derived from.
    pub master_key: MasterKey,
    /// The guarded HTTP client.
    pub sender: SenderOptions,
    /// The way to mailboxes.
    pub mailer: Mailer,
    /// Whom push services write to about us.
    pub vapid_contact: VapidContact,
    /// What time it is.
    pub clock: Clock,
    /// Random bytes.
    pub entropy: Entropy,
}

/// Why there is no [`App`].
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The database could not be opened or read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The keys could not be made or opened.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The HTTP client could not be set up.
    #[error(transparent)]
    Sender(#[from] SenderError),
}

/// Opens the database and brings its tables up to date, makes or loads the keys, loads the catalogue.
pub async fn open(options: Options) -> Result<App, OpenError> {
    let store = Store::open(options.database_url.expose_secret()).await?;
    // Boxed, as it is large and waits here for the database.
    let secrets = Box::new(Secrets::new(&options.master_key));
    let tools = Tools {
        store: &store,
        secrets: &secrets,
        clock: &options.clock,
        entropy: &options.entropy,
    };
    let keyring = keys::keyring(tools).await?;
    let vapid = keys::vapid_key(tools).await?;
    let (version, catalogue) = store.catalogue().await?;
    let sender = Sender::with(options.sender)?;
    let callback = Callback::new(sender.clone());
    let webhook = Webhook::new(sender.clone());
    let web_push = WebPush::new(sender.clone(), vapid, options.vapid_contact);
    Ok(App::new(Parts {
        clock: options.clock,
        entropy: options.entropy,
        store,
        settings: options.settings,
        secrets: *secrets,
        keyring: Current::new(keyring),
        catalogue: Current::new(VersionedCatalogue { version, catalogue }),
        clients: Clients::default(),
        documents: Documents::default(),
        key_sets: KeySets::default(),
        people: People::default(),
        attention: Attention::default(),
        rates: Rates::default(),
        user_codes: UserCodes::default(),
        requests: Requests::default(),
        assertions: crate::app::Assertions::default(),
        signal: Signal::default(),
        outbox: Wake::default(),
        channels: Channels {
            sender,
            web_push,
            mailer: options.mailer,
            callback,
            webhook,
        },
        tasks: TaskTracker::new(),
        stop: CancellationToken::new(),
    }))
}
