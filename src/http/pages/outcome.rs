//! What became of a request, in words a person understands, and what became of their answer.

use time::OffsetDateTime;

use super::explain::words;
use super::together::name_of;
use super::words::{Moment, moment};
use crate::domain::ciba::approval::denial::Reason;
use crate::domain::ciba::approval::{
    Answered, Answerer, ApprovalRequest, CancelledBy, DecidedBy, Decision, Question, State,
};
use crate::flow::show::{Granted, Seen};
use crate::flow::sign_in::{Present, Session};
use crate::flow::together::Approver;

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) title: String,
    /// `yes`, `no` or `neither`.
    pub(super) look: &'static str,
    pub(super) lines: Vec<Line>,
    /// The reason they gave for a no.
    pub(super) reason: Option<String>,
    /// What was allowed, when it was less than what was asked, under these words.
    pub(super) granted: Vec<String>,
    pub(super) granted_of: String,
    /// A rule of theirs has to do with it.
    pub(super) rule: bool,
    /// Somebody answered it, so there is a receipt.
    pub(super) decided: bool,
    /// Something may still happen.
    pub(super) moves: bool,
    pub(super) state: &'static str,
}

/// A sentence, perhaps with a moment in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) before: String,
    pub(super) at: Option<Moment>,
    pub(super) after: String,
}

fn said(words: impl Into<String>) -> Line {
    Line {
        before: words.into(),
        at: None,
        after: String::new(),
    }
}

/// Says what became of a request. `answered_in` is the session the answer was given in. `None` while it
/// still waits.
pub(super) fn outcome(
    seen: &Seen,
    granted: &Granted,
    answered_in: Option<&Session>,
    (by, said_by): (&Present, &[Approver]),
    server: &str,
    now: OffsetDateTime,
) -> Option<Outcome> {
    let agent = &seen.card.agent.name;
    let when = |before: &str, at, after: String| Line {
        before: before.to_owned(),
        at: Some(moment(at, now)),
        after,
    };
    let place = place(answered_in, by);
    let question = seen.request.question();
    let state = seen.request.state();
    let mut lines = Vec::new();
    let allowed = |decision: &Decision| match &decision.by {
        DecidedBy::People { .. } => together_lines(decision, &place, (by, said_by), now),
        DecidedBy::Person { .. } | DecidedBy::StandingGrants { .. } => {
            allowed_lines(decision, &place, now)
        }
    };
    let mut reason = None;
    let (title, look) = match &seen.request {
        ApprovalRequest::Pending(_) => return None,
        ApprovalRequest::Approved(approved) => {
            lines.extend(allowed(&approved.decision));
            lines.push(when(
                &format!("Saved. {agent} has not collected it yet, and can until "),
                question.expires_at,
                ".".to_owned(),
            ));
            (allowed_title(&approved.decision, question), "yes")
        }
        ApprovalRequest::Redeemed(redeemed) => {
            lines.extend(allowed(&redeemed.decision));
            lines.push(when(
                &format!("Saved, and collected by {agent} at "),
                redeemed.at,
                ".".to_owned(),
            ));
            (allowed_title(&redeemed.decision, question), "yes")
        }
        ApprovalRequest::Denied(denied) => {
            let who = name_of(denied.decision.by.settled_by(question.user), said_by, by);
            let place = if denied.is_by(by.user.id) {
                place
            } else {
                ".".to_owned()
            };
            lines.push(when(
                &format!("{who} denied this at "),
                denied.decision.at,
                place,
            ));
            lines.push(said(format!("Saved. {agent} is told “denied”.")));
            match &denied.reason {
                Some(Reason::NothingLeft) => {
                    let who = match denied.decision.by {
                        DecidedBy::People { .. } => "Together you left nothing of it",
                        DecidedBy::Person { .. } | DecidedBy::StandingGrants { .. } => {
                            "You left nothing of it"
                        }
                    };
                    lines.push(said(format!("{who}, so all of it was denied.")));
                }
                Some(given) => reason = Some(words(given).to_owned()),
                None => {}
            }
            ("Denied", "no")
        }
        ApprovalRequest::Expired(expired) => match &expired.decision {
            None => {
                lines.push(when(
                    "This request ended at ",
                    question.answer_by,
                    " without an answer.".to_owned(),
                ));
                lines.push(said(format!("{agent} is told “no answer”.")));
                ("Ended without an answer", "neither")
            }
            Some(decision) => {
                lines.extend(allowed(decision));
                lines.push(said(format!(
                    "{agent} did not collect it in time, so nothing came of it."
                )));
                ("Allowed, but never collected", "neither")
            }
        },
        ApprovalRequest::Cancelled(cancelled) => {
            let who = match cancelled.by {
                CancelledBy::Agent => format!("{agent} no longer needs this. It was withdrawn at "),
                CancelledBy::Operator => format!("Whoever runs {server} withdrew this at "),
                CancelledBy::Service => "The service that held this withdrew it at ".to_owned(),
                CancelledBy::Answer(_) => {
                    format!(
                        "{agent} had asked the same another time, and there you answered it at "
                    )
                }
            };
            lines.push(when(&who, cancelled.at, ".".to_owned()));
            if cancelled.by.superseded_by().is_some() {
                lines.push(said(
                    "One answer is good for one of them: this one came to nothing.",
                ));
                ("Answered where it was asked again", "neither")
            } else {
                lines.push(said("No answer was sent."));
                ("Withdrawn", "neither")
            }
        }
    };
    Some(Outcome {
        title: title.to_owned(),
        look,
        lines,
        reason,
        granted_of: granted.of.clone(),
        granted: granted.headings.clone(),
        rule: seen
            .request
            .decision()
            .is_some_and(|decision| decision.answer == Answered::Always),
        decided: seen.request.decision().is_some(),
        moves: state == State::Approved,
        state: state.as_str(),
    })
}

/// What a yes is called.
pub(super) fn allowed_title(decision: &Decision, question: &Question) -> &'static str {
    let in_part = decision.is_in_part(&question.asked);
    match (&decision.by, decision.answer) {
        (DecidedBy::StandingGrants { .. }, _) => "Allowed by your rule",
        (DecidedBy::People { .. }, _) if in_part => "Allowed in part, together",
        (DecidedBy::People { .. }, _) => "Allowed together",
        (DecidedBy::Person { .. }, Answered::Always) if in_part => {
            "Allowed in part, and from now on"
        }
        (DecidedBy::Person { .. }, Answered::Always) => "Allowed, and from now on",
        (DecidedBy::Person { .. }, Answered::Once | Answered::Deny) if in_part => {
            "Allowed in part, once"
        }
        (DecidedBy::Person { .. }, Answered::Once | Answered::Deny) => "Allowed once",
    }
}

fn allowed_lines(decision: &Decision, place: &str, now: OffsetDateTime) -> Vec<Line> {
    let at = Some(moment(decision.at, now));
    let line = |before: &str, after: &str| Line {
        before: before.to_owned(),
        at: at.clone(),
        after: after.to_owned(),
    };
    match (&decision.by, decision.answer) {
        (DecidedBy::StandingGrants { .. }, _) => vec![line(
            "You had allowed this before, so nobody was asked. It was allowed at ",
            ".",
        )],
        (DecidedBy::Person { .. } | DecidedBy::People { .. }, Answered::Always) => vec![
            line("You allowed this at ", place),
            said("Within the limits you set, you will not be asked again."),
        ],
        (DecidedBy::Person { .. } | DecidedBy::People { .. }, Answered::Once | Answered::Deny) => {
            vec![line("You allowed this at ", place)]
        }
    }
}

/// Who allowed it, the earliest first.
fn together_lines(
    decision: &Decision,
    place: &str,
    (by, said_by): (&Present, &[Approver]),
    now: OffsetDateTime,
) -> Vec<Line> {
    let line = |one: &Answerer| Line {
        before: format!("{} allowed this at ", name_of(one.user, said_by, by)),
        at: Some(moment(one.at, now)),
        after: if one.user == by.user.id {
            place.to_owned()
        } else {
            ".".to_owned()
        },
    };
    decision.by.people().map(line).collect()
}

/// On which device: this one, or another.
fn place(answered_in: Option<&Session>, by: &Present) -> String {
    match answered_in {
        Some(session) if session.id == by.session.id => ", here.".to_owned(),
        Some(session) => match &session.user_agent {
            Some(browser) => format!(", in another sign-in: {browser}."),
            None => ", in another sign-in.".to_owned(),
        },
        None => ".".to_owned(),
    }
}
