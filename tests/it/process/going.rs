//! A call that goes on while the story does: `ask` that waits, `demo`.

use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

use super::program::Ran;
use super::server::{PATIENCE, signal};

/// The call, its lines, and its words.
pub struct Going {
    child: Child,
    keys: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    words: JoinHandle<String>,
    heard: String,
}

impl Going {
    pub fn start(mut command: Command) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::piped()).spawn().expect("a program");
        let mut stderr = child.stderr.take().expect("its words");
        Self {
            keys: child.stdin.take().expect("its keys"),
            lines: BufReader::new(child.stdout.take().expect("its lines")).lines(),
            words: tokio::spawn(async move {
                let mut words = String::new();
                let read = stderr.read_to_string(&mut words).await;
                read.expect("UTF-8");
                words
            }),
            heard: String::new(),
            child,
        }
    }

    /// The next JSON line, which must tell of this.
    pub async fn tells(&mut self, event: &str) -> Value {
        let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await;
        let line = line.expect("it goes on").expect("its lines");
        let Some(line) = line else {
            let words = (&mut self.words).await.expect("its words");
            panic!("it ended before it told of {event}: {words}");
        };
        let told: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(told["event"], event, "{told}");
        self.heard.push_str(&line);
        told
    }

    /// Types a line.
    pub async fn types(&mut self, line: &str) {
        let typed = self.keys.write_all(format!("{line}\n").as_bytes()).await;
        typed.expect("it listens");
    }

    /// Ends it where it is (`kill -9`), and returns what it had said.
    pub async fn kill(mut self) -> Ran {
        self.child.start_kill().expect("it runs");
        self.ends().await
    }

    /// Ctrl-C, and what it says to that.
    pub async fn interrupted(self) -> Ran {
        signal(&self.child, "INT").await;
        self.ends().await
    }

    /// Waits for its end.
    pub async fn ends(mut self) -> Ran {
        drop(self.keys);
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        let code = ended.expect("it ends").expect("a child").code();
        while let Some(line) = self.lines.next_line().await.expect("its lines") {
            self.heard.push_str(&line);
        }
        Ran {
            code,
            out: self.heard,
            err: self.words.await.expect("its words"),
        }
    }
}
