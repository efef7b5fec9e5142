//! The same question, asked again while it waits. Each has its own end, and one answer is one answer: it settles
//! the question that was shown, and ends the others without one.

use tokio::task::JoinSet;

use super::answer::{self, AnswerError, Choice};
use super::sign_in::Present;
use super::{Fault, effects};
use crate::app::App;
use crate::domain::audit::{Actor, AuditEvent, Kind};
use crate::domain::ciba::approval::{ApprovalRequest, CancelledBy, State};
use crate::domain::id::RequestId;
use crate::store::{Commit, StoreError, StoredRequest, Write};

/// Takes a person's answer, and ends the same question where it was asked again.
pub async fn answer(
    app: &App,
    id: RequestId,
    by: &Present,
    choice: Choice,
    shown: [u8; 32],
    from: Option<String>,
) -> Result<StoredRequest, AnswerError> {
    let answered = answer::answer(app, id, by, choice, shown, from.clone()).await?;
    // The answer stands: what is left waits on the page, and can be answered there.
    if let Err(error) = end_others(app, &answered, from).await {
        tracing::warn!(%error, approval = %id, "the same question asked again was not ended");
    }
    Ok(answered)
}

/// Ends the others, each by a commit of its own: whatever settles one of them meanwhile was first.
async fn end_others(
    app: &App,
    answered: &StoredRequest,
    from: Option<String>,
) -> Result<(), Fault> {
    let question = answered.request.question();
    let Some(likeness) = answered.likeness else {
        return Ok(());
    };
    if answered.request.state() == State::Pending {
        return Ok(());
    }
    let (id, now) = (question.id, app.clock.now());
    let mut under_way = JoinSet::new();
    for other in app
        .store
        .waiting_alike(question.user, likeness, now)
        .await?
    {
        let theirs = other.request.question();
        if theirs.id != id && theirs.client == question.client {
            let (app, from) = (app.clone(), from.clone());
            under_way.spawn(async move { end(&app, other, id, from).await });
        }
    }
    let ended = under_way.join_all().await;
    ended.into_iter().collect()
}

async fn end(
    app: &App,
    stored: StoredRequest,
    answered: RequestId,
    from: Option<String>,
) -> Result<(), Fault> {
    let now = app.clock.now();
    let ApprovalRequest::Pending(pending) = stored.request.clone().at(now) else {
        return Ok(());
    };
    let Ok(step) = pending.withdraw(CancelledBy::Answer(answered), now) else {
        return Ok(());
    };
    let question = &step.next.question;
    let id = question.id;
    let event = AuditEvent::new(now, Kind::RequestCancelled, Actor::Person)
        .about(id, &question.client, question.user)
        .from(from)
        .fact("by", step.next.by.as_str())
        .fact("superseded_by", answered.to_string());
    let commit = Commit::of(Write::Cancel(Box::new(step.next))).event(event);
    let commit = effects::settling(app, commit, &stored, &step.effects, now).await?;
    match app.commit(commit).await {
        Ok(()) | Err(StoreError::Overtaken) => {}
        Err(error) => return Err(error.into()),
    }
    app.moved_on(id);
    Ok(())
}
