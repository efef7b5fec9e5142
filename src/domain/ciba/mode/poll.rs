//! Poll mode's pace (CIBA §7.3, §10.1, §11): how soon an agent may ask again.
//!
//! The gap is measured from the receipt of one poll to the receipt of the next, so a poll that was held
//! for 30 s may be followed at once. The first may come at any time. Only a poll that finds nothing is
//! judged: one that finds an answer gets it, however early it came.

use time::{Duration, OffsetDateTime};

/// What `slow_down` adds to the interval, for this and all later polls (§11).
pub const SLOW_DOWN: Duration = Duration::seconds(5);

/// Networks are not clocks: a poll this much too early is on time.
const JITTER: Duration = Duration::seconds(1);

/// A hasty agent is not made to wait longer than this between polls.
const SLOWEST: Duration = Duration::minutes(5);

/// How an agent has been polling one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Least time between two polls by now.
    pub interval: Duration,
    /// When the last poll was received.
    pub last: Option<OffsetDateTime>,
}

/// What a poll that found nothing is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// `authorization_pending`.
    Pending,
    /// `slow_down`: the interval has just grown.
    SlowDown,
}

impl Pace {
    /// The pace of a request nobody has polled yet.
    pub fn new(interval: Duration) -> Self {
        Self {
            interval,
            last: None,
        }
    }

    /// Notes a poll received now.
    pub fn poll(&mut self, now: OffsetDateTime) -> Verdict {
        let early = self
            .last
            .is_some_and(|last| now - last + JITTER < self.interval);
        self.last = Some(now);
        if early {
            self.interval = (self.interval + SLOW_DOWN).min(SLOWEST);
            Verdict::SlowDown
        } else {
            Verdict::Pending
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + Duration::seconds(seconds)
    }

    #[test]
    fn t43_the_first_poll_may_come_at_once() {
        assert_eq!(
            Pace::new(Duration::seconds(5)).poll(at(0)),
            Verdict::Pending
        );
    }

    #[test]
    fn t44_a_hasty_second_poll_slows_all_later_ones_down() {
        let mut pace = Pace::new(Duration::seconds(5));
        pace.poll(at(0));
        assert_eq!(pace.poll(at(1)), Verdict::SlowDown);
        assert_eq!(pace.interval, Duration::seconds(10));
        assert_eq!(pace.poll(at(7)), Verdict::SlowDown);
        assert_eq!(pace.interval, Duration::seconds(15));
        assert_eq!(pace.poll(at(22)), Verdict::Pending);
    }

    #[test]
    fn a_poll_a_moment_too_early_is_on_time() {
        let mut pace = Pace::new(Duration::seconds(5));
        pace.poll(at(0));
        assert_eq!(pace.poll(at(4)), Verdict::Pending);
    }

    #[test]
    fn t45_twenty_rapid_polls_do_not_slow_an_agent_for_ever() {
        let mut pace = Pace::new(Duration::seconds(5));
        for _ in 0..200 {
            pace.poll(at(0));
        }
        assert_eq!(pace.interval, SLOWEST);
    }
}
