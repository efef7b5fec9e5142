//! The first step of every flow about a request: what is it just now?

use std::sync::Arc;

use super::{Fault, expire};
use crate::app::App;
use crate::domain::ciba::approval::State;
use crate::domain::id::RequestId;
use crate::store::StoredRequest;

/// The request as the row has it. What has run out is written down first.
pub(super) async fn written(app: &App, id: RequestId) -> Result<Option<StoredRequest>, Fault> {
    match app.store.request(id).await? {
        Some(stored) => expire::noted(app, stored).await.map(Some),
        None => Ok(None),
    }
}

/// The request for whoever would settle it. One that this process knows to wait is not read again: if
/// it does not wait any more, the row refuses the decision.
pub(super) async fn to_settle(app: &App, id: RequestId) -> Result<Option<StoredRequest>, Fault> {
    match app.requests.recall(id) {
        Some(known) if known.request.state() == State::Pending => {
            let known = StoredRequest::clone(&known);
            expire::noted(app, known).await.map(Some)
        }
        Some(_) | None => written(app, id).await,
    }
}

/// The request for whoever would collect its answer. The same holds for one that was answered here;
/// whoever finds the row moved on forgets it first and asks again.
pub(super) async fn to_collect(app: &App, id: RequestId) -> Result<Option<StoredRequest>, Fault> {
    match app.requests.recall(id) {
        Some(known) => {
            let known = StoredRequest::clone(&known);
            expire::noted(app, known).await.map(Some)
        }
        None => written(app, id).await,
    }
}

/// The request for whoever asks what the answer was that a grant rests on: once it is collected nothing takes it back, so
/// one that this process remembers as answered is not read again. Whether what it granted still stands is another row's to say.
pub(super) async fn answered(
    app: &App,
    id: RequestId,
) -> Result<Option<Arc<StoredRequest>>, Fault> {
    match app.requests.recall(id) {
        Some(known) if known.request.decision().is_some() => Ok(Some(known)),
        Some(_) | None => Ok(app.store.request(id).await?.map(Arc::new)),
    }
}
