//! Documents of clients (Client ID Metadata Documents) that were looked at a moment ago.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use time::OffsetDateTime;
use tokio::sync::Mutex as Turn;

use crate::domain::client::Client;
use crate::domain::client::document_hosts::Looks;

/// Addresses remembered; beyond it, all are forgotten.
const MOST: usize = 1000;

/// What is known of each address.
#[derive(Debug, Default)]
pub struct Documents {
    places: Mutex<HashMap<String, Arc<Place>>>,
    looks: Mutex<Looks>,
}

/// What is known of one. Whoever looks holds it: of many at once, one calls.
pub type Place = Turn<Option<Seen>>;

/// The last look.
#[derive(Clone, Debug)]
pub struct Seen {
    /// When.
    pub at: OffsetDateTime,
    /// The client the document makes, if it makes one.
    pub client: Option<Arc<Client>>,
}

impl Documents {
    /// The place of an address.
    pub fn place(&self, id: &str) -> Arc<Place> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() >= MOST && !places.contains_key(id) {
            places.clear();
        }
        Arc::clone(places.entry(id.to_owned()).or_default())
    }

    /// Whether a stranger may cause one more look at this host.
    pub fn may_look(&self, host: &str, now: OffsetDateTime) -> bool {
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        looks.take(host, now)
    }
}
