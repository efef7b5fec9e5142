//! One letter, and the two this server writes.
//!
//! A letter has typed addresses and a fixed set of headers; a line break in a field is refused, not
//! escaped, because nothing honest puts one there. The text part and the HTML part say the same.

use std::time::SystemTime;

use askama::Template;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::{Address, Message};
use time::OffsetDateTime;

use crate::channel::asked::{Asked, brief, full};

/// The longest subject, in characters.
const LONGEST_SUBJECT: usize = 150;

/// A letter, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    pub(super) to: Mailbox,
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
    pub(super) date: OffsetDateTime,
    pub(super) id: String,
}

/// Why a letter cannot be written. Says nothing of what was to be in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LetterError {
    /// Not an email address.
    #[error("not an email address that a letter can be sent to")]
    Address,
    /// A line break or another control character in a field that goes on one line.
    #[error("a line of the letter holds a line break or another control character")]
    Control,
    /// A template failed, or the letter could not be put together.
    #[error("the letter could not be put together")]
    Unwritten,
}

/// To whom, when, and by which id a letter is known: the same parcel always makes the same letter.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// The person's address.
    pub to: &'a str,
    /// The moment it is written.
    pub date: OffsetDateTime,
    /// What makes it unique: the parcel's id.
    pub id: &'a str,
}

#[derive(Template)]
#[template(path = "email/approval_requested/subject.txt")]
struct AskedSubject<'a> {
    agent: &'a str,
    heading: Option<&'a str>,
    brief: &'a str,
}

#[derive(Template)]
#[template(path = "email/approval_requested/body.txt")]
struct AskedText<'a> {
    server: &'a str,
    agent: &'a str,
    heading: Option<&'a str>,
    answer_by: &'a str,
    match_code: &'a str,
    link: &'a str,
}

#[derive(Template)]
#[template(path = "email/approval_requested/body.html")]
struct AskedHtml<'a> {
    server: &'a str,
    agent: &'a str,
    heading: Option<&'a str>,
    answer_by: &'a str,
    match_code: &'a str,
    link: &'a str,
}

/// A request waits for an answer.
pub fn approval_requested(asked: &Asked, envelope: Envelope<'_>) -> Result<Letter, LetterError> {
    let (server, agent) = (line(&asked.server)?, line(&asked.agent)?);
    let heading = asked.heading.as_deref().map(line).transpose()?;
    let (match_code, link) = (line(&asked.match_code)?, line(&asked.link)?);
    let answer_by = &*full(asked.answer_by);
    let subject = AskedSubject {
        agent,
        heading,
        brief: &brief(asked.answer_by, envelope.date),
    };
    let text = AskedText {
        server,
        agent,
        heading,
        answer_by,
        match_code,
        link,
    };
    let html = AskedHtml {
        server,
        agent,
        heading,
        answer_by,
        match_code,
        link,
    };
    Letter::write(envelope, &subject, &text, &html)
}

#[derive(Template)]
#[template(path = "email/sign_in/subject.txt")]
struct SignInSubject<'a> {
    server: &'a str,
}

#[derive(Template)]
#[template(path = "email/sign_in/body.txt")]
struct SignInText<'a> {
    server: &'a str,
    good_until: &'a str,
    link: &'a str,
}

#[derive(Template)]
#[template(path = "email/sign_in/body.html")]
struct SignInHtml<'a> {
    server: &'a str,
    good_until: &'a str,
    link: &'a str,
}

/// A person wants to sign in, and is whoever reads this.
pub fn sign_in(
    server: &str,
    link: &str,
    good_until: OffsetDateTime,
    envelope: Envelope<'_>,
) -> Result<Letter, LetterError> {
    let (server, link) = (line(server)?, line(link)?);
    let good_until = &*full(good_until);
    let text = SignInText {
        server,
        good_until,
        link,
    };
    let html = SignInHtml {
        server,
        good_until,
        link,
    };
    Letter::write(envelope, &SignInSubject { server }, &text, &html)
}

impl Letter {
    fn write(
        envelope: Envelope<'_>,
        subject: &impl Template,
        text: &impl Template,
        html: &impl Template,
    ) -> Result<Self, LetterError> {
        let subject = rendered(subject)?;
        let id = envelope.id;
        if id.is_empty() || !id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return Err(LetterError::Unwritten);
        }
        Ok(Self {
            to: mailbox(envelope.to)?,
            // `=?` begins an encoded word: in plain sight it would be decoded into other words.
            subject: shortened(line(subject.trim())?).replace("=?", "= ?"),
            text: rendered(text)?,
            html: rendered(html)?,
            date: envelope.date,
            id: id.to_owned(),
        })
    }

    /// The letter as it goes over the wire.
    pub(super) fn message(&self, from: &Mailbox) -> Result<Message, LetterError> {
        let part = |kind: ContentType, words: &str| {
            SinglePart::builder().header(kind).body(words.to_owned())
        };
        Message::builder()
            .from(from.clone())
            .to(self.to.clone())
            .subject(&self.subject)
            .date(SystemTime::from(self.date))
            .message_id(Some(format!("<{}@{}>", self.id, from.email.domain())))
            .header(AutoSubmitted)
            .multipart(
                MultiPart::alternative()
                    .boundary(format!("countersign-{}", self.id))
                    .singlepart(part(ContentType::TEXT_PLAIN, &self.text))
                    .singlepart(part(ContentType::TEXT_HTML, &self.html)),
            )
            .map_err(|_| LetterError::Unwritten)
    }
}

/// Says that a machine wrote this, so that no other machine answers (RFC 3834).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// An address, and nothing but one: no name, no list, no quoting.
pub(super) fn mailbox(text: &str) -> Result<Mailbox, LetterError> {
    let odd = |c: char| c.is_whitespace() || c.is_control() || "\"\\<>()[],;:".contains(c);
    if text.len() > 254 || text.contains(odd) {
        return Err(LetterError::Address);
    }
    let address = text.parse::<Address>().map_err(|_| LetterError::Address)?;
    Ok(Mailbox::new(None, address))
}

/// Words that stay on one line.
pub(super) fn line(text: &str) -> Result<&str, LetterError> {
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    if text.contains(breaks) {
        return Err(LetterError::Control);
    }
    Ok(text)
}

fn shortened(subject: &str) -> String {
    match subject.char_indices().nth(LONGEST_SUBJECT) {
        Some((end, _)) => format!("{}…", subject[..end].trim_end()),
        None => subject.to_owned(),
    }
}

fn rendered(template: &impl Template) -> Result<String, LetterError> {
    template.render().map_err(|_| LetterError::Unwritten)
}

#[cfg(test)]
mod tests;
