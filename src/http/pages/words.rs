//! How pages say when, how long, and who.

use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Duration, OffsetDateTime};

use crate::domain::action::json;
use crate::domain::client::document;

const TIME: &[BorrowedFormatItem<'_>] = format_description!("[hour]:[minute]");
const DAY: &[BorrowedFormatItem<'_>] = format_description!("[day padding:none] [month repr:long]");

/// A moment in words, and for machines: a script may say it in the reader's own time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// RFC 3339.
    pub(super) iso: String,
    /// `14:12 UTC`, with the day if that is not today.
    pub(super) words: String,
}

/// A moment, said at `now`.
pub(super) fn moment(at: OffsetDateTime, now: OffsetDateTime) -> Moment {
    let time = written(at, TIME);
    let words = if at.date() == now.date() {
        format!("{time} UTC")
    } else if at.year() == now.year() {
        format!("{}, {time} UTC", written(at, DAY))
    } else {
        format!("{} {}, {time} UTC", written(at, DAY), at.year())
    };
    Moment {
        iso: at.format(&Rfc3339).unwrap_or_default(),
        words,
    }
}

fn written(at: OffsetDateTime, format: &[BorrowedFormatItem<'_>]) -> String {
    // Fails only for components the value does not have, and a moment has them all.
    at.format(format).unwrap_or_default()
}

/// A length, as people say it: `about 7 minutes`.
pub(super) fn about(length: Duration) -> String {
    let count = |n: i64, unit: &str| match n {
        1 => format!("about 1 {unit}"),
        n => format!("about {n} {unit}s"),
    };
    let (minutes, hours) = (rounded(length, 60), rounded(length, 3600));
    if length < Duration::seconds(45) {
        "less than a minute".to_owned()
    } else if minutes < 60 {
        count(minutes, "minute")
    } else if hours < 36 {
        count(hours, "hour")
    } else {
        count(rounded(length, 86_400), "day")
    }
}

fn rounded(length: Duration, unit: i64) -> i64 {
    (length.whole_seconds() + unit / 2) / unit
}

/// How an agent is drawn: look-alike names have other shapes and colours, because those come from the id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Agent {
    /// What people call it.
    pub(super) name: String,
    /// The host that vouches for it, when nobody here does.
    pub(super) host: Option<String>,
    /// The first letter of that name.
    pub(super) letter: String,
    /// One of four.
    pub(super) shape: u8,
    /// One of eight.
    pub(super) hue: u8,
}

/// Draws an agent.
pub(super) fn agent(id: &str, name: &str) -> Agent {
    let [shape, hue, ..] = json::digest(id);
    Agent {
        name: name.to_owned(),
        host: document::host(id).map(str::to_owned),
        letter: name
            .chars()
            .find(|c| c.is_alphanumeric())
            .map(|c| c.to_uppercase().collect())
            .unwrap_or_default(),
        shape: shape % 4,
        hue: hue % 8,
    }
}

/// Whether words of an agent try to lead somewhere else: an address, a telephone number.
pub(super) fn leads_away(said: &str) -> bool {
    let lower = said.to_lowercase();
    let mut digits = 0;
    let mut longest = 0;
    for c in said.chars() {
        if c.is_numeric() {
            digits += 1;
            longest = longest.max(digits);
        } else if !matches!(c, ' ' | '-' | '.' | '/' | '(' | ')' | '+') {
            digits = 0;
        }
    }
    longest >= 7 || lower.contains("://") || lower.contains("www.") || lower.contains('@')
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_moment_is_said_with_its_day_unless_that_is_today() {
        let now = datetime!(2026-11-22 14:05 UTC);
        for (at, words) in [
            (datetime!(2026-11-22 14:12 UTC), "14:12 UTC"),
            (datetime!(2026-11-24 09:00 UTC), "24 November, 09:00 UTC"),
            (datetime!(2027-01-01 00:00 UTC), "1 January 2027, 00:00 UTC"),
        ] {
            assert_eq!(moment(at, now).words, words);
        }
        assert_eq!(moment(now, now).iso, "2026-11-22T14:05:00Z");
    }

    #[test]
    fn a_length_is_said_as_people_say_it() {
        for (seconds, words) in [
            (10, "less than a minute"),
            (50, "about 1 minute"),
            (420, "about 7 minutes"),
            (3590, "about 1 hour"),
            (5400, "about 2 hours"),
            (86_400, "about 24 hours"),
            (3 * 86_400, "about 3 days"),
        ] {
            assert_eq!(about(Duration::seconds(seconds)), words);
        }
    }

    #[test]
    fn look_alike_names_of_other_agents_look_different() {
        let (one, other) = (agent("billing", "Billing"), agent("bi11ing", "Billing"));
        assert_ne!((one.shape, one.hue), (other.shape, other.hue));
    }

    #[test]
    fn sec_a15_words_that_lead_away_are_noticed() {
        for said in [
            "Problem? Call +1 900 555 0199",
            "see https://evil.example/x",
            "WWW.evil.example",
            "write to help@evil.example",
        ] {
            assert!(leads_away(said), "{said}");
        }
        for said in [
            "Invoice 5521, due Friday",
            "240.00 euros to Hanna",
            "KITE-4711",
        ] {
            assert!(!leads_away(said), "{said}");
        }
    }
}
