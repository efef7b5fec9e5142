//! Whom to write to about our pushes: the `sub` claim of RFC 8292.

use url::Url;

/// Whom a push service writes to when something is wrong with what we send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VapidContact(String);

/// The contact is one that Apple's push service refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the contact must be mailto:name@domain or an https URL, with a real domain")]
pub struct MalformedContact;

impl VapidContact {
    /// Reads `mailto:name@domain` or an `https:` URL.
    ///
    /// Strict, because Apple's service answers 403 to every push otherwise: a domain with a dot
    /// that is not `localhost`, no spaces, no angle brackets.
    pub fn read(text: &str) -> Result<Self, MalformedContact> {
        let plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'<' | b'>' | b'"' | b'\\');
        if text.len() > 256 || !text.bytes().all(plain) {
            return Err(MalformedContact);
        }
        let domain = match text.strip_prefix("mailto:") {
            Some(address) => match address.rsplit_once('@') {
                Some((name, domain)) if !name.is_empty() => domain.to_owned(),
                Some(_) | None => return Err(MalformedContact),
            },
            None => match Url::parse(text) {
                Ok(url) if url.scheme() == "https" => {
                    url.domain().ok_or(MalformedContact)?.to_owned()
                }
                Ok(_) | Err(_) => return Err(MalformedContact),
            },
        };
        let label = |label: &str| {
            !label.is_empty()
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        let real = domain.contains('.') && domain.split('.').all(label);
        if !real || domain.ends_with(".localhost") {
            return Err(MalformedContact);
        }
        Ok(Self(text.to_owned()))
    }
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contact_is_one_that_every_service_accepts() {
        for text in ["mailto:a@example.com", "https://ask.example.com/help"] {
            assert!(VapidContact::read(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "a@example.com",
            "mailto:a@localhost",
            "mailto:a@b.localhost",
            "mailto:@example.com",
            "mailto: a@example.com",
            "mailto:<a@example.com>",
            "https://localhost:8080/",
            "https://127.0.0.1/",
            "http://example.com/",
        ] {
            assert_eq!(VapidContact::read(text), Err(MalformedContact), "{text}");
        }
    }
}
