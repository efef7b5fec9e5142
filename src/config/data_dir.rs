//! The directory with what is the server's own, and who may use its database.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::problem::ConfigError;

/// The database's name in the data directory.
const DATABASE: &str = "countersign.db";

/// The data directory and the database, as they are to be used.
#[derive(Clone, Debug)]
pub struct Place {
    /// The directory, which is there.
    pub dir: PathBuf,
    /// The database.
    pub url: SecretString,
    /// The database's file, unless it is a server.
    pub file: Option<PathBuf>,
}

impl Place {
    /// Whether there is a database that an older start has filled.
    pub fn has_database(&self) -> bool {
        self.file.as_ref().is_some_and(|file| file.exists())
    }

    /// Makes the database's file, empty, so that nobody else can ever read it: what SQLite puts beside
    /// it gets the same mode.
    pub fn make_private(&self) -> Result<(), ConfigError> {
        let Some(path) = &self.file else {
            return Ok(());
        };
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(path).map(drop).map_err(|error| {
            ConfigError::one(
                path.display().to_string(),
                format!("the database cannot be written to: {error}"),
                "let this user write there, or name another place with COUNTERSIGN_DATA_DIR",
            )
        })
    }
}

/// Finds the data directory, or makes it, readable by nobody else.
pub fn prepare(
    named: Option<&Path>,
    database_url: Option<&SecretString>,
) -> Result<Place, ConfigError> {
    let dir = named.map_or_else(|| usual(|name| std::env::var(name).ok()), Path::to_owned);
    make(&dir).map_err(|error| {
        ConfigError::one(
            dir.display().to_string(),
            format!("the data directory cannot be made: {error}"),
            "name another with COUNTERSIGN_DATA_DIR, or let this user write there",
        )
    })?;
    let url = database_url.map_or_else(
        || SecretString::from(format!("sqlite://{}", dir.join(DATABASE).display())),
        Clone::clone,
    );
    let file = sqlite_file(url.expose_secret())?;
    Ok(Place { dir, url, file })
}

fn usual(variable: impl Fn(&str) -> Option<String>) -> PathBuf {
    // systemd may give several, with colons between.
    if let Some(state) = variable("STATE_DIRECTORY")
        && let Some(first) = state.split(':').find(|dir| !dir.is_empty())
    {
        return PathBuf::from(first);
    }
    let data = variable("XDG_DATA_HOME")
        .map(PathBuf::from)
        .or_else(|| variable("HOME").map(|home| Path::new(&home).join(".local/share")));
    data.map_or_else(
        || PathBuf::from("countersign-data"),
        |data| data.join("countersign"),
    )
}

fn make(dir: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// The file behind an SQLite URL; none for PostgreSQL.
fn sqlite_file(url: &str) -> Result<Option<PathBuf>, ConfigError> {
    let wrong = |cause: &str| {
        Err(ConfigError::one(
            "database_url",
            cause,
            "write sqlite:///path/to/file or postgres://user:password@host/database",
        ))
    };
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok(None);
    }
    let Some(path) = url.strip_prefix("sqlite:") else {
        return wrong("it is neither SQLite nor PostgreSQL");
    };
    let path = path.strip_prefix("//").unwrap_or(path);
    let path = path.split('?').next().unwrap_or_default();
    if path.is_empty() || path.contains(":memory:") {
        return wrong("a database in memory would lose every answer at the first restart");
    }
    Ok(Some(PathBuf::from(path)))
}

/// One server at a time may use an SQLite file: held for as long as the server lives, and let go by
/// the operating system however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Why the database is not ours alone.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another server uses it.
    #[error("another server{0} is using this database")]
    Held(String),
    /// The lock file cannot be used.
    #[error("{0}: {1}")]
    Io(PathBuf, std::io::Error),
}

/// Takes the lock beside a database's file.
pub fn lock(database: &Path) -> Result<Lock, LockError> {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    let path = PathBuf::from(path);
    let io = |error| LockError::Io(path.clone(), error);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&path).map_err(io)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            let _ = (&file).take(16).read_to_string(&mut pid);
            let pid = pid.trim();
            let named = !pid.is_empty() && pid.bytes().all(|b| b.is_ascii_digit());
            return Err(LockError::Held(if named {
                format!(" (process {pid})")
            } else {
                String::new()
            }));
        }
        Err(TryLockError::Error(error)) => return Err(io(error)),
    }
    file.set_len(0).map_err(io)?;
    file.rewind().map_err(io)?;
    writeln!(file, "{}", std::process::id()).map_err(io)?;
    Ok(Lock { _file: file })
}

/// A turn at opening an SQLite database, and perhaps making its tables: one process after the other.
pub fn opening(database: &Path) -> Result<Lock, ConfigError> {
    let mut path = database.as_os_str().to_owned();
    path.push(".opening");
    let path = PathBuf::from(path);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let open = || {
        let file = options.open(&path)?;
        file.lock()?;
        Ok(Lock { _file: file })
    };
    open().map_err(|error: std::io::Error| {
        ConfigError::one(
            path.display().to_string(),
            format!("the database's folder cannot be written to: {error}"),
            "let this user write there, or name another with COUNTERSIGN_DATA_DIR",
        )
    })
}
