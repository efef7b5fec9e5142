//! A service is called when there is an answer to what it has parked, as Standard Webhooks 1.0.0 has it.
//!
//! `webhook-id` names the promise and stays the same however often it is tried, `webhook-timestamp` is the attempt's:
//! a call that is sent again later by somebody else is old, and one that was taken before is known.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use time::OffsetDateTime;
use url::Url;

use super::State;
use crate::domain::ciba::refusal::Refusal;

/// `webhook-id`.
pub const ID: &str = "webhook-id";
/// `webhook-timestamp`.
pub const TIMESTAMP: &str = "webhook-timestamp";
/// `webhook-signature`.
pub const SIGNATURE: &str = "webhook-signature";

/// Longest address taken.
const LONGEST: usize = 2_048;

/// What a service's calls are signed with. Does not print.
pub struct WebhookSecret([u8; 32]);

impl WebhookSecret {
    /// A secret of these bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// As libraries want it.
    pub fn to_text(&self) -> String {
        format!("whsec_{}", STANDARD.encode(self.0))
    }

    /// The signature of one attempt, as the header has it.
    pub fn sign(&self, id: &str, at: OffsetDateTime, body: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        let signed = format!("{id}.{}.{body}", at.unix_timestamp());
        format!(
            "v1,{}",
            STANDARD.encode(hmac::sign(&key, signed.as_bytes()))
        )
    }
}

/// Reads where a service wants to be called. Whether it may be called there is judged when it is.
pub fn read_address(text: &str) -> Result<String, Refusal> {
    let bad = Refusal::InvalidRequest("webhook must be an https URL without user or fragment");
    let url = Url::parse(text).map_err(|_| bad.clone())?;
    let plain = text.len() <= LONGEST
        && matches!(url.scheme(), "https" | "http")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none();
    if plain { Ok(url.into()) } else { Err(bad) }
}

/// What a state is called in a call; none for one that nobody is told of.
pub fn event(state: State) -> Option<&'static str> {
    match state {
        State::Approved => Some("transaction.approved"),
        State::Denied => Some("transaction.denied"),
        State::Expired => Some("transaction.expired"),
        // It can be asked about again, or its service has ended it itself.
        State::Held | State::Pending | State::Released | State::Cancelled => None,
    }
}

/// The body of a call.
pub fn body<T: Serialize>(event: &str, at: &str, data: &T) -> Option<String> {
    #[derive(Serialize)]
    struct Call<'a, T> {
        #[serde(rename = "type")]
        kind: &'a str,
        timestamp: &'a str,
        data: &'a T,
    }
    let call = Call {
        kind: event,
        timestamp: at,
        data,
    };
    serde_json::to_string(&call).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_signed_as_the_standard_has_it() {
        // The example of the reference libraries.
        let bytes = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &bytes);
        let signed = "msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{\"test\": 2432232314}";
        let known = "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(STANDARD.encode(hmac::sign(&key, signed.as_bytes())), known);

        let secret = WebhookSecret::new([7; 32]);
        let at = OffsetDateTime::from_unix_timestamp(1_614_265_330).unwrap();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
        let mac = hmac::sign(&key, b"id.1614265330.{}");
        assert_eq!(
            secret.sign("id", at, "{}"),
            format!("v1,{}", STANDARD.encode(mac))
        );
        assert!(secret.to_text().starts_with("whsec_BwcH"));
    }

    #[test]
    fn an_address_is_one_that_can_be_called() {
        assert!(read_address("https://pay.example/hooks?x=1").is_ok());
        for bad in [
            "",
            "pay.example",
            "ftp://pay.example",
            "https://me@pay.example/",
            "https://pay.example/#x",
            "file:///etc/passwd",
            &format!("https://pay.example/{}", "a".repeat(LONGEST)),
        ] {
            assert!(read_address(bad).is_err(), "{bad}");
        }
    }
}
