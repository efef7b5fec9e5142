//! What has rung at people's lately: read from the database every other second, and what this process lets ring in
//! between is known at once, so that many questions at a time are no way around a budget.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use time::{Duration, OffsetDateTime};

use crate::domain::action::Tier;
use crate::domain::consent::attention::{Arrival, Budget, REMEMBERED, Rang, one_more, ringing};
use crate::domain::id::{RequestId, UserId};
use crate::store::{Store, StoreError};

/// How long what was read is taken to be all there is, apart from what this process adds.
const FRESH_FOR: Duration = Duration::seconds(2);

/// What this process let ring so long ago is in the database, or came to nothing.
const WRITTEN_AFTER: Duration = Duration::seconds(30);

/// People who are remembered; beyond it, all are forgotten and read anew.
const MOST: usize = 10_000;

/// What has rung at whose.
#[derive(Debug, Default)]
pub struct Attention {
    people: Mutex<HashMap<UserId, Known>>,
}

#[derive(Debug)]
struct Known {
    read_at: OffsetDateTime,
    rang: Vec<Rang>,
}

impl Attention {
    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, Known>> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes sure that what has rung at theirs is known.
    pub async fn know(
        &self,
        store: &Store,
        user: UserId,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let fresh = |known: &Known| (now - known.read_at).abs() < FRESH_FOR;
        if self.lock().get(&user).is_some_and(fresh) {
            return Ok(());
        }
        let mut rang = store.rang(user, now - REMEMBERED).await?;
        let mut people = self.lock();
        if let Some(known) = people.remove(&user) {
            let read: Vec<RequestId> = rang.iter().map(|it| it.request).collect();
            let unread = known
                .rang
                .into_iter()
                .filter(|it| now - it.at < WRITTEN_AFTER && !read.contains(&it.request));
            rang.extend(unread);
        } else if people.len() >= MOST {
            people.clear();
        }
        let read_at = now;
        people.insert(user, Known { read_at, rang });
        Ok(())
    }

    /// A question is about to be asked: how it arrives. If it rings, that counts from now on. If it may hang on to one
    /// that rings, it is that one, which is to be looked at first.
    pub fn arrive(
        &self,
        user: UserId,
        new: &Rang,
        tier: Tier,
        budget: Budget,
        now: OffsetDateTime,
    ) -> Result<Arrival, Rang> {
        let mut people = self.lock();
        let read_at = now - FRESH_FOR;
        let known = people.entry(user).or_insert_with(|| Known {
            read_at,
            rang: Vec::new(),
        });
        if let Some(same) = ringing(&known.rang, new, now) {
            return Err(same.clone());
        }
        if let Some(why) = one_more(&known.rang, &new.client, tier, budget, now) {
            return Ok(Arrival::Silent(why));
        }
        known.rang.push(new.clone());
        Ok(Arrival::Rings)
    }

    /// A question rings no more: nothing can hang on to it.
    pub fn over(&self, user: UserId, request: RequestId, now: OffsetDateTime) {
        if let Some(known) = self.lock().get_mut(&user) {
            let mut rang = known.rang.iter_mut();
            if let Some(it) = rang.find(|it| it.request == request) {
                it.answer_by = it.answer_by.min(now);
                it.likeness = None;
            }
        }
    }

    /// A question was not asked after all.
    pub fn forget(&self, user: UserId, request: RequestId) {
        if let Some(known) = self.lock().get_mut(&user) {
            known.rang.retain(|it| it.request != request);
        }
    }
}
