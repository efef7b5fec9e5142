//! An agent (or whoever runs the server) no longer needs an answer.

use crate::app::App;
use crate::domain::audit::{Actor, AuditEvent, Kind};
use crate::domain::ciba::approval::{ApprovalRequest, CancelledBy};
use crate::domain::id::{ClientId, RequestId};
use crate::flow::status::{Status, describe};
use crate::flow::{Unserved, effects, load};
use crate::store::{Commit, StoreError, StoredRequest, Write};

/// What came of it.
#[derive(Debug)]
pub enum Withdrawn {
    /// It is cancelled now, or was before.
    Cancelled(Status),
    /// It had been settled otherwise.
    TooLate(Status),
    /// Not known, or not theirs.
    Unknown,
}

/// Withdraws a request of this client.
pub async fn withdraw(
    app: &App,
    client: &ClientId,
    id: RequestId,
    from: Option<String>,
) -> Result<Withdrawn, Unserved> {
    let stored = load::to_settle(app, id).await?;
    let Some(stored) = stored.filter(|it| it.request.question().client == *client) else {
        return Ok(Withdrawn::Unknown);
    };
    let now = app.clock.now();
    let ApprovalRequest::Pending(pending) = stored.request.clone().at(now) else {
        return settled(app, &stored);
    };
    let Ok(step) = pending.withdraw(CancelledBy::Agent, now) else {
        return settled(app, &stored);
    };
    let question = step.next.question.clone();
    let event = AuditEvent::new(now, Kind::RequestCancelled, Actor::Client)
        .about(id, &question.client, question.user)
        .from(from);
    let commit = Commit::of(Write::Cancel(Box::new(step.next))).event(event);
    let commit = effects::settling(app, commit, &stored, &step.effects, now).await?;
    match app.commit(commit).await {
        Ok(()) | Err(StoreError::Overtaken) => {}
        Err(error) => return Err(error.into()),
    }
    app.requests.forget(id);
    effects::carry_out(app, &step.effects);
    match app.store.request(id).await? {
        Some(stored) => settled(app, &stored),
        None => Ok(Withdrawn::Unknown),
    }
}

fn settled(app: &App, stored: &StoredRequest) -> Result<Withdrawn, Unserved> {
    let status = describe(app, stored, None)?;
    Ok(match stored.request {
        ApprovalRequest::Cancelled(_) => Withdrawn::Cancelled(status),
        ApprovalRequest::Pending(_)
        | ApprovalRequest::Approved(_)
        | ApprovalRequest::Denied(_)
        | ApprovalRequest::Expired(_)
        | ApprovalRequest::Redeemed(_) => Withdrawn::TooLate(status),
    })
}
