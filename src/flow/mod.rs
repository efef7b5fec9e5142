//! What happens: one file an event, each load → decide → commit.
//!
//! A flow loads through the reader pool, decides purely, and hands one commit to the store. Nothing else
//! in the house writes.

pub mod deliver;
pub mod enrol;
pub mod expire;
pub mod keys;
pub mod register;
pub mod show;
pub mod sign_in;
pub mod stop;
pub mod watch;

use crate::entropy::NoEntropy;

pub use crate::store::{StoreError, StoredRequest};

/// A fault of ours.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No random bytes.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
    /// A key that does not work.
    #[error("a key of ours does not work")]
    Key,
}
