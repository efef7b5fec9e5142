//! What time it is: the only file that asks.
//!
//! Everything else is told. Tests move [`Clock::by_hand`]; nothing sleeps to wait for a deadline.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use time::OffsetDateTime;

use crate::domain::timestamp::{from_milliseconds, milliseconds};

/// The server's clock, in whole milliseconds: what is stored and read back is equal.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    ByHand(Arc<AtomicI64>),
}

impl Clock {
    /// The machine's own clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still until it is moved with [`Clock::advance`].
    pub fn by_hand(start: OffsetDateTime) -> Self {
        Self(Source::ByHand(Arc::new(AtomicI64::new(milliseconds(
            start,
        )))))
    }

    /// The present moment.
    pub fn now(&self) -> OffsetDateTime {
        match &self.0 {
            Source::System => {
                #[expect(clippy::disallowed_methods, reason = "this is the one place")]
                let now = OffsetDateTime::now_utc();
                from_milliseconds(milliseconds(now))
            }
            Source::ByHand(now) => from_milliseconds(now.load(Ordering::SeqCst)),
        }
    }

    /// Moves a clock made [`by hand`](Clock::by_hand); the system's clock moves by itself.
    pub fn advance(&self, by: time::Duration) {
        if let Source::ByHand(now) = &self.0 {
            let by = i64::try_from(by.whole_milliseconds()).unwrap_or(i64::MAX);
            now.fetch_add(by, Ordering::SeqCst);
        }
    }
}
