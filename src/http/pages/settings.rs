//! A person's own page: who they are here, how they are signed in, and the way out.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::PageError;
use super::frame::{Frame, Here, page};
use super::sign_in::SIGN_OUT;
use super::words::{Moment, moment};
use crate::app::App;
use crate::domain::action::duration;
use crate::domain::consent::assurance::Assurance;
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
}

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
    let now = app.clock.now();
    page(&SettingsPage {
        frame: Frame::of(&app, &by, Here::Settings),
        name: &by.user.name,
        email: &by.user.email,
        username: by.user.username.as_deref(),
        since: moment(by.session.created_at, now),
        until: moment(by.session.expires_at, now),
        idle: duration::words(app.settings.sessions.idle),
        how: how_words(by.session.how),
        browser: by.session.user_agent.as_deref(),
        csrf: app.secrets.csrf_token(by.session.id, SIGN_OUT),
    })
}
