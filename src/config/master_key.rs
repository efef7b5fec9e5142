//! The file with the master key: made at the first start, and good only while nobody else can read it.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use super::problem::ConfigError;
use crate::domain::token::master_key::MasterKey;

/// Its name in the data directory and among systemd's credentials.
const NAME: &str = "master.key";

/// Digits, and some room for spaces around them.
const LONGEST: u64 = 256;

/// Where the key is, and how it came there.
#[derive(Clone, Debug)]
pub struct Found {
    /// The key.
    pub key: MasterKey,
    /// Where it lies.
    pub path: PathBuf,
    /// Whether it was made just now.
    pub made: bool,
}

/// Finds the key: the file the operator named, systemd's credential, or the one in the data directory.
///
/// Only the last is made, with the bytes `fresh` draws, and only where there is no database yet that an
/// older key has sealed.
pub fn find(
    named: Option<&Path>,
    data_dir: &Path,
    may_make: bool,
    fresh: impl FnOnce() -> Option<[u8; MasterKey::LENGTH]>,
) -> Result<Found, ConfigError> {
    if let Some(path) = named {
        return read(path, true).map(|key| found(key, path, false));
    }
    if let Some(dir) = std::env::var_os("CREDENTIALS_DIRECTORY") {
        let path = Path::new(&dir).join(NAME);
        if path.exists() {
            // systemd guards the directory, and lets a group bit show for its own reasons.
            return read(&path, false).map(|key| found(key, &path, false));
        }
    }
    let path = data_dir.join(NAME);
    match make(&path, may_make, fresh)? {
        Some(key) => Ok(found(key, &path, true)),
        None => read(&path, true).map(|key| found(key, &path, false)),
    }
}

/// Whether there is no key, and [`find`] would have to make one.
pub fn is_missing(named: Option<&Path>, data_dir: &Path) -> bool {
    let handed_over = || {
        let dir = std::env::var_os("CREDENTIALS_DIRECTORY");
        dir.is_some_and(|dir| Path::new(&dir).join(NAME).exists())
    };
    named.is_none() && !data_dir.join(NAME).exists() && !handed_over()
}

fn found(key: MasterKey, path: &Path, made: bool) -> Found {
    Found {
        key,
        path: path.to_owned(),
        made,
    }
}

/// Makes the key, unless there is one.
fn make(
    path: &Path,
    may_make: bool,
    fresh: impl FnOnce() -> Option<[u8; MasterKey::LENGTH]>,
) -> Result<Option<MasterKey>, ConfigError> {
    let place = || path.display().to_string();
    if path.exists() {
        return Ok(None);
    }
    if !may_make {
        return Err(ConfigError::one(
            place(),
            "the master key is missing, and the database that it sealed is there",
            "bring the file back from your backup: without it nothing in the database opens",
        ));
    }
    let cannot = |error: std::io::Error| {
        ConfigError::one(
            place(),
            format!("the master key cannot be written: {error}"),
            "let this user write into the data directory, or name another with COUNTERSIGN_DATA_DIR",
        )
    };
    let bytes = fresh().ok_or_else(|| cannot(std::io::Error::other("no random bytes")))?;
    // Under its own name only when whole: two commands may start at the same moment, and one may die.
    let unfinished = path.with_extension(format!("key.{}", std::process::id()));
    let written =
        write_new(&unfinished, &bytes).and_then(|()| std::fs::hard_link(&unfinished, path));
    let _ = std::fs::remove_file(&unfinished);
    match written {
        Ok(()) => Ok(Some(MasterKey::new(&bytes))),
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.exists() => Ok(None),
        Err(error) => Err(cannot(error)),
    }
}

fn write_new(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    for byte in bytes {
        write!(file, "{byte:02x}")?;
    }
    writeln!(file)?;
    file.sync_all()
}

fn read(path: &Path, check_mode: bool) -> Result<MasterKey, ConfigError> {
    let place = path.display().to_string();
    let cannot = |error: std::io::Error| {
        ConfigError::one(
            place.clone(),
            format!("the master key cannot be read: {error}"),
            "name the file with COUNTERSIGN_MASTER_KEY_FILE, and let this user read it",
        )
    };
    let file = File::open(path).map_err(cannot)?;
    if check_mode && is_open_to_others(&file).map_err(cannot)? {
        return Err(ConfigError::one(
            place.clone(),
            "others can read the master key, and with it sign tokens and open every secret",
            format!("chmod 600 {place}"),
        ));
    }
    let mut text = String::new();
    (&file)
        .take(LONGEST)
        .read_to_string(&mut text)
        .map_err(cannot)?;
    let bytes = from_hex(text.trim()).ok_or_else(|| {
        ConfigError::one(
            place.clone(),
            "it holds no master key: 64 hexadecimal digits",
            "bring the file back from your backup, or for a new server make one: openssl rand -hex 32",
        )
    })?;
    Ok(MasterKey::new(&bytes))
}

#[cfg(unix)]
fn is_open_to_others(file: &File) -> std::io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    Ok(file.metadata()?.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_open_to_others(_: &File) -> std::io::Result<bool> {
    Ok(false)
}

fn from_hex(text: &str) -> Option<[u8; MasterKey::LENGTH]> {
    let mut bytes = [0; MasterKey::LENGTH];
    if text.len() != 2 * bytes.len() || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(bytes)
}
