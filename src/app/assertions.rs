//! Client assertions and proofs this process has seen and that could still be replayed.

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
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    until: HashMap<(ClientId, [u8; 32]), OffsetDateTime>,
    /// How many there may be before the next look for those that have run out.
    sweep_at: usize,
}

impl Assertions {
    /// Whether this is the first time.
    pub fn first_use(&self, client: &ClientId, used: &UsedAssertion, now: OffsetDateTime) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.until.len() >= seen.sweep_at.max(SWEEP_AT) {
            seen.until.retain(|_, expires_at| now < *expires_at);
            // Twice what is left: looking costs each of them a constant share.
            seen.sweep_at = seen.until.len() * 2;
            if seen.until.len() >= MOST {
                return false;
            }
        }
        let key = (client.clone(), used.jti_hash);
        seen.until.insert(key, used.expires_at).is_none()
    }
}
