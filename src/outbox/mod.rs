//! What is promised: everything that leaves, leaves from here.
//!
//! A promise is a row written in the same transaction as its cause. The worker claims what is due,
//! delivers it through `channel/`, asks [`schedule`] what that means, and writes what became of it.

pub mod fan_out;
pub mod progress;
pub mod schedule;
mod wake;

pub use progress::{ChannelProgress, Progress};
pub use wake::Wake;
