//! The program as its users have it: processes that are started, called, killed and started again.

#![expect(
    clippy::disallowed_methods,
    reason = "a story has no tracker: it waits for what it spawns, or ends it"
)]

#[macro_use]
mod server;

mod asking;
mod auth0_ai;
mod callbacks;
mod crash;
mod going;
mod kills;
mod openid_client;
mod operating;
mod program;
mod receipts;
mod serving;
