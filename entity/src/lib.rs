//! What is on disk: one file per table, no behaviour, no domain types.
//!
//! Times are milliseconds since 1970 (UTC). The tables themselves, with the CHECK constraints that say
//! which columns a state may have, are in `migration/`.

pub mod access_token;
pub mod approver;
pub mod audit_event;
pub mod catalogue;
pub mod client;
pub mod device;
pub mod grant;
pub mod held_transaction;
pub mod kept_refresh;
pub mod pace;
pub mod parcel;
pub mod pause;
pub mod proxied_question;
pub mod quiet_hours;
pub mod redemption;
pub mod refresh_token;
pub mod registration_token;
pub mod request;
pub mod session;
pub mod sign_in_link;
pub mod signing_key;
pub mod standing_grant;
pub mod used_assertion;
pub mod user;
pub mod user_code;
