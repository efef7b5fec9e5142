//! What time it is: the only file that asks.
//!
//! Everything else is told. Tests move [`Clock::by_hand`]; nothing sleeps to wait for a deadline. Instances that
//! share a database server go by its time, so that a deadline is the same moment for all of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use time::OffsetDateTime;

use crate::domain::timestamp::{from_milliseconds, milliseconds};

/// The server's clock, in whole milliseconds: what is stored and read back is equal.
#[derive(Clone, Debug)]
pub struct Clock {
    source: Source,
    /// By how much the source is ahead of the time that counts, in milliseconds.
    ahead: Arc<AtomicI64>,
    /// The latest moment that was told.
    latest: Arc<AtomicI64>,
}

/// A clock that goes back by less, in milliseconds, stands still meanwhile. By more, it was set, and is believed.
const STANDS_STILL: i64 = 2_000;

#[derive(Clone, Debug)]
enum Source {
    System,
    ByHand(Arc<AtomicI64>),
}

impl Clock {
    /// The machine's own clock.
    pub fn system() -> Self {
        Self::of(Source::System)
    }

    fn of(source: Source) -> Self {
        Self {
            source,
            ahead: Arc::default(),
            latest: Arc::new(AtomicI64::new(i64::MIN)),
        }
    }

    /// A clock that stands still until it is moved with [`Clock::advance`].
    pub fn by_hand(start: OffsetDateTime) -> Self {
        Self::of(Source::ByHand(Arc::new(AtomicI64::new(milliseconds(
            start,
        )))))
    }

    /// The present moment.
    pub fn now(&self) -> OffsetDateTime {
        let told = match &self.source {
            Source::System => {
                #[expect(clippy::disallowed_methods, reason = "this is the one place")]
                let now = OffsetDateTime::now_utc();
                milliseconds(now)
            }
            Source::ByHand(now) => now.load(Ordering::SeqCst),
        };
        let told = told.saturating_sub(self.ahead.load(Ordering::SeqCst));
        let latest = self.latest.fetch_max(told, Ordering::SeqCst);
        if latest <= told {
            return from_milliseconds(told);
        }
        if latest.saturating_sub(told) <= STANDS_STILL {
            return from_milliseconds(latest);
        }
        self.latest.store(told, Ordering::SeqCst);
        from_milliseconds(told)
    }

    /// Goes by a time that this one is `ahead` of, from now on.
    pub fn follow(&self, ahead: time::Duration) {
        let ahead = i64::try_from(ahead.whole_milliseconds()).unwrap_or_default();
        self.ahead.fetch_add(ahead, Ordering::SeqCst);
    }

    /// Moves a clock made [`by hand`](Clock::by_hand); the system's clock moves by itself.
    pub fn advance(&self, by: time::Duration) {
        if let Source::ByHand(now) = &self.source {
            let by = i64::try_from(by.whole_milliseconds()).unwrap_or(i64::MAX);
            now.fetch_add(by, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;

    #[test]
    fn sec_f17_a_clock_that_trembles_stands_still_and_one_that_was_set_is_believed() {
        let start = OffsetDateTime::UNIX_EPOCH + Duration::days(20_000);
        let clock = Clock::by_hand(start);
        assert_eq!(clock.now(), start);
        clock.advance(Duration::milliseconds(-1_500));
        assert_eq!(clock.now(), start);
        clock.advance(Duration::seconds(2));
        assert_eq!(clock.now(), start + Duration::milliseconds(500));
        clock.advance(Duration::hours(-1));
        let before = start + Duration::milliseconds(500) - Duration::hours(1);
        assert_eq!(clock.now(), before);
        clock.advance(Duration::SECOND);
        assert_eq!(clock.now(), before + Duration::SECOND);
    }

    #[test]
    fn a_clock_follows_another() {
        let start = OffsetDateTime::UNIX_EPOCH + Duration::days(20_000);
        let (fast, slow) = (Clock::by_hand(start), Clock::by_hand(start));
        fast.follow(Duration::minutes(2));
        slow.follow(Duration::minutes(-2));
        assert_eq!(fast.now(), start - Duration::minutes(2));
        assert_eq!(slow.now(), start + Duration::minutes(2));
        slow.follow(Duration::minutes(2));
        assert_eq!(slow.clone().now(), start);
    }
}
