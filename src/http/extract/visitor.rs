//! Somebody who is not signed in yet: a name for this visit, so that a sign-in form sent here is from the
//! browser that was shown it, and nobody can be signed in as somebody else by a page elsewhere.

use axum::extract::{FromRef, FromRequest, Request};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, header};

use super::cookies::Cookie;
use super::own_page::is_from_own_page;
use super::{FormParams, own_form, peer};
use crate::app::App;
use crate::domain::id::SessionId;
use crate::http::pages::PageError;

const PURPOSE: &str = "sign in";

/// Seconds that a visit is remembered.
const LONGEST: i64 = 3600;

/// The name of a visit. It gives no rights, so it may look like a session's.
#[derive(Clone, Copy, Debug)]
pub struct Visit(SessionId);

impl Visit {
    /// This visit, or a new one.
    pub fn of(app: &App, headers: &HeaderMap) -> Result<Self, PageError> {
        if let Some(known) = Self::known(app, headers) {
            return Ok(known);
        }
        let id = app.entropy.id(app.clock.now()).map_err(|error| {
            tracing::error!(%error, "a visit could not be named");
            PageError::Failed
        })?;
        Ok(Self(SessionId(id)))
    }

    fn known(app: &App, headers: &HeaderMap) -> Option<Self> {
        let cookie = Cookie::BeforeSignIn.read(headers, app.settings.is_https())?;
        cookie.parse().ok().map(Self)
    }

    /// The token for this visit's sign-in forms.
    pub fn token(self, app: &App) -> String {
        app.secrets.csrf_token(self.0, PURPOSE)
    }

    /// Lets the browser bring the name along.
    pub fn remember(self, app: &App, page: Response) -> Response {
        let https = app.settings.is_https();
        let cookie = Cookie::BeforeSignIn.set(&self.0.to_string(), LONGEST, https);
        let mut page = page.into_response();
        if let Some(cookie) = cookie {
            page.headers_mut().append(header::SET_COOKIE, cookie);
        }
        page
    }
}

/// A sign-in form, from the browser that was shown it.
pub struct VisitorForm {
    /// What it says.
    pub params: FormParams,
    /// From which address.
    pub from: Option<String>,
    /// What came with it.
    pub headers: HeaderMap,
}

impl<S> FromRequest<S> for VisitorForm
where
    App: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = PageError;

    async fn from_request(request: Request, state: &S) -> Result<Self, PageError> {
        let app = App::from_ref(state);
        let headers = request.headers().clone();
        if !is_from_own_page(&headers, &app.settings.public_url) {
            return Err(PageError::Elsewhere);
        }
        let Visit(id) = Visit::known(&app, &headers).ok_or(PageError::OldForm)?;
        let from = peer::from(&app, request.headers(), request.extensions());
        let params = own_form::read(request).await?;
        let token = params.get(own_form::TOKEN).unwrap_or_default();
        if !app.secrets.is_csrf_token(token, id, PURPOSE) {
            return Err(PageError::OldForm);
        }
        Ok(Self {
            params,
            from,
            headers,
        })
    }
}
