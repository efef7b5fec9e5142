//! One destination: how many calls to it are under way, and whether it answers at all.
//!
//! A destination that does not answer costs whoever calls it the whole time a call may take. So once it
//! has let somebody wait, it is called by one at a time, and nobody queues behind that one: they come
//! back later, and those with other destinations are not held up.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Destinations remembered before idle ones are forgotten.
const MANY: usize = 1024;

/// Every destination called lately.
pub(super) struct Destinations {
    known: Mutex<HashMap<String, Arc<Destination>>>,
    at_once: usize,
}

struct Destination {
    turns: Arc<Semaphore>,
    silent: AtomicBool,
}

/// Leave to make one call.
pub(super) struct Turn {
    destination: Arc<Destination>,
    _permit: OwnedSemaphorePermit,
}

impl Destinations {
    /// With so many calls to each at once.
    pub(super) fn new(at_once: usize) -> Self {
        Self {
            known: Mutex::default(),
            at_once,
        }
    }

    /// Waits until few enough calls to this origin are under way. None at once, if it does not answer
    /// and somebody is just finding out whether it does again.
    pub(super) async fn turn(&self, origin: String) -> Option<Turn> {
        let destination = self.find(origin);
        let under_way = destination.turns.available_permits() < self.at_once;
        if under_way && destination.silent.load(Ordering::Relaxed) {
            return None;
        }
        let permit = Arc::clone(&destination.turns).acquire_owned().await.ok()?;
        Some(Turn {
            destination,
            _permit: permit,
        })
    }

    fn find(&self, origin: String) -> Arc<Destination> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MANY {
            known.retain(|_, destination| Arc::strong_count(destination) > 1);
        }
        let new = || {
            Arc::new(Destination {
                turns: Arc::new(Semaphore::new(self.at_once)),
                silent: AtomicBool::new(false),
            })
        };
        Arc::clone(known.entry(origin).or_insert_with(new))
    }
}

impl Turn {
    /// Notes whether anybody was there.
    pub(super) fn answered(&self, answered: bool) {
        self.destination.silent.store(!answered, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sec_g07_who_does_not_answer_is_called_by_one_at_a_time_until_it_does() {
        let destinations = Destinations::new(2);
        let turn = async |origin: &str| destinations.turn(origin.to_owned()).await;
        let (first, second) = (turn("a").await.unwrap(), turn("a").await.unwrap());
        first.answered(false);
        assert!(turn("a").await.is_none(), "others are under way");
        drop((first, second));
        let probe = turn("a").await.unwrap();
        assert!(turn("a").await.is_none());
        assert!(turn("b").await.is_some(), "nobody else is held up");
        probe.answered(true);
        assert!(turn("a").await.is_some());
    }

    #[tokio::test]
    async fn idle_destinations_are_forgotten_before_there_are_too_many() {
        let destinations = Destinations::new(2);
        let kept = destinations.turn("kept".to_owned()).await.unwrap();
        for n in 0..2 * MANY {
            drop(destinations.turn(n.to_string()).await);
        }
        let known = destinations.known.lock().unwrap();
        assert!(known.len() <= MANY && known.contains_key("kept"));
        drop((known, kept));
    }
}
