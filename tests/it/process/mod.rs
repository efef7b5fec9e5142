//! The program as its users have it: processes that are started, called, killed and started again.

#[macro_use]
mod server;

mod asking;
mod crash;
mod going;
mod kills;
mod openid_client;
mod operating;
mod program;
mod serving;
