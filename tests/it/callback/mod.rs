//! Agents that are called when there is an answer, at endpoints that behave in every way there is.

mod misbehaving;
mod ping;
mod push;
mod registration;
mod retries;
mod signature;
mod tls;
