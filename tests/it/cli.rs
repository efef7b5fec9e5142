//! The program as a script sees it: processes, exit codes, JSON, signals, restarts.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

use crate::world::{Browser, Folder};

const PERSON: &str = "maya@example.com";

/// A data directory, the variables that name it, and a port that was free a moment ago.
struct Site {
    folder: Folder,
    url: String,
    secret: String,
}

impl Site {
    /// With an agent, a person and the example catalogue.
    fn new() -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = free.local_addr().expect("an address");
        let mut site = Self {
            folder: Folder::new(),
            url: format!("http://{address}"),
            secret: String::new(),
        };
        let added = json(&site.run(&["client", "add", "Bot", "--json"]));
        added["client_secret"]
            .as_str()
            .expect("a secret")
            .clone_into(&mut site.secret);
        assert_eq!(code(&site.run(&["person", "add", PERSON])), 0);
        let catalogue = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/catalogue.toml");
        assert_eq!(code(&site.run(&["apply", catalogue])), 0);
        site
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("COUNTERSIGN_")) {
            command.env_remove(name);
        }
        command
            .args(arguments)
            .env("COUNTERSIGN_DATA_DIR", &self.folder.0)
            .env("COUNTERSIGN_LISTEN", self.url.trim_start_matches("http://"))
            .env("COUNTERSIGN_SERVER", &self.url)
            .env("COUNTERSIGN_CLIENT_ID", "bot")
            .env("COUNTERSIGN_CLIENT_SECRET", &self.secret)
            .env("XDG_STATE_HOME", self.folder.0.join("state"))
            .env("XDG_CONFIG_HOME", self.folder.0.join("config"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("it runs")
    }

    /// A server that is ready. Nobody reads its log after that, which is none of its business.
    fn serve(&self) -> Running {
        let mut child = self.command(&["serve"]).spawn().expect("it starts");
        let log = child.stderr.take().expect("its log");
        let ready = BufReader::new(log)
            .lines()
            .map_while(Result::ok)
            .any(|line| line.contains("\"ready\""));
        assert!(ready, "it got ready");
        Running(child)
    }

    /// A question that was asked, and whoever waits for its answer.
    fn ask(&self, more: &[&str]) -> (Running, Value) {
        let arguments = [&["ask", PERSON, "Go?", "--json"], more].concat();
        let mut command = self.command(&arguments);
        let mut child = command.stderr(Stdio::null()).spawn().expect("it starts");
        let mut line = String::new();
        let out = child.stdout.as_mut().expect("its output");
        BufReader::new(out).read_line(&mut line).expect("a line");
        let asked = serde_json::from_str(&line).expect("JSON");
        (Running(child), asked)
    }

    async fn signed_in(&self) -> Browser {
        let made = json(&self.run(&["person", "link", PERSON, "--json"]));
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        let mut browser = Browser::new(&self.url, http.build().expect("a client"));
        let page = browser.get(made["url"].as_str().expect("a link")).await;
        page.press(&mut browser, "Sign in", &[]).await;
        browser
    }
}

/// A process that does not outlive its story.
struct Running(Child);

impl Running {
    fn code(&mut self) -> Option<i32> {
        self.0.wait().expect("it ends").code()
    }

    fn signal(&self, name: &str) {
        let pid = self.0.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.expect("a signal").success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("a code")
}

fn json(output: &Output) -> Value {
    let words = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no JSON: {words}"))
}

fn text<'a>(asked: &'a Value, name: &str) -> &'a str {
    asked[name].as_str().expect("a text")
}

async fn press(browser: &mut Browser, asked: &Value, button: &str) {
    let page = browser.get(text(asked, "verification_uri")).await;
    page.press(browser, button, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_was_killed_comes_back_to_its_answer() {
    let site = Site::new();
    let mut server = site.serve();
    let (mut yes, asked_yes) = site.ask(&["--scope", "payments.read", "--resume-state", "step 7"]);
    let (mut no, asked_no) = site.ask(&["--scope", "payments.read"]);
    yes.signal("INT");
    assert_eq!(yes.code(), Some(130));
    server.signal("KILL");
    server.code();
    let server = site.serve();

    let mut maya = site.signed_in().await;
    press(&mut maya, &asked_yes, "Only this time").await;
    press(&mut maya, &asked_no, "Deny").await;
    assert_eq!(no.code(), Some(10), "it waited through the restart");
    let id = text(&asked_yes, "approval_id");
    let ended = site.run(&["wait", id, "--json"]);
    let result = json(&ended);
    assert_eq!(code(&ended), 0);
    assert_eq!(result["resume_state"], "step 7");
    assert!(result["access_token"].is_string());
    assert_eq!(code(&site.run(&["wait", id])), 6, "it is handed out once");
    assert_eq!(
        code(&site.run(&["wait", text(&asked_no, "approval_id")])),
        10
    );
    assert_eq!(code(&site.run(&["audit", "verify"])), 0);
    drop(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_asks_once_and_a_held_poll_does_not_hold_up_the_end() {
    let site = Site::new();
    let mut server = site.serve();
    let ask = |text| site.run(&["ask", PERSON, text, "--no-wait", "--idempotency-key", "k"]);
    let (first, again) = (ask("Go?"), ask("Go?"));
    assert_eq!(first.stdout, again.stdout);
    assert_eq!(
        code(&ask("Stop?")),
        6,
        "another question under the same key"
    );
    assert_eq!(code(&site.run(&["ask", "nobody@example.com"])), 2);

    let (_waiting, _) = site.ask(&[]);
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    server.signal("TERM");
    let stopping = std::time::Instant::now();
    assert_eq!(server.code(), Some(0));
    assert!(stopping.elapsed() < std::time::Duration::from_secs(10));
}

#[test]
fn the_host_s_commands_say_what_they_did_in_exit_codes() {
    let site = Site::new();
    assert_eq!(code(&site.run(&["ask", PERSON])), 4, "nobody serves");
    assert_eq!(code(&site.run(&["person", "add", PERSON])), 6);
    assert_eq!(code(&site.run(&["client", "disable", "bot"])), 0);
    assert_eq!(code(&site.run(&["client", "disable", "nobody"])), 2);
    assert_eq!(code(&site.run(&["frobnicate"])), 2);
    let mut misspelt = site.command(&["serve"]);
    let refused = misspelt.env("COUNTERSIGN_LISTN", "x").output();
    let refused = refused.expect("it runs");
    assert_eq!(code(&refused), 3);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("COUNTERSIGN_LISTEN?"));

    let before = json(&site.run(&["keys", "list", "--json"]));
    let rotated = json(&site.run(&["keys", "rotate", "--json"]));
    assert_eq!(rotated["replaces"], before["keys"][0]["kid"]);
    let exported = site.run(&["export"]);
    let file = site.folder.0.join("catalogue.toml");
    std::fs::write(&file, exported.stdout).expect("a file");
    let again = json(&site.run(&["apply", file.to_str().expect("a path"), "--json"]));
    assert_eq!(again["applied"], false, "what was exported is in force");
    let copy = site.run(&["audit", "export"]);
    let copy = String::from_utf8(copy.stdout).expect("text");
    for line in copy.lines() {
        let entry: Value = serde_json::from_str(line).expect("JSON");
        assert!(entry["hash"].is_string() && entry["record"]["kind"].is_string());
    }
    assert!(copy.contains("audit.exported") && !copy.contains(&site.secret));
}

#[test]
fn sec_i16_two_servers_do_not_share_a_database() {
    let site = Site::new();
    let first = site.serve();
    let mut second = site.command(&["serve"]);
    let refused = second.env("COUNTERSIGN_LISTEN", "127.0.0.1:0").output();
    let refused = refused.expect("it runs");
    assert_eq!(code(&refused), 6);
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(words.contains(&first.0.id().to_string()), "{words}");
    drop(first);
    drop(site.serve());
}
