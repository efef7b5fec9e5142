//! What an operator may change.
//!
//! The commented file `config.default.toml` beside this one is compiled in and *is* the default; the
//! operator's file lies over it, and the environment over both. A name that is not in the default file
//! is an error with the name that was probably meant, and every value has bounds.

pub mod data_dir;
pub mod master_key;
mod problem;
mod read;
pub mod settings;
mod sources;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use time::Duration;

pub use problem::{ConfigError, Problem};
pub use settings::Settings;
pub use sources::DEFAULT;

/// Everything an operator has set.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the server listens.
    pub listen: SocketAddr,
    /// Where it is reached; none for where it listens.
    pub public_url: Option<String>,
    /// Where it keeps what is its own; none for the usual place.
    pub data_dir: Option<PathBuf>,
    /// The database; none for SQLite in the data directory.
    pub database_url: Option<SecretString>,
    /// The master key; none for the usual place.
    pub master_key_file: Option<PathBuf>,
    /// TLS of our own; none when it is left to a proxy.
    pub tls: Option<TlsPaths>,
    /// How letters leave.
    pub mail: Mail,
    /// Whom push services write to.
    pub vapid_contact: Option<String>,
    /// What outgoing calls may reach although it is not public.
    pub outbound_allow: String,
    /// Certificates to trust besides the machine's own.
    pub extra_roots_file: Option<PathBuf>,
    /// What is logged.
    pub log: String,
    /// What connections may use.
    pub connections: Connections,
    /// How the server behaves. The public URL is put in when it is known.
    pub settings: Settings,
}

/// The files TLS is set up from: PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsPaths {
    /// The server's certificate and those above it.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Authorities of client certificates.
    pub client_ca: Option<PathBuf>,
}

/// How letters leave.
#[derive(Clone, Debug)]
pub enum Mail {
    /// They do not.
    Off,
    /// Through a mail server.
    Smtp {
        /// `smtp://…` or `smtps://…`; it may hold a password.
        url: SecretString,
        /// Whom they come from.
        from: String,
    },
    /// Into a folder.
    Folder {
        /// Which.
        folder: PathBuf,
        /// Whom they come from.
        from: String,
    },
}

/// What connections may use.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "config.default.toml explains each")]
pub struct Connections {
    pub most: usize,
    pub header_timeout: Duration,
    pub body_timeout: Duration,
    pub idle_timeout: Duration,
    pub request_timeout: Duration,
    pub drain: Duration,
}

/// Settings, and the file they came from if there was one.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// The operator's file.
    pub file: Option<PathBuf>,
}

/// Reads the settings: from the file named or the usual places, and from this process's environment.
pub fn load(file: Option<&Path>) -> Result<Loaded, ConfigError> {
    let found = sources::find_file(file, |name| std::env::var(name).ok())?;
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let text = found
        .as_ref()
        .map(|(path, text)| (path.as_path(), text.as_str()));
    let config = from(text, variables)?;
    Ok(Loaded {
        config,
        file: found.map(|(path, _)| path),
    })
}

/// Reads the settings from a file's text and from variables.
pub fn from(
    file: Option<(&Path, &str)>,
    variables: impl Iterator<Item = (String, String)>,
) -> Result<Config, ConfigError> {
    let mut problems = Vec::new();
    let values = sources::gather(file, variables, &mut problems);
    let config = read::read(&values, &mut problems);
    if problems.is_empty() {
        Ok(config)
    } else {
        Err(ConfigError { problems })
    }
}
