//! What happens: one file an event, each load → decide → commit.
//!
//! A flow loads through the reader pool, decides purely, and hands one commit to the store. Nothing else
//! in the house writes.

pub mod enrol;
pub mod keys;
pub mod register;
pub mod show;
pub mod sign_in;
pub mod stop;

pub use crate::store::{StoreError, StoredRequest};
