//! Key sets that were fetched from clients' own addresses.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio::sync::Mutex as Turn;

use crate::domain::client::key_source::Looked;

/// Addresses remembered; beyond it, all are forgotten and fetched anew.
const MOST: usize = 10_000;

/// What is known of each address.
#[derive(Debug, Default)]
pub struct KeySets {
    places: Mutex<HashMap<String, Arc<Place>>>,
}

/// What is known of one.
#[derive(Debug, Default)]
pub struct Place {
    looked: RwLock<Option<Arc<Looked>>>,
    /// Whoever looks holds it: of many at once, one calls.
    pub turn: Turn<()>,
}

impl KeySets {
    /// The place of an address.
    pub fn place(&self, url: &str) -> Arc<Place> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() >= MOST && !places.contains_key(url) {
            places.clear();
        }
        Arc::clone(places.entry(url.to_owned()).or_default())
    }
}

impl Place {
    /// What the last look has brought.
    pub fn get(&self) -> Option<Arc<Looked>> {
        let looked = self.looked.read().unwrap_or_else(PoisonError::into_inner);
        looked.clone()
    }

    /// Another look was taken.
    pub fn set(&self, looked: Looked) {
        let mut place = self.looked.write().unwrap_or_else(PoisonError::into_inner);
        *place = Some(Arc::new(looked));
    }
}
