//! How answers are worded for machines.

pub mod oauth_error;
