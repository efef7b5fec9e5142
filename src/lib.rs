//! Countersign: software agents ask a person before they act.
//!
//! An agent calls the CIBA backchannel endpoint; the person's phone buzzes or a letter arrives; they
//! answer *Only this time*, *Always…* or *Deny*; the agent gets a token good for exactly that answer.
//!
//! In reading order, one question a folder:
//!
//! * [`domain`]: what is true. Pure.
//! * [`store`]: what is remembered.
//! * [`outbox`]: what is promised.
//! * [`channel`]: how it leaves.
//! * [`flow`]: what happens, one file an event.
//! * [`http`]: how it comes in.
//! * [`config`]: what an operator may change.
//! * [`cli`]: what a terminal can do.
//!
//! `ARCHITECTURE.md` has the picture, and `tests/it/architecture.rs` fails when it stops being true.

pub mod app;
pub mod channel;
pub mod cli;
pub mod clock;
pub mod config;
pub mod domain;
pub mod entropy;
pub mod flow;
pub mod http;
pub mod outbox;
pub mod paths;
pub mod server;
pub mod signal;
pub mod store;
pub mod telemetry;
pub mod worker;
