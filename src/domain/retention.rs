//! How long what is over is remembered.
//!
//! Requests, their answers and the audit log are what happened, and stay. What carried it (parcels,
//! links, sessions, spent tokens) explains it for a while to whoever asks, and is then forgotten.

use time::Duration;

/// How long after its end something is remembered that nothing depends on any more.
pub const KEPT: Duration = Duration::days(30);
