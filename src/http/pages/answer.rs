//! The answer to a request, and why it was not taken.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;

use super::PageError;
use super::decision_form::DecisionForm;
use super::part::Part;
use super::request::{not_yours, shown, shown_with};
use crate::app::App;
use crate::domain::consent::partial::Trim;
use crate::domain::consent::step_up::FallsShort;
use crate::domain::id::RequestId;
use crate::flow::StoredRequest;
use crate::flow::again;
use crate::flow::answer::{AnswerError, Choice};
use crate::flow::show::{self, Seen};
use crate::flow::sign_in::Present;
use crate::http::extract::FormParams;
use crate::paths;

/// Takes an answer.
pub(super) async fn take(
    State(app): State<App>,
    form: DecisionForm,
) -> Result<Response, PageError> {
    let DecisionForm {
        id,
        by,
        shown,
        params,
        from,
    } = form;
    let choice = match params.get("answer") {
        Some("once") => match trimmed(&app, id, &by, &params).await? {
            Some(trim) if trim.is_nothing() => Choice::Once,
            Some(trim) => Choice::Part(trim),
            None => {
                let why = match show::request(&app, id, &by).await? {
                    Some(seen) => drawn_elsewhere(&app, &seen),
                    None => AnswerError::NotYours,
                };
                return not_taken(&app, &by, id, why).await;
            }
        },
        Some("deny") => Choice::Deny {
            reason: params.get("reason").map(str::to_owned),
        },
        Some(_) | None => return Err(PageError::NotAForm),
    };
    match again::answer(&app, id, &by, choice, shown, from).await {
        Ok(_) => Ok(Redirect::to(&paths::request(id)).into_response()),
        Err(AnswerError::Part(words)) => match show::request(&app, id, &by).await? {
            Some(seen) => not_so(&app, &by, &seen, &words, &params).await,
            None => not_yours(&app, &by),
        },
        Err(error) => not_taken(&app, &by, id, error).await,
    }
}

/// Why a form that was drawn by another catalogue is not read: what it is about may be forbidden by now.
pub(super) fn drawn_elsewhere(app: &App, seen: &show::Seen) -> AnswerError {
    if show::forbidden(app, seen) {
        AnswerError::Forbidden
    } else {
        AnswerError::Changed
    }
}

/// What the form leaves of the request; none when it was drawn by another catalogue.
async fn trimmed(
    app: &App,
    id: RequestId,
    by: &Present,
    params: &FormParams,
) -> Result<Option<Trim>, PageError> {
    let Some(seen) = show::request(app, id, by).await? else {
        // Whoever answers it is told that it is not theirs.
        return Ok(Some(Trim::default()));
    };
    let catalogue = app.catalogue.get();
    let asked = &seen.request.question().asked;
    Ok(Part::of(asked, &catalogue.catalogue, catalogue.version, params).trim())
}

/// It cannot be trimmed like this: the page again, with what was chosen on it.
pub(super) async fn not_so(
    app: &App,
    by: &Present,
    seen: &Seen,
    words: &str,
    chosen: &FormParams,
) -> Result<Response, PageError> {
    let problem = format!("Your answer was not sent. {words}");
    let mut response = shown_with(app, by, seen, Some(problem), chosen).await?;
    *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(response)
}

/// A form for something else: shows what there is now, if the request is theirs.
pub(super) async fn not_opened(
    app: &App,
    by: &Present,
    id: RequestId,
    why: PageError,
) -> Result<Response, PageError> {
    let Some(seen) = show::request(app, id, by).await? else {
        return not_yours(app, by);
    };
    let problem = "Your answer was not sent. The page was too old; this is how it is now.";
    let mut response = shown(app, by, &seen, Some(problem.to_owned())).await?;
    *response.status_mut() = why.status();
    Ok(response)
}

fn falls_short(why: FallsShort) -> &'static str {
    match why {
        FallsShort::TooOldForTier => "your sign-in is older than five minutes",
        FallsShort::TooOld(_) => "your sign-in is older than the agent wants it",
        FallsShort::TooWeak(_) => "the agent wants another kind of sign-in",
    }
}

/// Says why an answer was not taken, on the page of the request as it is now.
pub(super) async fn not_taken(
    app: &App,
    by: &Present,
    id: RequestId,
    error: AnswerError,
) -> Result<Response, PageError> {
    let (status, problem) = match error {
        AnswerError::NotYours => return not_yours(app, by),
        AnswerError::Failed(fault) => return Err(fault.into()),
        AnswerError::Settled(stored) => return too_late(app, by, *stored).await,
        AnswerError::Changed => (
            StatusCode::CONFLICT,
            "Your answer was not sent. This is not what you were shown before.".to_owned(),
        ),
        AnswerError::SignIn(why) => (
            StatusCode::FORBIDDEN,
            format!("Your answer was not sent: {}.", falls_short(why)),
        ),
        AnswerError::Forbidden => (
            StatusCode::FORBIDDEN,
            "Your answer was not sent: whoever runs this server has forbidden this meanwhile."
                .to_owned(),
        ),
        AnswerError::TooWide(_) => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "Your answer was not sent: this would allow what you denied before.".to_owned(),
        ),
        AnswerError::AlwaysNotOffered => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "Your answer was not sent: this cannot be allowed always.".to_owned(),
        ),
        AnswerError::Part(words) | AnswerError::Bounds(words) | AnswerError::Reason(words) => (
            StatusCode::UNPROCESSABLE_ENTITY,
            format!("Your answer was not sent. {words}"),
        ),
    };
    match show::request(app, id, by).await? {
        Some(seen) => {
            let mut response = shown(app, by, &seen, Some(problem)).await?;
            *response.status_mut() = status;
            Ok(response)
        }
        None => not_yours(app, by),
    }
}

async fn too_late(app: &App, by: &Present, stored: StoredRequest) -> Result<Response, PageError> {
    let seen = Seen::of(stored, app.clock.now())?;
    let problem = "Your answer was not saved: this was settled before. Here is how.".to_owned();
    let mut response = shown(app, by, &seen, Some(problem)).await?;
    *response.status_mut() = StatusCode::CONFLICT;
    Ok(response)
}
