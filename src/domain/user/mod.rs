//! Who is asked: a person, and the browsers that reach them.

pub mod browser;
pub mod code;
pub mod quiet_hours;

use time::OffsetDateTime;

use crate::domain::id::{DeviceId, UserId};

/// A person.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// `sub`.
    pub id: UserId,
    /// Where letters go; lower-cased.
    pub email: String,
    /// Another name a hint may use; lower-cased.
    pub username: Option<String>,
    /// What pages call them.
    pub name: String,
    /// Someone who is disabled cannot be asked, and what they allowed is not honoured.
    pub active: bool,
    /// When they were added.
    pub created_at: OffsetDateTime,
}

/// A browser that receives notifications, as the person sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// Whose it is.
    pub user: UserId,
    /// What it is called.
    pub name: String,
    /// When it was added.
    pub created_at: OffsetDateTime,
    /// When a push service last took a message for it.
    pub last_delivered_at: Option<OffsetDateTime>,
    /// When it was removed or found gone.
    pub retired_at: Option<OffsetDateTime>,
}

/// An address a letter can go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("that is not an e-mail address")]
pub struct NotAnAddress;

/// Reads an e-mail address: one `@`, no spaces or controls, something with a dot or `localhost` behind
/// it; lower-cased, because people do not tell `Maya@` from `maya@`.
pub fn read_email(text: &str) -> Result<String, NotAnAddress> {
    let text = text.trim().to_lowercase();
    let (local, domain) = text.split_once('@').ok_or(NotAnAddress)?;
    let plain = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_graphic() && !br#"<>()[],;:\"@"#.contains(&b))
    };
    let dotted = domain == "localhost"
        || (domain.contains('.') && !domain.starts_with('.') && !domain.ends_with('.'));
    if plain(local) && plain(domain) && dotted && text.len() <= 254 {
        Ok(text)
    } else {
        Err(NotAnAddress)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_g09_only_plain_addresses_are_taken() {
        assert_eq!(
            read_email(" Maya@Acme.Example ").as_deref(),
            Ok("maya@acme.example")
        );
        for wrong in [
            "maya",
            "@a.b",
            "m@",
            "m@b",
            "a@b@c.d",
            "m@a.b\r\nBcc: x@y.z",
            "<m@a.b>",
            "m@.b",
            "ü@a.b",
        ] {
            assert_eq!(read_email(wrong), Err(NotAnAddress), "{wrong:?}");
        }
    }
}
