//! An agent collects (CIBA §10.1, §11): it polls, is held, and redeems once.

mod expiry;
mod id_tokens;
mod long_poll;
mod polling;
mod redemption;
mod tokens;
