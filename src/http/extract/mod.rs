//! What a request says, read strictly before anyone acts on it.
//!
//! axum's own `Form` and `Query` take the last of a doubled parameter, or the first, and mend bad
//! UTF-8; what two parties read differently is an attack. These refuse instead.

pub mod agent_request;
pub mod client_certificate;
pub mod cookies;
pub mod form;
mod forwarded;
pub mod own_form;
pub mod own_page;
mod parameters;
pub mod peer;
pub mod present_person;
pub mod query;
pub mod visitor;

pub use client_certificate::ClientCertificate;
pub use parameters::{FormError, FormParams};
pub use peer::PeerAddr;
