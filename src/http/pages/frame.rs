//! What stands around every page: whose server this is, who is signed in, where the other pages are.

use askama::Template;
use axum::response::{Html, IntoResponse, Response};

use super::pause::{Pausing, pausing};
use super::{PageError, assets};
use crate::app::App;
use crate::flow::sign_in::Present;

/// What stands around a page.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// What the server calls itself.
    pub(super) server: String,
    /// Who is signed in.
    pub(super) person: Option<String>,
    /// What is paused, and the form that pauses; none when nobody is signed in.
    pub(super) pausing: Option<Pausing>,
    /// Which page of the navigation this is.
    pub(super) here: Here,
    /// Where the looks are.
    pub(super) css: &'static str,
    /// Where the script is.
    pub(super) js: &'static str,
}

/// A page of the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Here {
    Waiting,
    History,
    Allowed,
    Devices,
    Settings,
    Elsewhere,
}

impl Frame {
    /// Around a page of a person's own.
    pub(super) fn of(app: &App, present: &Present, here: Here) -> Self {
        Self {
            person: Some(present.user.name.clone()),
            pausing: Some(pausing(app, present)),
            here,
            ..Self::without_person(app)
        }
    }

    /// Around a page for nobody in particular.
    pub(super) fn without_person(app: &App) -> Self {
        Self {
            server: app.settings.name.clone(),
            ..Self::plain()
        }
    }

    /// Around a page that cannot know whose server this is.
    pub(super) fn plain() -> Self {
        Self {
            server: "Countersign".to_owned(),
            person: None,
            pausing: None,
            here: Here::Elsewhere,
            css: assets::css(),
            js: assets::js(),
        }
    }

    /// Whether this is the page of the navigation named so.
    pub(super) fn at(&self, here: &str) -> bool {
        match self.here {
            Here::Waiting => here == "waiting",
            Here::History => here == "history",
            Here::Allowed => here == "allowed",
            Here::Devices => here == "devices",
            Here::Settings => here == "settings",
            Here::Elsewhere => false,
        }
    }
}

/// A page, written.
pub(super) fn page(template: &impl Template) -> Result<Response, PageError> {
    let html = template.render().map_err(|error| {
        tracing::error!(%error, "a page could not be written");
        PageError::Failed
    })?;
    Ok(Html(html).into_response())
}
