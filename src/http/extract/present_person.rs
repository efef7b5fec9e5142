//! Who is looking: the person signed in with this browser.
//!
//! Reading a page needs no more than this. A form needs [`OwnForm`](super::own_form::OwnForm).

use axum::extract::{FromRef, FromRequestParts};
use axum::response::{IntoResponse, Redirect, Response};
use form_urlencoded::Serializer;
use http::HeaderMap;
use http::request::Parts;

use super::cookies::Cookie;
use crate::app::App;
use crate::flow::sign_in::{self, Present};
use crate::http::pages::PageError;
use crate::paths;

/// The person signed in. Who is not is sent to the sign-in page, and back here afterwards.
#[derive(Debug)]
pub struct PresentPerson(pub Present);

impl<S> FromRequestParts<S> for PresentPerson
where
    App: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let app = App::from_ref(state);
        match signed_in(&app, &parts.headers).await {
            Ok(Some(present)) => Ok(Self(present)),
            Ok(None) => Err(to_sign_in(parts.uri.path())),
            Err(error) => Err(error.into_response()),
        }
    }
}

/// Who the cookies of a request stand for.
pub async fn signed_in(app: &App, headers: &HeaderMap) -> Result<Option<Present>, PageError> {
    let Some(cookie) = Cookie::Session.read(headers, app.settings.is_https()) else {
        return Ok(None);
    };
    Ok(sign_in::session(app, cookie).await?)
}

/// The sign-in page, which comes back to `path` if that is a page of ours.
pub fn to_sign_in(path: &str) -> Response {
    match paths::local_page(path) {
        Some(next) if next != paths::INBOX => {
            let mut query = Serializer::new(String::new());
            query.append_pair("next", next);
            Redirect::to(&format!("{}?{}", paths::SIGN_IN, query.finish())).into_response()
        }
        Some(_) | None => Redirect::to(paths::SIGN_IN).into_response(),
    }
}
