//! Rows read a moment ago.
//!
//! Every request names a client and a person, and reading the same two rows a thousand times a second
//! is what a server does most. What is remembered here is at most [`FRESH_FOR`] old; whatever has an
//! effect asks the row itself (the guards of `store/requests/moving.rs`).

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// How long a row is taken to be as it was.
const FRESH_FOR: Duration = Duration::from_secs(2);

/// How many are remembered; beyond it, all are forgotten and read anew.
const MOST: usize = 10_000;

/// Values read lately, by their key.
#[derive(Debug)]
pub(super) struct Lately<K, V> {
    seen: RwLock<Seen<K, V>>,
}

#[derive(Debug)]
struct Seen<K, V> {
    values: HashMap<K, (Arc<V>, Instant)>,
    /// How often something was forgotten: what was read before that may be what was forgotten.
    forgotten: u64,
}

impl<K, V> Default for Lately<K, V> {
    fn default() -> Self {
        let seen = Seen {
            values: HashMap::new(),
            forgotten: 0,
        };
        Self {
            seen: RwLock::new(seen),
        }
    }
}

impl<K: Clone + Eq + Hash, V> Lately<K, V> {
    /// The value, read if it was not read lately. That there is none is never remembered.
    pub(super) async fn find<E>(
        &self,
        key: &K,
        read: impl AsyncFnOnce() -> Result<Option<V>, E>,
    ) -> Result<Option<Arc<V>>, E> {
        let forgotten = {
            let seen = self.seen.read().unwrap_or_else(PoisonError::into_inner);
            if let Some((value, at)) = seen.values.get(key)
                && at.elapsed() < FRESH_FOR
            {
                return Ok(Some(Arc::clone(value)));
            }
            seen.forgotten
        };
        // Boxed: reading is the exception, and all polls come through here.
        let Some(value) = Box::pin(read()).await? else {
            return Ok(None);
        };
        let value = Arc::new(value);
        let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        if seen.forgotten == forgotten {
            if seen.values.len() >= MOST {
                seen.values.clear();
            }
            seen.values
                .insert(key.clone(), (Arc::clone(&value), Instant::now()));
        }
        Ok(Some(value))
    }

    /// Forgets values that have just changed.
    pub(super) fn forget(&self, changed: impl Fn(&K, &V) -> bool) {
        let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        seen.forgotten += 1;
        seen.values.retain(|key, (value, _)| !changed(key, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Never = std::convert::Infallible;

    #[tokio::test]
    async fn a_value_is_read_once_until_it_is_forgotten() {
        let lately = Lately::default();
        let read = async |value: u8| {
            lately
                .find(&"key", async || Ok::<_, Never>(Some(value)))
                .await
        };
        assert_eq!(read(1).await.unwrap().as_deref(), Some(&1));
        assert_eq!(read(2).await.unwrap().as_deref(), Some(&1));
        lately.forget(|key, _| *key == "key");
        assert_eq!(read(3).await.unwrap().as_deref(), Some(&3));
    }

    #[tokio::test]
    async fn what_was_read_before_it_changed_is_not_remembered_after_it() {
        let lately = Lately::default();
        let changes_meanwhile = async || {
            lately.forget(|_, _| true);
            Ok::<_, Never>(Some("old"))
        };
        assert_eq!(
            lately.find(&1, changes_meanwhile).await.unwrap().as_deref(),
            Some(&"old")
        );
        let read = async || Ok::<_, Never>(Some("new"));
        assert_eq!(
            lately.find(&1, read).await.unwrap().as_deref(),
            Some(&"new")
        );
    }
}
