//! Pages that say why not, and what happened to the answer.

use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};

use super::frame::Frame;
use crate::flow::show::ShowError;
use crate::flow::sign_in::SignInError;
use crate::flow::{Fault, StoreError};

const TEXT_HTML: &[u8] = b"text/html";

/// Why a page or a form was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageError {
    /// There is no such page, or it is not theirs, which is the same.
    NoSuchPage,
    /// A form came, and nobody is signed in.
    SignedOut,
    /// A form came from somewhere else.
    Elsewhere,
    /// A form was made for something else, or by another session, or before something changed.
    OldForm,
    /// Not a form, or not one of ours.
    NotAForm,
    /// Too much.
    TooLarge,
    /// Too many at once: later.
    Busy,
    /// A fault of ours.
    Failed,
}

#[derive(Template)]
#[template(path = "pages/error.html")]
struct ErrorPage {
    frame: Frame,
    title: &'static str,
    words: &'static [&'static str],
    way_on: &'static str,
}

/// What the app shows without a network. It is kept on the phone, so it holds nothing of anyone's.
pub(super) async fn offline() -> Response {
    let page = ErrorPage {
        frame: Frame::plain(),
        title: "You are offline",
        words: &[
            "No answer was sent, and none is kept to be sent later.",
            "Open the request again when you are back.",
        ],
        way_on: "Try again",
    };
    Html(page.render().unwrap_or_default()).into_response()
}

/// Where there is nothing: a page for those who came to read one.
pub(super) async fn nowhere(headers: HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT);
    let reads = accept.is_some_and(|kinds| {
        kinds
            .as_bytes()
            .windows(TEXT_HTML.len())
            .any(|kind| kind == TEXT_HTML)
    });
    if reads {
        PageError::NoSuchPage.into_response()
    } else {
        StatusCode::NOT_FOUND.into_response()
    }
}

impl PageError {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::NoSuchPage => StatusCode::NOT_FOUND,
            Self::SignedOut => StatusCode::UNAUTHORIZED,
            Self::Elsewhere | Self::OldForm => StatusCode::FORBIDDEN,
            Self::NotAForm => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::NoSuchPage => "There is nothing here for you",
            Self::SignedOut => "You are signed out",
            Self::Elsewhere => "That did not come from this site",
            Self::OldForm => "That page was too old",
            Self::NotAForm | Self::TooLarge => "We could not read that",
            Self::Busy => "Too much at once",
            Self::Failed => "Sorry, that did not work",
        }
    }

    fn words(self) -> &'static [&'static str] {
        match self {
            Self::NoSuchPage => &["The address may be wrong, or it is for someone else."],
            Self::SignedOut => &["Your answer was not sent.", "Sign in, then answer again."],
            Self::Elsewhere => &[
                "Your answer was not sent.",
                "Open the request from this site and answer it there.",
            ],
            Self::OldForm => &[
                "Your answer was not sent.",
                "Something changed since the page was opened. Open it again and look once more.",
            ],
            Self::NotAForm | Self::TooLarge => &["Your answer was not sent."],
            Self::Busy => &["Your answer was not sent.", "Try again in a moment."],
            Self::Failed => &[
                "It is our fault, not yours.",
                "Open the request again: it says whether your answer was saved.",
            ],
        }
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let page = ErrorPage {
            frame: Frame::plain(),
            title: self.title(),
            words: self.words(),
            way_on: match self {
                Self::SignedOut => "Sign in",
                Self::NoSuchPage
                | Self::Elsewhere
                | Self::OldForm
                | Self::NotAForm
                | Self::TooLarge
                | Self::Busy
                | Self::Failed => "See what is waiting",
            },
        };
        let html = page.render().unwrap_or_default();
        (self.status(), Html(html)).into_response()
    }
}

impl From<StoreError> for PageError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Overloaded | StoreError::Closed => Self::Busy,
            StoreError::Overtaken => Self::OldForm,
            StoreError::Inconsistent { .. } | StoreError::Database(_) | StoreError::Unusable(_) => {
                tracing::error!(%error, "a page could not be shown");
                Self::Failed
            }
        }
    }
}

impl From<SignInError> for PageError {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Store(error) => error.into(),
            SignInError::Entropy(_) | SignInError::Seal(_) => {
                tracing::error!(%error, "nobody could be signed in");
                Self::Failed
            }
        }
    }
}

impl From<ShowError> for PageError {
    fn from(error: ShowError) -> Self {
        match error {
            ShowError::Store(error) => error.into(),
            ShowError::Card(_) => {
                tracing::error!(%error, "a request could not be shown");
                Self::Failed
            }
        }
    }
}

impl From<Fault> for PageError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Store(error) => error.into(),
            Fault::Entropy(_) | Fault::Key => {
                tracing::error!(error = %fault, "an answer could not be taken");
                Self::Failed
            }
        }
    }
}
