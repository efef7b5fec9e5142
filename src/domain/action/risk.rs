//! How much harm a wrong yes can do.
//!
//! The catalogue says the tier and nothing an agent sends can lower it. What follows from a tier
//! (how loudly to ask, which gesture answers, how sure the sign-in must be) is decided where it
//! is used; here is only what a tier does to "always".

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use time::Duration;

/// The risk tier of a permission, from harmless to irreparable.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Worth a line in the history, not a question.
    Trace,
    /// Reading what is the person's own.
    Low,
    /// What others can see or what costs a little.
    #[default]
    Normal,
    /// What is hard to undo: only a fresh proof of presence decides.
    High,
    /// What cannot be undone: never "always".
    Critical,
}

/// The text names no tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a tier: trace, low, normal, high or critical")]
pub struct UnknownTier;

impl Tier {
    /// Every tier, from harmless to irreparable.
    pub const ALL: [Self; 5] = [
        Self::Trace,
        Self::Low,
        Self::Normal,
        Self::High,
        Self::Critical,
    ];

    /// The word used in files, in the database and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// The longest "always" this tier can have; `None` when it can have none.
    pub fn longest_always(self) -> Option<Duration> {
        match self {
            Self::Trace | Self::Low => Some(Duration::days(90)),
            Self::Normal => Some(Duration::days(30)),
            Self::High => Some(Duration::days(7)),
            Self::Critical => None,
        }
    }

    /// The "always" a permission of this tier has when its entry does not say: from `high`
    /// upwards none, because there an operator has to have thought about it.
    pub fn usual_always(self) -> Option<Duration> {
        match self {
            Self::Trace | Self::Low | Self::Normal => Some(Duration::days(30)),
            Self::High | Self::Critical => None,
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Tier {
    type Err = UnknownTier;

    fn from_str(text: &str) -> Result<Self, UnknownTier> {
        Self::ALL
            .into_iter()
            .find(|tier| tier.as_str() == text)
            .ok_or(UnknownTier)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tier_is_read_as_it_is_written_and_tiers_have_an_order() {
        for tier in Tier::ALL {
            assert_eq!(tier.as_str().parse(), Ok(tier));
            assert_eq!(serde_json::to_value(tier).unwrap(), tier.as_str());
        }
        assert_eq!("High".parse::<Tier>(), Err(UnknownTier));
        assert!(Tier::ALL.is_sorted());
        assert!(Tier::Critical > Tier::High);
    }

    #[test]
    fn the_riskier_the_shorter_always_may_be() {
        for pair in Tier::ALL.windows(2) {
            assert!(pair[0].longest_always() >= pair[1].longest_always());
        }
        for tier in Tier::ALL {
            assert!(tier.usual_always() <= tier.longest_always());
        }
    }
}
