//! `keys`: what the server signs with.

use clap::Subcommand;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::exit::{Exit, Failure};
use super::host::Host;
use super::output::{Output, day, rfc3339};
use crate::domain::token::algorithm::Algorithm;
use crate::flow::StoreError;
use crate::flow::keys::{self, KeysError, StoredKey};

/// Signing keys.
#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// List the keys
    List,
    /// Sign tokens with a new key; the old one stays published until nothing it signed is good
    #[command(after_help = "Example:\n  countersign keys rotate --alg PS256")]
    Rotate {
        /// Which key: the one that signs with this
        #[arg(long, value_name = "ALG", default_value = "ES256", value_parser = Algorithm::ALL.map(Algorithm::as_str))]
        alg: String,
    },
}

/// Runs the command.
pub(super) async fn run(
    command: &KeysCommand,
    host: &Host,
    output: Output,
) -> Result<Exit, Failure> {
    match command {
        KeysCommand::List => list(host, output).await,
        KeysCommand::Rotate { alg } => {
            let algorithm = Algorithm::from_word(alg).unwrap_or_default();
            rotate(algorithm, host, output).await
        }
    }
}

async fn list(host: &Host, output: Output) -> Result<Exit, Failure> {
    let now = host.app.clock.now();
    let keys = keys::list(&host.app).await?;
    if output.json {
        let keys: Vec<Value> = keys.iter().map(|key| shown(key, now)).collect();
        output.json(&json!({ "keys": keys }));
        return Ok(Exit::Ok);
    }
    let rows: Vec<[String; 6]> = keys
        .iter()
        .map(|key| {
            [
                key.public.kid.clone(),
                key.purpose.as_str().to_owned(),
                key.public.alg.as_str().to_owned(),
                state(key, now).to_owned(),
                day(key.created_at),
                key.retires_at.map(day).unwrap_or_default(),
            ]
        })
        .collect();
    let head = ["KID", "FOR", "ALG", "STATE", "MADE", "PUBLISHED UNTIL"];
    output.table(head, &rows);
    Ok(Exit::Ok)
}

async fn rotate(algorithm: Algorithm, host: &Host, output: Output) -> Result<Exit, Failure> {
    let rotated = keys::rotate(&host.app, algorithm).await.map_err(|error| {
        if matches!(error, KeysError::Store(StoreError::Overtaken)) {
            Failure::new(Exit::Conflict, "someone else rotated at the same moment")
                .effect("nothing was changed here: there is a new key, and it is theirs")
        } else {
            error.into()
        }
    })?;
    output.done(format_args!("{} signs tokens from now on", rotated.new));
    if let Some(old) = &rotated.replaces {
        output.say(format_args!(
            "  {} stays published until {}; a running server changes over within seconds",
            old.kid,
            day(old.published_until)
        ));
    }
    if output.json {
        output.json(&json!({
            "kid": rotated.new,
            "alg": algorithm,
            "replaces": rotated.replaces.as_ref().map(|old| &old.kid),
            "published_until": rotated.replaces.as_ref().map(|old| rfc3339(old.published_until)),
        }));
    } else {
        output.data(rotated.new);
    }
    Ok(Exit::Ok)
}

fn state(key: &StoredKey, now: OffsetDateTime) -> &'static str {
    match key.retires_at {
        None => "active",
        Some(until) if now < until => "published",
        Some(_) => "retired",
    }
}

fn shown(key: &StoredKey, now: OffsetDateTime) -> Value {
    json!({
        "kid": key.public.kid,
        "for": key.purpose.as_str(),
        "alg": key.public.alg,
        "state": state(key, now),
        "created_at": rfc3339(key.created_at),
        "published_until": key.retires_at.map(rfc3339),
    })
}
