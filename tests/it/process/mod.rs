//! The program as its users have it: processes that are started, called, killed and started again.

#[macro_use]
mod server;

mod crash;
mod kills;
mod openid_client;
mod program;
