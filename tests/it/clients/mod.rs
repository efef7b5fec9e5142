//! Clients: how they prove who they are, and what their tokens are bound to.

mod dpop;
