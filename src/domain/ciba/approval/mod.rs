//! The life of one question, from the asking to a redeemed token (CIBA §8, §10).
//!
//! ```text
//!            answer              redeem
//! Pending ───────────► Approved ─────────► Redeemed
//!    ├────answer─────► Denied        (Pending and Approved also end in Expired)
//!    └────withdraw───► Cancelled     (Approved becomes Denied when the person takes it back)
//! ```
//!
//! A state owns its facts and a transition consumes it, so what cannot happen cannot be written.
//! Nothing here reads a clock, a database or a socket: callers bring the time and carry out the
//! [`Effect`](crate::domain::effect::Effect)s. Whether two callers raced is not decided here but by the row (`store/requests/moving.rs`).

mod decision;
pub mod denial;
mod question;
mod transitions;
mod vote;
#[cfg(test)]
mod vote_tests;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

pub use self::decision::{Answer, Answered, Answerer, DecidedBy, Decision};
use self::denial::Reason;
pub use self::question::Question;
pub use self::transitions::{Settled, Step, TooLate};
pub use self::vote::{Counted, NotCounted, Vote};
use crate::domain::id::RequestId;

/// A question in one of its states.
#[derive(Clone, Debug, PartialEq)]
pub enum ApprovalRequest {
    /// Waiting for the person.
    Pending(Pending),
    /// Allowed, and waiting for the agent to collect.
    Approved(Approved),
    /// Refused by the person.
    Denied(Denied),
    /// Nobody answered, or nobody collected, in time.
    Expired(Expired),
    /// Withdrawn before it was answered.
    Cancelled(Cancelled),
    /// Collected.
    Redeemed(Redeemed),
}

/// The words of the lifecycle, as they are stored and shown to agents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "ApprovalRequest explains each word")]
pub enum State {
    Pending,
    Approved,
    Denied,
    Expired,
    Cancelled,
    Redeemed,
}

/// Waiting for the person.
#[derive(Clone, Debug, PartialEq)]
pub struct Pending {
    /// What was asked.
    pub question: Question,
}

/// Allowed, and waiting for the agent to collect.
#[derive(Clone, Debug, PartialEq)]
pub struct Approved {
    /// What was asked.
    pub question: Question,
    /// What was answered.
    pub decision: Decision,
}

/// Refused by the person.
#[derive(Clone, Debug, PartialEq)]
pub struct Denied {
    /// What was asked.
    pub question: Question,
    /// What was answered.
    pub decision: Decision,
    /// The reason given, if any.
    pub reason: Option<Reason>,
}

/// Nobody answered, or nobody collected, in time.
#[derive(Clone, Debug, PartialEq)]
pub struct Expired {
    /// What was asked.
    pub question: Question,
    /// There was a yes, but the agent did not collect it in time.
    pub decision: Option<Decision>,
}

/// Withdrawn before it was answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Cancelled {
    /// What was asked.
    pub question: Question,
    /// Who withdrew it.
    pub by: CancelledBy,
    /// When.
    pub at: OffsetDateTime,
}

/// Collected.
#[derive(Clone, Debug, PartialEq)]
pub struct Redeemed {
    /// What was asked.
    pub question: Question,
    /// What was answered.
    pub decision: Decision,
    /// When it was collected.
    pub at: OffsetDateTime,
}

/// Who withdrew a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CancelledBy {
    /// The agent that asked.
    Agent,
    /// Whoever runs this server.
    Operator,
    /// The service that had parked what was asked about.
    Service,
    /// The person, who answered the same question where it was asked another time.
    Answer(RequestId),
}

impl ApprovalRequest {
    /// The request as it is at this moment: time passes whether or not a sweeper has run.
    #[must_use]
    pub fn at(self, now: OffsetDateTime) -> Self {
        match self {
            Self::Pending(Pending { question }) if now >= question.answer_by => {
                Self::Expired(Expired {
                    question,
                    decision: None,
                })
            }
            Self::Approved(Approved { question, decision }) if now >= question.expires_at => {
                Self::Expired(Expired {
                    question,
                    decision: Some(decision),
                })
            }
            Self::Pending(_)
            | Self::Approved(_)
            | Self::Denied(_)
            | Self::Expired(_)
            | Self::Cancelled(_)
            | Self::Redeemed(_) => self,
        }
    }

    /// The word for its state.
    pub fn state(&self) -> State {
        match self {
            Self::Pending(_) => State::Pending,
            Self::Approved(_) => State::Approved,
            Self::Denied(_) => State::Denied,
            Self::Expired(_) => State::Expired,
            Self::Cancelled(_) => State::Cancelled,
            Self::Redeemed(_) => State::Redeemed,
        }
    }

    /// What was asked.
    pub fn question(&self) -> &Question {
        match self {
            Self::Pending(Pending { question })
            | Self::Approved(Approved { question, .. })
            | Self::Denied(Denied { question, .. })
            | Self::Expired(Expired { question, .. })
            | Self::Cancelled(Cancelled { question, .. })
            | Self::Redeemed(Redeemed { question, .. }) => question,
        }
    }

    /// What was answered, if anything was.
    pub fn decision(&self) -> Option<&Decision> {
        match self {
            Self::Approved(Approved { decision, .. })
            | Self::Denied(Denied { decision, .. })
            | Self::Redeemed(Redeemed { decision, .. }) => Some(decision),
            Self::Expired(Expired { decision, .. }) => decision.as_ref(),
            Self::Pending(_) | Self::Cancelled(_) => None,
        }
    }
}

impl State {
    /// The word as stored and shown to agents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Redeemed => "redeemed",
        }
    }
}

impl CancelledBy {
    /// The word as stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Operator => "operator",
            Self::Service => "service",
            Self::Answer(_) => "answer",
        }
    }

    /// What the agent is told.
    pub fn words(self) -> &'static str {
        match self {
            Self::Agent | Self::Operator | Self::Service => {
                "the request was cancelled before it was answered"
            }
            Self::Answer(_) => {
                "superseded: the same question was answered where it was asked another time"
            }
        }
    }

    /// The question that was answered instead, if one was.
    pub fn superseded_by(self) -> Option<RequestId> {
        match self {
            Self::Answer(id) => Some(id),
            Self::Agent | Self::Operator | Self::Service => None,
        }
    }
}

#[cfg(test)]
mod tests;
