//! Lengths of time as people write them: `45s`, `10m`, `8h`, `30d`.
//!
//! One number and one unit, so that a length has one reading. The longest is ten years: what is
//! longer is a mistake.

use time::Duration;

/// The text is not a length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a length of time: a whole number and s, m, h or d, such as 45s, 10m, 8h or 30d")]
pub struct NotALength;

const UNITS: [(char, i64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];
const LONGEST: i64 = 3_650 * 86_400;

/// Reads a length of time.
pub fn read(text: &str) -> Result<Duration, NotALength> {
    let unit = text.chars().next_back().ok_or(NotALength)?;
    let (_, seconds) = UNITS
        .into_iter()
        .find(|(name, _)| *name == unit)
        .ok_or(NotALength)?;
    let count = &text[..text.len() - unit.len_utf8()];
    if count.is_empty() || count.len() > 9 || !count.bytes().all(|b| b.is_ascii_digit()) {
        return Err(NotALength);
    }
    let count: i64 = count.parse().map_err(|_| NotALength)?;
    let seconds = count
        .checked_mul(seconds)
        .filter(|all| *all <= LONGEST)
        .ok_or(NotALength)?;
    Ok(Duration::seconds(seconds))
}

/// Writes a length of time in the largest unit that fits it exactly. Parts of a second are not
/// written.
pub fn write(length: Duration) -> String {
    let seconds = length.whole_seconds();
    UNITS
        .into_iter()
        .find(|(_, unit)| seconds != 0 && seconds % unit == 0)
        .map_or_else(
            || format!("{seconds}s"),
            |(name, unit)| format!("{}{name}", seconds / unit),
        )
}

/// The same in words: `30 days`, `1 hour`.
pub fn words(length: Duration) -> String {
    let written = write(length);
    let (count, unit) = written.split_at(written.len() - 1);
    let word = match unit {
        "d" => "day",
        "h" => "hour",
        "m" => "minute",
        _ => "second",
    };
    let plural = if count == "1" { "" } else { "s" };
    format!("{count} {word}{plural}")
}

/// For `#[serde(with = "duration::text")]`.
pub(crate) mod text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use time::Duration;

    pub(crate) fn serialize<S: Serializer>(length: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&super::write(*length))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        super::read(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_written_as_it_was_read() {
        for text in ["0s", "45s", "10m", "8h", "30d", "90s", "36h"] {
            assert_eq!(write(read(text).unwrap()), text);
        }
        assert_eq!(write(read("60s").unwrap()), "1m");
        assert_eq!(words(Duration::days(30)), "30 days");
        assert_eq!(words(Duration::hours(1)), "1 hour");
    }

    #[test]
    fn anything_else_is_not_a_length() {
        for text in [
            "",
            "d",
            "10",
            "-1d",
            "+1d",
            "1.5h",
            "1 h",
            "1w",
            "10µ",
            "4000d",
            "9999999999s",
        ] {
            assert_eq!(read(text), Err(NotALength), "{text}");
        }
    }
}
