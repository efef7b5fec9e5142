//! The signed receipt of an answer, to keep.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header;

use super::PageError;
use super::request::not_yours;
use crate::app::App;
use crate::domain::id::RequestId;
use crate::flow::receipt::{self, ReceiptError};
use crate::http::extract::present_person::PresentPerson;

/// Hands out the receipt of an answer of theirs.
pub(super) async fn download(
    State(app): State<App>,
    Path(id): Path<String>,
    PresentPerson(by): PresentPerson,
) -> Result<Response, PageError> {
    let Ok(id) = id.parse::<RequestId>() else {
        return not_yours(&app, &by);
    };
    match receipt::own(&app, id, &by).await {
        Ok(jws) => {
            let name = format!("attachment; filename=\"receipt-{id}.jwt\"");
            let headers = [
                (header::CONTENT_TYPE, "application/jwt".to_owned()),
                (header::CONTENT_DISPOSITION, name),
            ];
            Ok((headers, jws).into_response())
        }
        Err(ReceiptError::Unknown | ReceiptError::Undecided) => not_yours(&app, &by),
        Err(ReceiptError::Store(error)) => Err(error.into()),
        Err(error @ (ReceiptError::Card(_) | ReceiptError::Key(_))) => {
            tracing::error!(%error, "a receipt cannot be written");
            Err(PageError::Failed)
        }
    }
}
