//! The demo's agent: it asks over HTTP, waits, and goes on from where it stopped.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::format_description;

use super::questions::Kind;
use super::stage::{Stage, failed};
use crate::app::App;
use crate::cli::agent::{Outcome, Server, Wait, follow};
use crate::cli::exit::Failure;
use crate::cli::output::Output;
use crate::domain::action::text::visible;
use crate::domain::id::RequestId;
use crate::paths;

/// The agent, and the terminal it is watched in.
pub(super) struct BillingAgent<'a> {
    stage: &'a Stage,
    server: Server,
    output: Output,
}

impl<'a> BillingAgent<'a> {
    /// Finds its server.
    pub(super) async fn new(stage: &'a Stage, output: Output) -> Result<Self, Failure> {
        let server = Server::discover(stage.url(), stage.agent.clone()).await?;
        Ok(Self {
            stage,
            server,
            output,
        })
    }

    /// Asks, and waits beside everything else. Returns the page to answer on; `sign_in` makes it a link
    /// that signs the person in first.
    pub(super) async fn ask(&self, kind: Kind, sign_in: bool) -> Result<String, Failure> {
        let app = &self.stage.app;
        let now = app.clock.now();
        let key = || -> Result<String, Failure> {
            let bytes = app.entropy.bytes::<16>().map_err(failed)?;
            Ok(format!("demo-{:032x}", u128::from_be_bytes(bytes)))
        };
        let question = kind.question(&self.stage.you.email);
        let wait = self
            .server
            .ask(&question, &key()?, key()?, now.unix_timestamp())
            .await
            .map_err(failed)?;
        let id = wait.approval_id.clone().unwrap_or_default();
        let page = match (sign_in, &wait.verification_uri) {
            (false, Some(page)) => page.clone(),
            (true, _) | (false, None) => self.stage.link_to(paths::request(&id)).await?,
        };
        let code = wait.match_code.clone().unwrap_or_default();
        self.output.say(format_args!(
            "{} Billing Agent asks to {}   code {code}",
            time_of(now),
            kind.task(),
        ));
        self.output.next(&page);
        if self.output.json {
            self.output.json(&json!({
                "event": "asked",
                "approval_id": id,
                "match_code": wait.match_code,
                "url": page,
            }));
        }
        app.tasks.spawn(go_on(
            app.clone(),
            self.server.clone(),
            wait,
            kind,
            self.output,
        ));
        Ok(page)
    }
}

/// Waits for the answer, and continues as it says.
async fn go_on(app: App, server: Server, wait: Wait, kind: Kind, output: Output) {
    let ended = tokio::select! {
        ended = follow(&server, &wait, &app.clock, |_| {}) => ended,
        () = app.stop.cancelled() => return,
    };
    let outcome = match ended {
        Ok(outcome) => outcome,
        Err(failure) => return output.failure(&failure),
    };
    let now = app.clock.now();
    let at = time_of(now);
    let task = kind.task();
    match &outcome {
        Outcome::Approved(tokens) => {
            let took = since_answer(&app, &wait, now).await;
            output.done(format_args!("{at} you said yes{took}"));
            let state = tokens.get("resume_state").and_then(Value::as_str);
            output.say(format_args!(
                "         Billing Agent goes on at \"{}\": it may {task}",
                state.unwrap_or_default()
            ));
        }
        Outcome::Denied(no) => {
            let reason = no.reason.as_deref().map(visible);
            let reason = reason.map_or_else(String::new, |reason| format!(": \"{reason}\""));
            output.bad(format_args!("{at} you said no{reason}"));
            output.say(format_args!(
                "         Billing Agent stops: it may not {task}"
            ));
        }
        Outcome::NoAnswer => output.bad(format_args!("{at} no answer is a no: it may not {task}")),
        Outcome::Cancelled(_) => output.bad(format_args!("{at} cancelled")),
    }
    if output.json {
        output.json(&json!({
            "event": "result",
            "result": outcome.word(),
            "approval_id": wait.approval_id,
        }));
    }
}

/// How long after the answer the agent had its token.
async fn since_answer(app: &App, wait: &Wait, now: OffsetDateTime) -> String {
    let id = wait.approval_id.as_deref().unwrap_or_default();
    let Ok(id) = id.parse::<RequestId>() else {
        return String::new();
    };
    let stored = app.store.request(id).await.ok().flatten();
    let decided = stored.and_then(|it| it.request.decision().map(|decision| decision.at));
    decided.map_or_else(String::new, |at| {
        let took = (now - at).whole_milliseconds().max(0);
        format!(" → the agent had its token {took} ms later")
    })
}

fn time_of(at: OffsetDateTime) -> String {
    at.format(format_description!("[hour]:[minute]:[second]"))
        .unwrap_or_default()
}
