//! How often a client may do something: so much at once, and as much again in the same time, evenly.
//!
//! One moment says it all: when the whole allowance will be there again (the *generic cell rate algorithm*).

use time::{Duration, OffsetDateTime};

/// So often within that time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How often; 0 is no limit.
    pub most: u64,
    /// Within which time.
    pub within: Duration,
}

/// What is left of an allowance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    whole_at: OffsetDateTime,
}

impl Rate {
    /// So often a minute.
    pub const fn a_minute(most: u64) -> Self {
        Self {
            most,
            within: Duration::MINUTE,
        }
    }

    /// So often an hour.
    pub const fn an_hour(most: u64) -> Self {
        Self {
            most,
            within: Duration::HOUR,
        }
    }

    /// How long one of them takes to come back.
    fn one(self) -> Duration {
        let nanoseconds = self.within.whole_nanoseconds() / i128::from(self.most.max(1));
        Duration::nanoseconds(i64::try_from(nanoseconds).unwrap_or(i64::MAX))
    }
}

impl Allowance {
    /// A whole one.
    pub fn whole(now: OffsetDateTime) -> Self {
        Self { whole_at: now }
    }

    /// Whether nothing is missing from it.
    pub fn is_whole(self, now: OffsetDateTime) -> bool {
        self.whole_at <= now
    }

    /// Whether there is one left; if not, how long until there is.
    ///
    /// # Errors
    ///
    /// How long to wait.
    pub fn has_one(self, rate: Rate, now: OffsetDateTime) -> Result<(), Duration> {
        let one = rate.one();
        let missing = self.missing(rate, now);
        let wait = missing + one - rate.within;
        if rate.most == 0 || wait <= Duration::ZERO {
            Ok(())
        } else {
            Err(wait)
        }
    }

    /// Takes one, be there one left or not.
    pub fn take(&mut self, rate: Rate, now: OffsetDateTime) {
        if rate.most != 0 {
            let missing = self.missing(rate, now) + rate.one();
            self.whole_at = now + missing.min(rate.within);
        }
    }

    /// How long until it is whole: never longer than the time it takes, even if the clock was set back.
    fn missing(self, rate: Rate, now: OffsetDateTime) -> Duration {
        (self.whole_at - now).clamp(Duration::ZERO, rate.within)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-22 21:30 UTC);

    fn take(allowance: &mut Allowance, rate: Rate, now: OffsetDateTime) -> bool {
        let may = allowance.has_one(rate, now).is_ok();
        if may {
            allowance.take(rate, now);
        }
        may
    }

    #[test]
    fn all_of_it_may_be_used_at_once_and_comes_back_evenly() {
        let rate = Rate::a_minute(6);
        let mut left = Allowance::whole(NOW);
        for _ in 0..6 {
            assert!(take(&mut left, rate, NOW));
        }
        assert_eq!(left.has_one(rate, NOW), Err(Duration::seconds(10)));
        let later = NOW + Duration::seconds(4);
        assert_eq!(left.has_one(rate, later), Err(Duration::seconds(6)));
        let later = NOW + Duration::seconds(10);
        assert!(take(&mut left, rate, later) && !take(&mut left, rate, later));
        let much_later = NOW + Duration::HOUR;
        assert!(left.is_whole(much_later));
        let used = (0..20).filter(|_| take(&mut left, rate, much_later));
        assert_eq!(used.count(), 6);
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out() {
        let rate = Rate::an_hour(2);
        let mut left = Allowance::whole(NOW);
        left.take(rate, NOW);
        let earlier = NOW - Duration::days(30);
        let wait = left.has_one(rate, earlier).unwrap_err();
        assert_eq!(wait, Duration::minutes(30));
    }

    #[test]
    fn no_limit_is_no_limit() {
        let mut left = Allowance::whole(NOW);
        assert!((0..1000).all(|_| take(&mut left, Rate::a_minute(0), NOW)));
        assert!(left.is_whole(NOW));
    }

    proptest! {
        #[test]
        fn never_more_than_twice_as_often_in_any_such_time(
            most in 1_u64..50,
            gaps in proptest::collection::vec(0_i64..30_000, 1..200),
        ) {
            let rate = Rate::a_minute(most);
            let mut left = Allowance::whole(NOW);
            let (mut now, mut taken) = (NOW, Vec::new());
            for gap in gaps {
                now += Duration::milliseconds(gap);
                if take(&mut left, rate, now) {
                    taken.push(now);
                }
            }
            for from in &taken {
                let within = taken.iter().filter(|at| *at >= from && **at - *from < rate.within);
                prop_assert!(within.count() as u64 <= 2 * most);
            }
        }

        #[test]
        fn whoever_waits_as_told_is_served(most in 1_u64..50, extra in 0_u64..100) {
            let rate = Rate::a_minute(most);
            let mut left = Allowance::whole(NOW);
            for _ in 0..most + extra {
                left.take(rate, NOW);
            }
            let wait = left.has_one(rate, NOW).unwrap_err();
            prop_assert!(wait > Duration::ZERO && wait <= rate.one());
            prop_assert!(left.has_one(rate, NOW + wait).is_ok());
        }
    }
}
