//! A proxy asks whether a request may pass: what it asks about, and what it is told.
//!
//! [`original`] reads the request as the proxy describes it, and takes only what every server behind it reads in
//! the same way. The catalogue's [`Route`](super::action::catalogue::Route)s say what it needs; [`challenge`] words what is
//! missing.

pub mod challenge;
pub mod original;

pub use challenge::{Challenge, Missing};
pub use original::{Original, Unclear};
