//! A person's own page: who they are here, how they are signed in, and the way out.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use super::PageError;
use super::frame::{Frame, Here, page};
use super::quiet_hours::Hours;
use super::sign_in::{SIGN_IN_AGAIN, SIGN_OUT};
use super::words::{Moment, moment};
use crate::app::App;
use crate::domain::action::duration;
use crate::domain::audit::Actor;
use crate::domain::consent::assurance::Assurance;
use crate::flow::Fault;
use crate::flow::sign_in::{self, Present};
use crate::flow::user_code::{self, CodeError};
use crate::http::extract::own_form::OwnForm;
use crate::http::extract::present_person::PresentPerson;

#[derive(Template)]
#[template(path = "pages/settings.html")]
struct SettingsPage<'a> {
    frame: Frame,
    name: &'a str,
    email: &'a str,
    username: Option<&'a str>,
    since: Moment,
    until: Moment,
    idle: String,
    how: &'static str,
    browser: Option<&'a str>,
    csrf: String,
    has_code: bool,
    code_csrf: String,
    /// The sign-in is too old to change the code.
    stale: bool,
    again_csrf: String,
    can_send: bool,
    hours: Hours,
    note: Note,
}

/// What came of a form.
pub(super) enum Note {
    /// There was none.
    None,
    /// It was done.
    Done(&'static str),
    /// It was not, and why.
    Problem(String),
}

/// What the form that sets a code is made for.
const CODE: &str = "user code";

/// How somebody signed in.
pub(super) fn how_words(how: Assurance) -> &'static str {
    match how {
        Assurance::EmailLink => "by a link in your mailbox",
        Assurance::HostLink => "by a link from whoever runs this server",
    }
}

/// Shows it.
pub(super) async fn show(
    State(app): State<App>,
    PresentPerson(by): PresentPerson,
) -> Result<Response, PageError> {
    shown(&app, &by, Note::None).await
}

/// Shows it, with what came of a form.
pub(super) async fn shown(app: &App, by: &Present, note: Note) -> Result<Response, PageError> {
    let now = app.clock.now();
    let status = match &note {
        Note::None | Note::Done(_) => StatusCode::OK,
        Note::Problem(_) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let mut response = page(&SettingsPage {
        frame: Frame::of(app, by, Here::Settings),
        name: &by.user.name,
        email: &by.user.email,
        username: by.user.username.as_deref(),
        since: moment(by.session.created_at, now),
        until: moment(by.session.expires_at, now),
        idle: duration::words(app.settings.sessions.idle),
        how: how_words(by.session.how),
        browser: by.session.user_agent.as_deref(),
        csrf: app.secrets.csrf_token(by.session.id, SIGN_OUT),
        has_code: user_code::has_one(app, by.user.id).await?,
        code_csrf: app.secrets.csrf_token(by.session.id, CODE),
        stale: by.is_stale(now),
        again_csrf: app.secrets.csrf_token(by.session.id, SIGN_IN_AGAIN),
        can_send: sign_in::can_send(app),
        hours: Hours::of(app, by).await?,
        note,
    })?;
    *response.status_mut() = status;
    Ok(response)
}

/// Sets or removes the code. Whoever merely holds an old sign-in changes nothing.
pub(super) async fn set_code(State(app): State<App>, form: OwnForm) -> Result<Response, PageError> {
    let (by, params, from) = form.opened(CODE)?;
    if by.is_stale(app.clock.now()) {
        let problem = "Nothing was changed: your sign-in is older than five minutes.";
        return refused(&app, &by, StatusCode::FORBIDDEN, problem).await;
    }
    match params.get("do") {
        Some("save") => {
            let code = params.get("code").unwrap_or_default().to_owned().into();
            let set = user_code::set(&app, by.user.id, &code, Actor::Person, from);
            match set.await {
                Ok(()) => shown(&app, &by, Note::Done("Your user code was saved.")).await,
                Err(CodeError::Store(error)) => Err(error.into()),
                Err(CodeError::Entropy(error)) => Err(Fault::from(error).into()),
                Err(why @ (CodeError::Bad(_) | CodeError::Busy)) => {
                    let problem = format!("Nothing was saved: {why}.");
                    refused(&app, &by, StatusCode::UNPROCESSABLE_ENTITY, &problem).await
                }
            }
        }
        Some("remove") => {
            user_code::remove(&app, by.user.id, Actor::Person, from).await?;
            shown(&app, &by, Note::Done("You have no user code any more.")).await
        }
        Some(_) | None => Err(PageError::NotAForm),
    }
}

async fn refused(
    app: &App,
    by: &Present,
    status: StatusCode,
    problem: &str,
) -> Result<Response, PageError> {
    let mut response = shown(app, by, Note::Problem(problem.to_owned())).await?;
    *response.status_mut() = status;
    Ok(response)
}
