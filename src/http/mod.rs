//! How it comes in: requests read, answers dressed.

pub mod extract;
pub mod layer;
