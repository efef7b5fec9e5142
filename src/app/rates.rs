//! How often clients have asked lately, and how often in vain.
//!
//! Each instance counts for itself: this is about what one process has to bear, and about an agent that runs
//! wild. What a person has to bear is counted in the database.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use time::{Duration, OffsetDateTime};

use crate::config::settings::Rates as Allowed;
use crate::domain::ciba::refusal::Refusal;
use crate::domain::client::rate::{Allowance, Rate};
use crate::domain::id::ClientId;

/// Clients that are remembered. When there are more, those who have their whole allowance again are forgotten,
/// and if that is nobody, everybody: the limit for all together stays.
const MOST: usize = 10_000;

/// What is left to each client, and to all together.
#[derive(Debug, Default)]
pub struct Rates {
    counted: Mutex<Counted>,
}

#[derive(Debug, Default)]
struct Counted {
    all: Option<Allowance>,
    clients: HashMap<ClientId, Left>,
}

/// What is left to one client.
#[derive(Clone, Copy, Debug)]
struct Left {
    asks: Allowance,
    refusals: Allowance,
    unknown: Allowance,
}

impl Rates {
    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A client asks.
    ///
    /// # Errors
    ///
    /// It, or all together, have asked too often, or it too often in vain; and when to come again.
    pub fn may_ask(
        &self,
        client: &ClientId,
        allowed: &Allowed,
        now: OffsetDateTime,
    ) -> Result<(), Refusal> {
        if *allowed == Allowed::NONE {
            return Ok(());
        }
        let mut counted = self.lock();
        let taken = counted.take(client, allowed, now);
        drop(counted);
        taken.map_err(|retry_after| {
            tracing::debug!(%client, "asks too often");
            Refusal::TooMany { retry_after }
        })
    }

    /// What it asked was refused.
    pub fn refused(
        &self,
        client: &ClientId,
        why: &Refusal,
        allowed: &Allowed,
        now: OffsetDateTime,
    ) {
        let mut counted = self.lock();
        let left = counted.of(client, now);
        left.refusals.take(Rate::a_minute(allowed.refusals), now);
        if *why == Refusal::UnknownUserId {
            left.unknown
                .take(Rate::an_hour(allowed.unknown_people), now);
        }
    }
}

impl Counted {
    fn take(
        &mut self,
        client: &ClientId,
        allowed: &Allowed,
        now: OffsetDateTime,
    ) -> Result<(), Duration> {
        let (each, all) = (
            Rate::a_minute(allowed.asks),
            Rate::a_minute(allowed.asks_of_all),
        );
        let left = self.of(client, now);
        left.refusals
            .has_one(Rate::a_minute(allowed.refusals), now)?;
        left.unknown
            .has_one(Rate::an_hour(allowed.unknown_people), now)?;
        left.asks.has_one(each, now)?;
        left.asks.take(each, now);
        let together = self.all.get_or_insert(Allowance::whole(now));
        together.has_one(all, now)?;
        together.take(all, now);
        Ok(())
    }

    fn of(&mut self, client: &ClientId, now: OffsetDateTime) -> &mut Left {
        if !self.clients.contains_key(client) {
            self.make_room(now);
        }
        self.clients
            .entry(client.clone())
            .or_insert(Left::whole(now))
    }

    fn make_room(&mut self, now: OffsetDateTime) {
        if self.clients.len() >= MOST {
            self.clients.retain(|_, left| !left.is_whole(now));
        }
        if self.clients.len() >= MOST {
            self.clients.clear();
        }
    }
}

impl Left {
    fn whole(now: OffsetDateTime) -> Self {
        let whole = Allowance::whole(now);
        Self {
            asks: whole,
            refusals: whole,
            unknown: whole,
        }
    }

    fn is_whole(self, now: OffsetDateTime) -> bool {
        [self.asks, self.refusals, self.unknown]
            .iter()
            .all(|it| it.is_whole(now))
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-22 21:30 UTC);

    const ALLOWED: Allowed = Allowed {
        asks: 2,
        asks_of_all: 3,
        refusals: 2,
        unknown_people: 1,
    };

    fn client(n: usize) -> ClientId {
        ClientId(format!("agent-{n}"))
    }

    fn wait(rates: &Rates, n: usize) -> Option<Duration> {
        match rates.may_ask(&client(n), &ALLOWED, NOW) {
            Err(Refusal::TooMany { retry_after }) => Some(retry_after),
            Err(_) | Ok(()) => None,
        }
    }

    #[test]
    fn each_has_its_own_and_all_have_theirs_together() {
        let rates = Rates::default();
        assert_eq!((wait(&rates, 1), wait(&rates, 1)), (None, None));
        assert_eq!(wait(&rates, 1), Some(Duration::seconds(30)));
        assert_eq!(wait(&rates, 2), None);
        assert_eq!(wait(&rates, 3), Some(Duration::seconds(20)));
    }

    #[test]
    fn asking_in_vain_is_counted_and_guessing_at_people_most_of_all() {
        let rates = Rates::default();
        let refused = |n, why| rates.refused(&client(n), &why, &ALLOWED, NOW);
        refused(1, Refusal::MissingUserCode);
        assert_eq!(wait(&rates, 1), None);
        refused(1, Refusal::MissingUserCode);
        assert_eq!(wait(&rates, 1), Some(Duration::seconds(30)));
        refused(2, Refusal::UnknownUserId);
        assert_eq!(wait(&rates, 2), Some(Duration::HOUR));
    }

    #[test]
    fn what_is_remembered_has_a_bound() {
        let rates = Rates::default();
        for n in 0..2 * MOST + 10 {
            let _ = wait(&rates, n);
        }
        assert!(rates.lock().clients.len() <= MOST);
    }
}
