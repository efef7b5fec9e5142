//! Journeys: an agent, a person, a mailbox, a phone, and a clock moved by hand.
//!
//! One binary. What touches the database runs on SQLite and on PostgreSQL ([`both`]); the PostgreSQL is a
//! real one, a temporary cluster that the first test to need it starts.

#![expect(unreachable_pub, reason = "the tests' names say it")]
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken story says where"
)]

#[macro_use]
mod world;

mod agent;
mod architecture;
mod ask;
mod at_rest;
mod browser;
mod callback;
mod caller;
mod clients;
mod clocks;
mod collect;
mod delivery;
mod discovery;
mod documents;
mod fapi;
mod forward_auth;
mod held;
mod invariants;
mod pages;
mod person;
mod process;
mod races;
mod retention;
mod sources;
mod status;
mod thirty_days;
mod tokens;
