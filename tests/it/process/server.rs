//! `countersign serve` as a process: started, killed, and started again where it was.

use std::collections::BTreeSet;
use std::io::BufRead;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::process::Child;

use super::program::Program;
use crate::world::{Agent, Browser};

/// How long anything may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// Runs a story once on each engine, with a server that is a process of its own.
macro_rules! on_both {
    ($(#[$meta:meta])* async fn $name:ident($server:ident: Server) $body:block) => {
        $(#[$meta])*
        mod $name {
            use super::*;

            async fn story(mut $server: $crate::process::server::Server) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                let program = $crate::process::program::Program::sqlite();
                story($crate::process::server::Server::start(program).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgresql() {
                let program = $crate::process::program::Program::postgresql().await;
                story($crate::process::server::Server::start(program).await).await;
            }
        }
    };
}

/// Sends a signal to a process that runs.
pub async fn signal(child: &Child, name: &str) {
    let pid = child.id().expect("it runs").to_string();
    let mut kill = tokio::process::Command::new("kill");
    let sent = kill.args(["-s", name, &pid]).status().await;
    assert!(sent.expect("kill").success());
}

/// A server and everything it has said.
pub struct Server {
    pub program: Program,
    pub url: String,
    pub http: reqwest::Client,
    child: Option<Child>,
    log: Arc<Mutex<String>>,
    secrets: Arc<Mutex<BTreeSet<String>>>,
}

impl Server {
    /// Starts one and waits until it is ready.
    pub async fn start(program: Program) -> Self {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        let url = program.url();
        Self::start_at(program, url, http.build().expect("a client")).await
    }

    /// Starts one that is reached there, in that way.
    pub async fn start_at(program: Program, url: String, http: reqwest::Client) -> Self {
        let mut server = Self {
            url,
            program,
            http,
            child: None,
            log: Arc::default(),
            secrets: Arc::default(),
        };
        server.start_again().await;
        server
    }

    /// Starts it where it was, and waits until it is ready.
    pub async fn start_again(&mut self) {
        assert!(self.child.is_none(), "it runs");
        let mut command = self.program.command(&["serve"]);
        let command = command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("a server");
        let stderr = child.stderr.take().expect("its words");
        let stderr = stderr.into_owned_fd().expect("a pipe");
        let log = Arc::clone(&self.log);
        // Read to the end, however it ends: what a killed server had said is in the pipe.
        std::thread::spawn(move || {
            for line in std::io::BufReader::new(std::fs::File::from(stderr)).lines() {
                let line = line.unwrap_or_default();
                let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
                log.push_str(&line);
                log.push('\n');
            }
        });
        self.child = Some(child);
        self.ready().await;
    }

    async fn ready(&mut self) {
        let started = Instant::now();
        loop {
            let ready = self.http.get(format!("{}/readyz", self.url));
            if matches!(ready.send().await, Ok(answer) if answer.status().is_success()) {
                return;
            }
            let child = self.child.as_mut().expect("a server");
            let ended = child.try_wait().expect("a child");
            let given_up = ended.is_some() || started.elapsed() > PATIENCE;
            assert!(!given_up, "{ended:?} not ready: {}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// `kill -9`: at once, in the middle of whatever it does.
    pub async fn kill(&mut self) {
        let mut child = self.child.take().expect("a server");
        child.kill().await.expect("killed");
    }

    /// SIGTERM, sent; how it ends is another question.
    pub async fn terminate(&self) {
        signal(self.child.as_ref().expect("a server"), "TERM").await;
    }

    /// Its process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// Waits until it has ended.
    pub async fn ended(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("a server");
        let ended = tokio::time::timeout(PATIENCE, child.wait()).await;
        ended
            .unwrap_or_else(|_| panic!("it does not end: {}", self.log()))
            .expect("a child")
    }

    /// Stops it as an operator would. It ends well, and has told nobody what is secret (I02).
    pub async fn stop(&mut self) {
        self.terminate().await;
        let ended = self.ended().await;
        assert_eq!(ended.code(), Some(0), "{}", self.log());
        self.told_no_secret();
    }

    /// Everything it has said on stderr, all starts together.
    pub fn log(&self) -> String {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.clone()
    }

    /// From now on this must not be in what it says.
    pub fn is_secret(&self, text: &str) {
        assert!(text.len() > 7, "too short to be looked for: {text}");
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        secrets.insert(text.to_owned());
    }

    fn told_no_secret(&self) {
        let log = self.log();
        assert!(log.contains("ready"), "it says when it is ready: {log}");
        let key = std::fs::read_to_string(self.program.data().join("master.key"));
        self.is_secret(key.expect("a master key").trim());
        let secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        for secret in secrets.iter() {
            let line = log.lines().find(|line| line.contains(secret.as_str()));
            assert_eq!(line, None, "a secret in the log: {secret}");
        }
    }

    /// A new agent, registered with these flags.
    pub async fn agent(&self, name: &str, flags: &[&str]) -> Agent {
        let arguments: Vec<&str> = ["client", "add", name]
            .into_iter()
            .chain(flags.iter().copied())
            .collect();
        let added = self.program.json(&arguments).await;
        let id = added["client_id"].as_str().expect("an id");
        let secret = added["client_secret"].as_str().unwrap_or_default();
        if !secret.is_empty() {
            self.is_secret(secret);
        }
        Agent::with(id, secret, &self.url, self.http.clone())
    }

    /// A new person, and a browser they have signed in with.
    pub async fn person(&self, name: &str) -> (String, Browser) {
        let email = format!("{}@acme.example", name.to_lowercase());
        self.program
            .done(&["person", "add", &email, "--name", name])
            .await;
        let browser = self.signed_in(&email).await;
        (email, browser)
    }

    /// A browser in which that person has just signed in.
    pub async fn signed_in(&self, email: &str) -> Browser {
        let link = self.program.json(&["person", "link", email]).await;
        let link = link["url"].as_str().expect("a link");
        self.is_secret(link.rsplit('/').next().expect("a handle"));
        let mut browser = Browser::new(&self.url, self.http.clone());
        let page = browser.get(link).await;
        let page = page.submit(&mut browser, "/signin/", &[]).await;
        assert!(page.status.is_success(), "{}: {}", page.status, page.body);
        for value in browser.cookies.values() {
            self.is_secret(value);
        }
        browser
    }

    /// The history, as `audit export` copies it, after `audit verify` has found nothing wrong with it.
    pub async fn history(&self) -> Vec<Value> {
        self.program.done(&["audit", "verify"]).await;
        let copy = self.program.done(&["audit", "export"]).await;
        let record =
            |line: &str| serde_json::from_str::<Value>(line).map(|it| it["record"].clone());
        let records: Result<Vec<Value>, _> = copy.out.lines().map(record).collect();
        records.expect("JSON lines")
    }
}
