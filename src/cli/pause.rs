//! `pause` and `resume`: while all agents are paused, nobody is asked anything.

use clap::Args;
use serde_json::json;

use super::exit::{Exit, Failure};
use super::host::Host;
use super::output::{Output, rfc3339};
use crate::domain::action::duration;
use crate::flow::pause::{self as flow, PauseError};

/// All agents stop asking.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  countersign pause --for 2h --why \"An agent is misbehaving\"")]
pub(super) struct Pause {
    /// For how long, such as 2h; without it, until `countersign resume`
    #[arg(long = "for", value_name = "LENGTH")]
    length: Option<String>,
    /// What people are told about it
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
}

/// Pauses all agents.
pub(super) async fn pause(pause: &Pause, host: &Host, output: Output) -> Result<Exit, Failure> {
    let length = pause.length.as_deref().map(duration::read).transpose();
    let length =
        length.map_err(|error| Failure::new(Exit::Usage, format_args!("--for is {error}")))?;
    let begun = flow::pause_everyone(&host.app, length, pause.why.as_deref()).await;
    let begun = begun.map_err(|error| match error {
        PauseError::Why(_) => Failure::new(Exit::Usage, error).effect("nothing was paused"),
        PauseError::Failed(_) => Failure::new(Exit::Failed, error).effect("nothing was paused"),
    })?;
    let until = begun.ends_at.map(rfc3339);
    let end = until.as_deref().unwrap_or("`countersign resume`");
    output.done(format_args!("paused: no agent can ask anybody until {end}"));
    if output.json {
        output.json(&json!({ "id": begun.id, "state": "paused", "ends_at": until }));
    }
    Ok(Exit::Ok)
}

/// Lets agents ask again.
pub(super) async fn resume(host: &Host, output: Output) -> Result<Exit, Failure> {
    if flow::resume_everyone(&host.app).await? {
        output.done("resumed: agents can ask again");
    } else {
        output.say("Agents were not paused.");
    }
    if output.json {
        output.json(&json!({ "state": "resumed" }));
    }
    Ok(Exit::Ok)
}
