//! `wait`: comes back to a request that was asked before.

use clap::Args;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::agent::connection::USUAL_SERVER;
use super::agent::notes::Notes;
use super::agent::{Connection, Outcome, Server, Wait as Waiting};
use super::ask::{tell, until_answered};
use super::exit::{Exit, Failure};
use super::interrupt::Interrupt;
use super::output::Output;
use crate::clock::Clock;
use crate::domain::id::RequestId;

/// A server that does not say has these: CIBA's own default, and the longest wait of ours.
const USUAL_INTERVAL: u64 = 5;
const LONGEST: i64 = 31 * 86_400;

/// What to come back to.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  countersign wait 0192f0c1a2b37c4d8e5f60718293a4b5")]
pub(super) struct Wait {
    /// The request's approval_id or auth_req_id
    id: String,
    #[command(flatten)]
    connection: Connection,
}

/// Runs the command.
pub(super) async fn run(wait: Wait, output: Output) -> Result<Exit, Failure> {
    let clock = Clock::system();
    let notes = Notes::usual();
    let noted = notes.find(&wait.id);
    let by = wait
        .connection
        .credentials(noted.as_ref().map(|noted| noted.client_id.as_str()))?;
    let client_id = by.client_id.clone();
    let named = wait.connection.server.as_deref();
    let issuer = noted.as_ref().map(|noted| noted.server.as_str());
    let server = Server::discover(issuer.or(named).unwrap_or(USUAL_SERVER), by).await?;
    if let Some(noted) = noted {
        return until_answered(
            &server,
            &noted,
            &notes,
            &clock,
            output,
            Interrupt::listen()?,
        )
        .await;
    }
    let mut found = Waiting {
        server: server.issuer().to_owned(),
        client_id,
        auth_req_id: wait.id.clone(),
        approval_id: None,
        match_code: None,
        verification_uri: None,
        interval: USUAL_INTERVAL,
        expires_at: clock.now().unix_timestamp() + LONGEST,
        collect_key: format!("wait-{}", wait.id.get(..32).unwrap_or(&wait.id)),
    };
    if wait.id.parse::<RequestId>().is_ok() {
        let status = server.status(&wait.id).await.map_err(|refused| {
            let exit = match refused.code() {
                Some("not_found") => Exit::Usage,
                Some("invalid_client" | "unauthorized_client") => Exit::Unauthorised,
                Some(_) => Exit::Failed,
                None => Exit::Unreachable,
            };
            Failure::new(exit, format_args!("request {}: {refused}", wait.id))
                .fix("give the approval_id of a request this client asked")
        })?;
        found.approval_id = Some(wait.id.clone());
        if let Some(outcome) = Outcome::of_status(&status) {
            tell(&outcome, &found, output);
            return Ok(outcome.exit());
        }
        found.take(&status)?;
    }
    until_answered(
        &server,
        &found,
        &notes,
        &clock,
        output,
        Interrupt::listen()?,
    )
    .await
}

impl Waiting {
    /// Takes over what the status resource tells of a request that waits or can be collected.
    fn take(&mut self, status: &Map<String, Value>) -> Result<(), Failure> {
        let text = |name: &str| status.get(name).and_then(Value::as_str);
        let Some(auth_req_id) = text("auth_req_id") else {
            return Err(
                Failure::new(Exit::Conflict, "the answer was collected before")
                    .effect("it is handed out once"),
            );
        };
        auth_req_id.clone_into(&mut self.auth_req_id);
        self.match_code = text("match_code").map(str::to_owned);
        let expires = text("expires_at").and_then(|at| OffsetDateTime::parse(at, &Rfc3339).ok());
        if let Some(expires) = expires {
            self.expires_at = expires.unix_timestamp();
        }
        Ok(())
    }
}
