//! For services and agents: JSON resources under `/api/v1`.

mod approvals;

use axum::Router;
use axum::routing::get;

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
}
