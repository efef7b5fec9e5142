//! The server's own side of the command line: settings, data directory, master key, database.
//!
//! These commands may run beside a running server; they see what it sees and change what it changes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::ExposeSecret;

use super::exit::{Exit, Failure, chain};
use super::output::Output;
use crate::app::App;
use crate::app::open::{OpenError, Options};
use crate::channel::email::Mailer;
use crate::channel::sender::{Certificate, OutboundAllow, SenderOptions};
use crate::channel::web_push::VapidContact;
use crate::clock::Clock;
use crate::config::data_dir::{self, Lock, LockError, Place};
use crate::config::{self, Config, ConfigError, Loaded, Mail, Settings, master_key};
use crate::entropy::Entropy;
use crate::flow::keys::KeysError;
use crate::store::{Store, StoreError};

/// Whom push services write to when the operator has named nobody they would accept.
const NOBODY: &str = "mailto:operator@countersign.example";

/// Everything a command on the server's host works with.
#[derive(Debug)]
pub(super) struct Host {
    /// The server's parts.
    pub(super) app: App,
    /// Where its data lies.
    pub(super) place: Place,
    /// Whether the database was made just now.
    pub(super) new: bool,
    /// What keeps a second server away, for as long as this one lives.
    lock: Option<Lock>,
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::new(Exit::Config, error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let exit = match error {
            StoreError::Overtaken => Exit::Conflict,
            StoreError::Unusable(_) => Exit::Config,
            StoreError::Inconsistent { .. }
            | StoreError::Overloaded
            | StoreError::Closed
            | StoreError::Database(_) => Exit::Failed,
        };
        Self::new(exit, chain(&error))
    }
}

impl From<KeysError> for Failure {
    fn from(error: KeysError) -> Self {
        match error {
            KeysError::Store(error) => error.into(),
            error @ KeysError::DoesNotOpen(_) => Self::new(Exit::Config, error)
                .effect("nothing that is sealed in this database can be opened")
                .fix("bring back the master key that belongs to it, or name it with COUNTERSIGN_MASTER_KEY_FILE"),
            error @ (KeysError::Entropy(_)
            | KeysError::Damaged(_)
            | KeysError::Broken(_)
            | KeysError::None) => Self::new(Exit::Failed, chain(&error)),
        }
    }
}

/// Opens the server's side as the settings say, telling when it had to be made.
pub(super) async fn open(file: Option<&Path>, output: Output) -> Result<Host, Failure> {
    let Loaded { config, .. } = config::load(file)?;
    let public_url = config
        .public_url
        .clone()
        .unwrap_or_else(|| format!("http://{}", config.listen));
    let host = open_with(config, public_url).await?;
    if host.new {
        output.warn(format_args!(
            "there was no database yet: a new one was made in {}",
            host.place.dir.display()
        ));
    }
    Ok(host)
}

/// Opens it for a server, which must be the only one on an SQLite database.
pub(super) async fn open_locked(config: Config, public_url: String) -> Result<Host, Failure> {
    let place = data_dir::prepare(config.data_dir.as_deref(), config.database_url.as_ref())?;
    let new = is_new(&place);
    let lock = place.file.as_deref().map(data_dir::lock).transpose()?;
    let mut host = open_place(config, public_url, place).await?;
    host.new = new;
    host.lock = lock;
    Ok(host)
}

impl From<LockError> for Failure {
    fn from(error: LockError) -> Self {
        match error {
            LockError::Held(_) => Self::new(Exit::Conflict, error)
                .effect("two servers on one SQLite database would not see each other's answers")
                .fix("stop the other one, or use PostgreSQL for several"),
            LockError::Io(..) => Self::new(Exit::Config, error)
                .fix("let this user write there, or name another place with COUNTERSIGN_DATA_DIR"),
        }
    }
}

fn is_new(place: &Place) -> bool {
    place.file.is_some() && !place.has_database()
}

/// Opens it with settings that were read before.
pub(super) async fn open_with(config: Config, public_url: String) -> Result<Host, Failure> {
    let place = data_dir::prepare(config.data_dir.as_deref(), config.database_url.as_ref())?;
    open_place(config, public_url, place).await
}

async fn open_place(config: Config, public_url: String, place: Place) -> Result<Host, Failure> {
    // Two processes that make the key and the tables at the same moment would stumble over each other.
    let _turn = place.file.as_deref().map(data_dir::opening).transpose()?;
    let new = is_new(&place);
    let entropy = Entropy::system();
    let named = config.master_key_file.as_deref();
    let sealed = match &place.file {
        Some(_) => place.has_database(),
        // Asked only when the answer matters: it takes a connection.
        None => master_key::is_missing(named, &place.dir) && has_keys(&place).await?,
    };
    let key = master_key::find(named, &place.dir, !sealed, || entropy.bytes().ok())?;
    place.make_private()?;
    let roots = roots(config.extra_roots_file.as_deref())?;
    let allow = config
        .outbound_allow
        .parse::<OutboundAllow>()
        .map_err(|error| {
            ConfigError::one(
                "outbound_allow",
                error.to_string(),
                "list hosts and networks with commas between",
            )
        })?;
    let mailer = mailer(
        &config,
        &allow,
        roots.as_ref().map(|roots| roots.pem.as_slice()),
    )?;
    let options = Options {
        vapid_contact: vapid_contact(&config, &public_url)?,
        settings: Settings {
            public_url,
            ..config.settings
        },
        database_url: place.url.clone(),
        master_key: key.key,
        sender: SenderOptions {
            allow,
            tls_roots: roots.map(|roots| roots.parsed).unwrap_or_default(),
            ..SenderOptions::default()
        },
        mailer,
        clock: Clock::system(),
        entropy,
    };
    let app = Box::pin(crate::app::open::open(options))
        .await
        .map_err(|error| match error {
            OpenError::Store(error) => cannot_open(&place, &error),
            OpenError::Keys(error) => error.into(),
            OpenError::Sender(error) => Failure::new(Exit::Failed, chain(&error)),
        })?;
    Ok(Host {
        app,
        place,
        new,
        lock: None,
    })
}

/// Whether the PostgreSQL database holds what another master key has sealed.
async fn has_keys(place: &Place) -> Result<bool, Failure> {
    let looked = Store::has_keys(place.url.expose_secret()).await;
    looked.map_err(|error| cannot_open(place, &error))
}

fn cannot_open(place: &Place, error: &StoreError) -> Failure {
    let what = match &place.file {
        Some(file) => format!("the database {} cannot be opened", file.display()),
        None => "the PostgreSQL database cannot be opened".to_owned(),
    };
    let url = place.url.expose_secret();
    let exit = match (&place.file, error) {
        (_, StoreError::Unusable(_)) => Exit::Config,
        (None, _) => Exit::Unreachable,
        (Some(_), _) => Exit::Failed,
    };
    Failure::new(exit, format!("{what}: {}", chain(error).replace(url, "…")))
        .fix("check database_url (COUNTERSIGN_DATABASE_URL), and that it may be written to")
}

/// Certificates to trust besides the machine's own.
struct Roots {
    parsed: Vec<Certificate>,
    pem: Vec<u8>,
}

fn roots(file: Option<&Path>) -> Result<Option<Roots>, ConfigError> {
    let Some(path) = file else {
        return Ok(None);
    };
    let wrong = |cause: String| {
        ConfigError::one(
            "extra_roots_file",
            cause,
            "name a PEM file with one or more certificates",
        )
    };
    let pem = std::fs::read(path)
        .map_err(|error| wrong(format!("{} cannot be read: {error}", path.display())))?;
    let certificates = Certificate::from_pem_bundle(&pem)
        .map_err(|_| wrong(format!("{} holds no certificates", path.display())))?;
    Ok(Some(Roots {
        parsed: certificates,
        pem,
    }))
}

fn mailer(
    config: &Config,
    allow: &OutboundAllow,
    roots: Option<&[u8]>,
) -> Result<Mailer, ConfigError> {
    let mailer = match &config.mail {
        Mail::Off => return Ok(Mailer::Off),
        Mail::Smtp { url, from } => Mailer::smtp(url, from, allow, roots),
        Mail::Folder { folder, from } => Mailer::folder(PathBuf::from(folder), from),
    };
    mailer.map_err(|error| {
        ConfigError::one(
            "smtp_url and mail_from",
            error.to_string(),
            "change COUNTERSIGN_SMTP_URL or COUNTERSIGN_MAIL_FROM",
        )
    })
}

/// Whom push services write to: as the operator says, or whoever letters come from, or the server itself.
fn vapid_contact(config: &Config, public_url: &str) -> Result<VapidContact, ConfigError> {
    if let Some(named) = &config.vapid_contact {
        return VapidContact::read(named).map_err(|error| {
            ConfigError::one(
                "vapid_contact",
                error.to_string(),
                "write mailto:you@your.domain",
            )
        });
    }
    let address = match &config.mail {
        Mail::Off => None,
        Mail::Smtp { from, .. } | Mail::Folder { from, .. } => {
            let bare = from.rsplit('<').next().unwrap_or(from);
            Some(format!("mailto:{}", bare.trim_end_matches('>').trim()))
        }
    };
    [address.as_deref(), Some(public_url), Some(NOBODY)]
        .into_iter()
        .flatten()
        .find_map(|contact| VapidContact::read(contact).ok())
        .ok_or_else(|| {
            ConfigError::one(
                "vapid_contact",
                "nobody is named",
                "write mailto:you@your.domain",
            )
        })
}

impl Host {
    /// Waits for what is under way and closes the database.
    pub(super) async fn close(self) {
        self.app.tasks.close();
        let _ = tokio::time::timeout(Duration::from_secs(5), self.app.tasks.wait()).await;
        self.app.store.close().await;
        drop(self.lock);
    }
}
