//! What happens: one file an event, each load → decide → commit.

pub mod keys;
pub mod register;
