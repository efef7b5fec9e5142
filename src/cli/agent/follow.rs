//! Waiting for the answer: poll, be patient with servers that restart, and tell the endings apart.

use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::{Instant, sleep, sleep_until};

use super::{Refused, Server, Wait};
use crate::cli::exit::{Exit, Failure};
use crate::clock::Clock;

/// What `slow_down` adds (CIBA §11).
const SLOW_DOWN: Duration = Duration::from_secs(5);

/// The pause after a call that was not answered grows up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// How a request ended.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::cli) enum Outcome {
    /// Yes: the token response.
    Approved(Map<String, Value>),
    /// No.
    Denied(No),
    /// Nobody answered in time, or the answer was not collected in time.
    NoAnswer,
    /// Withdrawn; or the same question was answered where it was asked another time, which is then named.
    Cancelled(Option<String>),
}

/// A no, and what the status resource says of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::cli) struct No {
    /// Why, in one word of the server's.
    pub(in crate::cli) deny_reason: Option<String>,
    /// Whether it is of any use to ask again.
    pub(in crate::cli) retry: Option<String>,
    /// Why, in the person's words.
    pub(in crate::cli) reason: Option<String>,
}

impl Outcome {
    /// The command's exit code.
    pub(in crate::cli) fn exit(&self) -> Exit {
        match self {
            Self::Approved(_) => Exit::Ok,
            Self::Denied(_) => Exit::Denied,
            Self::NoAnswer => Exit::NoAnswer,
            Self::Cancelled(_) => Exit::Cancelled,
        }
    }

    /// The word in JSON.
    pub(in crate::cli) fn word(&self) -> &'static str {
        match self {
            Self::Approved(_) => "approved",
            Self::Denied(_) => "denied",
            Self::NoAnswer => "expired",
            Self::Cancelled(_) => "cancelled",
        }
    }

    /// The outcome a status resource tells of, if it is over.
    pub(in crate::cli) fn of_status(status: &Map<String, Value>) -> Option<Self> {
        match status.get("state").and_then(Value::as_str)? {
            "denied" => Some(Self::Denied(No::of_status(status))),
            "expired" => Some(Self::NoAnswer),
            "cancelled" => Some(Self::Cancelled(text(status, "superseded_by"))),
            _ => None,
        }
    }
}

impl No {
    fn of_status(status: &Map<String, Value>) -> Self {
        Self {
            deny_reason: text(status, "deny_reason"),
            retry: text(status, "retry"),
            reason: text(status, "reason"),
        }
    }

    /// What is known of it, each by the name it has in the status.
    pub(in crate::cli) fn members(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let named = [
            ("deny_reason", &self.deny_reason),
            ("retry", &self.retry),
            ("reason", &self.reason),
        ];
        named
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.as_deref()?)))
    }
}

fn text(status: &Map<String, Value>, name: &str) -> Option<String> {
    let text = status.get(name).and_then(Value::as_str);
    text.map(str::to_owned)
}

/// Waits until there is an outcome. Calls `unheard` when the server has stopped answering, once each
/// time.
pub(in crate::cli) async fn follow(
    server: &Server,
    wait: &Wait,
    clock: &Clock,
    unheard: impl Fn(&str),
) -> Result<Outcome, Failure> {
    let mut interval = Duration::from_secs(wait.interval.clamp(1, 300));
    let mut pause = FIRST_PAUSE;
    loop {
        let next = Instant::now() + interval;
        match server.collect(wait).await {
            Ok(tokens) => return Ok(Outcome::Approved(tokens)),
            Err(Refused::Silent(why)) => {
                patience(wait, clock, &why)?;
                if pause == FIRST_PAUSE {
                    unheard(&why);
                }
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
                continue;
            }
            Err(Refused::Told { status, error, .. }) if status >= 500 => {
                patience(wait, clock, &error)?;
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
                continue;
            }
            Err(refused) => {
                pause = FIRST_PAUSE;
                match refused.code() {
                    Some("authorization_pending") => {}
                    Some("slow_down") => interval += SLOW_DOWN,
                    _ => return ending(server, wait, &refused).await,
                }
            }
        }
        sleep_until(next.max(Instant::now())).await;
    }
}

/// Whether a silent server is still worth waiting for.
fn patience(wait: &Wait, clock: &Clock, why: &str) -> Result<(), Failure> {
    if clock.now().unix_timestamp() <= wait.expires_at {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Unreachable,
        format_args!("{} does not answer: {why}", wait.server),
    )
    .effect("whether there was an answer is not known; it can no longer be collected"))
}

/// What a refusal means. More than the code is read from the status resource.
async fn ending(server: &Server, wait: &Wait, refused: &Refused) -> Result<Outcome, Failure> {
    let status = match &wait.approval_id {
        Some(id) => server.status(id).await.ok(),
        None => None,
    };
    let told = status.as_ref().and_then(Outcome::of_status);
    match refused.code() {
        Some("access_denied") => Ok(told.unwrap_or_else(|| Outcome::Denied(No::default()))),
        Some("expired_token") => Ok(Outcome::NoAnswer),
        // CIBA §11: what a push agent gets that polls.
        Some("unauthorized_client") => Err(Failure::new(Exit::Unauthorised, refused)
            .effect("the person is asked all the same, and the answer goes to the agent's own endpoint")
            .fix("wait with a client that collects answers (--mode poll or ping), not with one in push mode")),
        Some("invalid_client") => {
            Err(Failure::new(Exit::Unauthorised, refused)
                .fix("check the client's id and secret, and that it is not disabled"))
        }
        Some("invalid_grant") => {
            Err(Failure::new(Exit::Conflict, refused).effect("nothing is left to collect here"))
        }
        _ => Err(Failure::new(Exit::Failed, refused)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_ending_has_its_own_exit_code() {
        let outcome = |state: &str| {
            let status = json!({ "state": state, "reason": "use 4.1" });
            let outcome = Outcome::of_status(status.as_object().unwrap())?;
            Some((outcome.exit() as u8, outcome.word()))
        };
        assert_eq!(outcome("denied"), Some((10, "denied")));
        assert_eq!(outcome("expired"), Some((11, "expired")));
        assert_eq!(outcome("cancelled"), Some((12, "cancelled")));
        assert_eq!(outcome("pending"), None);
        assert_eq!(Outcome::Approved(Map::new()).exit() as u8, 0);
    }
}
