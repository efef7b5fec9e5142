//! What is remembered of a wait, so that an agent that was killed comes back to it.
//!
//! One small file a wait, readable by its owner only, gone when the wait is over:
//! `$XDG_STATE_HOME/countersign/waits/<approval_id>.json`.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use super::Wait;

/// Where notes are kept.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Notes(Option<PathBuf>);

impl Notes {
    /// In the user's state directory. Without one nothing is kept.
    pub(in crate::cli) fn usual() -> Self {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let state = variable("XDG_STATE_HOME")
            .map(PathBuf::from)
            .or_else(|| variable("HOME").map(|home| PathBuf::from(home).join(".local/state")));
        Self(state.map(|state| state.join("countersign/waits")))
    }

    /// Notes a wait: whole, or not at all.
    pub(in crate::cli) fn keep(&self, wait: &Wait) -> std::io::Result<()> {
        let Some(path) = self.path(wait.name()) else {
            return Err(std::io::Error::other("there is no state directory"));
        };
        if let Some(folder) = path.parent() {
            let mut builder = fs::DirBuilder::new();
            builder.recursive(true);
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            builder.create(folder)?;
        }
        let unfinished = path.with_extension(format!("{}.tmp", std::process::id()));
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&unfinished)?;
        file.write_all(&serde_json::to_vec(wait)?)?;
        file.sync_all()?;
        fs::rename(&unfinished, &path)
    }

    /// The wait of that `approval_id` or `auth_req_id`.
    pub(in crate::cli) fn find(&self, id: &str) -> Option<Wait> {
        let read =
            |path: PathBuf| -> Option<Wait> { serde_json::from_slice(&fs::read(path).ok()?).ok() };
        if let Some(wait) = self.path(id).and_then(read) {
            return Some(wait);
        }
        fs::read_dir(self.0.as_ref()?)
            .ok()?
            .filter_map(|entry| read(entry.ok()?.path()))
            .find(|wait| wait.auth_req_id == id)
    }

    /// Forgets a wait that is over.
    pub(in crate::cli) fn forget(&self, wait: &Wait) {
        if let Some(path) = self.path(wait.name()) {
            // One that was never written is as forgotten.
            let _ = fs::remove_file(path);
        }
    }

    /// A wait's file; none for a name that could lead elsewhere.
    fn path(&self, id: &str) -> Option<PathBuf> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        let fits = (1..=200).contains(&id.len()) && id.bytes().all(plain);
        let folder = self.0.as_ref().filter(|_| fits)?;
        Some(folder.join(format!("{id}.json")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_found_by_either_id_until_it_is_over() {
        use std::os::unix::fs::PermissionsExt;
        let folder = std::env::temp_dir().join(format!("cs-waits-{}", std::process::id()));
        let notes = Notes(Some(folder.clone()));
        let wait = Wait {
            server: "https://ask.example".into(),
            client_id: "agent".into(),
            auth_req_id: "abc-DEF_1".into(),
            approval_id: Some("0192f0c1a2b37c4d8e5f60718293a4b5".into()),
            match_code: None,
            verification_uri: None,
            interval: 5,
            expires_at: 7,
            collect_key: "k".into(),
        };
        notes.keep(&wait).unwrap();
        assert_eq!(notes.find(wait.name()).as_ref(), Some(&wait));
        assert_eq!(notes.find("abc-DEF_1").as_ref(), Some(&wait));
        assert_eq!(notes.find("../../etc/passwd"), None);
        let file = notes.path(wait.name()).unwrap();
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        notes.forget(&wait);
        assert_eq!(notes.find(wait.name()), None);
        fs::remove_dir_all(&folder).unwrap();
    }
}
