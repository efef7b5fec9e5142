//! For services and agents: JSON resources under `/api/v1`.

mod approvals;
mod transactions;

use axum::Router;
use axum::routing::{get, post};

use crate::app::App;
use crate::paths;

/// The resources.
pub fn router() -> Router<App> {
    Router::new()
        .route(paths::APPROVALS, get(approvals::list))
        .route(
            paths::APPROVAL,
            get(approvals::status).delete(approvals::withdraw),
        )
        .route(
            paths::TRANSACTIONS,
            get(transactions::list).post(transactions::park),
        )
        .route(
            paths::TRANSACTION,
            get(transactions::status).delete(transactions::cancel),
        )
        .route(paths::TRANSACTION_RELEASE, post(transactions::release))
}
