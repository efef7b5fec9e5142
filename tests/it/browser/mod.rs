//! Journeys in real browsers: Chromium of a phone's size, and Firefox.
//!
//! The push services are stand-ins on this machine; the browsers, their push clients, encryption and
//! notifications are the real ones.

mod answering;
mod firefox;
mod looks;
mod overtaken;
mod partial;
mod scriptless;

use serde_json::Value;

/// A small payment, of the catalogue's type that can be allowed always.
fn payment(amount: &str) -> String {
    format!(
        r#"[{{"type":"payment_small","creditor":"Hanna Herwitz","instructedAmount":{{"amount":"{amount}","currency":"EUR"}},"reference":"Invoice 5521"}}]"#
    )
}

/// A notification with these words came, and it was the push service's, delivered as it should be.
fn accepted(posted: &Value) {
    assert_eq!(posted["status"], 201, "{posted}");
    assert_eq!(posted["headers"]["content-encoding"], "aes128gcm");
}
