//! `client_notification_token` (CIBA §7.1): by which the agent will know us when we call it.

use std::fmt;

use super::mode::Mode;
use super::refusal::Refusal;

/// Longest token, in characters (§7.1).
const LONGEST: usize = 1024;

/// A bearer token of the agent's own making. Does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct NotificationToken(String);

impl fmt::Debug for NotificationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NotificationToken(…)")
    }
}

impl NotificationToken {
    /// The token that comes with a request: needed by an agent that is called. What another sends is
    /// ignored.
    pub fn read(mode: Mode, sent: Option<&str>) -> Result<Option<Self>, Refusal> {
        if !mode.calls() {
            return Ok(None);
        }
        let text = sent.ok_or(Refusal::InvalidRequest(
            "client_notification_token is missing",
        ))?;
        let token = Self::from_text(text).ok_or(Refusal::InvalidRequest(
            "client_notification_token must be a bearer token of at most 1024 characters",
        ))?;
        Ok(Some(token))
    }

    /// A token as it was, if it can stand in an `Authorization` header (RFC 6750 §2.1, `b64token`).
    pub fn from_text(text: &str) -> Option<Self> {
        let letters = text.trim_end_matches('=');
        let fits = |b: u8| {
            b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b'+' | b'/')
        };
        let good = !letters.is_empty() && text.len() <= LONGEST && letters.bytes().all(fits);
        good.then(|| Self(text.to_owned()))
    }

    /// The token, to be sent or sealed.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t14_a_token_is_a_bearer_token_of_at_most_1024_characters() {
        for good in ["8d67dc78-7faa", "a", "A~b+c/d._-1==", &"x".repeat(1024)] {
            let read = NotificationToken::read(Mode::Ping, Some(good)).unwrap();
            assert_eq!(read.unwrap().expose(), good);
        }
        let long = "x".repeat(1025);
        for bad in [
            "",
            "=",
            "a=b",
            "a b",
            "a%20",
            "ä",
            "a\r\nX: y",
            "a\"",
            "a,b",
            " a",
            "a ",
            &long,
        ] {
            let refusal = NotificationToken::read(Mode::Ping, Some(bad)).unwrap_err();
            assert_eq!(refusal.code(), "invalid_request", "{bad:?}");
        }
    }

    #[test]
    fn t14_who_is_called_needs_one_and_who_polls_has_none() {
        let refusal = NotificationToken::read(Mode::Ping, None).unwrap_err();
        assert_eq!(refusal.code(), "invalid_request");
        for sent in [None, Some("token"), Some("not a token")] {
            assert_eq!(NotificationToken::read(Mode::Poll, sent), Ok(None));
        }
    }

    #[test]
    fn a_token_does_not_print() {
        let token = NotificationToken::from_text("8d67dc78").unwrap();
        assert!(!format!("{token:?}").contains("8d67"));
    }
}
