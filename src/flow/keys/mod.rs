//! Our own keys: made when they are first needed, loaded at every start, changed on request.
//!
//! Two kinds: those that sign tokens, one for each algorithm that is in use, are rotated; one signs for us at
//! push services and is kept for good, because browsers subscribed under it accept no other. All lie in the
//! database, their private halves sealed with the master key. Instances that make one together agree on the
//! first: there is one active key for each purpose and algorithm, and whoever comes second loads it.

mod making;
mod rotation;

#[cfg(test)]
mod tests;

use crate::app::{App, Secrets};
use crate::channel::web_push::VapidKey;
use crate::clock::Clock;
use crate::domain::token::algorithm::Algorithm;
use crate::domain::token::keyring::{BrokenKey, Keyring, SigningKey};
use crate::entropy::{Entropy, NoEntropy};
use crate::flow::Fault;
use crate::store::{Store, StoreError};

pub use self::rotation::{Replaced, Rotated, rotate};
pub use crate::store::{KeyPurpose, StoredKey};

/// What making and opening keys needs. At the first start there is no [`App`] yet.
#[derive(Clone, Copy, Debug)]
pub struct Tools<'a> {
    /// Where keys lie.
    pub store: &'a Store,
    /// What seals them.
    pub secrets: &'a Secrets,
    /// What time it is.
    pub clock: &'a Clock,
    /// Random bytes.
    pub entropy: &'a Entropy,
}

impl App {
    fn tools(&self) -> Tools<'_> {
        Tools {
            store: &self.store,
            secrets: &self.secrets,
            clock: &self.clock,
            entropy: &self.entropy,
        }
    }
}

/// Why there are no keys to work with.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No random bytes.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
    /// Sealed with another master key, or altered.
    #[error("key {0} does not open with this master key: another one made it")]
    DoesNotOpen(String),
    /// Opened, and no key.
    #[error("key {0} is damaged")]
    Damaged(String),
    /// A new key does not work.
    #[error(transparent)]
    Broken(#[from] BrokenKey),
    /// There is no active key although one was just made.
    #[error("there is no active key")]
    None,
}

impl From<KeysError> for Fault {
    fn from(error: KeysError) -> Self {
        match error {
            KeysError::Store(error) => error.into(),
            KeysError::Entropy(error) => error.into(),
            KeysError::DoesNotOpen(_)
            | KeysError::Damaged(_)
            | KeysError::Broken(_)
            | KeysError::None => Self::Key,
        }
    }
}

/// The keys that sign tokens; an ES256 one is made if there is none.
pub async fn keyring(tools: Tools<'_>) -> Result<Keyring, KeysError> {
    if let Some(keyring) = load_keyring(tools).await? {
        return Ok(keyring);
    }
    let key = making::signing_key(tools, Algorithm::Es256).await?;
    making::first(tools, key).await?;
    load_keyring(tools).await?.ok_or(KeysError::None)
}

/// The key that signs for us at push services; made if there is none.
pub async fn vapid_key(tools: Tools<'_>) -> Result<VapidKey, KeysError> {
    if let Some(key) = load_vapid_key(tools).await? {
        return Ok(key);
    }
    making::first(tools, making::vapid_key(tools)?).await?;
    load_vapid_key(tools).await?.ok_or(KeysError::None)
}

/// Sees to it that there is a key for that algorithm, made now if need be: before somebody is promised tokens
/// signed with it.
pub async fn ensure(app: &App, algorithm: Algorithm) -> Result<(), KeysError> {
    match at_hand(app, algorithm).await {
        Ok(()) => return Ok(()),
        Err(Fault::Key) => {}
        Err(Fault::Store(error)) => return Err(error.into()),
        Err(Fault::Entropy(error)) => return Err(error.into()),
    }
    let tools = app.tools();
    let key = making::signing_key(tools, algorithm).await?;
    making::first(tools, key).await?;
    reload(app).await?;
    Ok(())
}

/// Sees to it that the key for that algorithm is loaded: another instance may have made it a moment ago.
pub async fn at_hand(app: &App, algorithm: Algorithm) -> Result<(), Fault> {
    let is_there = || app.keyring.get().signer(algorithm).is_some();
    if is_there() {
        return Ok(());
    }
    // Boxed: this is on the way of every token, and that seldom needed.
    Box::pin(reload(app)).await?;
    if is_there() { Ok(()) } else { Err(Fault::Key) }
}

/// Every key there is or was, those for tokens first, the active ones first.
pub async fn list(app: &App) -> Result<Vec<StoredKey>, KeysError> {
    let mut keys = app.store.keys(KeyPurpose::Tokens).await?;
    keys.extend(app.store.keys(KeyPurpose::Vapid).await?);
    Ok(keys)
}

/// Reads the keys that sign tokens anew: another process may have made or rotated some. Says whether they
/// had changed.
pub async fn reload(app: &App) -> Result<bool, KeysError> {
    let stored = app.store.keys(KeyPurpose::Tokens).await?;
    let names = |key: &StoredKey| (key.public.kid.clone(), key.retires_at.is_none());
    let mut there: Vec<_> = stored.iter().map(names).collect();
    let before = app.keyring.get();
    let mut known: Vec<_> = before
        .names()
        .map(|(kid, signs)| (kid.to_owned(), signs))
        .collect();
    there.sort_unstable();
    known.sort_unstable();
    if there == known {
        return Ok(false);
    }
    let keyring = read_keyring(app.tools(), stored)?.ok_or(KeysError::None)?;
    app.keyring.set(keyring);
    Ok(true)
}

async fn load_keyring(tools: Tools<'_>) -> Result<Option<Keyring>, KeysError> {
    let stored = tools.store.keys(KeyPurpose::Tokens).await?;
    read_keyring(tools, stored)
}

fn read_keyring(tools: Tools<'_>, stored: Vec<StoredKey>) -> Result<Option<Keyring>, KeysError> {
    let mut active = None;
    let mut others = Vec::new();
    let mut retiring = Vec::new();
    for key in stored {
        if let Some(until) = key.retires_at {
            retiring.push((key.public, until));
            continue;
        }
        let opened = open(tools, &key)?;
        let opened = SigningKey::from_pkcs8(key.public.alg, &opened)
            .map_err(|_| KeysError::Damaged(key.public.kid))?;
        match opened.algorithm() {
            Algorithm::Es256 => active = Some(opened),
            Algorithm::Ps256 | Algorithm::Rs256 | Algorithm::EdDsa => others.push(opened),
        }
    }
    Ok(active.map(|active| Keyring {
        active,
        others,
        retiring,
    }))
}

async fn load_vapid_key(tools: Tools<'_>) -> Result<Option<VapidKey>, KeysError> {
    let stored = tools.store.keys(KeyPurpose::Vapid).await?;
    let active = stored.into_iter().find(|key| key.retires_at.is_none());
    active
        .map(|key| {
            VapidKey::from_scalar(&open(tools, &key)?)
                .map_err(|_| KeysError::Damaged(key.public.kid))
        })
        .transpose()
}

fn open(tools: Tools<'_>, key: &StoredKey) -> Result<Vec<u8>, KeysError> {
    let kid = &key.public.kid;
    tools
        .secrets
        .private_keys
        .open(&key.private, kid.as_bytes())
        .map_err(|_| KeysError::DoesNotOpen(kid.clone()))
}
