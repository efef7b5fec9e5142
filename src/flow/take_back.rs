//! A person takes a yes back: undone while nobody has collected it, withdrawn after.
//!
//! Undone, it is a no, and the agent never hears of the yes. Withdrawn, what it granted ends; what the agent has done
//! with it stays done. The row decides which of the two there is: it is collected or it is undone, never both. With
//! either ends the "always" that was given with it.

use time::OffsetDateTime;

use super::sign_in::Present;
use crate::app::App;
use crate::domain::audit::{Actor, AuditEvent, Kind};
use crate::domain::ciba::approval::{Answerer, ApprovalRequest, Approved, DecidedBy, Question};
use crate::domain::id::{GrantId, RequestId};
use crate::flow::show::{Seen, ShowError};
use crate::flow::{Fault, effects, load};
use crate::store::{Commit, StoreError, Write};

/// What a person wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakeBack {
    /// That it never was.
    Undo,
    /// That it ends.
    Withdraw,
}

/// How far a yes has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// Nobody has collected it: it can be undone.
    Nobody,
    /// The agent has it: it can be withdrawn.
    Agent,
    /// What it granted was ended then.
    Ended(OffsetDateTime),
    /// There is nothing to take back.
    Nothing,
}

/// Why nothing was taken back.
#[derive(Debug)]
pub enum TakeBackError {
    /// Not this person's, or not known.
    NotYours,
    /// It is not as it was when they wanted that.
    TooLate,
    /// Our fault.
    Failed(Fault),
}

impl<T: Into<Fault>> From<T> for TakeBackError {
    fn from(error: T) -> Self {
        Self::Failed(error.into())
    }
}

/// How far a request's yes has gone.
pub async fn reached(app: &App, seen: &Seen) -> Result<Reached, ShowError> {
    let now = app.clock.now();
    match &seen.request {
        ApprovalRequest::Approved(approved) if approved.may_be_undone(now) => Ok(Reached::Nobody),
        ApprovalRequest::Redeemed(redeemed) => {
            let grant = app.store.issued_grant_of(redeemed.question.id).await?;
            Ok(match grant {
                Some((_, _, Some(ended))) => Reached::Ended(ended),
                Some((_, ends_at, None)) if now < ends_at => Reached::Agent,
                Some(_) | None => Reached::Nothing,
            })
        }
        ApprovalRequest::Approved(_)
        | ApprovalRequest::Pending(_)
        | ApprovalRequest::Denied(_)
        | ApprovalRequest::Expired(_)
        | ApprovalRequest::Cancelled(_) => Ok(Reached::Nothing),
    }
}

/// Takes a yes back.
pub async fn take_back(
    app: &App,
    id: RequestId,
    by: &Present,
    wanted: TakeBack,
    from: Option<String>,
) -> Result<(), TakeBackError> {
    let stored = load::written(app, id).await?;
    let stored = stored.filter(|it| it.request.question().is_put_to(by.user.id));
    let stored = stored.ok_or(TakeBackError::NotYours)?;
    let now = app.clock.now();
    let taken = match (wanted, stored.request) {
        (TakeBack::Undo, ApprovalRequest::Approved(approved)) => {
            undo(app, approved, by, from).await
        }
        (TakeBack::Undo, ApprovalRequest::Denied(denied)) if denied.is_by(by.user.id) => {
            return Ok(());
        }
        (TakeBack::Withdraw, ApprovalRequest::Redeemed(redeemed)) => {
            match app.store.issued_grant_of(id).await? {
                Some((grant, _, None)) => {
                    withdraw(app, grant, &redeemed.question, by, from, now).await
                }
                // A second tap on the same.
                Some((_, _, Some(_))) => return Ok(()),
                None => return Err(TakeBackError::TooLate),
            }
        }
        _ => return Err(TakeBackError::TooLate),
    };
    match taken {
        Err(TakeBackError::Failed(Fault::Store(StoreError::Overtaken))) => {
            Err(TakeBackError::TooLate)
        }
        other => other,
    }
}

/// It is a no after all.
async fn undo(
    app: &App,
    approved: Approved,
    by: &Present,
    from: Option<String>,
) -> Result<(), TakeBackError> {
    let now = app.clock.now();
    let session = by.session.id;
    let (assurance, authenticated_at) = (by.session.how, by.session.authenticated_at);
    let who = match approved.question.quorum {
        Some(_) => DecidedBy::People {
            last: Answerer {
                user: by.user.id,
                session,
                assurance,
                authenticated_at,
                at: now,
            },
            before: Vec::new(),
        },
        None => DecidedBy::Person {
            session,
            assurance,
            authenticated_at,
        },
    };
    let step = approved
        .undo(who, now)
        .map_err(|_| TakeBackError::TooLate)?;
    let question = step.next.question.clone();
    let commit = Commit::of(Write::Undo(Box::new(step.next)));
    let event = happened(Kind::RequestUndone, &question, by, from.clone(), now);
    let commit = and_its_rules(app, commit.event(event), &question, by, from, now).await?;
    app.commit(commit).await?;
    app.requests.forget(question.id);
    effects::carry_out(app, &step.effects);
    Ok(())
}

/// What it granted ends.
async fn withdraw(
    app: &App,
    grant: GrantId,
    question: &Question,
    by: &Present,
    from: Option<String>,
    now: OffsetDateTime,
) -> Result<(), TakeBackError> {
    let event = happened(Kind::TokenWithdrawn, question, by, from.clone(), now);
    let event = event.fact("grant", grant.to_string());
    let commit = Commit::of(Write::RevokeGrant(grant, now)).event(event);
    let commit = and_its_rules(app, commit, question, by, from, now).await?;
    Ok(app.commit(commit).await?)
}

fn happened(
    kind: Kind,
    question: &Question,
    by: &Present,
    from: Option<String>,
    now: OffsetDateTime,
) -> AuditEvent {
    AuditEvent::new(now, kind, Actor::Person)
        .about(question.id, &question.client, by.user.id)
        .from(from)
        .fact("session", by.session.id.to_string())
}

/// What was allowed from now on with it is not any more.
async fn and_its_rules(
    app: &App,
    mut commit: Commit,
    question: &Question,
    by: &Present,
    from: Option<String>,
    now: OffsetDateTime,
) -> Result<Commit, StoreError> {
    let rules = app.store.standing_grants_behind(question.id, &[]).await?;
    for rule in rules.into_iter().filter(|rule| rule.is_live(now)) {
        let event = happened(Kind::StandingGrantStopped, question, by, from.clone(), now);
        commit = commit
            .and(Write::StopStandingGrant(rule.id, Some(by.user.id), now))
            .event(event.fact("standing_grant", rule.id.to_string()));
    }
    Ok(commit)
}
