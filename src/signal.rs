//! Who is waiting for which answer, in this process.
//!
//! A request that is polled has an entry here for as long as it is known to be pending: whose it is,
//! until when it may be answered, how fast it is polled. So a pending poll touches no disk, and a held
//! one is woken the moment the answer is durable. Nothing here is needed for correctness: without an
//! entry the row is asked, and an answer that another process committed is noticed by a sweep.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};

use time::OffsetDateTime;
use tokio::sync::oneshot;

use crate::domain::ciba::mode::poll::{Pace, Verdict};
use crate::domain::id::{ClientId, RequestId};

/// Entries kept; beyond it, requests are asked of the database each time.
const MOST: usize = 1_000_000;

/// Separate locks, so that polls seldom meet.
const SHARDS: usize = 16;

/// Known pending requests and their held polls.
#[derive(Debug)]
pub struct Signal {
    shards: [Mutex<HashMap<RequestId, Watched>>; SHARDS],
}

/// What is known of one request.
#[derive(Debug)]
enum Watched {
    /// Someone is just asking the database.
    Asking,
    /// It was pending when the database was asked, and nobody has said otherwise since.
    Pending(Box<Pending>),
}

#[derive(Debug)]
struct Pending {
    client: ClientId,
    answer_by: OffsetDateTime,
    pace: Pace,
    held: Option<oneshot::Sender<Woken>>,
    watchers: Vec<oneshot::Sender<Woken>>,
}

/// Watchers of the status resource one request may have at once.
const MOST_WATCHERS: usize = 8;

impl Pending {
    /// Wakes whoever waits.
    fn wake(self, why: Woken) {
        for waiting in self.held.into_iter().chain(self.watchers) {
            // Whoever waited may have gone.
            let _ = waiting.send(why);
        }
    }
}

/// Why a held poll was woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// There may be an answer: ask the row.
    Settled,
    /// A newer poll of the same request has taken its place.
    Superseded,
}

/// What a poll finds here.
#[derive(Debug, PartialEq, Eq)]
pub enum Known {
    /// Nothing: ask the row.
    Nothing,
    /// Pending, and this client's; judged for its pace.
    Pending(Verdict, Pace),
    /// Somebody else's.
    NotYours,
}

impl Default for Signal {
    fn default() -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
        }
    }
}

impl Signal {
    fn shard(&self, id: RequestId) -> MutexGuard<'_, HashMap<RequestId, Watched>> {
        // The last byte of a version 7 id is random.
        let at = usize::from(id.0.as_bytes()[15]) % SHARDS;
        self.shards[at]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// A poll received now: what is known without asking the database.
    pub fn poll(&self, id: RequestId, client: &ClientId, now: OffsetDateTime) -> Known {
        match self.shard(id).get_mut(&id) {
            Some(Watched::Pending(pending)) if now < pending.answer_by => {
                if pending.client == *client {
                    let verdict = pending.pace.poll(now);
                    Known::Pending(verdict, pending.pace)
                } else {
                    Known::NotYours
                }
            }
            Some(Watched::Pending(_) | Watched::Asking) | None => Known::Nothing,
        }
    }

    /// Says that the database is about to be asked; [`Signal::found_pending`] must see this intact, so
    /// that an answer committed in between is not missed.
    pub fn about_to_ask(&self, id: RequestId) {
        let mut shard = self.shard(id);
        if shard.len() < MOST / SHARDS {
            shard.entry(id).or_insert(Watched::Asking);
        }
    }

    /// The database said pending. False if it was settled meanwhile: ask again.
    pub fn found_pending(
        &self,
        id: RequestId,
        client: &ClientId,
        answer_by: OffsetDateTime,
        pace: Pace,
    ) -> bool {
        match self.shard(id).entry(id) {
            Entry::Occupied(mut entry) => {
                if matches!(entry.get(), Watched::Asking) {
                    let pending = Pending {
                        client: client.clone(),
                        answer_by,
                        pace,
                        held: None,
                        watchers: Vec::new(),
                    };
                    entry.insert(Watched::Pending(Box::new(pending)));
                }
                true
            }
            Entry::Vacant(_) => false,
        }
    }

    /// Holds a poll until the request is settled, or a newer poll comes. None if nothing is known of
    /// it any more: ask the row.
    pub fn hold(&self, id: RequestId) -> Option<oneshot::Receiver<Woken>> {
        match self.shard(id).get_mut(&id) {
            Some(Watched::Pending(pending)) => {
                let (wake, woken) = oneshot::channel();
                if let Some(older) = pending.held.replace(wake) {
                    let _ = older.send(Woken::Superseded);
                }
                Some(woken)
            }
            Some(Watched::Asking) | None => None,
        }
    }

    /// Watches a request without polling it. None if nothing is known of it, or too many do: ask the row.
    pub fn watch(&self, id: RequestId) -> Option<oneshot::Receiver<Woken>> {
        match self.shard(id).get_mut(&id) {
            Some(Watched::Pending(pending)) => {
                pending.watchers.retain(|watcher| !watcher.is_closed());
                if pending.watchers.len() >= MOST_WATCHERS {
                    return None;
                }
                let (wake, woken) = oneshot::channel();
                pending.watchers.push(wake);
                Some(woken)
            }
            Some(Watched::Asking) | None => None,
        }
    }

    /// The request is settled (or cannot be known to be pending): forget it and wake whoever waits.
    pub fn settled(&self, id: RequestId) {
        let watched = self.shard(id).remove(&id);
        if let Some(Watched::Pending(pending)) = watched {
            pending.wake(Woken::Settled);
        }
    }

    /// Forgets what has run out, and wakes whoever still waits for it.
    pub fn sweep(&self, now: OffsetDateTime) {
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            let over: Vec<RequestId> = shard
                .iter()
                .filter_map(|(id, watched)| match watched {
                    Watched::Pending(pending) if now >= pending.answer_by => Some(*id),
                    Watched::Pending(_) | Watched::Asking => None,
                })
                .collect();
            for id in over {
                if let Some(Watched::Pending(pending)) = shard.remove(&id) {
                    pending.wake(Woken::Settled);
                }
            }
        }
    }

    /// Wakes every held poll: the server is stopping, and a poll answered now loses nothing.
    pub fn release_all(&self) {
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            for watched in shard.values_mut() {
                if let Watched::Pending(pending) = watched {
                    let waiting = pending
                        .held
                        .take()
                        .into_iter()
                        .chain(pending.watchers.drain(..));
                    for waiting in waiting {
                        let _ = waiting.send(Woken::Superseded);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use uuid::Uuid;

    use super::*;

    const ID: RequestId = RequestId(Uuid::from_u128(7));

    fn now() -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH
    }

    fn watching() -> (Signal, ClientId) {
        let (signal, client) = (Signal::default(), ClientId("agent".into()));
        signal.about_to_ask(ID);
        let pace = Pace::new(Duration::seconds(5));
        assert!(signal.found_pending(ID, &client, now() + Duration::minutes(1), pace));
        (signal, client)
    }

    #[test]
    fn an_answer_committed_while_the_database_was_asked_is_not_missed() {
        let signal = Signal::default();
        signal.about_to_ask(ID);
        signal.settled(ID);
        let pace = Pace::new(Duration::seconds(5));
        assert!(!signal.found_pending(ID, &ClientId("agent".into()), now(), pace));
    }

    #[test]
    fn t41_another_client_s_poll_neither_counts_nor_learns_anything() {
        let (signal, client) = watching();
        assert_eq!(
            signal.poll(ID, &ClientId("other".into()), now()),
            Known::NotYours
        );
        let Known::Pending(verdict, _) = signal.poll(ID, &client, now()) else {
            panic!("known")
        };
        assert_eq!(verdict, Verdict::Pending);
    }

    #[test]
    fn sec_f08_the_newest_held_poll_wins_and_is_woken() {
        let (signal, _) = watching();
        let mut older = signal.hold(ID).unwrap();
        let mut newer = signal.hold(ID).unwrap();
        assert_eq!(older.try_recv(), Ok(Woken::Superseded));
        signal.settled(ID);
        assert_eq!(newer.try_recv(), Ok(Woken::Settled));
        assert!(signal.hold(ID).is_none());
    }

    #[test]
    fn what_has_run_out_is_forgotten() {
        let (signal, client) = watching();
        let mut held = signal.hold(ID).unwrap();
        signal.sweep(now() + Duration::minutes(1));
        assert_eq!(held.try_recv(), Ok(Woken::Settled));
        assert_eq!(signal.poll(ID, &client, now()), Known::Nothing);
    }
}
