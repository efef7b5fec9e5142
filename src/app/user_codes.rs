//! Hashing user codes costs time and memory, so it happens beside the requests, and few at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

/// Codes hashed at once: each takes 19 MiB and tens of milliseconds of a processor.
const AT_ONCE: usize = 2;

/// How long one waits for its turn.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Turns for hashing codes.
#[derive(Debug)]
pub struct UserCodes {
    turns: Arc<Semaphore>,
}

impl Default for UserCodes {
    fn default() -> Self {
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        Self { turns }
    }
}

impl UserCodes {
    /// Does that work on a thread of its own, when it is its turn. None if that takes too long.
    pub async fn hash<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let turn = Arc::clone(&self.turns).acquire_owned();
        let turn = tokio::time::timeout(LONGEST_WAIT, turn).await.ok()?.ok()?;
        let done = tokio::task::spawn_blocking(move || {
            // Held until it is done, whether or not anybody still waits for it.
            let _turn = turn;
            work()
        });
        done.await.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn few_codes_are_hashed_at_once_even_for_those_who_have_gone() {
        let codes = Arc::new(UserCodes::default());
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut waiting = tokio::task::JoinSet::new();
        for n in 0..12 {
            let (codes, now, most) = (Arc::clone(&codes), Arc::clone(&now), Arc::clone(&most));
            waiting.spawn(async move {
                let work = move || {
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(20));
                    now.fetch_sub(1, Ordering::SeqCst);
                };
                let patience = Duration::from_millis(if n % 2 == 0 { 5 } else { 4000 });
                let _ = tokio::time::timeout(patience, codes.hash(work)).await;
            });
        }
        while waiting.join_next().await.is_some() {}
        assert!((1..=AT_ONCE).contains(&most.load(Ordering::SeqCst)));
    }
}
