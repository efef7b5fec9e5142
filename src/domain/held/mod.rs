//! An action that a service has parked here until a person releases it.
//!
//! ```text
//! held ──► pending ──► approved ──► released
//!   ▲         │  └───► denied
//!   └─────────┘        (nobody answered, or it was withdrawn: it can be asked about again)
//!   └──► expired, cancelled
//! ```
//!
//! What it is about was said by the service, and nobody changes it. A person is asked about it by an agent
//! that names it, or by the service itself; one request at a time, and once there is an answer, never again.
//! The states of a question are not kept twice: those of a transaction that was asked about are read from its
//! request. Of its own it has only its end: released, once, or cancelled. No standing grant covers it: a
//! service parks what it wants a person to look at.

pub mod challenge;
pub mod naming;
pub mod parking;
pub mod webhook;

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::domain::action::Asked;
use crate::domain::ciba::approval::ApprovalRequest;
use crate::domain::id::{ClientId, RequestId, TransactionId, UserId};

/// Who is asked needs at least this long.
const SHORTEST: Duration = Duration::seconds(1);

/// An action, parked.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldTransaction {
    /// `transaction`.
    pub id: TransactionId,
    /// The service that holds it.
    pub service: ClientId,
    /// What it is about; it names this transaction.
    pub asked: Asked,
    /// Who is to release it; whoever is asked, if nobody was named.
    pub person: Option<UserId>,
    /// The agent that may ask about it; any, if none was named.
    pub agent: Option<ClientId>,
    /// Where the service is called when there is an answer.
    pub webhook: Option<String>,
    /// When it was parked.
    pub created_at: OffsetDateTime,
    /// Nobody answers for it after this.
    pub expires_at: OffsetDateTime,
    /// The request that asks about it, or did last.
    pub request: Option<RequestId>,
    /// How it ended.
    pub ended: Option<Ended>,
}

/// The end of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The service may run the action; it is told so once.
    Released(OffsetDateTime),
    /// The service no longer wants to.
    Cancelled(OffsetDateTime),
}

/// The words of the lifecycle, as services see them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the module explains each word")]
pub enum State {
    Held,
    Pending,
    Approved,
    Denied,
    Expired,
    Released,
    Cancelled,
}

/// Why nobody can be asked about a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAsked {
    /// Somebody is being asked just now.
    Already,
    /// It was answered, cancelled, or has run out.
    Over,
    /// Somebody else is to release it.
    AnotherPerson,
    /// Another agent is to ask.
    AnotherAgent,
}

impl HeldTransaction {
    /// What it is at that moment, given the request that asks about it.
    pub fn state(&self, request: Option<&ApprovalRequest>, now: OffsetDateTime) -> State {
        match self.ended {
            Some(Ended::Released(_)) => return State::Released,
            Some(Ended::Cancelled(_)) => return State::Cancelled,
            None => {}
        }
        let unanswered = if now < self.expires_at {
            State::Held
        } else {
            State::Expired
        };
        match request.cloned().map(|request| request.at(now)) {
            None | Some(ApprovalRequest::Cancelled(_)) => unanswered,
            Some(ApprovalRequest::Expired(expired)) => match expired.decision {
                None => unanswered,
                // There was a yes, and nobody came for it.
                Some(_) => State::Expired,
            },
            Some(ApprovalRequest::Pending(_)) => State::Pending,
            Some(ApprovalRequest::Approved(_) | ApprovalRequest::Redeemed(_)) => State::Approved,
            Some(ApprovalRequest::Denied(_)) => State::Denied,
        }
    }

    /// Whether that client may ask that person about it now.
    pub fn may_be_asked(
        &self,
        by: &ClientId,
        person: UserId,
        request: Option<&ApprovalRequest>,
        now: OffsetDateTime,
    ) -> Result<(), NotAsked> {
        if !self.may_be_named_by(by) {
            return Err(NotAsked::AnotherAgent);
        }
        match self.state(request, now) {
            State::Held => {}
            State::Pending => return Err(NotAsked::Already),
            State::Approved
            | State::Denied
            | State::Expired
            | State::Released
            | State::Cancelled => {
                return Err(NotAsked::Over);
            }
        }
        if self.time_left(now) < SHORTEST {
            return Err(NotAsked::Over);
        }
        match self.person {
            Some(named) if named != person => Err(NotAsked::AnotherPerson),
            Some(_) | None => Ok(()),
        }
    }

    /// Whether that client may know it at all.
    pub fn may_be_named_by(&self, by: &ClientId) -> bool {
        let meant = self.agent.as_ref().is_none_or(|agent| agent == by);
        meant || self.service == *by
    }

    /// How long a person has at most.
    pub fn time_left(&self, now: OffsetDateTime) -> Duration {
        self.expires_at - now
    }
}

impl State {
    /// Whether it waits for somebody.
    pub fn waits(self) -> bool {
        match self {
            Self::Held | Self::Pending => true,
            Self::Approved | Self::Denied | Self::Expired | Self::Released | Self::Cancelled => {
                false
            }
        }
    }
}

#[cfg(test)]
mod tests;
