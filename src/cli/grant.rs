//! `grant`: what people always allow. It can be stopped here, and never given.

use clap::Subcommand;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::exit::{Exit, Failure};
use super::host::Host;
use super::output::{Output, day, rfc3339};
use crate::domain::consent::standing::StandingGrant;
use crate::domain::id::StandingGrantId;
use crate::flow::{register, stop};

/// What people always allow.
#[derive(Debug, Subcommand)]
pub(super) enum GrantCommand {
    /// List what is always allowed
    List {
        /// Only of this person: an address, username or id
        person: Option<String>,
        /// Also what was stopped or has ended
        #[arg(long)]
        all: bool,
    },
    /// Stop one: from now on the agent asks again
    Stop {
        /// Its id, as `grant list` prints it
        id: String,
    },
}

/// Runs the command.
pub(super) async fn run(
    command: GrantCommand,
    host: &Host,
    output: Output,
) -> Result<Exit, Failure> {
    match command {
        GrantCommand::List { person, all } => list(person, all, host, output).await,
        GrantCommand::Stop { id } => stop_one(&id, host, output).await,
    }
}

async fn list(
    person: Option<String>,
    all: bool,
    host: &Host,
    output: Output,
) -> Result<Exit, Failure> {
    let now = host.app.clock.now();
    let user = match person {
        Some(person) => Some(register::person(&host.app, &person).await?.id),
        None => None,
    };
    let mut grants = stop::list(&host.app, user).await?;
    grants.retain(|(grant, _)| all || state(grant, now) == "live");
    if output.json {
        let grants: Vec<Value> = grants
            .iter()
            .map(|(grant, sentence)| shown(grant, sentence, now))
            .collect();
        output.json(&json!({ "grants": grants }));
        return Ok(Exit::Ok);
    }
    if grants.is_empty() {
        output.say("Nothing is always allowed.");
        return Ok(Exit::Ok);
    }
    let people = register::people(&host.app).await?;
    let email = |grant: &StandingGrant| {
        let person = people.iter().find(|user| user.id == grant.user);
        person.map_or_else(|| grant.user.to_string(), |user| user.email.clone())
    };
    let rows: Vec<[String; 7]> = grants
        .iter()
        .map(|(grant, sentence)| {
            [
                grant.id.to_string(),
                email(grant),
                grant.client.to_string(),
                sentence.clone(),
                day(grant.ends_at),
                grant.uses.to_string(),
                state(grant, now).to_owned(),
            ]
        })
        .collect();
    let head = ["ID", "PERSON", "CLIENT", "ALLOWED", "ENDS", "USED", "STATE"];
    output.table(head, &rows);
    Ok(Exit::Ok)
}

async fn stop_one(id: &str, host: &Host, output: Output) -> Result<Exit, Failure> {
    let unknown = || {
        Failure::new(
            Exit::Usage,
            format_args!("there is no grant `{}`", id.escape_debug()),
        )
        .fix("`countersign grant list` shows what there is")
    };
    let id: StandingGrantId = id.parse().map_err(|_| unknown())?;
    let grant = stop::stop_by_operator(&host.app, id)
        .await?
        .ok_or_else(unknown)?;
    output.done(format_args!(
        "stopped: {} asks again. Tokens it has run out by themselves",
        grant.client
    ));
    if output.json {
        output.json(&json!({ "id": grant.id, "state": "stopped" }));
    }
    Ok(Exit::Ok)
}

fn state(grant: &StandingGrant, now: OffsetDateTime) -> &'static str {
    if grant.revoked_at.is_some() {
        "stopped"
    } else if grant.ends_at <= now {
        "ended"
    } else {
        "live"
    }
}

fn shown(grant: &StandingGrant, sentence: &str, now: OffsetDateTime) -> Value {
    json!({
        "id": grant.id,
        "sub": grant.user,
        "client_id": grant.client,
        "resource": grant.resource,
        "permission": grant.key.as_stored(),
        "sentence": sentence,
        "state": state(grant, now),
        "created_at": rfc3339(grant.created_at),
        "ends_at": rfc3339(grant.ends_at),
        "last_used_at": grant.last_used_at.map(rfc3339),
        "uses": grant.uses,
    })
}
