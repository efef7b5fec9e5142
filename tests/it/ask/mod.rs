//! An agent asks (CIBA §7): what is taken, what is refused, and in which words.

mod client_authentication;
mod details;
mod forbidden;
mod hints;
mod idempotency;
mod limits;
mod parameters;
mod signed;
mod tier;
mod user_code;
