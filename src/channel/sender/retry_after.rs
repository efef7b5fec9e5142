//! When the other side asks to be left alone for a while (RFC 9110 section 10.2.3).

use http::HeaderMap;
use http::header::RETRY_AFTER;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Duration, OffsetDateTime, PrimitiveDateTime};

/// Nobody may make a promise wait longer than this.
const LONGEST: Duration = Duration::HOUR;

const HTTP_DATE: &[BorrowedFormatItem<'_>] = format_description!(
    "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
);

/// How long to wait, between a second and an hour; nothing when the header is absent or malformed.
pub(super) fn read(headers: &HeaderMap, now: OffsetDateTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if text.bytes().all(|b| b.is_ascii_digit()) {
        // A number too long to read is a long time.
        Duration::seconds(text.parse().unwrap_or(i64::MAX))
    } else {
        PrimitiveDateTime::parse(text, HTTP_DATE).ok()?.assume_utc() - now
    };
    Some(wait.clamp(Duration::SECOND, LONGEST))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn seconds_and_dates_are_read_and_bounded() {
        let now = datetime!(2026-11-22 08:00:00 UTC);
        for (text, wait) in [
            ("120", Some(Duration::seconds(120))),
            ("0", Some(Duration::SECOND)),
            ("999999999999999999999999", Some(Duration::HOUR)),
            (
                "Sun, 22 Nov 2026 08:02:00 GMT",
                Some(Duration::seconds(120)),
            ),
            ("Sun, 22 Nov 2020 08:02:00 GMT", Some(Duration::SECOND)),
            ("-5", None),
            ("soon", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
            assert_eq!(read(&headers, now), wait, "{text}");
        }
        assert_eq!(read(&HeaderMap::new(), now), None);
    }
}
