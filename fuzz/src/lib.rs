//! What eats bytes from outside, fed with anything.
//!
//! Each target has an oracle, not only "no panic": what is accepted is looked at again by another reader,
//! and must be what it was accepted for. Where a signature would keep the bytes from ever being looked at, the
//! harness signs them: the attacker it plays has a key.

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a panic is what is looked for"
)]

mod bodies;
mod forwarded;
mod shown;
mod signed;
mod signer;

pub use bodies::{authorization_details, form, jwks, url};
pub use forwarded::original;
pub use shown::{agent_text, certificate};
pub use signed::{client_assertion, dpop_proof, login_hint_token, request_object};

/// A target's name, and what it does with its input: whether it was accepted.
pub type Target = (&'static str, fn(&[u8]) -> bool);

/// Every target: the name is also that of its folder in `seeds`.
pub const TARGETS: [Target; 11] = [
    ("request_object", request_object),
    ("dpop_proof", dpop_proof),
    ("client_assertion", client_assertion),
    ("login_hint_token", login_hint_token),
    ("form", form),
    ("authorization_details", authorization_details),
    ("jwks", jwks),
    ("url", url),
    ("agent_text", agent_text),
    ("certificate", certificate),
    ("original", original),
];
