//! For people: what they see and answer.
//!
//! A page works without its script. What a form may do is settled by
//! [`OwnForm`](crate::http::extract::own_form::OwnForm); what an answer means, by the flows.

mod allowed;
mod always;
mod answer;
mod assets;
mod decision_form;
mod devices;
mod differs;
mod error;
mod explain;
mod frame;
mod history;
mod inbox;
mod made_for;
mod outcome;
mod part;
mod pause;
mod preview;
mod quiet;
mod quiet_hours;
mod raw;
mod receipt;
mod request;
mod settings;
mod sign_in;
mod take_back;
mod together;
mod words;

use axum::Router;
use axum::routing::{get, post};

use crate::app::App;
use crate::paths;

pub use error::PageError;

/// Every page.
pub fn router() -> Router<App> {
    Router::new()
        .route(paths::INBOX, get(inbox::show))
        .route(paths::REQUEST, get(request::show).post(answer::take))
        .route(paths::REQUEST_STATE, get(request::state))
        .route(paths::REQUEST_REASON, post(explain::take))
        .route(paths::REQUEST_TAKE_BACK, post(take_back::take))
        .route(paths::REQUEST_RECEIPT, get(receipt::download))
        .route(
            paths::REQUEST_ALWAYS,
            get(always::show).post(always::answer),
        )
        .route(paths::ALLOWED, get(allowed::show))
        .route(paths::ALLOWED_STOP, post(allowed::stop))
        .route(paths::REQUEST_STOP_ASKING, post(quiet::stop))
        .route(paths::ALLOWED_ASK_AGAIN, post(quiet::ask_again))
        .route(paths::PAUSE, post(pause::take))
        .route(paths::HISTORY, get(history::show))
        .route(paths::DEVICES, get(devices::show))
        .route(paths::DEVICES_PUSH, post(devices::subscribe))
        .route(paths::DEVICES_REMOVE, post(devices::remove))
        .route(paths::SETTINGS, get(settings::show))
        .route(paths::SETTINGS_CODE, post(settings::set_code))
        .route(paths::SETTINGS_QUIET, post(quiet_hours::take))
        .route(paths::SIGN_IN, get(sign_in::form).post(sign_in::send))
        .route(paths::SIGN_IN_AGAIN, post(sign_in::again))
        .route(
            paths::SIGN_IN_LINK,
            get(sign_in::look).post(sign_in::use_it),
        )
        .route(paths::SIGN_OUT, post(sign_in::sign_out))
        .route(paths::MANIFEST, get(assets::manifest))
        .route(paths::SERVICE_WORKER, get(assets::service_worker))
        .route(paths::STATIC, get(assets::file))
        .route(paths::OFFLINE, get(error::offline))
        .fallback(error::nowhere)
}
