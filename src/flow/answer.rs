//! A person answers.
//!
//! The form was made for one request and one card: its digest comes back with the answer, so nobody can
//! answer what they were not shown. Two answers race at the row; the later one is told the earlier. A yes
//! also stands on the catalogue it was judged by: what was forbidden meanwhile is allowed by nobody.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use crate::app::{App, VersionedCatalogue};
use crate::domain::action::Catalogue;
use crate::domain::action::text::agent_text;
use crate::domain::audit::{Actor, AuditEvent, Kind};
use crate::domain::ciba::approval::denial::Reason;
use crate::domain::ciba::approval::{
    Answer, ApprovalRequest, Counted, DecidedBy, Decision, Pending, Question, Settled, Step,
};
use crate::domain::consent::StandingGrant;
use crate::domain::consent::partial::{Remainder, Trim};
use crate::domain::consent::preview::Preview;
use crate::domain::consent::quorum::{approvers, still_stands};
use crate::domain::consent::step_up::FallsShort;
use crate::domain::id::RequestId;
use crate::entropy::NoEntropy;
use crate::flow::ask::hex;
use crate::flow::sign_in::Present;
use crate::flow::{always, effects, load, pause, together, watch};
use crate::store::{Commit, StoreError, StoredRequest, Write};

/// Longest reason for a no, in characters as people count them.
pub const LONGEST_REASON: usize = 280;

/// How often an answer is judged anew when another catalogue was applied under it.
const TRIES: usize = 3;

/// How often at least, when several people answer at once.
const TOGETHER: usize = 25;

/// What the person chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Only this time, all of it.
    Once,
    /// Only this time, and less than was asked.
    Part(Trim),
    /// This time, and from now on within bounds.
    Always {
        /// The key of an end.
        until: String,
        /// For each item, what was picked for each field that can be bounded.
        picks: Vec<BTreeMap<String, String>>,
        /// What of it, if not all.
        trim: Trim,
        /// The list of denied requests it would have allowed, agreed to: [`Preview::to_confirm`].
        confirmed: Option<String>,
    },
    /// No.
    Deny {
        /// Why, for the agent.
        reason: Option<String>,
    },
}

/// Why an answer was not taken.
#[derive(Debug)]
pub enum AnswerError {
    /// Not this person's, or not known.
    NotYours,
    /// The form was made for something else.
    Changed,
    /// Somebody, or time, was first; here is what it is now.
    Settled(Box<StoredRequest>),
    /// The person must prove again, or more surely, that it is them.
    SignIn(FallsShort),
    /// Policy has forbidden it since it was asked.
    Forbidden,
    /// There is no "always" for this.
    AlwaysNotOffered,
    /// It cannot be trimmed like this; in words for the person.
    Part(String),
    /// The bounds cannot be; in words for the person.
    Bounds(String),
    /// It would have allowed what they denied, and they have not agreed to that.
    TooWide(Preview),
    /// The reason cannot be passed on as it is; in words for the person.
    Reason(String),
    /// Our fault: nothing was saved.
    Failed(super::Fault),
}

impl From<StoreError> for AnswerError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<super::Fault> for AnswerError {
    fn from(fault: super::Fault) -> Self {
        Self::Failed(fault)
    }
}

impl From<NoEntropy> for AnswerError {
    fn from(error: NoEntropy) -> Self {
        Self::Failed(error.into())
    }
}

/// Takes a person's answer. Returns the request as it is from now on.
pub async fn answer(
    app: &App,
    id: RequestId,
    by: &Present,
    choice: Choice,
    shown: [u8; 32],
    from: Option<String>,
) -> Result<StoredRequest, AnswerError> {
    for attempt in 1.. {
        let catalogue = app.catalogue.get();
        let (choice, from) = (choice.clone(), from.clone());
        let taken = answered_by(app, &catalogue, id, by, choice, shown, from).await?;
        let together = match taken {
            Taken::As(answered) => return Ok(*answered),
            Taken::Overtaken { together } => together,
        };
        app.requests.forget(id);
        watch::catalogue(app).await?;
        let same = app.catalogue.get().version == catalogue.version;
        // Of several who answer at once, each may have come before this one.
        if (same && !together) || attempt >= if together { TOGETHER } else { TRIES } {
            break;
        }
    }
    settled_otherwise(app, id).await
}

/// What came of one try.
enum Taken {
    /// It is written, and this is the request from now on.
    As(Box<StoredRequest>),
    /// Something else was written first: perhaps only what another of several people says.
    Overtaken { together: bool },
}

/// Takes an answer, judged by a catalogue.
async fn answered_by(
    app: &App,
    catalogue: &VersionedCatalogue,
    id: RequestId,
    by: &Present,
    choice: Choice,
    shown: [u8; 32],
    from: Option<String>,
) -> Result<Taken, AnswerError> {
    let stored = load::to_settle(app, id).await?;
    let stored = stored.filter(|it| it.request.question().is_put_to(by.user.id));
    let stored = stored.ok_or(AnswerError::NotYours)?;
    let now = app.clock.now();
    let ApprovalRequest::Pending(pending) = stored.request.clone().at(now) else {
        return Err(AnswerError::Settled(Box::new(stored)));
    };
    if pending.question.card_digest != shown {
        return Err(AnswerError::Changed);
    }
    // A no needs no proof: whoever stops something may be stopped by nothing.
    if !matches!(choice, Choice::Deny { .. }) {
        if forbidden(&pending.question, &catalogue.catalogue) {
            return Err(AnswerError::Forbidden);
        }
        by.may_allow(&pending.question, now)
            .map_err(AnswerError::SignIn)?;
    }
    let rest = remainder(catalogue, &pending.question, &choice)?;
    if pending.question.quorum.is_some() {
        let answer = answer_of(choice, rest)?;
        // Boxed: few are answered by several.
        let answered = answered_together(app, catalogue, stored, pending, answer, by, from, now);
        return Box::pin(answered).await;
    }
    let standing = match &choice {
        Choice::Always { .. } => {
            let question = &pending.question;
            always::given(app, catalogue, question, &choice, &rest).await?
        }
        Choice::Once | Choice::Part(_) | Choice::Deny { .. } => Vec::new(),
    };
    let step = decide(pending, answer_of(choice, rest)?, by, now)?;
    let settling = Settling {
        stored,
        commit: Commit::default(),
        catalogue: catalogue.version,
        standing,
        from,
        now,
    };
    settle(app, settling, step).await
}

/// One of several people answers: with what the others have said before, it may be settled.
#[expect(
    clippy::too_many_arguments,
    reason = "what one answer is made of, once"
)]
async fn answered_together(
    app: &App,
    catalogue: &VersionedCatalogue,
    stored: StoredRequest,
    pending: Pending,
    answer: Answer,
    by: &Present,
    from: Option<String>,
    now: OffsetDateTime,
) -> Result<Taken, AnswerError> {
    if matches!(answer, Answer::Always(_)) {
        return Err(AnswerError::AlwaysNotOffered);
    }
    let question = pending.question.clone();
    let counted = together::count(app, catalogue, pending, answer, by, now).await?;
    let Some(ballot) = counted else {
        // A second tap on the same.
        return Ok(Taken::As(Box::new(stored)));
    };
    let (commit, counted, effects) = ballot.cast(now);
    match counted {
        Counted::Settled(next) => {
            let settling = Settling {
                stored,
                commit,
                catalogue: catalogue.version,
                standing: Vec::new(),
                from,
                now,
            };
            settle(app, settling, Step { next, effects }).await
        }
        Counted::Waiting(_) => {
            let commit = together::one_more(app, commit, &question, by, from, now).await?;
            match app.commit(commit).await {
                Ok(()) => Ok(Taken::As(Box::new(stored))),
                Err(StoreError::Overtaken) => Ok(Taken::Overtaken { together: true }),
                Err(error) => Err(error.into()),
            }
        }
    }
}

/// What an answer is written with.
struct Settling {
    stored: StoredRequest,
    /// What must be written before it.
    commit: Commit,
    /// The catalogue it was judged by.
    catalogue: i32,
    standing: Vec<(StandingGrant, String)>,
    from: Option<String>,
    now: OffsetDateTime,
}

/// Writes down that a request is settled, and tells everybody.
async fn settle(app: &App, it: Settling, step: Step<Settled>) -> Result<Taken, AnswerError> {
    let Settling { stored, now, .. } = it;
    let together = stored.request.question().quorum.is_some();
    let commit = commit(
        it.commit,
        &step,
        it.catalogue,
        it.standing,
        it.from.as_deref(),
    );
    let commit = match &step.next {
        Settled::Denied(denied) => pause::after_a_no(app, &denied.question, commit, now).await?,
        Settled::Approved(_) => commit,
    };
    let commit = effects::settling(app, commit, &stored, &step.effects, now).await?;
    match app.commit(commit).await {
        Ok(()) => {}
        Err(StoreError::Overtaken) => return Ok(Taken::Overtaken { together }),
        Err(error) => return Err(error.into()),
    }
    let request = match step.next {
        Settled::Approved(approved) => ApprovalRequest::Approved(approved),
        Settled::Denied(denied) => ApprovalRequest::Denied(denied),
    };
    let answered = StoredRequest {
        request,
        settled_at: Some(now),
        ..stored
    };
    // Before the agent is woken: it will ask for this next.
    app.requests.remember(answered.clone());
    effects::carry_out(app, &step.effects);
    Ok(Taken::As(Box::new(answered)))
}

/// Whether policy lets nobody allow this any more, or wants others to.
pub(super) fn forbidden(question: &Question, catalogue: &Catalogue) -> bool {
    let today = approvers(&question.asked, catalogue);
    question.asked.forbidden_by(catalogue).is_some()
        || !still_stands(question.quorum.as_ref(), today)
}

/// What of the question the person leaves.
fn remainder(
    catalogue: &VersionedCatalogue,
    question: &Question,
    choice: &Choice,
) -> Result<Remainder, AnswerError> {
    let asked = &question.asked;
    match choice {
        Choice::Once | Choice::Deny { .. } => Ok(Remainder::whole(asked)),
        Choice::Part(trim) | Choice::Always { trim, .. } => {
            let rest = Remainder::of(asked, trim, &catalogue.catalogue)
                .map_err(|why| AnswerError::Part(why.to_string()))?;
            // A service runs what it has parked, or does not: it is answered whole.
            if asked.transaction.is_some() && rest != Remainder::whole(asked) {
                let why = "The service holds exactly this: allow all of it, or deny.";
                return Err(AnswerError::Part(why.to_owned()));
            }
            Ok(rest)
        }
    }
}

fn answer_of(choice: Choice, rest: Remainder) -> Result<Answer, AnswerError> {
    Ok(match choice {
        Choice::Once | Choice::Part(_) => Answer::Once(rest),
        Choice::Always { .. } => Answer::Always(rest),
        Choice::Deny { reason } => Answer::Deny {
            reason: read_reason(reason.as_deref())
                .map_err(AnswerError::Reason)?
                .map(Reason::Other),
        },
    })
}

fn decide(
    pending: Pending,
    answer: Answer,
    by: &Present,
    now: OffsetDateTime,
) -> Result<Step<Settled>, AnswerError> {
    let person = DecidedBy::Person {
        session: by.session.id,
        assurance: by.session.how,
        authenticated_at: by.session.authenticated_at,
    };
    // It was pending at this very moment.
    pending
        .answer(answer, person, now)
        .map_err(|_| AnswerError::Changed)
}

/// A person's own words, as they are passed on.
pub(super) fn read_reason(reason: Option<&str>) -> Result<Option<String>, String> {
    match reason.map(str::trim).filter(|reason| !reason.is_empty()) {
        None => Ok(None),
        Some(reason) => {
            // People press Enter: a line break in a reason is a space.
            let one_line = reason.split_whitespace().collect::<Vec<_>>().join(" ");
            match agent_text(&one_line, LONGEST_REASON) {
                Ok(clean) => Ok(Some(clean.into_string())),
                Err(why) => Err(format!("That reason cannot be sent: {why}.")),
            }
        }
    }
}

fn commit(
    before: Commit,
    step: &Step<Settled>,
    catalogue: i32,
    standing: Vec<(StandingGrant, String)>,
    from: Option<&str>,
) -> Commit {
    let (question, decision, write, kind) = match &step.next {
        Settled::Approved(to) => (
            &to.question,
            &to.decision,
            Write::Approve(Box::new(to.clone()), catalogue),
            Kind::RequestApproved,
        ),
        Settled::Denied(to) => (
            &to.question,
            &to.decision,
            Write::Deny(Box::new(to.clone())),
            Kind::RequestDenied,
        ),
    };
    let mut event = answered(question, decision, kind, from);
    if decision.is_in_part(&question.asked) {
        event = event.fact("in_part", true);
    }
    if let Settled::Denied(denied) = &step.next
        && let Some(reason) = &denied.reason
    {
        event = event.fact("deny_reason", reason.as_str());
    }
    let mut commit = before.and(write).event(event);
    for (grant, sentence) in standing {
        let event = AuditEvent::new(decision.at, Kind::StandingGrantMade, Actor::Person)
            .about(question.id, &question.client, question.user)
            .from(from.map(str::to_owned))
            .fact("standing_grant", grant.id.to_string())
            .fact("permission", grant.key.as_stored())
            .fact("ends_at", grant.ends_at.unix_timestamp());
        commit = commit
            .and(Write::MakeStandingGrant(Box::new(grant), sentence))
            .event(event);
    }
    commit
}

/// Who answered what, having been shown what, how surely, and from where.
fn answered(
    question: &Question,
    decision: &Decision,
    kind: Kind,
    from: Option<&str>,
) -> AuditEvent {
    let person = decision.by.settled_by(question.user);
    let event = AuditEvent::new(decision.at, kind, Actor::Person)
        .about(question.id, &question.client, person)
        .from(from.map(str::to_owned))
        .fact("answer", decision.answer.as_str())
        .fact("card_digest", hex(&question.card_digest));
    match &decision.by {
        DecidedBy::People { last, .. } => {
            let people: Vec<String> = decision
                .by
                .people()
                .map(|one| one.user.to_string())
                .collect();
            event
                .fact("session", last.session.to_string())
                .fact("assurance", last.assurance.as_str())
                .fact("authenticated_at", last.authenticated_at.unix_timestamp())
                .fact("people", people)
        }
        DecidedBy::Person {
            session,
            assurance,
            authenticated_at,
        } => event
            .fact("session", session.to_string())
            .fact("assurance", assurance.as_str())
            .fact("authenticated_at", authenticated_at.unix_timestamp()),
        DecidedBy::StandingGrants { .. } => event,
    }
}

async fn settled_otherwise(app: &App, id: RequestId) -> Result<StoredRequest, AnswerError> {
    let stored = load::written(app, id).await?;
    let stored = stored.ok_or(AnswerError::NotYours)?;
    match stored.request {
        // Still pending, but not for this: the person or the client has been disabled.
        ApprovalRequest::Pending(_) => Err(AnswerError::NotYours),
        ApprovalRequest::Approved(_)
        | ApprovalRequest::Denied(_)
        | ApprovalRequest::Expired(_)
        | ApprovalRequest::Cancelled(_)
        | ApprovalRequest::Redeemed(_) => Err(AnswerError::Settled(Box::new(stored))),
    }
}
