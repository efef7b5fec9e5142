//! The life of one question, from the asking to a redeemed token (CIBA §8, §10).
//!
//! ```text
//!            answer              redeem
//! Pending ───────────► Approved ─────────► Redeemed
//!    ├────answer─────► Denied        (Pending and Approved also end in Expired)
//!    └────withdraw───► Cancelled
//! ```
//!
//! A state owns its facts and a transition consumes it, so what cannot happen cannot be written.
//! Nothing here reads a clock, a database or a socket: callers bring the time and carry out the
//! [`Effect`]s. Whether two callers raced is not decided here but by the row (`store/requests/moving.rs`).

pub mod denial;

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use self::denial::Reason;
use crate::domain::action::{Asked, AskedItem, Tier};
use crate::domain::ciba::mode::Mode;
use crate::domain::client::confirmation::Confirmation;
use crate::domain::consent::assurance::Assurance;
use crate::domain::consent::partial::Remainder;
use crate::domain::consent::step_up::{SignIn, Wanted};
use crate::domain::effect::Effect;
use crate::domain::id::{ClientId, RequestId, SessionId, StandingGrantId, UserId};

/// What one question is, once asked: none of it ever changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// `approval_id`.
    pub id: RequestId,
    /// Who asks.
    pub client: ClientId,
    /// Who is asked.
    pub user: UserId,
    /// How the agent learns the answer.
    pub mode: Mode,
    /// When it was asked.
    pub opened_at: OffsetDateTime,
    /// The person may answer before this moment.
    pub answer_by: OffsetDateTime,
    /// The agent may collect before this moment.
    pub expires_at: OffsetDateTime,
    /// Least time between two polls, as told to the agent.
    pub interval: Duration,
    /// `scope`, as requested.
    pub scope: String,
    /// What is asked, in the catalogue's terms.
    pub asked: Asked,
    /// How much can go wrong.
    pub tier: Tier,
    /// SHA-256 of the card the person is shown.
    pub card_digest: [u8; 32],
    /// The key that was shown when it was asked.
    pub bound_to: Option<Confirmation>,
    /// What the agent wants of the sign-in behind a yes.
    pub wanted: Wanted,
}

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

/// Who answered what, when, and how surely it was them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// The answer.
    pub answer: Answered,
    /// When.
    #[serde(with = "crate::domain::timestamp")]
    pub at: OffsetDateTime,
    /// Who.
    pub by: DecidedBy,
    /// What was left of what was asked; empty for a no.
    pub granted: Vec<AskedItem>,
}

/// The three answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answered {
    /// Only this time.
    Once,
    /// This time, and from now on within bounds.
    Always,
    /// No.
    Deny,
}

/// Who answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecidedBy {
    /// The person, just now.
    Person {
        /// The signed-in browser they used.
        session: SessionId,
        /// How surely it was them.
        assurance: Assurance,
        /// When they had last proved it.
        #[serde(with = "crate::domain::timestamp")]
        authenticated_at: OffsetDateTime,
    },
    /// The person, earlier: standing grants that cover all of it.
    StandingGrants {
        /// Which ones.
        grants: Vec<StandingGrantId>,
        /// How surely it was them when they allowed it.
        assurance: Assurance,
        /// When they had proved it then.
        #[serde(with = "crate::domain::timestamp")]
        authenticated_at: OffsetDateTime,
    },
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
}

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

/// What a person may answer, once it is established that it is them.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Only this time, what remains of it.
    Once(Remainder),
    /// This time, and from now on within bounds (stored by the caller as standing grants).
    Always(Remainder),
    /// No, with an optional reason for the agent.
    Deny {
        /// Why.
        reason: Option<Reason>,
    },
}

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
            CancelledBy::Operator | CancelledBy::Service => owed_to_agent(&self.question),
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

    fn ensure_open(&self, now: OffsetDateTime) -> Result<(), TooLate> {
        if now < self.question.answer_by {
            Ok(())
        } else {
            Err(TooLate)
        }
    }
}

impl Approved {
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

impl Decision {
    /// Whether less was allowed than was asked.
    pub fn is_in_part(&self, asked: &Asked) -> bool {
        match self.answer {
            Answered::Once | Answered::Always => self.granted != asked.items,
            Answered::Deny => false,
        }
    }
}

impl DecidedBy {
    /// The sign-in the answer rests on: of an "always", the one it was given with.
    pub fn sign_in(&self) -> SignIn {
        match self {
            Self::Person {
                assurance,
                authenticated_at,
                ..
            }
            | Self::StandingGrants {
                assurance,
                authenticated_at,
                ..
            } => SignIn {
                how: *assurance,
                at: *authenticated_at,
            },
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

impl Answered {
    /// The word as stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Once => "once",
            Self::Always => "always",
            Self::Deny => "deny",
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
        }
    }
}

/// What a settled question owes the agent, by the mode it registered (CIBA §5).
fn owed_to_agent(question: &Question) -> Vec<Effect> {
    let wake = Effect::WakePolls(question.id);
    match question.mode {
        Mode::Poll => vec![wake],
        // It may poll, too, or look at the status.
        Mode::Ping | Mode::Push => vec![wake, Effect::TellAgent(question.id)],
    }
}

#[cfg(test)]
mod tests;
