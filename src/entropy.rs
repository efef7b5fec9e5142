//! Random bytes: the only file that draws them.
//!
//! Tests seed it, so that a story told twice has the same ids.

use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::{digest, rand};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::timestamp::milliseconds;

/// Where random bytes come from.
#[derive(Clone, Debug)]
pub struct Entropy(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Seeded(Arc<Mutex<(u64, u64)>>),
}

/// The operating system gave no random bytes: nothing can be promised.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gave no random bytes")]
pub struct NoEntropy;

impl Entropy {
    /// The operating system's generator, by way of aws-lc.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// The same bytes in the same order for the same seed. For tests.
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded(Arc::new(Mutex::new((seed, 0)))))
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> Result<[u8; N], NoEntropy> {
        let mut out = [0; N];
        match &self.0 {
            Source::System => rand::fill(&mut out).map_err(|_| NoEntropy)?,
            Source::Seeded(state) => {
                let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
                for chunk in out.chunks_mut(32) {
                    state.1 += 1;
                    let mut block = [0; 16];
                    block[..8].copy_from_slice(&state.0.to_be_bytes());
                    block[8..].copy_from_slice(&state.1.to_be_bytes());
                    let hash = digest::digest(&digest::SHA256, &block);
                    chunk.copy_from_slice(&hash.as_ref()[..chunk.len()]);
                }
            }
        }
        Ok(out)
    }

    /// A new id that sorts by the time it was made (RFC 9562 version 7): rows made together
    /// lie together, which is what makes inserts cheap.
    pub fn id(&self, now: OffsetDateTime) -> Result<Uuid, NoEntropy> {
        let random = self.bytes::<10>()?;
        let at = u64::try_from(milliseconds(now)).unwrap_or(0);
        Ok(uuid::Builder::from_unix_timestamp_millis(at, &random).into_uuid())
    }
}
