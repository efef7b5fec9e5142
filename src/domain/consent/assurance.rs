//! How surely it was the person: what signed them in, and how long ago.
//!
//! A tap is not an authentication, and an agent may own the mailbox. So an answer is marked with what
//! it rests on, never with more, and from tier [`Tier::High`] upwards it needs a sign-in that is fresh.

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::domain::action::Tier;

/// From tier high upwards, the sign-in behind an answer may not be older than this.
pub const FRESH: Duration = Duration::minutes(5);

/// What a sign-in rested on, from less to more: a mailbox may be read by the agent itself, and nobody but
/// whoever runs the server makes links there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Assurance {
    /// A one-time link sent to the person's mailbox: whoever reads the mailbox.
    EmailLink,
    /// A one-time link made on the server's host: whoever runs the server.
    HostLink,
}

impl Assurance {
    /// The word as stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EmailLink => "email_link",
            Self::HostLink => "host_link",
        }
    }

    /// Reads the stored word.
    pub fn from_stored(word: &str) -> Option<Self> {
        match word {
            "email_link" => Some(Self::EmailLink),
            "host_link" => Some(Self::HostLink),
            _ => None,
        }
    }

    /// `acr` in tokens: our own names, so that nobody takes a mailbox for a second factor.
    pub fn acr(self) -> &'static str {
        match self {
            Self::EmailLink => "urn:countersign:acr:email-link",
            Self::HostLink => "urn:countersign:acr:host-link",
        }
    }

    /// Every `acr` value a token may carry.
    pub const ALL: [Self; 2] = [Self::EmailLink, Self::HostLink];
}

/// The sign-in is too old for what is asked: the person must prove again that it is them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sign-in is older than five minutes")]
pub struct SignInTooOld;

/// Whether a sign-in of that age may answer a question of this tier.
pub fn fresh_enough(
    tier: Tier,
    authenticated_at: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<(), SignInTooOld> {
    match tier {
        Tier::Trace | Tier::Low | Tier::Normal => Ok(()),
        Tier::High | Tier::Critical if now - authenticated_at <= FRESH => Ok(()),
        Tier::High | Tier::Critical => Err(SignInTooOld),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_high_upwards_a_sign_in_ages_in_five_minutes() {
        let then = OffsetDateTime::UNIX_EPOCH;
        for tier in [Tier::Trace, Tier::Low, Tier::Normal] {
            assert_eq!(fresh_enough(tier, then, then + Duration::days(20)), Ok(()));
        }
        for tier in [Tier::High, Tier::Critical] {
            assert_eq!(fresh_enough(tier, then, then + FRESH), Ok(()));
            let late = then + FRESH + Duration::milliseconds(1);
            assert_eq!(fresh_enough(tier, then, late), Err(SignInTooOld));
        }
    }
}
