//! What happens: one file an event, and nobody else writes.
//!
//! Every flow takes the same steps: **load** what the decision rests on, **decide** (in `domain/`,
//! purely), and hand over one [`Commit`](crate::store::Commit) with the new state, what happened, and
//! what is promised. Only when that is durable is anyone answered or woken.

pub mod again;
pub mod always;
pub mod answer;
mod arrive;
pub mod ask;
pub mod audit;
pub mod authenticate;
pub mod catalogue;
mod client_document;
pub mod collect;
pub mod compare;
mod cover;
pub mod deliver;
mod effects;
pub mod enrol;
pub mod exchange;
pub mod expire;
pub mod explain;
#[cfg(test)]
pub(crate) mod fixture;
mod forbid;
pub mod forward_auth;
pub mod grants;
pub mod held;
mod hinted;
pub mod introspect;
mod issue;
mod key_sets;
pub mod keys;
mod load;
pub mod pause;
mod presented;
pub mod quiet_hours;
pub mod receipt;
pub mod refresh;
pub mod register;
pub mod revoke;
pub mod show;
pub mod sign_in;
mod signed_request;
pub mod status;
pub mod stop;
pub mod take_back;
pub mod together;
mod transaction;
pub mod user_code;
pub mod watch;
pub mod withdraw;

use crate::domain::ciba::refusal::Refusal;
use crate::entropy::NoEntropy;
pub use crate::store::{StoreError, StoredRequest};

/// Why an agent is not served.
#[derive(Debug)]
pub enum Unserved {
    /// It is told why.
    Refused(Refusal),
    /// It is our fault: logged once, at the edge.
    Failed(Fault),
}

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

impl Fault {
    /// Whether it passes by itself: too much at once, or a server that is stopping.
    pub fn passes(&self) -> bool {
        matches!(
            self,
            Self::Store(StoreError::Overloaded | StoreError::Closed)
        )
    }
}

impl From<Refusal> for Unserved {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<StoreError> for Unserved {
    fn from(error: StoreError) -> Self {
        Self::Failed(Fault::Store(error))
    }
}

impl From<NoEntropy> for Unserved {
    fn from(error: NoEntropy) -> Self {
        Self::Failed(Fault::Entropy(error))
    }
}

impl From<Fault> for Unserved {
    fn from(fault: Fault) -> Self {
        Self::Failed(fault)
    }
}
