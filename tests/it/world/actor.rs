//! A program of `tests/external` that plays a part, told what to do line by line.
//!
//! One JSON object a line, both ways: `{"do": …}` is answered by `{"done": …}` or `{"failed": …}`, and events
//! may come at any time (`tests/external/browser/lines.mjs`). It ends when nobody speaks to it any more.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// How long an actor may be silent when something is expected of it.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running actor.
pub struct Actor {
    name: String,
    child: Child,
    ears: ChildStdin,
    mouth: Lines<BufReader<ChildStdout>>,
    /// Events nobody has asked for yet.
    heard: VecDeque<Value>,
}

impl Actor {
    /// Starts `tests/external/browser/{name}` and waits until it is ready. Returns what it says then.
    pub async fn start(name: &str, argument: &str) -> (Self, Value) {
        let script = external().join("browser").join(name);
        let mut child = Command::new(node())
            .arg(script)
            .arg(argument)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node (script/setup installs it)");
        let ears = child.stdin.take().expect("its input");
        let mouth = child.stdout.take().expect("its output");
        let mut actor = Self {
            name: name.to_owned(),
            child,
            ears,
            mouth: BufReader::new(mouth).lines(),
            heard: VecDeque::new(),
        };
        let ready = actor.event("ready").await;
        (actor, ready)
    }

    /// Has a command carried out, and returns what it says.
    pub async fn tell(&mut self, command: &str, with: Value) -> Value {
        let outcome = self.try_to(command, with.clone()).await;
        outcome.unwrap_or_else(|why| panic!("{}: {command} {with}: {why}", self.name))
    }

    /// Has a command carried out, if it can be; else says why not.
    pub async fn try_to(&mut self, command: &str, mut with: Value) -> Result<Value, String> {
        with["do"] = command.into();
        let line = format!("{with}\n");
        self.ears
            .write_all(line.as_bytes())
            .await
            .expect("an actor that listens");
        loop {
            let said = self.line().await;
            if said.get("done").is_some() {
                return Ok(said);
            }
            if said.get("failed").is_some() {
                return Err(said["error"].as_str().unwrap_or_default().to_owned());
            }
            self.heard.push_back(said);
        }
    }

    /// The next event of that name, which may have come before.
    pub async fn event(&mut self, name: &str) -> Value {
        let before = self.heard.iter().position(|said| said["event"] == name);
        if let Some(found) = before.and_then(|at| self.heard.remove(at)) {
            return found;
        }
        loop {
            let said = self.line().await;
            if said["event"] == name {
                return said;
            }
            self.heard.push_back(said);
        }
    }

    /// The events of that name that have come and nobody has asked for.
    pub async fn unasked(&mut self, name: &str) -> usize {
        // Whatever it said before it answers has been said.
        let _ = self.try_to("nothing", serde_json::json!({})).await;
        let of_that_name = |said: &&Value| said["event"] == name;
        self.heard.iter().filter(of_that_name).count()
    }

    /// Ends it, and waits until it has.
    pub async fn end(self) {
        let Self {
            mut child, ears, ..
        } = self;
        drop(ears);
        let _ = timeout(PATIENCE, child.wait()).await;
    }

    async fn line(&mut self) -> Value {
        let line = timeout(PATIENCE, self.mouth.next_line()).await;
        let line = line.unwrap_or_else(|_| panic!("{} is silent", self.name));
        let line = line.expect("text");
        let line = line.unwrap_or_else(|| panic!("{} has ended", self.name));
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{} said: {line}", self.name))
    }
}

/// The programs others wrote, and those that drive them.
pub fn external() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/external")
}

/// The Node.js that `script/setup` chose, or the one there is.
fn node() -> PathBuf {
    let chosen = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/bin/node");
    if chosen.exists() {
        chosen
    } else {
        "node".into()
    }
}
