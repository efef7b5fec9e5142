//! `demo`: everything in one process, and nothing kept.
//!
//! A real server on loopback with a person and an agent. The agent asks over HTTP like any other, a
//! browser answers like any other, and the terminal shows the agent going on. Only the links that sign
//! the person in are handed out here, because whoever sees this terminal runs the server.

mod agent;
mod folder;
mod questions;
mod stage;

use std::net::SocketAddr;

use clap::Args;
use serde_json::json;
use tokio::sync::mpsc;

use self::agent::BillingAgent;
use self::folder::Folder;
use self::questions::Kind;
use self::stage::Stage;
use super::exit::{Exit, Failure};
use super::output::Output;
use super::serve::Signals;

/// Where the demo listens when nobody says, and that port is free.
const USUAL: &str = "127.0.0.1:8787";

/// What the keys do.
const KEYS: &str = "  Type a letter, then Enter:
  a  ask again, something harmless         d  ask something dangerous
  l  ask what you may always allow         q  quit
";

/// The demo's flags.
#[derive(Debug, Args)]
pub(super) struct Demo {
    /// The address to listen on, instead of 127.0.0.1:8787 or any free port
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Do not open the browser
    #[arg(long)]
    no_open: bool,
}

/// Runs the command.
pub(super) async fn run(demo: &Demo, output: Output) -> Result<Exit, Failure> {
    let mut signals = Signals::listen()?;
    let folder = Folder::make()?;
    let stage = Stage::set(&folder, demo.listen).await?;
    let url = stage.url().to_owned();
    output.done(format_args!(
        "demo server on {url}   (data in {}, gone when you stop)",
        folder.path().display()
    ));
    let permissions = stage.app.catalogue.get().catalogue.permissions().count();
    output.done(format_args!(
        "made a person (you), an agent (Billing Agent) and {permissions} permissions"
    ));
    output.say(KEYS);
    let agent = BillingAgent::new(&stage, output).await?;
    let page = agent.ask(Kind::Always, true).await?;
    if output.json {
        output.json(&json!({ "event": "ready", "server": url, "url": page }));
    }
    if !demo.no_open {
        open_browser(&page);
    }
    let mut keys = lines();
    loop {
        let line = tokio::select! {
            () = signals.stop() => break,
            line = keys.recv() => line,
        };
        let Some(line) = line else {
            // Nobody can type any more; the server goes on until it is told to stop.
            signals.stop().await;
            break;
        };
        let asked = match line.trim() {
            "" => continue,
            "a" => agent.ask(Kind::Low, false).await,
            "l" => agent.ask(Kind::Always, false).await,
            "d" => agent.ask(Kind::High, true).await,
            "q" => break,
            _ => {
                output.say(KEYS);
                continue;
            }
        };
        if let Err(failure) = asked {
            output.failure(&failure);
        }
    }
    stage.strike().await;
    output.say("Stopped; nothing was kept.");
    Ok(Exit::Ok)
}

/// Lines from stdin, until it ends. A thread of its own waits for them: a terminal cannot be awaited.
fn lines() -> mpsc::Receiver<String> {
    let (send, lines) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lines() {
            let Ok(line) = line else { break };
            if send.blocking_send(line).is_err() {
                break;
            }
        }
    });
    lines
}

/// Opens the page where there is a screen to open it on; the terminal shows it in any case.
fn open_browser(url: &str) {
    let screen = ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    let program = match std::env::consts::OS {
        "macos" => "open",
        _ if screen => "xdg-open",
        _ => return,
    };
    let quiet = std::process::Stdio::null;
    // No browser is no reason to stop.
    let _ = std::process::Command::new(program)
        .arg(url)
        .stdin(quiet())
        .stdout(quiet())
        .stderr(quiet())
        .spawn();
}
