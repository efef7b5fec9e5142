//! Several people answer one question: those whom policy names are all asked, and each has one say.
//!
//! Two who answer at once race at the request's row, which counts: the second finds one more answer than it knew of,
//! and decides again with both.

use std::sync::Arc;

use time::{Duration, OffsetDateTime};

use crate::app::{App, Reachable, VersionedCatalogue};
use crate::domain::action::{Approvers, Asked, DifferentPeople};
use crate::domain::audit::{Actor, AuditEvent, Kind};
use crate::domain::ciba::approval::{
    Answer, Answerer, Counted, NotCounted, Pending, Question, Step, Vote,
};
use crate::domain::ciba::hint::Hint;
use crate::domain::ciba::refusal::Refusal;
use crate::domain::consent::quorum::{Member, Quorum};
use crate::domain::effect::Effect;
use crate::domain::id::{RequestId, UserId};
use crate::domain::parcel::Parcel;
use crate::entropy::NoEntropy;
use crate::flow::ask::{hex, promise};
use crate::flow::show::{Seen, ShowError};
use crate::flow::sign_in::Present;
use crate::flow::{Fault, Unserved, effects};
use crate::outbox::progress;
pub use crate::store::Approver;
use crate::store::{CastVote, Commit, StoreError, Write};

/// Those whom policy wants to answer a question.
pub(super) struct Together {
    /// Who has a say.
    pub(super) quorum: Quorum,
    people: Vec<Arc<Reachable>>,
}

/// Finds those whom policy names for all that is asked; none when whoever is asked answers alone.
pub(super) async fn gather(
    app: &App,
    asked: &Asked,
    policy: Result<Option<Approvers>, DifferentPeople>,
    subject: UserId,
) -> Result<Option<Together>, Unserved> {
    let different = Refusal::InvalidScope("these need different people: ask for them one by one");
    let Some(policy) = policy.map_err(|_| different)? else {
        return Ok(None);
    };
    let mut people = Vec::with_capacity(policy.from.len());
    for email in &policy.from {
        let found = app
            .people
            .find(&app.store, &Hint::Email(email.clone()))
            .await?;
        people.extend(found.filter(|person| person.user.active));
    }
    let member = |person: &Arc<Reachable>| Member {
        user: person.user.id,
        email: person.user.email.clone(),
    };
    let quorum = Quorum::of(&policy, people.iter().map(member).collect(), subject);
    let Some(quorum) = quorum else {
        // Nobody can allow this: it is as if policy forbade it.
        let needed = policy.count;
        tracing::warn!(needed, "fewer people can answer than policy wants");
        let first = asked.items.first().map(|item| item.key.clone());
        return Err(first
            .map_or(Refusal::UnknownUserId, Refusal::Forbidden)
            .into());
    };
    people.retain(|person| quorum.names(person.user.id));
    Ok(Some(Together { quorum, people }))
}

impl Together {
    /// Nobody is flooded, whoever the agent says it asks for.
    pub(super) async fn within_limits(
        &self,
        app: &App,
        now: OffsetDateTime,
    ) -> Result<(), Unserved> {
        let limit = app.settings.limits.waiting_per_person;
        if limit == 0 {
            return Ok(());
        }
        for person in &self.people {
            if app
                .store
                .waiting_together_count(person.user.id, now)
                .await?
                >= limit
            {
                let retry_after = Duration::seconds(60);
                return Err(Refusal::TooMany { retry_after }.into());
            }
        }
        Ok(())
    }

    /// One parcel for each way to reach each of them.
    pub(super) fn promise(
        &self,
        app: &App,
        question: &Question,
        now: OffsetDateTime,
    ) -> Result<Vec<Parcel>, NoEntropy> {
        let each = self
            .people
            .iter()
            .map(|person| promise(app, question, person, now));
        let all: Vec<Vec<Parcel>> = each.collect::<Result<_, _>>()?;
        Ok(all.into_iter().flatten().collect())
    }
}

/// Whether one of several has answered a question already.
pub(super) async fn has_answered(
    app: &App,
    question: &Question,
    user: UserId,
) -> Result<bool, StoreError> {
    if question.quorum.is_none() {
        return Ok(false);
    }
    let all = app.store.approvers_of(question.id).await?;
    Ok(all.iter().any(|one| one.user == user && one.vote.is_some()))
}

/// What those have said who answer a request together, by name; empty when one person does.
pub async fn said(app: &App, seen: &Seen) -> Result<Vec<Approver>, ShowError> {
    let question = seen.request.question();
    match question.quorum {
        Some(_) => Ok(app.store.approvers_of(question.id).await?),
        None => Ok(Vec::new()),
    }
}

/// One answer, counted beside those there were.
pub(super) struct Ballot {
    /// What it comes to.
    pub(super) step: Step<Counted>,
    request: RequestId,
    before: i32,
    vote: CastVote,
}

/// Counts one person's answer. None when they have given it already.
pub(super) async fn count(
    app: &App,
    catalogue: &VersionedCatalogue,
    pending: Pending,
    answer: Answer,
    by: &Present,
    now: OffsetDateTime,
) -> Result<Option<Ballot>, Fault> {
    let (request, card_digest) = (pending.question.id, pending.question.card_digest);
    let all = app.store.approvers_of(request).await?;
    let answered = all.iter().filter(|one| one.vote.is_some()).count();
    // What somebody has said who was disabled since is said by nobody.
    let given: Vec<Vote> = all
        .into_iter()
        .filter(|one| one.active)
        .filter_map(|one| one.vote)
        .collect();
    let me = Answerer {
        user: by.user.id,
        session: by.session.id,
        assurance: by.session.how,
        authenticated_at: by.session.authenticated_at,
        at: now,
    };
    let left = match &answer {
        Answer::Once(rest) | Answer::Always(rest) if !rest.is_nothing() => Some(rest.clone()),
        Answer::Once(_) | Answer::Always(_) | Answer::Deny { .. } => None,
    };
    let vote = CastVote {
        request,
        card_digest,
        vote: Vote {
            by: me.clone(),
            left,
        },
    };
    let counted = pending.count(&given, answer, me, &catalogue.catalogue, now);
    match counted {
        Ok(step) => Ok(Some(Ballot {
            step,
            request,
            before: i32::try_from(answered).unwrap_or(i32::MAX),
            vote,
        })),
        // It was pending, and theirs, at this very moment.
        Err(NotCounted::Already | NotCounted::TooLate | NotCounted::NoSay) => Ok(None),
    }
}

impl Ballot {
    /// What must be written with it, before anything that follows from it.
    pub(super) fn cast(self, at: OffsetDateTime) -> (Commit, Counted, Vec<Effect>) {
        let commit = if self.vote.vote.left.is_none() {
            // A no ends it, however many have answered.
            Commit::default()
        } else {
            Commit::of(Write::CountVote(self.request, self.before, at))
        };
        let commit = commit.and(Write::CastVote(Box::new(self.vote)));
        (commit, self.step.next, self.step.effects)
    }
}

/// What belongs to a yes that waits for others: it is noted, and the notice is replaced on their own devices.
pub(super) async fn one_more(
    app: &App,
    commit: Commit,
    question: &Question,
    by: &Present,
    from: Option<String>,
    now: OffsetDateTime,
) -> Result<Commit, Fault> {
    let event = AuditEvent::new(now, Kind::RequestAllowedByOne, Actor::Person)
        .about(question.id, &question.client, by.user.id)
        .from(from)
        .fact("card_digest", hex(&question.card_digest))
        .fact("session", by.session.id.to_string())
        .fact("assurance", by.session.how.as_str())
        .fact(
            "authenticated_at",
            by.session.authenticated_at.unix_timestamp(),
        );
    let mut shown_on = progress::shown_on(&app.store.parcels_of(question.id).await?);
    shown_on.retain(|(person, _)| *person == by.user.id);
    let notices = effects::settled_notices(app, question, &shown_on, now)?;
    Ok(commit.event(event).parcels(notices))
}
