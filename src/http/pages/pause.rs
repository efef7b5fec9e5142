//! Agents that may not ask for a while: what the top of every page says of it, and its form.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use time::OffsetDateTime;

use super::PageError;
use super::words::{Moment, moment};
use crate::app::App;
use crate::domain::consent::pause::{Length, Pause, Reach};
use crate::flow::pause as flow;
use crate::flow::sign_in::Present;
use crate::http::extract::own_form::OwnForm;
use crate::paths;

/// What the form is for.
const PAUSE: &str = "pause";

/// What the top of a page says of pauses, and offers.
#[derive(Clone, Debug)]
pub(super) struct Pausing {
    pub(super) csrf: String,
    /// The person's own, if there is one.
    pub(super) own: Option<Paused>,
    /// The operator's, if there is one.
    pub(super) everyone: Option<Paused>,
}

/// A pause of all agents.
#[derive(Clone, Debug)]
pub(super) struct Paused {
    /// When it ends by itself.
    pub(super) until: Option<Moment>,
    /// What the operator says of it.
    pub(super) why: Option<String>,
}

/// What this person's pages say.
pub(super) fn pausing(app: &App, by: &Present) -> Pausing {
    let now = app.clock.now();
    let own = |pause: &&Pause| matches!(pause.reach, Reach::Person(_));
    let everyone = |pause: &&Pause| matches!(pause.reach, Reach::Everyone);
    Pausing {
        csrf: app.secrets.csrf_token(by.session.id, PAUSE),
        own: by.pauses.iter().find(own).map(|it| paused(it, now)),
        everyone: by.pauses.iter().find(everyone).map(|it| paused(it, now)),
    }
}

fn paused(pause: &Pause, now: OffsetDateTime) -> Paused {
    Paused {
        until: pause.ends_at.map(|end| moment(end, now)),
        why: pause.why.clone(),
    }
}

/// Pauses all agents, or lets them ask again.
pub(super) async fn take(State(app): State<App>, form: OwnForm) -> Result<Response, PageError> {
    let (by, params, from) = form.opened(PAUSE)?;
    // What a script says of the reader's clock; without one, it is UTC's.
    let ahead = params.get("ahead").and_then(|minutes| minutes.parse().ok());
    let length = match params.get("for") {
        Some("hour") => Length::Hour,
        Some("today") => Length::Today(ahead.unwrap_or(0)),
        Some("resume") => Length::UntilResumed,
        Some("nothing") => {
            flow::resume(&app, &by, from).await?;
            return Ok(Redirect::to(paths::INBOX).into_response());
        }
        Some(_) | None => return Err(PageError::NotAForm),
    };
    flow::pause(&app, &by, length, from).await?;
    Ok(Redirect::to(paths::INBOX).into_response())
}
