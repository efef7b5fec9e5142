//! How answers are worded for machines.

pub mod dpop_nonce;
pub mod oauth_error;
