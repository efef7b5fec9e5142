//! `receipt`: proof of one answer, for somebody who was not there.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::json;
use time::OffsetDateTime;

use super::exit::{Exit, Failure};
use super::host;
use super::output::{Output, rfc3339};
use crate::domain::ciba::approval::Answered;
use crate::domain::client::keys::PublicKeys;
use crate::domain::id::RequestId;
use crate::domain::receipt::{How, Receipt};
use crate::flow::receipt::{self, ReceiptError};

/// Signed receipts.
#[derive(Debug, Subcommand)]
pub(super) enum ReceiptCommand {
    /// Write who answered what into a signed receipt
    #[command(after_help = "Example:\n  countersign receipt export 0199… > approval.jwt")]
    Export {
        /// The request's approval_id
        approval_id: String,
    },
    /// Check a receipt: without the server, and without its database
    #[command(
        after_help = "Example:\n  curl https://ask.example.com/oauth/jwks > keys.json\n  countersign receipt verify approval.jwt --jwks keys.json"
    )]
    Verify {
        /// The receipt, or - for stdin
        file: PathBuf,
        /// The server's published keys, kept from /oauth/jwks
        #[arg(long, value_name = "FILE")]
        jwks: PathBuf,
    },
}

/// Runs the command.
pub(super) async fn run(
    command: ReceiptCommand,
    config: Option<&Path>,
    output: Output,
) -> Result<Exit, Failure> {
    match command {
        ReceiptCommand::Export { approval_id } => export(&approval_id, config, output).await,
        ReceiptCommand::Verify { file, jwks } => verify(&file, &jwks, output),
    }
}

async fn export(approval_id: &str, config: Option<&Path>, output: Output) -> Result<Exit, Failure> {
    let id: RequestId = approval_id.parse().map_err(|_| {
        Failure::new(
            Exit::Usage,
            format_args!("`{approval_id}` is not an approval_id"),
        )
        .fix("it is in the agent's response, and in `countersign audit export`")
    })?;
    let host = host::open(config, output).await?;
    let exported = receipt::export(&host.app, id).await;
    host.close().await;
    let jws = exported?;
    if output.json {
        output.json(&json!({ "receipt": jws }));
    } else {
        output.data(&jws);
    }
    Ok(Exit::Ok)
}

fn verify(file: &Path, jwks: &Path, output: Output) -> Result<Exit, Failure> {
    let keys = super::input::read(jwks)?;
    let keys = PublicKeys::read(&keys)
        .map_err(|error| Failure::new(Exit::Usage, format_args!("{}: {error}", jwks.display())))?;
    let receipt = Receipt::verified(&super::input::read(file)?, &keys).map_err(|why| {
        Failure::new(Exit::Unverified, why)
            .effect("this proves nothing")
            .fix("compare the keys with those of the server that is said to have written it")
    })?;
    output.done("signed by one of these keys, and the card is the one that was answered");
    if output.json {
        output.json(&json!(receipt));
        return Ok(Exit::Ok);
    }
    let moment = |seconds| OffsetDateTime::from_unix_timestamp(seconds).map(rfc3339);
    let at = moment(receipt.answered_at).unwrap_or_default();
    let answer = match (receipt.answer, receipt.by.how) {
        (Answered::Deny, _) => "denied",
        (Answered::Once | Answered::Always, How::Person | How::People) => "allowed",
        (Answered::Once | Answered::Always, How::Rule) => "allowed by a rule of theirs",
    };
    let person = receipt.card["person"]["name"].as_str().unwrap_or_default();
    let people: Vec<String> = receipt
        .by
        .people
        .iter()
        .map(|one| one.sub.to_string())
        .collect();
    let people = people.join(", ");
    let person = if people.is_empty() { person } else { &people };
    let agent = receipt.card["agent"]["name"].as_str().unwrap_or_default();
    for (name, value) in [
        ("server", receipt.iss.as_str()),
        ("asked by", agent),
        ("shown", receipt.heading()),
        ("answer", answer),
        ("by", person),
        ("at", &at),
        ("proved by", &receipt.by.acr),
        ("scope", receipt.scope.as_deref().unwrap_or("nothing")),
    ] {
        output.data(format_args!("{name:<10}{value}"));
    }
    for detail in &receipt.authorization_details {
        output.data(format_args!("{:<10}{detail}", "details"));
    }
    Ok(Exit::Ok)
}

impl From<ReceiptError> for Failure {
    fn from(error: ReceiptError) -> Self {
        match error {
            ReceiptError::Store(error) => error.into(),
            error @ (ReceiptError::Unknown | ReceiptError::Undecided) => {
                Self::new(Exit::Usage, error)
            }
            error @ (ReceiptError::Card(_) | ReceiptError::Key(_)) => {
                Self::new(Exit::Failed, error)
            }
        }
    }
}
