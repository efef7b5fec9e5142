//! The program `countersign`, called as from a shell, with surroundings of a story's own.

use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;

use crate::world::{Folder, postgresql};

/// Where the program finds itself: a folder, a port, a database, and variables that say so.
pub struct Program {
    pub folder: Folder,
    pub port: u16,
    variables: Vec<(String, String)>,
}

/// How a call ended.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Program {
    /// With SQLite in its data directory.
    pub fn sqlite() -> Self {
        let (folder, port) = (Folder::new(), free_port());
        let variables = [
            ("LISTEN", format!("127.0.0.1:{port}")),
            ("PUBLIC_URL", format!("http://127.0.0.1:{port}")),
            ("DATA_DIR", folder.0.join("data").display().to_string()),
            ("MAIL_DIR", folder.0.join("mail").display().to_string()),
            ("MAIL_FROM", "ask@acme.example".to_owned()),
            ("INTERVAL", "1s".to_owned()),
            ("OUTBOUND_ALLOW", "127.0.0.0/8".to_owned()),
            ("LOG", "trace".to_owned()),
            ("LIMITS_WAITING_PER_PERSON", "0".to_owned()),
            ("LIMITS_WAITING_PER_CLIENT_AND_PERSON", "0".to_owned()),
            ("LIMITS_SIGN_IN_LINKS_PER_HOUR", "0".to_owned()),
            ("LIMITS_INTERRUPTS_PER_10_MINUTES", "0".to_owned()),
            ("LIMITS_INTERRUPTS_PER_DAY", "0".to_owned()),
            ("LIMITS_REFUSALS_PER_CLIENT_PER_MINUTE", "0".to_owned()),
            ("LIMITS_DENIALS_ALIKE_PER_DAY", "0".to_owned()),
            ("LIMITS_DENIALS_PER_HOUR", "0".to_owned()),
        ];
        let variables = variables.map(|(name, value)| (format!("COUNTERSIGN_{name}"), value));
        Self {
            variables: variables.into(),
            folder,
            port,
        }
    }

    /// With a PostgreSQL database of its own.
    pub async fn postgresql() -> Self {
        let database = postgresql::new_database().await;
        Self::sqlite().set("COUNTERSIGN_DATABASE_URL", &database)
    }

    /// One more variable, or another value for one.
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(other, _)| other != name);
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Where the server keeps what is its own.
    pub fn data(&self) -> PathBuf {
        self.folder.0.join("data")
    }

    /// A call, not made yet. Nothing of this machine's settings reaches it.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("COUNTERSIGN_") {
                command.env_remove(name);
            }
        }
        command
            .args(arguments)
            .env("HOME", &self.folder.0)
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("XDG_DATA_HOME")
            .env_remove("XDG_STATE_HOME")
            .env("NO_COLOR", "1")
            .env("LANG", "C.UTF-8")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.folder.0)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Calls it and waits for its end.
    pub async fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(&mut self.command(arguments)).await
    }

    /// Calls it, and it does what it should.
    pub async fn done(&self, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments).await;
        assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:?}");
        ran
    }

    /// Calls it for JSON.
    pub async fn json(&self, arguments: &[&str]) -> Value {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        self.done(&arguments).await.json()
    }
}

impl Ran {
    pub async fn of(command: &mut Command) -> Self {
        let output = command.output().await.expect("the program runs");
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).expect("UTF-8"),
            err: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    /// What it printed, as one JSON value.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// It ended so, and said these words.
    #[track_caller]
    pub fn ended(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        for word in words {
            assert!(self.err.contains(word), "{word:?} is not in {self:?}");
        }
    }
}

/// A port for a server that comes back to it: none that the system could give to somebody else in the
/// meantime, as those are that it hands out by itself (from 32768 on Linux).
fn free_port() -> u16 {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let first = std::process::id().wrapping_mul(97);
    loop {
        let next = first.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(10_000 + next % 20_000).expect("less than 30000");
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
