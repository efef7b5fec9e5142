//! Our own keys: made at first start, loaded at every start, changed on request.
//!
//! Two of them: one signs tokens and is rotated, one signs for us at push services and is kept for
//! good, because browsers subscribed under it accept no other. Both lie in the database, their
//! private halves sealed with the master key. Instances that start together agree on the first one
//! made: there is one active key for each purpose, and whoever comes second loads it.

use aws_lc_rs::aead::NONCE_LEN;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::ExposeSecret;
use time::{Duration, OffsetDateTime};

use crate::app::{App, Secrets};
use crate::channel::web_push::VapidKey;
use crate::clock::Clock;
use crate::domain::action::Catalogue;
use crate::domain::audit::{Actor, AuditEvent, Kind};
use crate::domain::token::access::PLAIN_LIFETIME;
use crate::domain::token::keyring::{BrokenKey, Keyring, PublicJwk, SigningKey};
use crate::entropy::{Entropy, NoEntropy};
use crate::store::{Commit, Store, StoreError, Write};

pub use crate::store::{KeyPurpose, StoredKey};

/// How long a key that no longer signs is published beyond the last token it can have signed:
/// whoever checks tokens may keep the published set for a day.
const MARGIN: Duration = Duration::hours(24);

/// Draws of a random scalar before the generator is taken for broken: one in 2³² is refused.
const DRAWS: usize = 4;

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

/// What a rotation did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// Signs from now on.
    pub new: String,
    /// Signs no more.
    pub old: String,
    /// Until when the old one is published.
    pub published_until: OffsetDateTime,
}

/// The keys that sign tokens; made if there are none.
pub async fn keyring(tools: Tools<'_>) -> Result<Keyring, KeysError> {
    if let Some(keyring) = load_keyring(tools).await? {
        return Ok(keyring);
    }
    let key = new_signing_key(tools)?;
    make_first(tools, key).await?;
    load_keyring(tools).await?.ok_or(KeysError::None)
}

/// The key that signs for us at push services; made if there is none.
pub async fn vapid_key(tools: Tools<'_>) -> Result<VapidKey, KeysError> {
    if let Some(key) = load_vapid_key(tools).await? {
        return Ok(key);
    }
    let key = new_vapid_key(tools)?;
    make_first(tools, key).await?;
    load_vapid_key(tools).await?.ok_or(KeysError::None)
}

/// Every key there is or was, those for tokens first, the active one first.
pub async fn list(app: &App) -> Result<Vec<StoredKey>, KeysError> {
    let mut keys = app.store.keys(KeyPurpose::Tokens).await?;
    keys.extend(app.store.keys(KeyPurpose::Vapid).await?);
    Ok(keys)
}

/// Puts a new key in the place of the one that signs tokens. The old one stays published until
/// nothing it signed is good any more, and a day longer.
///
/// # Errors
///
/// [`StoreError::Overtaken`] when someone else rotated at the same moment: nothing was changed.
pub async fn rotate(app: &App) -> Result<Rotated, KeysError> {
    let tools = app.tools();
    let now = app.clock.now();
    let stored = app.store.keys(KeyPurpose::Tokens).await?;
    let old = stored.into_iter().find(|key| key.retires_at.is_none());
    let old = old.ok_or(KeysError::None)?.public.kid;
    let key = new_signing_key(tools)?;
    let (_, catalogue) = app.store.catalogue().await?;
    let published_until = now + longest_token(&catalogue) + MARGIN;

    let new = key.public.kid.clone();
    let event = AuditEvent::new(now, Kind::KeyRotated, Actor::Operator)
        .fact("kid", new.as_str())
        .fact("replaces", old.as_str());
    let commit = Commit::of(Write::RetireKey(old.clone(), published_until))
        .and(Write::AddKey(Box::new(key)))
        .event(event);
    app.store.commit(commit).await?;

    reload(app).await?;
    Ok(Rotated {
        new,
        old,
        published_until,
    })
}

/// Reads the keys that sign tokens anew: another process may have rotated them. Says whether they
/// had changed.
pub async fn reload(app: &App) -> Result<bool, KeysError> {
    let tools = app.tools();
    let keyring = load_keyring(tools).await?.ok_or(KeysError::None)?;
    let before = app.keyring.get();
    let changed = before.active.public() != keyring.active.public()
        || before.retiring.len() != keyring.retiring.len();
    if changed {
        app.keyring.set(keyring);
    }
    Ok(changed)
}

/// The longest that anything signed now can be good.
fn longest_token(catalogue: &Catalogue) -> Duration {
    catalogue
        .permissions()
        .map(|(_, permission)| permission.token_lifetime)
        .max()
        .map_or(PLAIN_LIFETIME, |longest| longest.max(PLAIN_LIFETIME))
}

async fn load_keyring(tools: Tools<'_>) -> Result<Option<Keyring>, KeysError> {
    let mut active = None;
    let mut retiring = Vec::new();
    for key in tools.store.keys(KeyPurpose::Tokens).await? {
        match key.retires_at {
            None => {
                let opened = open(tools, &key)?;
                let opened = SigningKey::from_pkcs8(&opened)
                    .map_err(|_| KeysError::Damaged(key.public.kid))?;
                active = Some(opened);
            }
            Some(until) => retiring.push((key.public, until)),
        }
    }
    Ok(active.map(|active| Keyring { active, retiring }))
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

/// Stores the first key for a purpose. Someone else may just have: then theirs is the one.
async fn make_first(tools: Tools<'_>, key: StoredKey) -> Result<(), KeysError> {
    let event = AuditEvent::new(key.created_at, Kind::KeyMade, Actor::Server)
        .fact("kid", key.public.kid.as_str())
        .fact("for", key.purpose.as_str());
    let commit = Commit::of(Write::AddKey(Box::new(key))).event(event);
    match tools.store.commit(commit).await {
        Ok(()) | Err(StoreError::Overtaken) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn new_signing_key(tools: Tools<'_>) -> Result<StoredKey, KeysError> {
    let (key, pkcs8) = SigningKey::generate()?;
    seal(tools, KeyPurpose::Tokens, key.public().clone(), &pkcs8)
}

fn new_vapid_key(tools: Tools<'_>) -> Result<StoredKey, KeysError> {
    for _ in 0..DRAWS {
        let Ok(key) = VapidKey::from_scalar(&tools.entropy.bytes::<32>()?) else {
            continue;
        };
        let point = URL_SAFE_NO_PAD.decode(key.public_key_base64url());
        let public = PublicJwk::from_point(&point.map_err(|_| BrokenKey)?)?;
        return seal(
            tools,
            KeyPurpose::Vapid,
            public,
            key.scalar().expose_secret(),
        );
    }
    Err(KeysError::Broken(BrokenKey))
}

fn seal(
    tools: Tools<'_>,
    purpose: KeyPurpose,
    public: PublicJwk,
    private: &[u8],
) -> Result<StoredKey, KeysError> {
    let nonce = tools.entropy.bytes::<NONCE_LEN>()?;
    let sealed = tools
        .secrets
        .private_keys
        .seal(private, public.kid.as_bytes(), nonce);
    Ok(StoredKey {
        purpose,
        private: sealed.map_err(|_| BrokenKey)?,
        public,
        created_at: tools.clock.now(),
        retires_at: None,
    })
}

fn open(tools: Tools<'_>, key: &StoredKey) -> Result<Vec<u8>, KeysError> {
    let kid = &key.public.kid;
    tools
        .secrets
        .private_keys
        .open(&key.private, kid.as_bytes())
        .map_err(|_| KeysError::DoesNotOpen(kid.clone()))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::app::open::{OpenError, Options, open};
    use crate::channel::email::Mailer;
    use crate::channel::sender::SenderOptions;
    use crate::channel::web_push::VapidContact;
    use crate::config::Settings;
    use crate::domain::token::master_key::MasterKey;

    async fn start(database: &str, master: u8) -> Result<App, OpenError> {
        Box::pin(open(Options {
            settings: Settings::default(),
            database_url: database.to_owned().into(),
            master_key: MasterKey::new(&[master; 32]),
            sender: SenderOptions::default(),
            mailer: Mailer::Off,
            vapid_contact: VapidContact::read("mailto:ops@example.com").unwrap(),
            clock: Clock::by_hand(datetime!(2026-11-22 09:00 UTC)),
            entropy: Entropy::system(),
        }))
        .await
    }

    /// A database of its own, gone at the end.
    struct Disk(std::path::PathBuf);

    impl Disk {
        fn new(name: &str) -> (Self, String) {
            let dir = std::env::temp_dir().join(format!("cs-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&dir).unwrap();
            let url = format!("sqlite://{}/db.sqlite", dir.display());
            (Self(dir), url)
        }
    }

    impl Drop for Disk {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[tokio::test]
    async fn instances_that_start_together_agree_on_the_keys() {
        let (_disk, url) = Disk::new("keys");
        let store = Store::open(&url).await.unwrap();
        let beside = Store::open(&url).await.unwrap();
        let secrets = Secrets::new(&MasterKey::new(&[1; 32]));
        let (clock, entropy) = (Clock::system(), Entropy::system());
        let tools = |store| Tools {
            store,
            secrets: &secrets,
            clock: &clock,
            entropy: &entropy,
        };
        let (one, other) = tokio::join!(keyring(tools(&store)), keyring(tools(&beside)));
        assert_eq!(one.unwrap().active.public(), other.unwrap().active.public());
        let (one, other) = tokio::join!(vapid_key(tools(&store)), vapid_key(tools(&beside)));
        assert_eq!(
            one.unwrap().public_key_base64url(),
            other.unwrap().public_key_base64url()
        );
        let app = start(&url, 1).await.unwrap();
        assert_eq!(list(&app).await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn another_master_key_opens_nothing() {
        let (_disk, url) = Disk::new("master");
        start(&url, 1).await.unwrap().store.close().await;
        let refused = start(&url, 2).await.unwrap_err();
        assert!(matches!(
            refused,
            OpenError::Keys(KeysError::DoesNotOpen(_))
        ));
    }

    #[tokio::test]
    async fn a_rotated_key_is_published_until_nothing_it_signed_is_good() {
        let (_disk, url) = Disk::new("rotate");
        let (app, beside) = (start(&url, 1).await.unwrap(), start(&url, 1).await.unwrap());
        let rotated = rotate(&app).await.unwrap();
        let keyring = app.keyring.get();
        assert_eq!(keyring.active.public().kid, rotated.new);

        let now = app.clock.now();
        let published = keyring.published(now).into_iter().map(|key| key.kid);
        assert_eq!(
            published.collect::<Vec<_>>(),
            [rotated.new.clone(), rotated.old]
        );
        assert_eq!(rotated.published_until, now + PLAIN_LIFETIME + MARGIN);
        assert_eq!(keyring.published(rotated.published_until).len(), 1);

        assert!(reload(&beside).await.unwrap());
        assert!(!reload(&beside).await.unwrap());
        assert_eq!(beside.keyring.get().active.public().kid, rotated.new);
    }
}
