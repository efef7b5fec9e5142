//! Letters into a folder: for development, and for whoever carries them on from there.

use std::io;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;
use time::macros::format_description;
use tokio::fs;
use tokio::io::AsyncWriteExt;

use crate::domain::parcel::Delivery;

/// The folder.
#[derive(Clone, Debug)]
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    /// Keeps a letter, wholly or not at all. The same letter twice is one file.
    pub(super) async fn keep(&self, date: OffsetDateTime, id: &str, bytes: &[u8]) -> Delivery {
        let form = format_description!("[year][month][day]T[hour][minute][second]Z");
        let Ok(when) = date.to_offset(time::UtcOffset::UTC).format(form) else {
            return Delivery::refused("the letter has no date");
        };
        match self.write(&format!("{when}-{id}.eml"), bytes).await {
            Ok(()) => Delivery::Delivered,
            Err(error) => Delivery::later(format!("the mail folder: {}", error.kind())),
        }
    }

    async fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        fs::create_dir_all(&self.0).await?;
        let unfinished = self.0.join(format!(".{name}.tmp"));
        let result = Self::fill(&unfinished, bytes).await;
        match result {
            Ok(()) => fs::rename(&unfinished, self.0.join(name)).await,
            Err(error) => {
                // What was begun is of no use; the reason it failed is.
                let _ = fs::remove_file(&unfinished).await;
                Err(error)
            }
        }
    }

    async fn fill(path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        // Letters hold sign-in links: they are the operator's to read and nobody else's.
        #[cfg(unix)]
        options.mode(0o600);
        let mut file = options.open(path).await?;
        file.write_all(bytes).await?;
        file.sync_all().await
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use time::macros::datetime;

    use super::*;

    #[tokio::test]
    async fn a_letter_is_one_private_file_however_often_it_is_sent() {
        let home = std::env::temp_dir().join(format!("countersign-mail-{}", std::process::id()));
        let folder = Folder(home.join("letters"));
        let date = datetime!(2026-11-22 08:00:00 +1);
        for _ in 0..2 {
            assert_eq!(folder.keep(date, "17", b"words").await, Delivery::Delivered);
        }
        let files: Vec<_> = std::fs::read_dir(&folder.0)
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!(files.len(), 1);
        assert_eq!(files[0].file_name(), "20261122T070000Z-17.eml");
        assert_eq!(std::fs::read(files[0].path()).unwrap(), b"words");
        assert_eq!(
            files[0].metadata().unwrap().permissions().mode() & 0o777,
            0o600
        );
        std::fs::remove_dir_all(home).unwrap();
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_written_is_tried_again() {
        let folder = Folder(PathBuf::from("/dev/null/letters"));
        let kept = folder
            .keep(OffsetDateTime::UNIX_EPOCH, "17", b"words")
            .await;
        assert!(matches!(kept, Delivery::Later { .. }), "{kept:?}");
    }
}
