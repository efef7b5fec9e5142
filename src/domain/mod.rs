//! What is true: the life of a request, section by section of the specifications.
//!
//! Pure. Nothing here awaits, reads a clock, draws a random number, or touches a database or a
//! socket: time and randomness are arguments, and what must happen next is returned as a value.
//!
//! ```text
//!             open ──► pending ──► approved ──► redeemed
//!               │         ├──────► denied
//!  standing     │         ├──────► expired      (no answer is a no)
//!  grant covers └──────►  └──────► cancelled    (by the agent, its owner, an operator)
//!              approved
//! ```

pub mod action;
pub mod audit;
pub mod ciba;
pub mod client;
pub mod consent;
pub mod effect;
pub mod forward_auth;
pub mod held;
pub mod id;
pub mod parcel;
pub mod receipt;
pub mod retention;
pub mod timestamp;
pub mod token;
pub mod user;
