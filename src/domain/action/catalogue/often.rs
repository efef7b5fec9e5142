//! How often an "always" may answer before it asks again.
//!
//! The window rolls: *5 a day* is never more than 5 in any 24 hours. A calendar's day would need to know where the
//! person is, and would let ten through around its midnight.

use serde::{Deserialize, Serialize};
use time::Duration;

/// How often an "always" may answer. Without either it may as often as it is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Often {
    /// In any window of a length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// Altogether.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<u32>,
}

/// So many times in any window of a length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// How many times.
    pub times: u32,
    /// In how long.
    pub per: Period,
}

/// The length of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Period {
    /// 60 minutes.
    Hour,
    /// 24 hours.
    Day,
    /// 7 days.
    Week,
}

impl Often {
    /// The most times in a window: each of them is remembered for as long as it counts.
    pub const MOST_IN_A_WINDOW: u32 = 500;

    /// The most times altogether.
    pub const MOST_USES: u32 = 1_000_000;

    /// Whether nothing is counted but for information.
    pub fn is_unlimited(self) -> bool {
        self.rate.is_none() && self.uses.is_none()
    }

    /// Whether a person may choose `self` where the catalogue says `widest`.
    pub fn within(self, widest: Self) -> bool {
        let rate = match (self.rate, widest.rate) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(own), Some(widest)) => own.per == widest.per && own.times <= widest.times,
        };
        let uses = match (self.uses, widest.uses) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(own), Some(widest)) => own <= widest,
        };
        rate && uses
    }

    /// In words, as they follow a sentence: `, at most 5 a day`. Empty without a limit.
    pub fn words(self) -> String {
        let rate = self
            .rate
            .map(|rate| format!(", at most {} {}", rate.times, rate.per.words()));
        let uses = self.uses.map(|uses| format!(", at most {uses} in all"));
        rate.unwrap_or_default() + &uses.unwrap_or_default()
    }
}

impl Period {
    /// Every period, from short to long.
    pub const ALL: [Self; 3] = [Self::Hour, Self::Day, Self::Week];

    /// The key in the catalogue.
    pub fn as_key(self) -> &'static str {
        match self {
            Self::Hour => "per_hour",
            Self::Day => "per_day",
            Self::Week => "per_week",
        }
    }

    /// What follows a number on a page.
    pub fn words(self) -> &'static str {
        match self {
            Self::Hour => "an hour",
            Self::Day => "a day",
            Self::Week => "a week",
        }
    }

    /// How long it is.
    pub fn length(self) -> Duration {
        match self {
            Self::Hour => Duration::HOUR,
            Self::Day => Duration::DAY,
            Self::Week => Duration::WEEK,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn often(rate: Option<(u32, Period)>, uses: Option<u32>) -> Often {
        let rate = rate.map(|(times, per)| Rate { times, per });
        Often { rate, uses }
    }

    #[test]
    fn nobody_may_choose_more_than_the_catalogue_has() {
        let widest = often(Some((5, Period::Day)), Some(100));
        for narrower in [(5, 100), (1, 1)] {
            let own = often(Some((narrower.0, Period::Day)), Some(narrower.1));
            assert!(own.within(widest), "{own:?}");
        }
        for wider in [
            often(None, None),
            often(Some((5, Period::Day)), None),
            often(None, Some(100)),
            often(Some((6, Period::Day)), Some(100)),
            often(Some((5, Period::Day)), Some(101)),
            // Five an hour are more than five a day.
            often(Some((5, Period::Hour)), Some(100)),
        ] {
            assert!(!wider.within(widest), "{wider:?}");
            assert!(wider.within(Often::default()), "{wider:?}");
        }
    }

    #[test]
    fn it_is_told_after_a_sentence() {
        let both = often(Some((5, Period::Day)), Some(100));
        assert_eq!(both.words(), ", at most 5 a day, at most 100 in all");
        assert_eq!(Often::default().words(), "");
    }
}
