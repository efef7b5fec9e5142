//! What is handed out, and how each kind is kept.
//!
//! | Kind | Looks like | Lives | Kept as |
//! | --- | --- | --- | --- |
//! | `auth_req_id` | id ‖ MAC, base64url | answer window + collection window | derived: only the id is stored |
//! | refresh token | id ‖ MAC, base64url | what it carries on (`access_for`), once | derived: only the id is stored |
//! | sign-in link | id ‖ MAC, base64url | 15 minutes, once | derived: only the id is stored |
//! | session cookie | id ‖ MAC, base64url | 12 h unused, 30 days at most | derived: only the id is stored |
//! | CSRF token | MAC of the session | the session | derived: not stored |
//! | access token | JWT, RFC 9068, ES256 | the permission's `token_lifetime` | its `jti`: the grant's id, or the refresh token's beside it |
//! | opaque access token | id ‖ MAC, base64url | the same | derived: its id, and what a JWT would carry |
//! | transaction token | JWT, `txntoken+jwt`, ES256 | a minute | not stored |
//! | ID token | JWT, OpenID Connect, signed as its client registered | five minutes | not stored |
//! | client secret | `cs_` + 32 random bytes | until rotated | SHA-256 |
//!
//! Nothing in the database redeems: without the master key file its rows are only names.

pub mod access;
pub mod acting;
pub mod algorithm;
pub mod callback;
pub mod carried;
pub mod exchange;
#[cfg(test)]
mod exchange_tests;
pub mod granted;
pub mod handle;
pub mod id_token;
pub mod introspection;
pub mod keyring;
pub mod live;
#[cfg(test)]
mod live_tests;
pub mod master_key;
pub mod narrowing;
pub mod refresh;
#[cfg(test)]
mod refresh_tests;
pub mod transaction;
