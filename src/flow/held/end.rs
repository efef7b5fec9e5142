//! A service ends a transaction: it releases the action, once, or gives it up.

use super::own;
use super::status::{Status, describe};
use crate::app::App;
use crate::domain::audit::{Actor, AuditEvent, Kind};
use crate::domain::ciba::approval::{ApprovalRequest, CancelledBy};
use crate::domain::client::Client;
use crate::domain::held::parking::may_park;
use crate::domain::held::{Ended, HeldTransaction, State};
use crate::domain::id::TransactionId;
use crate::flow::{Unserved, effects};
use crate::store::{Commit, EndTransaction, StoreError, StoredRequest, Write};

/// What came of it.
#[derive(Debug)]
pub enum Ending {
    /// It has ended by this call. (What was cancelled before is cancelled.)
    Done(Status),
    /// It had ended before, or was not in a state to.
    Not(Status),
    /// Not known, or not theirs.
    Unknown,
}

/// Releases an approved action: exactly one of all calls is told so.
pub async fn release(
    app: &App,
    service: &Client,
    id: TransactionId,
    from: Option<String>,
) -> Result<Ending, Unserved> {
    may_park(service)?;
    let Some((held, stored)) = own(app, &service.id, id).await? else {
        return Ok(Ending::Unknown);
    };
    let now = app.clock.now();
    let state = held.state(stored.as_ref().map(|it| &it.request), now);
    let Some(stored) = stored.filter(|_| state == State::Approved) else {
        return now_it_is(app, service, id).await;
    };
    let question = stored.request.question();
    let request = question.id;
    let event = AuditEvent::new(now, Kind::TransactionReleased, Actor::Client)
        .about(request, &service.id, question.user)
        .from(from)
        .fact("transaction", id.to_string());
    let own_question = question.client == service.id;
    let mut commit = end(&held, Ended::Released(now)).event(event);
    // What the service has asked itself nobody else collects.
    if own_question && let ApprovalRequest::Approved(approved) = stored.request.clone() {
        let Ok(step) = approved.redeem(now) else {
            return now_it_is(app, service, id).await;
        };
        commit = commit.and(Write::Redeem(Box::new(step.next)));
    }
    match app.store.commit(commit).await {
        Ok(()) => {
            app.requests.forget(request);
            done(app, service, id).await
        }
        Err(StoreError::Overtaken) => now_it_is(app, service, id).await,
        Err(error) => Err(error.into()),
    }
}

/// Gives an action up that nobody has answered for. Who is being asked is asked no more.
pub async fn cancel(
    app: &App,
    service: &Client,
    id: TransactionId,
    from: Option<String>,
) -> Result<Ending, Unserved> {
    may_park(service)?;
    let Some((held, stored)) = own(app, &service.id, id).await? else {
        return Ok(Ending::Unknown);
    };
    let now = app.clock.now();
    let state = held.state(stored.as_ref().map(|it| &it.request), now);
    match state {
        State::Held | State::Pending => {}
        State::Cancelled => return done(app, service, id).await,
        State::Approved | State::Denied | State::Expired | State::Released => {
            return now_it_is(app, service, id).await;
        }
    }
    let event = AuditEvent::new(now, Kind::TransactionCancelled, Actor::Client)
        .client(&service.id)
        .from(from.clone())
        .fact("transaction", id.to_string());
    let commit = end(&held, Ended::Cancelled(now)).event(event);
    let (commit, effects) = match stored.filter(|_| state == State::Pending) {
        Some(stored) => {
            let Some(withdrawn) = withdrawn(app, commit, &stored, from).await? else {
                return now_it_is(app, service, id).await;
            };
            withdrawn
        }
        None => (commit, Vec::new()),
    };
    match app.commit(commit).await {
        Ok(()) => {
            if let Some(request) = held.request {
                app.requests.forget(request);
            }
            effects::carry_out(app, &effects);
            done(app, service, id).await
        }
        Err(StoreError::Overtaken) => now_it_is(app, service, id).await,
        Err(error) => Err(error.into()),
    }
}

/// The request that asks about it is withdrawn with it. None when its moment has just passed.
async fn withdrawn(
    app: &App,
    commit: Commit,
    stored: &StoredRequest,
    from: Option<String>,
) -> Result<Option<(Commit, Vec<crate::domain::effect::Effect>)>, Unserved> {
    let now = app.clock.now();
    let ApprovalRequest::Pending(pending) = stored.request.clone().at(now) else {
        return Ok(None);
    };
    let Ok(step) = pending.withdraw(CancelledBy::Service, now) else {
        return Ok(None);
    };
    let question = &step.next.question;
    let event = AuditEvent::new(now, Kind::RequestCancelled, Actor::Client)
        .about(question.id, &question.client, question.user)
        .from(from)
        .fact("by", CancelledBy::Service.as_str());
    let commit = commit
        .and(Write::Cancel(Box::new(step.next.clone())))
        .event(event);
    let commit = effects::settling(app, commit, stored, &step.effects, now).await?;
    Ok(Some((commit, step.effects)))
}

fn end(held: &HeldTransaction, ended: Ended) -> Commit {
    Commit::of(Write::EndTransaction(EndTransaction {
        transaction: held.id,
        request: held.request,
        ended,
    }))
}

async fn done(app: &App, service: &Client, id: TransactionId) -> Result<Ending, Unserved> {
    Ok(match own(app, &service.id, id).await? {
        Some((held, stored)) => Ending::Done(describe(app, &held, stored.as_ref())),
        None => Ending::Unknown,
    })
}

async fn now_it_is(app: &App, service: &Client, id: TransactionId) -> Result<Ending, Unserved> {
    Ok(match own(app, &service.id, id).await? {
        Some((held, stored)) => Ending::Not(describe(app, &held, stored.as_ref())),
        None => Ending::Unknown,
    })
}
