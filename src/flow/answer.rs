//! A person answers.
//!
//! The form was made for one request and one card: its digest comes back with the answer, so nobody can
//! answer what they were not shown. Two answers race at the row; the later one is told the earlier. A yes
//! also stands on the catalogue it was judged by: what was forbidden meanwhile is allowed by nobody.

use std::collections::BTreeMap;

use crate::app::{App, VersionedCatalogue};
use crate::domain::action::text::agent_text;
use crate::domain::audit::{Actor, AuditEvent, Kind};
use crate::domain::ciba::approval::denial::Reason;
use crate::domain::ciba::approval::{
    Answer, ApprovalRequest, DecidedBy, Decision, Pending, Question, Settled, Step,
};
use crate::domain::consent::StandingGrant;
use crate::domain::consent::partial::{Remainder, Trim};
use crate::domain::consent::preview::Preview;
use crate::domain::consent::step_up::FallsShort;
use crate::domain::id::RequestId;
use crate::entropy::NoEntropy;
use crate::flow::ask::hex;
use crate::flow::sign_in::Present;
use crate::flow::{always, effects, load, pause, watch};
use crate::store::{Commit, StoreError, StoredRequest, Write};

/// Longest reason for a no, in characters as people count them.
pub const LONGEST_REASON: usize = 280;

/// How often an answer is judged anew when another catalogue was applied under it.
const TRIES: usize = 3;

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
    for _ in 0..TRIES {
        let catalogue = app.catalogue.get();
        let (choice, from) = (choice.clone(), from.clone());
        let answered = answered_by(app, &catalogue, id, by, choice, shown, from).await?;
        if let Some(answered) = answered {
            return Ok(answered);
        }
        app.requests.forget(id);
        watch::catalogue(app).await?;
        if app.catalogue.get().version == catalogue.version {
            break;
        }
    }
    settled_otherwise(app, id).await
}

/// Takes an answer, judged by a catalogue. None when it was overtaken.
async fn answered_by(
    app: &App,
    catalogue: &VersionedCatalogue,
    id: RequestId,
    by: &Present,
    choice: Choice,
    shown: [u8; 32],
    from: Option<String>,
) -> Result<Option<StoredRequest>, AnswerError> {
    let stored = load::to_settle(app, id).await?;
    let stored = stored.filter(|it| it.request.question().user == by.user.id);
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
        let asked = &pending.question.asked;
        if asked.forbidden_by(&catalogue.catalogue).is_some() {
            return Err(AnswerError::Forbidden);
        }
        by.may_allow(&pending.question, now)
            .map_err(AnswerError::SignIn)?;
    }
    let rest = remainder(catalogue, &pending.question, &choice)?;
    let standing = match &choice {
        Choice::Always { .. } => {
            let question = &pending.question;
            always::given(app, catalogue, question, &choice, &rest).await?
        }
        Choice::Once | Choice::Part(_) | Choice::Deny { .. } => Vec::new(),
    };
    let step = decide(pending, choice, rest, by, now)?;
    let commit = commit(&step, catalogue.version, standing, from.as_deref());
    let commit = match &step.next {
        Settled::Denied(denied) => pause::after_a_no(app, &denied.question, commit, now).await?,
        Settled::Approved(_) => commit,
    };
    let commit = effects::settling(app, commit, &stored, &step.effects, now).await?;
    match app.commit(commit).await {
        Ok(()) => {}
        Err(StoreError::Overtaken) => return Ok(None),
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
    Ok(Some(answered))
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

fn decide(
    pending: Pending,
    choice: Choice,
    rest: Remainder,
    by: &Present,
    now: time::OffsetDateTime,
) -> Result<Step<Settled>, AnswerError> {
    let answer = match choice {
        Choice::Once | Choice::Part(_) => Answer::Once(rest),
        Choice::Always { .. } => Answer::Always(rest),
        Choice::Deny { reason } => Answer::Deny {
            reason: read_reason(reason.as_deref())
                .map_err(AnswerError::Reason)?
                .map(Reason::Other),
        },
    };
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
    let mut commit = Commit::of(write).event(event);
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
    let event = AuditEvent::new(decision.at, kind, Actor::Person)
        .about(question.id, &question.client, question.user)
        .from(from.map(str::to_owned))
        .fact("answer", decision.answer.as_str())
        .fact("card_digest", hex(&question.card_digest));
    match &decision.by {
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
