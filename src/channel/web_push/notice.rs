//! What a notification says: the payload, readable as a declarative push message (W3C Push API)
//! and by our service worker alike.
//!
//! A lock screen is read by bystanders, so from tier `high` on a notice says only that something
//! important waits. Nothing an agent wrote is in any of them.

use serde_json::json;
use unicode_segmentation::UnicodeSegmentation;

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
    use super::*;

    fn notice() -> Notice {
        Notice {
            title: "Billing Agent asks".to_owned(),
            body: "Pay €240.00 to Hanna Herwitz · by 14:12 · KITE-47".to_owned(),
            lang: "en".to_owned(),
            tag: "req-1c26".to_owned(),
            navigate: "https://ask.acme.example/r/1c26".to_owned(),
            urgency: Urgency::High,
            badge: 2,
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
