//! Client assertions this process has seen and that could still be replayed.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use time::OffsetDateTime;

use crate::domain::client::assertion::UsedAssertion;
use crate::domain::id::ClientId;

/// How many are remembered before those that have run out are looked for.
const SWEEP_AT: usize = 50_000;

/// How many are remembered at most: beyond it, new assertions are refused rather than old ones
/// forgotten.
const MOST: usize = 500_000;

/// Assertions seen.
#[derive(Debug, Default)]
pub struct Assertions {
    seen: Mutex<HashMap<(ClientId, [u8; 32]), OffsetDateTime>>,
}

impl Assertions {
    /// Whether this is the first time.
    pub fn first_use(&self, client: &ClientId, used: &UsedAssertion, now: OffsetDateTime) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= SWEEP_AT {
            seen.retain(|_, expires_at| now < *expires_at);
        }
        if seen.len() >= MOST {
            return false;
        }
        seen.insert((client.clone(), used.jti_hash), used.expires_at)
            .is_none()
    }
}
