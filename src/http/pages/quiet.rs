//! Letting one agent ask no more: offered when it was told no, listed and taken back beside what is allowed.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use time::OffsetDateTime;

use super::PageError;
use super::words::{Agent, Moment, agent, moment};
use crate::app::App;
use crate::domain::ciba::approval::State as Word;
use crate::domain::consent::pause::{Cause, Pause, Reach, Shape, holding};
use crate::domain::id::{PauseId, RequestId};
use crate::flow::pause::{self as flow, Quiet};
use crate::flow::show::Seen;
use crate::flow::sign_in::Present;
use crate::flow::{StoreError, show};
use crate::http::extract::own_form::OwnForm;
use crate::paths;

/// What the page of a request that was denied says and offers.
pub(super) struct Asking {
    pub(super) csrf: String,
    /// The agent may not ask for this again: until when, if there is an end.
    pub(super) stopped: Option<Stopped>,
}

/// The agent may not ask again.
pub(super) struct Stopped {
    pub(super) until: Option<Moment>,
    /// It may not ask for anything.
    pub(super) anything: bool,
    pub(super) why: &'static str,
}

/// An agent that may not ask, in a list.
pub(super) struct Row {
    pub(super) id: PauseId,
    pub(super) agent: Agent,
    /// What it may not ask for; anything, if nothing is named.
    pub(super) what: Vec<String>,
    pub(super) until: Option<Moment>,
    pub(super) why: &'static str,
    pub(super) held_back: u64,
    pub(super) csrf: String,
}

fn purpose(id: RequestId) -> String {
    format!("stop asking {id}")
}

fn again(id: PauseId) -> String {
    format!("ask again {id}")
}

/// What a denied request's page says; none for any other.
pub(super) fn asking(app: &App, by: &Present, seen: &Seen, now: OffsetDateTime) -> Option<Asking> {
    if seen.request.state() != Word::Denied {
        return None;
    }
    let question = seen.request.question();
    if question.user != by.user.id {
        // It did not ask for them.
        return None;
    }
    let shape = Shape::of(&question.asked);
    let theirs: Vec<Pause> = of_one(by).cloned().collect();
    let held = holding(&theirs, &question.client, by.user.id, &shape, now);
    Some(Asking {
        csrf: app.secrets.csrf_token(by.session.id, &purpose(question.id)),
        stopped: held.map(|pause| Stopped {
            until: pause.ends_at.map(|end| moment(end, now)),
            anything: pause.reach.shape().is_none(),
            why: why(pause.cause),
        }),
    })
}

fn of_one(by: &Present) -> impl Iterator<Item = &Pause> {
    by.pauses.iter().filter(|pause| !pause.is_of_all_agents())
}

fn why(cause: Cause) -> &'static str {
    match cause {
        Cause::Operator | Cause::Person => "You wanted it so.",
        Cause::Denials => "You denied it again and again.",
        Cause::Reported => "You had not asked for what it wanted.",
    }
}

/// The agents that may not ask this person.
pub(super) async fn rows(app: &App, by: &Present) -> Result<Vec<Row>, StoreError> {
    let now = app.clock.now();
    let mut rows = Vec::new();
    for pause in of_one(by) {
        let (Reach::Agent(_, client) | Reach::Shape(_, client, _)) = &pause.reach else {
            continue;
        };
        let name = show::agent_name(app, client).await?;
        rows.push(Row {
            id: pause.id,
            agent: agent(&client.0, &name),
            what: pause
                .reach
                .shape()
                .map(|shape| show::titles(app, shape))
                .unwrap_or_default(),
            until: pause.ends_at.map(|end| moment(end, now)),
            why: why(pause.cause),
            held_back: pause.held_back,
            csrf: app.secrets.csrf_token(by.session.id, &again(pause.id)),
        });
    }
    Ok(rows)
}

/// Lets an agent ask no more.
pub(super) async fn stop(
    State(app): State<App>,
    Path(id): Path<String>,
    form: OwnForm,
) -> Result<Response, PageError> {
    let id: RequestId = id.parse().map_err(|_| PageError::NoSuchPage)?;
    let (by, params, from) = form.opened(&purpose(id))?;
    let quiet = match params.get("do") {
        Some("this-hour") => Quiet::This { for_an_hour: true },
        Some("this") => Quiet::This { for_an_hour: false },
        Some("agent-hour") => Quiet::Agent { for_an_hour: true },
        Some("agent") => Quiet::Agent { for_an_hour: false },
        Some("report") => Quiet::Report,
        Some(_) | None => return Err(PageError::NotAForm),
    };
    if flow::stop_asking(&app, id, &by, quiet, from).await? {
        Ok(Redirect::to(&paths::request(id)).into_response())
    } else {
        Err(PageError::NoSuchPage)
    }
}

/// Lets an agent ask again.
pub(super) async fn ask_again(
    State(app): State<App>,
    form: OwnForm,
) -> Result<Response, PageError> {
    let id = form.closed().get("id").and_then(|id| id.parse().ok());
    let id: PauseId = id.ok_or(PageError::NotAForm)?;
    let (by, _, from) = form.opened(&again(id))?;
    flow::ask_again(&app, id, &by, from).await?;
    Ok(Redirect::to(paths::ALLOWED).into_response())
}
