//! Why it was a no: said after it, with one tap.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;

use super::PageError;
use super::request::{find, not_yours, shown};
use crate::app::App;
use crate::domain::ciba::approval::ApprovalRequest;
use crate::domain::ciba::approval::denial::Reason;
use crate::domain::id::RequestId;
use crate::flow::explain::{self as flow, ExplainError};
use crate::flow::show::Seen;
use crate::flow::sign_in::Present;
use crate::http::extract::own_form::OwnForm;
use crate::paths;

/// What the form under a no is for.
fn purpose(id: RequestId) -> String {
    format!("explain {id}")
}

/// The token of that form, while a reason may be given.
pub(super) fn offered(app: &App, by: &Present, seen: &Seen) -> Option<String> {
    match &seen.request {
        ApprovalRequest::Denied(denied)
            if denied.is_by(by.user.id) && denied.may_be_explained(app.clock.now()) =>
        {
            let purpose = purpose(denied.question.id);
            Some(app.secrets.csrf_token(by.session.id, &purpose))
        }
        ApprovalRequest::Denied(_)
        | ApprovalRequest::Pending(_)
        | ApprovalRequest::Approved(_)
        | ApprovalRequest::Expired(_)
        | ApprovalRequest::Cancelled(_)
        | ApprovalRequest::Redeemed(_) => None,
    }
}

/// What a person picks, or picked.
pub(super) fn words(reason: &Reason) -> &str {
    match reason {
        Reason::NotNow => "Not now",
        Reason::WrongDetails => "Wrong details",
        Reason::TooMuch => "Too much",
        Reason::NotMine => "I didn’t ask for this",
        Reason::Other(text) => text,
        Reason::NothingLeft => "Nothing was left of it",
    }
}

/// Takes the reason.
pub(super) async fn take(
    State(app): State<App>,
    Path(id): Path<String>,
    form: OwnForm,
) -> Result<Response, PageError> {
    let Ok(id) = id.parse::<RequestId>() else {
        return not_yours(&app, &form.by);
    };
    let (by, params, from) = form.opened(&purpose(id))?;
    let word = params.get("why").unwrap_or_default();
    let text = params.get("text");
    let (status, problem) = match flow::explain(&app, id, &by, word, text, from).await {
        Ok(()) => return Ok(Redirect::to(&paths::request(id)).into_response()),
        Err(ExplainError::NotYours) => return not_yours(&app, &by),
        Err(ExplainError::Failed(fault)) => return Err(fault.into()),
        Err(ExplainError::TooLate) => (
            StatusCode::CONFLICT,
            "That was not saved: a reason was given before, or it is too late for one.".to_owned(),
        ),
        Err(ExplainError::NotAReason(words)) => (StatusCode::UNPROCESSABLE_ENTITY, words),
    };
    match find(&app, &id.to_string(), &by).await? {
        Some(seen) => {
            let mut response = shown(&app, &by, &seen, Some(problem)).await?;
            *response.status_mut() = status;
            Ok(response)
        }
        None => not_yours(&app, &by),
    }
}
