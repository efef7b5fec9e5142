//! Signing in and out.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::PageError;
use super::frame::{Frame, page};
use crate::app::App;
use crate::flow::enrol;
use crate::flow::sign_in::{self, LinkError, SignedIn};
use crate::http::extract::cookies::Cookie;
use crate::http::extract::own_form::OwnForm;
use crate::http::extract::present_person::signed_in;
use crate::http::extract::query::read_query;
use crate::http::extract::visitor::{Visit, VisitorForm};
use crate::paths;

/// What the form on the settings page is for.
pub(super) const SIGN_OUT: &str = "sign out";
/// What the form for a fresh link is for.
pub(super) const SIGN_IN_AGAIN: &str = "sign in again";

/// Everything a browser has kept of us: cookies, the service worker, and with it its push subscription.
const CLEAR_SITE_DATA: HeaderValue = HeaderValue::from_static(r#""cache", "cookies", "storage""#);

#[derive(Template)]
#[template(path = "pages/sign_in.html")]
struct SignInPage<'a> {
    frame: Frame,
    csrf: String,
    next: &'a str,
    for_request: bool,
    can_send: bool,
    minutes: i64,
    problem: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "pages/link_sent.html")]
struct LinkSentPage<'a> {
    frame: Frame,
    email: &'a str,
    minutes: i64,
    back: &'a str,
}

#[derive(Template)]
#[template(path = "pages/use_link.html")]
struct UseLinkPage<'a> {
    frame: Frame,
    handle: &'a str,
    name: &'a str,
    email: &'a str,
    csrf: String,
}

#[derive(Template)]
#[template(path = "pages/link_over.html")]
struct LinkOverPage {
    frame: Frame,
    minutes: i64,
}

/// Asks for an address.
pub(super) async fn form(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let query = read_query(query.as_deref(), &[]).unwrap_or_default();
    let next = local(query.get("next"));
    if signed_in(&app, &headers).await?.is_some() {
        return Ok(Redirect::to(next).into_response());
    }
    ask(&app, &headers, next, None)
}

fn ask(
    app: &App,
    headers: &HeaderMap,
    next: &str,
    problem: Option<&'static str>,
) -> Result<Response, PageError> {
    let visit = Visit::of(app, headers)?;
    let asked = page(&SignInPage {
        frame: Frame::without_person(app),
        csrf: visit.token(app),
        next,
        for_request: next.starts_with("/r/"),
        can_send: sign_in::can_send(app),
        minutes: app.settings.sign_in_link_life.whole_minutes(),
        problem,
    })?;
    Ok(visit.remember(app, asked))
}

/// Sends a link, if there is anyone to send it to.
pub(super) async fn send(State(app): State<App>, form: VisitorForm) -> Result<Response, PageError> {
    let next = local(form.params.get("next"));
    let email = form.params.get("email").unwrap_or_default().trim();
    if !email.contains('@') || email.len() > 254 {
        let mut asked = ask(
            &app,
            &form.headers,
            next,
            Some("That is not an email address."),
        )?;
        *asked.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(asked);
    }
    sign_in::send_link(&app, email, Some(next.to_owned()), form.from).await?;
    sent(&app, Frame::without_person(&app), email, paths::INBOX)
}

/// Sends a fresh link to somebody who is signed in.
pub(super) async fn again(State(app): State<App>, form: OwnForm) -> Result<Response, PageError> {
    let (by, params, from) = form.opened(SIGN_IN_AGAIN)?;
    let next = local(params.get("next"));
    let email = &by.user.email;
    sign_in::send_link(&app, email, Some(next.to_owned()), from).await?;
    let frame = Frame::of(&app, &by, super::frame::Here::Elsewhere);
    sent(&app, frame, email, next)
}

fn sent(app: &App, frame: Frame, email: &str, back: &str) -> Result<Response, PageError> {
    page(&LinkSentPage {
        frame,
        email,
        minutes: app.settings.sign_in_link_life.whole_minutes(),
        back,
    })
}

/// Shows what a link would do.
pub(super) async fn look(
    State(app): State<App>,
    Path(handle): Path<String>,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let link = match sign_in::look_at_link(&app, &handle).await {
        Ok(link) => link,
        Err(LinkError::Over) => return over(&app),
        Err(LinkError::Failed(error)) => return Err(error.into()),
    };
    let visit = Visit::of(&app, &headers)?;
    let shown = page(&UseLinkPage {
        frame: Frame::without_person(&app),
        handle: &handle,
        name: &link.user.name,
        email: &link.user.email,
        csrf: visit.token(&app),
    })?;
    Ok(visit.remember(&app, shown))
}

/// Uses a link.
pub(super) async fn use_it(
    State(app): State<App>,
    Path(handle): Path<String>,
    form: VisitorForm,
) -> Result<Response, PageError> {
    let before = signed_in(&app, &form.headers).await?;
    let agent = form.headers.get(header::USER_AGENT);
    let agent = agent.and_then(|agent| agent.to_str().ok());
    match sign_in::use_link(&app, &handle, before.as_ref(), agent, form.from).await {
        Ok((signed_in, next)) => {
            let to = Redirect::to(local(next.as_deref())).into_response();
            Ok(with_cookies(&app, &signed_in, to))
        }
        Err(LinkError::Over) => over(&app),
        Err(LinkError::Failed(error)) => Err(error.into()),
    }
}

fn over(app: &App) -> Result<Response, PageError> {
    let mut page = page(&LinkOverPage {
        frame: Frame::without_person(app),
        minutes: app.settings.sign_in_link_life.whole_minutes(),
    })?;
    *page.status_mut() = StatusCode::GONE;
    Ok(page)
}

/// Signs out, and lets the browser forget everything.
pub(super) async fn sign_out(State(app): State<App>, form: OwnForm) -> Result<Response, PageError> {
    let (by, params, from) = form.opened(SIGN_OUT)?;
    if let Some(device) = params.get("device").and_then(|id| id.parse().ok()) {
        enrol::remove_device(&app, device, &by, from.clone()).await?;
    }
    sign_in::sign_out(&app, &by, from).await?;
    let mut response = Redirect::to(paths::SIGN_IN).into_response();
    let https = app.settings.is_https();
    let headers = response.headers_mut();
    headers.insert("clear-site-data", CLEAR_SITE_DATA);
    for cookie in [Cookie::Session, Cookie::SameSite] {
        if let Some(cookie) = cookie.set("", 0, https) {
            headers.append(header::SET_COOKIE, cookie);
        }
    }
    Ok(response)
}

fn with_cookies(app: &App, signed_in: &SignedIn, mut response: Response) -> Response {
    let https = app.settings.is_https();
    let longest = app.settings.sessions.longest.whole_seconds();
    for (cookie, value) in [
        (Cookie::Session, &signed_in.cookie),
        (Cookie::SameSite, &signed_in.same_site_cookie),
    ] {
        if let Some(cookie) = cookie.set(value, longest, https) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    response
}

/// A page of ours, or the first.
fn local(next: Option<&str>) -> &str {
    next.and_then(paths::local_page).unwrap_or(paths::INBOX)
}
