//! From one state to the next: asked, answered, withdrawn, collected.

use time::OffsetDateTime;

use super::denial::Reason;
use super::question::owed_to_agent;
use super::{
    Answer, Answered, Approved, Cancelled, CancelledBy, DecidedBy, Decision, Denied, Pending,
    Question, Redeemed,
};
use crate::domain::consent::assurance::Assurance;
use crate::domain::effect::Effect;
use crate::domain::id::StandingGrantId;

/// A state and what it obliges us to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Step<T> {
    /// The state from now on.
    pub next: T,
    /// What must happen because of it.
    pub effects: Vec<Effect>,
}

/// The moment for this has passed, whether or not anything has noticed yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the request has run out")]
pub struct TooLate;

/// The two states an answer can end in.
#[derive(Clone, Debug, PartialEq)]
pub enum Settled {
    /// They allowed it.
    Approved(Approved),
    /// They refused it.
    Denied(Denied),
}

impl Pending {
    /// Asks a new question: the person is told.
    pub fn open(question: Question) -> Step<Self> {
        let effects = vec![Effect::TellPerson(question.id)];
        Step {
            next: Self { question },
            effects,
        }
    }

    /// Asks a question that standing grants already answer: approved at once, nobody is disturbed.
    pub fn open_covered(
        question: Question,
        grants: Vec<StandingGrantId>,
        assurance: Assurance,
        authenticated_at: OffsetDateTime,
    ) -> Step<Approved> {
        let decision = Decision {
            answer: Answered::Always,
            at: question.opened_at,
            by: DecidedBy::StandingGrants {
                grants,
                assurance,
                authenticated_at,
            },
            granted: question.asked.items.clone(),
        };
        let effects = owed_to_agent(&question);
        Step {
            next: Approved { question, decision },
            effects,
        }
    }

    /// Records the person's answer.
    ///
    /// # Errors
    ///
    /// [`TooLate`] once `answer_by` has come, swept or not.
    pub fn answer(
        self,
        answer: Answer,
        by: DecidedBy,
        now: OffsetDateTime,
    ) -> Result<Step<Settled>, TooLate> {
        self.ensure_open(now)?;
        let question = self.question;
        let mut effects = owed_to_agent(&question);
        effects.push(Effect::TellPersonItIsSettled(question.id));
        let decided = |answer, granted| Decision {
            answer,
            at: now,
            by,
            granted,
        };
        let next = match answer {
            // Whoever leaves nothing of it has said no.
            Answer::Once(rest) | Answer::Always(rest) if rest.is_nothing() => {
                let decision = decided(Answered::Deny, Vec::new());
                Settled::Denied(Denied {
                    question,
                    decision,
                    reason: Some(Reason::NothingLeft),
                })
            }
            Answer::Once(rest) => {
                let decision = decided(Answered::Once, rest.into_items());
                Settled::Approved(Approved { question, decision })
            }
            Answer::Always(rest) => {
                let decision = decided(Answered::Always, rest.into_items());
                Settled::Approved(Approved { question, decision })
            }
            Answer::Deny { reason } => {
                let decision = decided(Answered::Deny, Vec::new());
                Settled::Denied(Denied {
                    question,
                    decision,
                    reason,
                })
            }
        };
        Ok(Step { next, effects })
    }

    /// Withdraws the question.
    ///
    /// # Errors
    ///
    /// [`TooLate`] once `answer_by` has come: it has expired instead.
    pub fn withdraw(
        self,
        by: CancelledBy,
        now: OffsetDateTime,
    ) -> Result<Step<Cancelled>, TooLate> {
        self.ensure_open(now)?;
        let mut effects = match by {
            // It knows, and only its own polls are to be ended.
            CancelledBy::Agent => vec![Effect::WakePolls(self.question.id)],
            CancelledBy::Operator | CancelledBy::Service | CancelledBy::Answer(_) => {
                owed_to_agent(&self.question)
            }
        };
        effects.push(Effect::TellPersonItIsSettled(self.question.id));
        Ok(Step {
            next: Cancelled {
                question: self.question,
                by,
                at: now,
            },
            effects,
        })
    }

    pub(super) fn ensure_open(&self, now: OffsetDateTime) -> Result<(), TooLate> {
        if now < self.question.answer_by {
            Ok(())
        } else {
            Err(TooLate)
        }
    }
}

impl Approved {
    /// Whether the person may still take it back as if it had never been. What a service holds may be running.
    pub fn may_be_undone(&self, now: OffsetDateTime) -> bool {
        now < self.question.expires_at && self.question.asked.transaction.is_none()
    }

    /// Makes a no of it. Whoever was called, or will be, finds the no.
    ///
    /// # Errors
    ///
    /// [`TooLate`] when a service holds what was asked, or once `expires_at` has come.
    pub fn undo(self, by: DecidedBy, now: OffsetDateTime) -> Result<Step<Denied>, TooLate> {
        if !self.may_be_undone(now) {
            return Err(TooLate);
        }
        let effects = vec![Effect::WakePolls(self.question.id)];
        let decision = Decision {
            answer: Answered::Deny,
            at: now,
            by,
            granted: Vec::new(),
        };
        Ok(Step {
            next: Denied {
                question: self.question,
                decision,
                reason: None,
            },
            effects,
        })
    }
    /// Hands out what was allowed, once.
    ///
    /// # Errors
    ///
    /// [`TooLate`] once `expires_at` has come.
    pub fn redeem(self, now: OffsetDateTime) -> Result<Step<Redeemed>, TooLate> {
        if now >= self.question.expires_at {
            return Err(TooLate);
        }
        let next = Redeemed {
            question: self.question,
            decision: self.decision,
            at: now,
        };
        Ok(Step {
            next,
            effects: Vec::new(),
        })
    }
}
