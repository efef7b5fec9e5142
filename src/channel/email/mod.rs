//! Letters to people: by SMTP, or into a folder for development.
//!
//! A letter is a doorbell. It says that something waits and where, and never decides anything:
//! mailboxes are read by scanners, assistants and, now and then, agents.

mod folder;
mod letter;
mod smtp;

use std::fmt;
use std::path::PathBuf;

use lettre::message::Mailbox;
use secrecy::SecretString;

use self::folder::Folder;
use self::smtp::Smtp;
use super::sender::OutboundAllow;
use crate::domain::parcel::Delivery;

pub use self::letter::{Envelope, Letter, LetterError, approval_requested, sign_in};
pub use self::smtp::SmtpError;

/// The way to mailboxes.
#[derive(Clone, Debug)]
pub enum Mailer {
    /// Through a mail server.
    Smtp(SmtpMailer),
    /// Into a folder, one `.eml` file a letter.
    Folder(FolderMailer),
    /// No mail is set up.
    Off,
}

/// Letters through a mail server. Made by [`Mailer::smtp`].
#[derive(Clone, Debug)]
pub struct SmtpMailer {
    from: From,
    smtp: Smtp,
}

/// Letters into a folder. Made by [`Mailer::folder`].
#[derive(Clone, Debug)]
pub struct FolderMailer {
    from: From,
    folder: Folder,
}

/// The mail settings cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailerError {
    /// The sender's address.
    #[error("the sender of letters must be `address@domain` or `Name <address@domain>`")]
    From,
    /// The mail server's URL.
    #[error(transparent)]
    Smtp(#[from] SmtpError),
}

impl Mailer {
    /// Whether letters can be sent at all.
    pub fn is_on(&self) -> bool {
        match self {
            Self::Smtp(_) | Self::Folder(_) => true,
            Self::Off => false,
        }
    }

    /// Through the mail server at `smtp://…` or `smtps://…`; see [`SmtpError`] for what is refused.
    ///
    /// `plain_to` lists the hosts that may be spoken to without TLS besides this machine;
    /// `roots_pem` holds certificates to trust besides the public ones.
    pub fn smtp(
        url: &SecretString,
        from: &str,
        plain_to: &OutboundAllow,
        roots_pem: Option<&[u8]>,
    ) -> Result<Self, MailerError> {
        let from = From::read(from)?;
        let smtp = Smtp::read(url, from.0.email.domain(), plain_to, roots_pem)?;
        Ok(Self::Smtp(SmtpMailer { from, smtp }))
    }

    /// Into this folder, which is made when the first letter comes.
    pub fn folder(path: impl Into<PathBuf>, from: &str) -> Result<Self, MailerError> {
        let from = From::read(from)?;
        let folder = Folder(path.into());
        Ok(Self::Folder(FolderMailer { from, folder }))
    }

    /// Sends a letter.
    pub async fn send(&self, letter: &Letter) -> Delivery {
        let from = match self {
            Self::Smtp(mailer) => &mailer.from,
            Self::Folder(mailer) => &mailer.from,
            Self::Off => return Delivery::refused("no mail is set up on this server"),
        };
        let message = match letter.message(&from.0) {
            Ok(message) => message,
            Err(error) => return Delivery::refused(error.to_string()),
        };
        match self {
            Self::Smtp(mailer) => mailer.smtp.send(message).await,
            Self::Folder(mailer) => {
                mailer
                    .folder
                    .keep(letter.date, &letter.id, &message.formatted())
                    .await
            }
            Self::Off => Delivery::refused("no mail is set up on this server"),
        }
    }
}

/// Whom letters come from: `address@domain`, or `Name <address@domain>`.
#[derive(Clone)]
struct From(Mailbox);

impl From {
    fn read(text: &str) -> Result<Self, MailerError> {
        let read = || {
            let text = letter::line(text)?;
            let Some((name, rest)) = text.trim().split_once('<') else {
                return letter::mailbox(text.trim());
            };
            let mut mailbox = letter::mailbox(rest.strip_suffix('>').unwrap_or_default())?;
            let name = name.trim().trim_matches('"').trim();
            mailbox.name = (!name.is_empty()).then(|| name.to_owned());
            Ok::<_, LetterError>(mailbox)
        };
        read().map(Self).map_err(|_| MailerError::From)
    }
}

impl fmt::Debug for From {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sender_of_letters_is_one_address_with_or_without_a_name() {
        for (text, shown) in [
            ("ask@example.com", "ask@example.com"),
            (
                "Acme asks <ask@example.com>",
                "\"Acme asks\" <ask@example.com>",
            ),
            (" \"Acme\" <ask@example.com> ", "Acme <ask@example.com>"),
            ("<ask@example.com>", "ask@example.com"),
        ] {
            let from = From::read(text).expect(text);
            assert_eq!(format!("{from:?}").replace('"', ""), shown.replace('"', ""));
        }
        for text in [
            "",
            "ask",
            "a@b.c, d@e.f",
            "A <a@b.c> B",
            "A\r\nBcc: x <a@b.c>",
            "A <a@b.c",
        ] {
            assert_eq!(From::read(text).unwrap_err(), MailerError::From, "{text}");
        }
    }

    #[tokio::test]
    async fn without_mail_a_letter_is_refused_at_once() {
        let envelope = Envelope {
            to: "maya@example.com",
            date: time::OffsetDateTime::UNIX_EPOCH,
            id: "1",
        };
        let letter = sign_in("Acme", "https://x.example/", envelope.date, envelope).unwrap();
        assert!(matches!(
            Mailer::Off.send(&letter).await,
            Delivery::Refused { .. }
        ));
    }
}
