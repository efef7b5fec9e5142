//! How a question arrives: whether it rings, or waits on its person's page without a word.

use time::{Duration, OffsetDateTime};

use super::Unserved;
use crate::app::App;
use crate::domain::ciba::approval::{ApprovalRequest, Question};
use crate::domain::consent::attention::{Arrival, Likeness, Rang, Silence};
use crate::store::StoreError;

/// What was let ring so short a while ago may be on its way to the disk.
const BEING_WRITTEN: Duration = Duration::seconds(5);

/// Decides. What rings counts from now on; whoever then does not ask takes it back.
pub(super) async fn arrival(
    app: &App,
    question: &Question,
    likeness: Option<Likeness>,
    now: OffsetDateTime,
) -> Result<Arrival, Unserved> {
    let new = Rang {
        request: question.id,
        client: question.client.clone(),
        likeness,
        at: now,
        answer_by: question.answer_by,
    };
    let (user, budget) = (question.user, app.settings.limits.interrupts);
    app.attention.know(&app.store, user, now).await?;
    loop {
        match app.attention.arrive(user, &new, question.tier, budget, now) {
            Ok(arrival) => return Ok(arrival),
            Err(same) if still_rings(app, &same, now).await? => {
                return Ok(Arrival::Silent(Silence::AskedAlready));
            }
            Err(same) => app.attention.over(user, same.request, now),
        }
    }
}

async fn still_rings(app: &App, same: &Rang, now: OffsetDateTime) -> Result<bool, StoreError> {
    Ok(match app.store.request(same.request).await? {
        Some(stored) => matches!(stored.request.at(now), ApprovalRequest::Pending(_)),
        None => now - same.at < BEING_WRITTEN,
    })
}
