//! What a notification says: the payload, readable as a declarative push message (W3C Push API)
//! and by our service worker alike.
//!
//! A lock screen is read by bystanders, so from tier `high` on a notice says only that something
//! important waits. Nothing an agent wrote is in any of them.

use serde_json::json;
use time::OffsetDateTime;
use unicode_segmentation::UnicodeSegmentation;

use crate::channel::asked::{Asked, brief};

/// The most the encrypting crate takes.
const MOST_BYTES: usize = 3052;
const MOST_TITLE: usize = 160;
const MOST_BODY: usize = 480;

/// How much it matters that the phone wakes for this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// News about something that is over.
    Low,
    /// A question that can wait for the phone to wake by itself: tier `low`. Makes no sound.
    Normal,
    /// A question, from tier `normal` up.
    High,
}

/// One notification, before it is encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The first line.
    pub title: String,
    /// The rest; may be empty.
    pub body: String,
    /// The language both are in.
    pub lang: String,
    /// What it is about: a later notice with the same tag replaces this one.
    pub tag: String,
    /// The page that opens. Needs a sign-in, so it is no secret.
    pub navigate: String,
    /// How much it matters.
    pub urgency: Urgency,
    /// How many requests wait for this person.
    pub badge: u32,
}

/// The notice does not fit into a push message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the notice does not fit into a push message")]
pub struct TooLong;

impl Notice {
    /// A request waits for an answer. Without a heading the notice says nothing more than that.
    ///
    /// `tag` is the request's id, `badge` the number of requests that wait for this person.
    pub fn asking(
        asked: &Asked,
        tag: String,
        urgency: Urgency,
        badge: u32,
        now: OffsetDateTime,
    ) -> Self {
        let (title, body) = match &asked.heading {
            Some(heading) => {
                let until = brief(asked.answer_by, now);
                let code = &asked.match_code;
                let agent = &asked.agent;
                (
                    format!("{agent} asks"),
                    format!("{heading} · by {until} · {code}"),
                )
            }
            None => ("1 important request".to_owned(), String::new()),
        };
        Self {
            title,
            body,
            lang: "en".to_owned(),
            tag,
            navigate: asked.link.clone(),
            urgency,
            badge,
        }
    }

    /// Something was allowed by a rule of the person's, for the first time. Nothing is to be done: it makes no sound.
    pub fn rule_used(asked: &Asked, tag: String, badge: u32) -> Self {
        let what = asked.heading.as_deref().unwrap_or("something important");
        Self {
            title: "Allowed by your rule".to_owned(),
            body: format!(
                "{}: {what}. Its first use; the others are in your history.",
                asked.agent
            ),
            lang: "en".to_owned(),
            tag,
            navigate: asked.link.clone(),
            urgency: Urgency::Low,
            badge,
        }
    }

    /// The request with this tag is over: `how` takes the question's place, silently.
    pub fn settled(how: &str, tag: String, link: String, badge: u32) -> Self {
        Self {
            title: how.to_owned(),
            body: "There is nothing left to do.".to_owned(),
            lang: "en".to_owned(),
            tag,
            navigate: link,
            urgency: Urgency::Low,
            badge,
        }
    }

    /// The payload. Long words are cut where a reader would cut them.
    pub fn payload(&self) -> Result<Vec<u8>, TooLong> {
        let payload = json!({
            "web_push": 8030,
            "notification": {
                "title": cut(&self.title, MOST_TITLE),
                "body": cut(&self.body, MOST_BODY),
                "lang": self.lang,
                "dir": "auto",
                "tag": self.tag,
                "silent": self.urgency != Urgency::High,
                "navigate": self.navigate,
            },
            "countersign_badge": self.badge,
        });
        let payload = payload.to_string().into_bytes();
        if payload.len() > MOST_BYTES {
            return Err(TooLong);
        }
        Ok(payload)
    }
}

/// As many whole characters as fit, with an ellipsis for what does not.
fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let room = most - '…'.len_utf8();
    let end = text
        .grapheme_indices(true)
        .map(|(start, grapheme)| start + grapheme.len())
        .take_while(|&end| end <= room)
        .last()
        .unwrap_or(0);
    format!("{}…", text[..end].trim_end())
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn asked(heading: Option<&str>) -> Asked {
        Asked {
            server: "Acme".to_owned(),
            agent: "Billing Agent".to_owned(),
            heading: heading.map(str::to_owned),
            answer_by: datetime!(2026-11-22 14:12:00 UTC),
            match_code: "KITE-47".to_owned(),
            link: "https://ask.acme.example/r/1c26".to_owned(),
        }
    }

    fn asking(heading: Option<&str>) -> Notice {
        let now = datetime!(2026-11-22 14:05:00 UTC);
        Notice::asking(
            &asked(heading),
            "req-1c26".to_owned(),
            Urgency::High,
            2,
            now,
        )
    }

    fn notice() -> Notice {
        asking(Some("Pay €240.00 to Hanna Herwitz"))
    }

    #[test]
    fn sec_a17_from_tier_high_on_a_lock_screen_shows_only_that_something_waits() {
        let notice = asking(None);
        assert_eq!((&*notice.title, &*notice.body), ("1 important request", ""));
        let payload = String::from_utf8(notice.payload().unwrap()).unwrap();
        for hidden in ["Billing", "KITE", "14:12"] {
            assert!(!payload.contains(hidden), "{hidden} in {payload}");
        }
    }

    #[test]
    fn the_payload_is_a_declarative_push_message() {
        let payload: serde_json::Value =
            serde_json::from_slice(&notice().payload().unwrap()).unwrap();
        assert_eq!(
            payload,
            json!({
                "web_push": 8030,
                "notification": {
                    "title": "Billing Agent asks",
                    "body": "Pay €240.00 to Hanna Herwitz · by 14:12 · KITE-47",
                    "lang": "en", "dir": "auto", "tag": "req-1c26", "silent": false,
                    "navigate": "https://ask.acme.example/r/1c26",
                },
                "countersign_badge": 2,
            })
        );
    }

    #[test]
    fn long_words_are_cut_between_characters() {
        let family = "👨‍👩‍👧‍👦";
        let long = Notice {
            title: family.repeat(40),
            body: "x".repeat(5000),
            ..notice()
        };
        let payload: serde_json::Value = serde_json::from_slice(&long.payload().unwrap()).unwrap();
        let title = payload["notification"]["title"].as_str().unwrap();
        assert_eq!(
            title,
            format!("{}…", family.repeat((MOST_TITLE - 3) / family.len()))
        );
        let endless = Notice {
            navigate: "x".repeat(MOST_BYTES),
            ..notice()
        };
        assert_eq!(endless.payload(), Err(TooLong));
    }
}
