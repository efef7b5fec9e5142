//! Clients, remembered for a moment: a pending poll authenticates its client and touches no disk.

use std::sync::Arc;

use super::lately::Lately;
use crate::domain::client::Client;
use crate::domain::id::ClientId;
use crate::store::{Store, StoreError};

/// Clients seen a moment ago.
#[derive(Debug, Default)]
pub struct Clients {
    lately: Lately<ClientId, Client>,
}

impl Clients {
    /// The client of that id.
    pub async fn find(
        &self,
        store: &Store,
        id: &ClientId,
    ) -> Result<Option<Arc<Client>>, StoreError> {
        self.lately.find(id, async || store.client(id).await).await
    }

    /// Forgets a client that has just changed.
    pub fn forget(&self, id: &ClientId) {
        self.lately.forget(|key, _| key == id);
    }
}
