//! One request: what the agent wants, in the service's words, and the answer.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, StatusCode, header};
use serde_json::json;
use time::OffsetDateTime;

use super::PageError;
use super::frame::{Frame, Here, page};
use super::outcome::{Outcome, outcome};
use super::raw::{Raw, raw};
use super::sign_in::SIGN_IN_AGAIN;
use super::words::{Agent, Moment, about, agent, leads_away, moment};
use crate::app::App;
use crate::domain::action::Tier;
use crate::domain::action::card::Card;
use crate::domain::id::RequestId;
use crate::flow::StoredRequest;
use crate::flow::answer::{self as flow, AnswerError, Choice};
use crate::flow::show::{self, NoAlways, Seen};
use crate::flow::sign_in::{self, Present};
use crate::http::extract::own_form::OwnForm;
use crate::http::extract::present_person::{PresentPerson, signed_in};
use crate::paths;

#[derive(Template)]
#[template(path = "pages/request.html")]
struct RequestPage<'a> {
    frame: Frame,
    id: RequestId,
    agent: Agent,
    card: &'a Card,
    leads_away: bool,
    /// The word for a grave request.
    grave: Option<&'static str>,
    answer_by: Moment,
    left: String,
    digest: String,
    csrf: String,
    /// The sign-in is too old to allow this.
    stale: bool,
    again_csrf: String,
    can_send: bool,
    no_always: Option<&'static str>,
    raw: Raw,
    problem: Option<String>,
}

#[derive(Template)]
#[template(path = "pages/settled.html")]
struct SettledPage<'a> {
    frame: Frame,
    id: RequestId,
    agent: Agent,
    card: &'a Card,
    leads_away: bool,
    outcome: Outcome,
    waiting: usize,
    raw: Raw,
    problem: Option<String>,
}

#[derive(Template)]
#[template(path = "pages/not_yours.html")]
struct NotYoursPage {
    frame: Frame,
}

/// What the answering form of a request is for: this request, and what was shown.
pub(super) fn purpose(id: RequestId, digest: &str) -> String {
    format!("answer {id} {digest}")
}

/// Shows a request, or what became of it.
pub(super) async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
    PresentPerson(by): PresentPerson,
) -> Result<Response, PageError> {
    match find(&app, &id, &by).await? {
        Some(seen) => shown(&app, &by, &seen, None).await,
        None => not_yours(&app, &by),
    }
}

/// A request of theirs.
pub(super) async fn find(app: &App, id: &str, by: &Present) -> Result<Option<Seen>, PageError> {
    match id.parse() {
        Ok(id) => Ok(show::request(app, id, by).await?),
        Err(_) => Ok(None),
    }
}

/// The page for a request that is not theirs, or is not at all: the same to the byte.
pub(super) fn not_yours(app: &App, by: &Present) -> Result<Response, PageError> {
    let frame = Frame::of(app, by, Here::Elsewhere);
    let mut response = page(&NotYoursPage { frame })?;
    *response.status_mut() = StatusCode::NOT_FOUND;
    Ok(response)
}

/// The page for a request as it is now.
async fn shown(
    app: &App,
    by: &Present,
    seen: &Seen,
    problem: Option<String>,
) -> Result<Response, PageError> {
    let now = app.clock.now();
    let answered_in = show::answered_in(app, seen).await?;
    match outcome(seen, answered_in.as_ref(), by, &app.settings.name, now) {
        None => waiting(app, by, seen, now, problem),
        Some(outcome) => {
            let card = &seen.card;
            page(&SettledPage {
                frame: Frame::of(app, by, Here::Elsewhere),
                id: card.request,
                agent: agent(&card.agent.id, &card.agent.name),
                leads_away: card.said.as_deref().is_some_and(leads_away),
                outcome,
                waiting: show::waiting(app, by).await?.len(),
                raw: raw(seen, now),
                card,
                problem,
            })
        }
    }
}

fn waiting(
    app: &App,
    by: &Present,
    seen: &Seen,
    now: OffsetDateTime,
    problem: Option<String>,
) -> Result<Response, PageError> {
    let card = &seen.card;
    let question = seen.request.question();
    let digest = hex(&question.card_digest);
    let session = by.session.id;
    page(&RequestPage {
        frame: Frame::of(app, by, Here::Elsewhere),
        id: question.id,
        agent: agent(&card.agent.id, &card.agent.name),
        leads_away: card.said.as_deref().is_some_and(leads_away),
        grave: grave(card.tier),
        answer_by: moment(question.answer_by, now),
        left: about(question.answer_by - now),
        csrf: app
            .secrets
            .csrf_token(session, &purpose(question.id, &digest)),
        digest,
        stale: by.may_answer(question.tier, now).is_err(),
        again_csrf: app.secrets.csrf_token(session, SIGN_IN_AGAIN),
        can_send: sign_in::can_send(app),
        no_always: show::always(app, seen).err().map(why_no_always),
        raw: raw(seen, now),
        card,
        problem,
    })
}

/// The word for requests that are hard or impossible to take back.
pub(super) fn grave(tier: Tier) -> Option<&'static str> {
    match tier {
        Tier::Trace | Tier::Low | Tier::Normal => None,
        Tier::High => Some("Important"),
        Tier::Critical => Some("Critical"),
    }
}

/// Why there is no "always", in one line.
pub(super) fn why_no_always(why: NoAlways) -> &'static str {
    match why {
        NoAlways::OnlyPresence => "You are asked each time, because it is about you being here.",
        NoAlways::Critical => "You are asked each time, because it is critical.",
        NoAlways::NotOffered => "You are asked each time: this cannot be allowed always.",
    }
}

/// Takes an answer.
pub(super) async fn answer(
    State(app): State<App>,
    Path(id): Path<String>,
    form: OwnForm,
) -> Result<Response, PageError> {
    let Ok(id) = id.parse::<RequestId>() else {
        return not_yours(&app, &form.by);
    };
    let digest = form.closed().get("card").unwrap_or_default().to_owned();
    let (by, params, from) = form.opened(&purpose(id, &digest))?;
    let shown = unhex(&digest).ok_or(PageError::NotAForm)?;
    let choice = match params.get("answer") {
        Some("once") => Choice::Once,
        Some("deny") => Choice::Deny {
            reason: params.get("reason").map(str::to_owned),
        },
        Some(_) | None => return Err(PageError::NotAForm),
    };
    match flow::answer(&app, id, &by, choice, shown, from).await {
        Ok(_) => Ok(Redirect::to(&paths::request(id)).into_response()),
        Err(error) => not_taken(&app, &by, id, error).await,
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
        AnswerError::Changed => return Err(PageError::OldForm),
        AnswerError::SignInTooOld => (
            StatusCode::FORBIDDEN,
            "Your answer was not sent: your sign-in is older than five minutes.".to_owned(),
        ),
        AnswerError::AlwaysNotOffered => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "Your answer was not sent: this cannot be allowed always.".to_owned(),
        ),
        AnswerError::Bounds(words) | AnswerError::Reason(words) => (
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

/// For the page's script: the word for the request's state, so that a page that was overtaken says so.
pub(super) async fn state(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let state = match signed_in(&app, &headers).await? {
        None => "signed_out",
        Some(by) => find(&app, &id, &by)
            .await?
            .map_or("unknown", |seen| seen.request.state().as_str()),
    };
    let kind = [(header::CONTENT_TYPE, "application/json")];
    Ok((kind, json!({"state": state}).to_string()).into_response())
}

/// Bytes as the form carries them.
pub(super) fn hex(bytes: &[u8; 32]) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(64);
    for byte in bytes {
        // Writing into a string does not fail.
        let _ = write!(out, "{byte:02x}");
    }
    out
}

/// Reads what [`hex`] wrote, and nothing else.
pub(super) fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut out = [0; 32];
    let pairs = text.as_bytes().chunks_exact(2);
    if text.len() != 64 || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    for (byte, pair) in out.iter_mut().zip(pairs) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_comes_back_as_it_went_out() {
        let digest = std::array::from_fn(|at| u8::try_from(at * 7).unwrap_or(9));
        assert_eq!(unhex(&hex(&digest)), Some(digest));
        for wrong in ["", "00", &"0".repeat(63), &"G".repeat(64), &"A".repeat(64)] {
            assert_eq!(unhex(wrong), None, "{wrong}");
        }
    }
}
