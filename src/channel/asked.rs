//! What a doorbell may say about a request, whichever way it rings.
//!
//! Only words this server vouches for: its own, the agent's registered name, and the card's heading.
//! Nothing an agent wrote goes into a letter or a notice, where it would look like ours.

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

/// A request that waits, as far as a bystander may know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// This server's name.
    pub server: String,
    /// The agent's registered name.
    pub agent: String,
    /// The card's heading; `None` from tier `high` up, where a bystander must not read it.
    pub heading: Option<String>,
    /// Until when the person may answer, in their own time zone.
    pub answer_by: OffsetDateTime,
    /// The words also shown where the request started.
    pub match_code: String,
    /// The request's page.
    pub link: String,
}

const TIME: &[BorrowedFormatItem<'_>] = format_description!("[hour]:[minute]");
const DAY: &[BorrowedFormatItem<'_>] = format_description!("[day padding:none] [month repr:long]");
const OFFSET: &[BorrowedFormatItem<'_>] =
    format_description!("UTC[offset_hour sign:mandatory padding:none]:[offset_minute]");

/// A moment as briefly as it can be said: `14:12`, or `24 November, 14:12` on another day.
pub(super) fn brief(at: OffsetDateTime, now: OffsetDateTime) -> String {
    let time = written(at, TIME);
    if at.date() == now.to_offset(at.offset()).date() {
        return time;
    }
    format!("{}, {time}", written(at, DAY))
}

/// A moment in full: `22 November 2026, 14:12 UTC`.
pub(super) fn full(at: OffsetDateTime) -> String {
    let zone = if at.offset().is_utc() {
        "UTC".to_owned()
    } else {
        written(at, OFFSET)
    };
    format!(
        "{} {}, {} {zone}",
        written(at, DAY),
        at.year(),
        written(at, TIME)
    )
}

fn written(at: OffsetDateTime, format: &[BorrowedFormatItem<'_>]) -> String {
    // Fails only for components the value does not have, and a moment has them all.
    at.format(format).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_moment_is_said_in_the_readers_zone_and_no_longer_than_needed() {
        let now = datetime!(2026-11-22 23:30:00 UTC);
        assert_eq!(brief(datetime!(2026-11-22 23:40:00 UTC), now), "23:40");
        assert_eq!(brief(datetime!(2026-11-23 00:40:00 +1), now), "00:40");
        assert_eq!(
            brief(datetime!(2026-12-01 08:05:00 UTC), now),
            "1 December, 08:05"
        );
        assert_eq!(full(now), "22 November 2026, 23:30 UTC");
        assert_eq!(
            full(now.to_offset(time::macros::offset!(+5:30))),
            "23 November 2026, 05:00 UTC+5:30"
        );
        assert_eq!(
            full(now.to_offset(time::macros::offset!(-3))),
            "22 November 2026, 20:30 UTC-3:00"
        );
    }
}
