//! `ask`: asks a person and waits for the answer.

use std::convert::Infallible;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use serde_json::{Map, Value, json};

use super::agent::connection::USUAL_SERVER;
use super::agent::notes::Notes;
use super::agent::{Connection, No, Outcome, Question, Refused, Server, Wait, follow};
use super::exit::{Exit, Failure};
use super::input;
use super::interrupt::Interrupt;
use super::output::Output;
use crate::clock::Clock;
use crate::domain::action::duration;
use crate::domain::action::text::visible;
use crate::entropy::Entropy;

/// When to look whether anybody was reached.
const LOOKS: [Duration; 3] = [
    Duration::from_secs(2),
    Duration::from_secs(8),
    Duration::from_secs(50),
];

/// What to ask, and of whom.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign ask maya@example.com \"Deploy 4.2?\" && ./deploy.sh
  countersign ask maya@example.com --scope payments.read --expires 1h --json

Exit codes: 0 approved, 10 denied, 11 no answer, 12 cancelled, 13 blocked.")]
pub(super) struct Ask {
    /// Who is asked: an address, a username or a sub
    person: String,
    /// What the person reads as your words
    text: Option<String>,
    /// A scope to ask for; may be repeated
    #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ' ')]
    scopes: Vec<String>,
    /// Typed authorization details: a file with JSON, or - for stdin
    #[arg(long, value_name = "FILE")]
    details: Option<PathBuf>,
    /// How young the sign-in behind a yes must be, such as 5m
    #[arg(long, value_name = "LENGTH")]
    max_age: Option<String>,
    /// How the person must have signed in; may be repeated
    #[arg(long, value_name = "ACR")]
    acr: Vec<String>,
    /// The person's user code, for clients that must bring it: a file, or - for stdin
    #[arg(long, value_name = "FILE")]
    user_code: Option<PathBuf>,
    /// A service the answer is for; may be repeated
    #[arg(long = "resource", value_name = "ID")]
    resources: Vec<String>,
    /// How long the person has to answer, such as 10m
    #[arg(long, value_name = "LENGTH")]
    expires: Option<String>,
    /// What comes back with the answer, for a worker that forgets
    #[arg(long, value_name = "TEXT")]
    resume_state: Option<String>,
    /// Asking again with the same key finds the same request and asks nobody twice
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Print the request's id and do not wait: `countersign wait ID` does
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    connection: Connection,
}

/// Runs the command.
pub(super) async fn run(ask: Ask, output: Output) -> Result<Exit, Failure> {
    let (clock, entropy) = (Clock::system(), Entropy::system());
    let by = ask.connection.credentials(None)?;
    let question = ask.question()?;
    let key = match &ask.idempotency_key {
        Some(key) => key.clone(),
        None => fresh_key(&entropy)?,
    };
    let server = ask.connection.server.as_deref().unwrap_or(USUAL_SERVER);
    let server = Server::discover(server, by).await?;
    if ask.idempotency_key.is_none() {
        output.say(format_args!("Idempotency-Key {key}"));
    }
    let now = clock.now().unix_timestamp();
    let wait = server
        .ask(&question, &key, fresh_key(&entropy)?, now)
        .await
        .map_err(|refused| not_asked(&refused, &key))?;
    let notes = Notes::usual();
    if let Err(error) = notes.keep(&wait) {
        output.warn(format_args!("nothing was noted to come back to: {error}"));
    }
    // Whoever is told how to come back may leave at once.
    let interrupt = Interrupt::listen()?;
    tell_asked(&ask.person, &wait, &key, output);
    if ask.no_wait {
        if !output.json {
            output.data(wait.name());
        }
        return Ok(Exit::Ok);
    }
    until_answered(&server, &wait, &notes, &clock, output, interrupt).await
}

impl Ask {
    fn question(&self) -> Result<Question, Failure> {
        let expires = seconds("--expires", self.expires.as_deref())?;
        let user_code = self.user_code.as_deref().map(input::read).transpose()?;
        let details = self.details.as_deref().map(input::read).transpose()?;
        let mut scope = vec!["openid"];
        let named = self.scopes.iter().map(String::as_str);
        scope.extend(named.filter(|scope| !scope.is_empty() && *scope != "openid"));
        Ok(Question {
            login_hint: self.person.clone(),
            scope: scope.join(" "),
            binding_message: self.text.clone(),
            authorization_details: details.as_deref().map(as_list).transpose()?,
            resources: self.resources.clone(),
            requested_expiry: expires,
            max_age: seconds("--max-age", self.max_age.as_deref())?,
            acr_values: (!self.acr.is_empty()).then(|| self.acr.join(" ")),
            user_code: user_code.map(|code| code.trim().to_owned().into()),
            resume_state: self.resume_state.clone(),
        })
    }
}

/// A length of time, in seconds.
fn seconds(flag: &str, length: Option<&str>) -> Result<Option<String>, Failure> {
    let length = length.map(duration::read).transpose();
    let length =
        length.map_err(|error| Failure::new(Exit::Usage, format_args!("{flag} is {error}")))?;
    Ok(length.map(|length| length.whole_seconds().to_string()))
}

/// One object alone is taken for a list of one.
fn as_list(details: &str) -> Result<String, Failure> {
    let read: Value = serde_json::from_str(details)
        .map_err(|error| Failure::new(Exit::Usage, format_args!("--details: {error}")))?;
    // What is a list already goes out as it came: the server judges it to the letter.
    Ok(match read {
        Value::Object(_) => format!("[{}]", details.trim()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            details.trim().to_owned()
        }
    })
}

fn fresh_key(entropy: &Entropy) -> Result<String, Failure> {
    let bytes = entropy.bytes::<16>();
    let bytes = bytes.map_err(|error| Failure::new(Exit::Failed, error))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// Why nobody was asked.
fn not_asked(refused: &Refused, key: &str) -> Failure {
    let failure = |exit| Failure::new(exit, refused).effect("nobody was asked");
    match refused {
        Refused::Silent(_) => Failure::new(Exit::Unreachable, refused)
            .effect("whether somebody was asked is not known")
            .fix(format_args!(
                "ask again with --idempotency-key {key}: nobody is asked twice"
            )),
        Refused::Told { status: 422, .. } => {
            failure(Exit::Conflict).fix("use another --idempotency-key for another question")
        }
        Refused::Told { status: 429, .. } => failure(Exit::Blocked)
            .fix("as much waits for this person, or is asked, as may: try again later"),
        Refused::Told { status: 403, .. } => failure(Exit::Blocked),
        Refused::Told { status, .. } if *status >= 500 => failure(Exit::Unreachable),
        Refused::Told { error, .. }
            if error == "invalid_client" || error == "unauthorized_client" =>
        {
            failure(Exit::Unauthorised)
                .fix("check the client's id and secret, and that it is not disabled")
        }
        Refused::Told { .. } => failure(Exit::Usage),
    }
}

fn tell_asked(person: &str, wait: &Wait, key: &str, output: Output) {
    if output.json {
        output.json(&json!({
            "event": "asked",
            "approval_id": wait.approval_id,
            "auth_req_id": wait.auth_req_id,
            "match_code": wait.match_code,
            "verification_uri": wait.verification_uri,
            "expires_at": wait.expires_at,
            "interval": wait.interval,
            "idempotency_key": key,
        }));
    }
    let code = wait
        .match_code
        .as_ref()
        .map_or_else(String::new, |code| format!("  Code {code}"));
    output.say(format_args!("Asking {person}.{code}"));
    if let Some(page) = &wait.verification_uri {
        output.say(format_args!("  {page}"));
    }
}

/// Waits for the answer, and tells it.
pub(super) async fn until_answered(
    server: &Server,
    wait: &Wait,
    notes: &Notes,
    clock: &Clock,
    output: Output,
    mut interrupt: Interrupt,
) -> Result<Exit, Failure> {
    let resume = format!("countersign wait {}", wait.name());
    output.say(format_args!(
        "Waiting. Ctrl-C stops waiting, not the request: {resume}"
    ));
    let unheard =
        |why: &str| output.warn(format_args!("the server does not answer, trying on: {why}"));
    let outcome = tokio::select! {
        outcome = follow(server, wait, clock, unheard) => outcome?,
        never = watch_delivery(server, wait, output) => match never {},
        () = interrupt.heard() => {
            output.say(format_args!("The request still waits:  {resume}"));
            return Ok(Exit::Interrupted);
        }
    };
    tell(&outcome, wait, output);
    notes.forget(wait);
    Ok(outcome.exit())
}

/// Says so when nobody could be reached: the person may still come by themselves. Never ends.
async fn watch_delivery(server: &Server, wait: &Wait, output: Output) -> Infallible {
    for pause in LOOKS {
        tokio::time::sleep(pause).await;
        let Some(id) = &wait.approval_id else {
            break;
        };
        let status = server.status(id).await.unwrap_or_default();
        if status.get("unreachable").and_then(Value::as_bool) == Some(true) {
            output.warn(
                "nobody could be reached: the request waits until the person looks by themselves",
            );
            break;
        }
    }
    std::future::pending().await
}

/// Tells how it ended.
pub(super) fn tell(outcome: &Outcome, wait: &Wait, output: Output) {
    if output.json {
        output.json(&event(outcome, wait));
    }
    match outcome {
        Outcome::Approved(_) => output.done("Yes: allowed."),
        // A person's words, and yet somebody else's: shown with nothing hidden in them.
        Outcome::Denied(No {
            reason: Some(reason),
            ..
        }) => output.bad(format_args!("No: \"{}\"", visible(reason))),
        Outcome::Denied(No {
            deny_reason: Some(word),
            ..
        }) => output.bad(format_args!("No: {}", visible(word))),
        Outcome::Denied(_) => output.bad("No."),
        Outcome::NoAnswer => output.bad("Nobody answered in time. That is a no."),
        Outcome::Cancelled(None) => output.bad("The request was cancelled."),
        Outcome::Cancelled(Some(other)) => output.bad(format_args!(
            "The same question was answered where it was asked another time: {}",
            visible(other)
        )),
    }
}

fn event(outcome: &Outcome, wait: &Wait) -> Value {
    let mut event = match outcome {
        Outcome::Approved(tokens) => tokens.clone(),
        Outcome::Denied(no) => no
            .members()
            .map(|(name, value)| (name.to_owned(), json!(value)))
            .collect(),
        Outcome::Cancelled(Some(other)) => [("superseded_by".to_owned(), json!(other))]
            .into_iter()
            .collect(),
        Outcome::Cancelled(None) | Outcome::NoAnswer => Map::new(),
    };
    event.insert("event".to_owned(), json!("result"));
    event.insert("result".to_owned(), json!(outcome.word()));
    event.insert("approval_id".to_owned(), json!(wait.approval_id));
    Value::Object(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_object_is_a_list_of_one_and_a_list_goes_out_as_it_came() {
        assert_eq!(
            as_list(" {\"type\":\"a\"}\n").unwrap(),
            "[{\"type\":\"a\"}]"
        );
        assert_eq!(as_list("[ {} ]").unwrap(), "[ {} ]");
        assert_eq!(as_list("{").unwrap_err().exit, Exit::Usage);
    }

    #[test]
    fn why_nobody_was_asked_has_its_own_exit_code() {
        let exit = |status, error: &str| {
            let refused = Refused::Told {
                status,
                error: error.to_owned(),
                description: None,
            };
            not_asked(&refused, "key").exit as u8
        };
        assert_eq!(exit(400, "unknown_user_id"), 2);
        assert_eq!(exit(401, "invalid_client"), 5);
        assert_eq!(exit(403, "access_denied"), 13);
        assert_eq!(exit(422, "invalid_request"), 6);
        assert_eq!(exit(429, "slow_down"), 13);
        assert_eq!(exit(503, "temporarily_unavailable"), 4);
        assert_eq!(
            not_asked(&Refused::Silent(String::new()), "k").exit as u8,
            4
        );
    }
}
