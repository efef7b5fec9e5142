//! What was answered, by whom, and how surely it was them.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::denial::Reason;
use crate::domain::action::{Asked, AskedItem};
use crate::domain::consent::assurance::Assurance;
use crate::domain::consent::partial::Remainder;
use crate::domain::consent::step_up::SignIn;
use crate::domain::id::{SessionId, StandingGrantId, UserId};

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
    /// Several people, just now: whoever's answer settled it, and those who had allowed it before.
    People {
        /// The last of them; of a no, the one who said it.
        last: Answerer,
        /// Those before.
        before: Vec<Answerer>,
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

/// One of several who answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answerer {
    /// Who.
    pub user: UserId,
    /// The signed-in browser they used.
    pub session: SessionId,
    /// How surely it was them.
    pub assurance: Assurance,
    /// When they had last proved it.
    #[serde(with = "crate::domain::timestamp")]
    pub authenticated_at: OffsetDateTime,
    /// When they answered.
    #[serde(with = "crate::domain::timestamp")]
    pub at: OffsetDateTime,
}

impl Answerer {
    fn sign_in(&self) -> SignIn {
        SignIn {
            how: self.assurance,
            at: self.authenticated_at,
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
    /// The sign-in the answer rests on: of an "always", the one it was given with; of several, no more than holds
    /// for each.
    pub fn sign_in(&self) -> SignIn {
        match self {
            Self::People { last, before } => {
                let all = before.iter().map(Answerer::sign_in);
                all.fold(last.sign_in(), |least, one| SignIn {
                    how: least.how.min(one.how),
                    at: least.at.min(one.at),
                })
            }
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

impl DecidedBy {
    /// Everybody who answered, in the order they did; empty when it was not several.
    pub fn people(&self) -> impl Iterator<Item = &Answerer> {
        let (before, last) = match self {
            Self::People { last, before } => (before.as_slice(), Some(last)),
            Self::Person { .. } | Self::StandingGrants { .. } => (&[][..], None),
        };
        before.iter().chain(last)
    }

    /// Whoever's answer settled a question about `subject`.
    pub fn settled_by(&self, subject: UserId) -> UserId {
        match self {
            Self::People { last, .. } => last.user,
            Self::Person { .. } | Self::StandingGrants { .. } => subject,
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
