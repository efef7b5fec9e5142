//! A yes is taken back: undone, or withdrawn.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;

use super::PageError;
use super::request::{find, not_yours, shown};
use crate::app::App;
use crate::domain::id::RequestId;
use crate::flow::sign_in::Present;
use crate::flow::take_back::{self as flow, Reached, TakeBack, TakeBackError};
use crate::http::extract::own_form::OwnForm;
use crate::paths;

/// The form under a yes.
pub(super) struct Offer {
    pub(super) csrf: String,
    pub(super) word: &'static str,
    pub(super) label: &'static str,
    /// What it does, and what it does not.
    pub(super) why: &'static str,
}

fn purpose(id: RequestId) -> String {
    format!("take back {id}")
}

impl Offer {
    /// What can be done about a yes that has gone so far.
    pub(super) fn of(app: &App, by: &Present, id: RequestId, reached: Reached) -> Option<Self> {
        let (word, label, why) = match reached {
            Reached::Nobody => (
                "undo",
                "Undo",
                "Until it is collected you can undo this: then it is a no.",
            ),
            Reached::Agent => (
                "withdraw",
                "Withdraw",
                "Stops further use. What the agent already did is not undone.",
            ),
            Reached::Ended(_) | Reached::Nothing => return None,
        };
        Some(Self {
            csrf: app.secrets.csrf_token(by.session.id, &purpose(id)),
            word,
            label,
            why,
        })
    }
}

/// Takes it back.
pub(super) async fn take(
    State(app): State<App>,
    Path(id): Path<String>,
    form: OwnForm,
) -> Result<Response, PageError> {
    let Ok(id) = id.parse::<RequestId>() else {
        return not_yours(&app, &form.by);
    };
    let (by, params, from) = form.opened(&purpose(id))?;
    let wanted = match params.get("do") {
        Some("undo") => TakeBack::Undo,
        Some("withdraw") => TakeBack::Withdraw,
        Some(_) | None => return Err(PageError::NotAForm),
    };
    match flow::take_back(&app, id, &by, wanted, from).await {
        Ok(()) => return Ok(Redirect::to(&paths::request(id)).into_response()),
        Err(TakeBackError::NotYours) => return not_yours(&app, &by),
        Err(TakeBackError::Failed(fault)) => return Err(fault.into()),
        Err(TakeBackError::TooLate) => {}
    }
    let problem = match wanted {
        TakeBack::Undo => "It was too late to undo this. Here is how it is now.",
        TakeBack::Withdraw => "There was nothing left to withdraw. Here is how it is now.",
    };
    match find(&app, &id.to_string(), &by).await? {
        Some(seen) => {
            let mut response = shown(&app, &by, &seen, Some(problem.to_owned())).await?;
            *response.status_mut() = StatusCode::CONFLICT;
            Ok(response)
        }
        None => not_yours(&app, &by),
    }
}
