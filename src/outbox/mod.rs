//! What is promised: everything that leaves, leaves from here.
//!
//! A promise is a row written in the same transaction as its cause. The worker claims what is due,
//! delivers it through `channel/`, and writes what became of it.

pub mod fan_out;
mod wake;

pub use wake::Wake;
