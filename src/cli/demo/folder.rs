//! The demo's folder, which is gone when the demo is.

use std::path::{Path, PathBuf};

use crate::cli::exit::{Exit, Failure};
use crate::entropy::Entropy;

/// A new folder that nobody else can read. Dropping it removes it with all that is in it.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Makes it among the machine's temporary files.
    pub(super) fn make() -> Result<Self, Failure> {
        let cannot = |error: &dyn std::fmt::Display| {
            Failure::new(
                Exit::Failed,
                format_args!("no temporary folder can be made: {error}"),
            )
            .fix("set TMPDIR to a folder you can write to")
        };
        let random = Entropy::system().bytes::<8>();
        let name = u64::from_be_bytes(random.map_err(|error| cannot(&error))?);
        let path = std::env::temp_dir().join(format!("countersign-demo-{name:016x}"));
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path).map_err(|error| cannot(&error))?;
        Ok(Self(path))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, folder = %self.0.display(), "the demo's folder is still there");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_kept() {
        let folder = Folder::make().unwrap();
        let path = folder.path().to_owned();
        std::fs::write(path.join("letter"), "x").unwrap();
        drop(folder);
        assert!(!path.exists());
    }
}
