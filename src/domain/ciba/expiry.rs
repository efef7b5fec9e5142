//! `requested_expiry` (CIBA §7.1) and the two clocks of a request.
//!
//! The person may answer until `answer_by`; the `auth_req_id` lives a collection window longer, so that
//! an answer in the last second is not lost. `expires_in` is the sum.

use time::Duration;

use crate::domain::ciba::refusal::Refusal;

/// Bounds on how long a person may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// When the agent does not say.
    pub usual: Duration,
    /// Shortest.
    pub shortest: Duration,
    /// Longest.
    pub longest: Duration,
    /// How long the agent may still collect after the last moment to answer.
    pub collection: Duration,
}

impl Default for Windows {
    fn default() -> Self {
        Self {
            usual: Duration::minutes(10),
            shortest: Duration::seconds(10),
            longest: Duration::days(30),
            collection: Duration::seconds(60),
        }
    }
}

/// How long the person has: what was asked for, clamped.
pub fn answer_window(requested: Option<&str>, windows: Windows) -> Result<Duration, Refusal> {
    const MALFORMED: Refusal =
        Refusal::InvalidRequest("requested_expiry must be a positive integer");
    let Some(text) = requested else {
        return Ok(windows.usual);
    };
    if !text.bytes().all(|b| b.is_ascii_digit()) || text.bytes().all(|b| b == b'0') {
        return Err(MALFORMED);
    }
    // More digits than fit are a very long time, and clamped like one.
    let seconds = text.parse::<i64>().unwrap_or(i64::MAX);
    let longest = windows.longest.whole_seconds();
    Ok(Duration::seconds(
        seconds.clamp(windows.shortest.whole_seconds(), longest),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t15_only_a_positive_integer_is_an_expiry() {
        let windows = Windows::default();
        for wrong in ["0", "000", "-1", "1.5", "abc", "", " 1", "+1", "1e3"] {
            let refusal = answer_window(Some(wrong), windows).unwrap_err();
            assert_eq!(refusal.code(), "invalid_request", "{wrong:?}");
        }
    }

    #[test]
    fn t15_what_is_too_short_or_too_long_is_clamped() {
        let windows = Windows::default();
        let window = |text| answer_window(Some(text), windows);
        assert_eq!(window("1"), Ok(Duration::seconds(10)));
        assert_eq!(window("300"), Ok(Duration::seconds(300)));
        assert_eq!(window("9223372036854775808"), Ok(Duration::days(30)));
        assert_eq!(answer_window(None, windows), Ok(Duration::minutes(10)));
    }
}
