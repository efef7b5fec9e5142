//! What comes from a file or from stdin, never from a flag: keys, details, secrets.

use std::io::Read;
use std::path::Path;

use super::exit::{Exit, Failure};

/// The most that is read: four times the largest catalogue there should ever be.
const MOST: u64 = 4 * 1024 * 1024;

/// Reads a file, or stdin for `-`.
pub(super) fn read(path: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin()
            .lock()
            .take(MOST + 1)
            .read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MOST + 1).read_to_string(&mut text))
    };
    let cannot = |why: &dyn std::fmt::Display| {
        Failure::new(
            Exit::Usage,
            format_args!("{} cannot be read: {why}", name(path)),
        )
    };
    let length = read.map_err(|error| cannot(&error))?;
    if u64::try_from(length).unwrap_or(u64::MAX) > MOST {
        return Err(cannot(&"it is larger than 4 MiB"));
    }
    Ok(text)
}

/// What an input is called in words.
pub(super) fn name(path: &Path) -> String {
    if path == Path::new("-") {
        "stdin".to_owned()
    } else {
        path.display().to_string()
    }
}
