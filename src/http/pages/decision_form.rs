//! The form that answers a request: which request it is about, and what was shown when it was made.

use axum::RequestExt as _;
use axum::extract::{FromRequest, Path, Request};
use axum::response::{IntoResponse, Response};

use super::PageError;
use super::answer::not_opened;
use super::made_for::{purpose, unhex};
use super::request::not_yours;
use crate::app::App;
use crate::domain::id::RequestId;
use crate::flow::sign_in::Present;
use crate::http::extract::FormParams;
use crate::http::extract::own_form::OwnForm;

/// An answering form, made for this request, this person's session, and the card they were shown.
pub(super) struct DecisionForm {
    /// The request, as the path names it.
    pub(super) id: RequestId,
    /// Who answers.
    pub(super) by: Present,
    /// The digest of the card.
    pub(super) shown: [u8; 32],
    /// What they answer.
    pub(super) params: FormParams,
    /// From which address.
    pub(super) from: Option<String>,
}

impl FromRequest<App> for DecisionForm {
    type Rejection = Response;

    async fn from_request(mut request: Request, app: &App) -> Result<Self, Response> {
        let path = request.extract_parts::<Path<String>>().await;
        let form = OwnForm::from_request(request, app)
            .await
            .map_err(PageError::into_response)?;
        let id = path.ok().and_then(|Path(id)| id.parse::<RequestId>().ok());
        let Some(id) = id else {
            return Err(not_yours(app, &form.by).into_response());
        };
        let digest = form.closed().get("card").unwrap_or_default().to_owned();
        let by = form.by.clone();
        match form.opened(&purpose(id, &digest)) {
            Ok((by, params, from)) => Ok(Self {
                id,
                by,
                shown: unhex(&digest).ok_or_else(|| PageError::NotAForm.into_response())?,
                params,
                from,
            }),
            Err(why) => Err(not_opened(app, &by, id, why).await.into_response()),
        }
    }
}
