//! What a service answers an agent whose call it has parked: a `WWW-Authenticate` value, made ready.
//!
//! Its members are those of RFC 6750 §3 and RFC 9470 §3; `transaction` is ours, and is what the agent adds to
//! its request.

use super::HeldTransaction;

/// The value of the header. Everything in it is of a shape that needs no escaping: scopes by RFC 6749 §3.3
/// have neither quotes nor backslashes.
pub fn challenge(held: &HeldTransaction) -> String {
    let scope = held.asked.scopes().join(" ");
    let scope = if scope.is_empty() {
        String::new()
    } else {
        format!("scope=\"{scope}\", ")
    };
    format!(
        "Bearer error=\"insufficient_authorization\", \
         error_description=\"a person has to approve this\", {scope}transaction=\"{}\"",
        held.id
    )
}
