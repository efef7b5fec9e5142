//! Clients, remembered for a moment.
//!
//! Every poll authenticates its client, and a pending poll may not touch the disk. What is remembered
//! here is at most [`FRESH_FOR`] old; whatever has an effect asks the row itself (`store/requests.rs`).

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use crate::domain::client::Client;
use crate::domain::id::ClientId;
use crate::store::{Store, StoreError};

/// How long a client is taken to be as it was.
const FRESH_FOR: Duration = Duration::from_secs(2);

/// How many are remembered; beyond it, all are forgotten and read anew.
const MOST: usize = 10_000;

/// Clients seen a moment ago.
#[derive(Debug, Default)]
pub struct Clients {
    seen: RwLock<HashMap<ClientId, (Arc<Client>, Instant)>>,
}

impl Clients {
    /// The client of that id.
    pub async fn find(
        &self,
        store: &Store,
        id: &ClientId,
    ) -> Result<Option<Arc<Client>>, StoreError> {
        if let Some(client) = self.seen_lately(id) {
            return Ok(Some(client));
        }
        let Some(client) = store.client(id).await? else {
            return Ok(None);
        };
        let client = Arc::new(client);
        let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MOST {
            seen.clear();
        }
        seen.insert(id.clone(), (Arc::clone(&client), Instant::now()));
        Ok(Some(client))
    }

    fn seen_lately(&self, id: &ClientId) -> Option<Arc<Client>> {
        let seen = self.seen.read().unwrap_or_else(PoisonError::into_inner);
        let (client, at) = seen.get(id)?;
        (at.elapsed() < FRESH_FOR).then(|| Arc::clone(client))
    }

    /// Forgets a client that has just changed.
    pub fn forget(&self, id: &ClientId) {
        self.seen
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(id);
    }
}
