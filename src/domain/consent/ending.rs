//! Until when an "always" lasts.

use time::{Duration, OffsetDateTime};

use crate::domain::action::{Always, duration};

/// One end a person can pick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndChoice {
    /// What the form sends: `today`, `7d`, `30d` or `max`.
    pub key: &'static str,
    /// What the person reads.
    pub label: String,
    /// When it would end.
    pub ends_at: OffsetDateTime,
    /// Whether it is picked unless the person picks another.
    pub usual: bool,
}

const STEPS: [(&str, Duration); 3] = [
    ("today", Duration::DAY),
    ("7d", Duration::days(7)),
    ("30d", Duration::days(30)),
];
const USUAL: Duration = Duration::days(7);

/// The longest "always" for an agent that was never allowed anything before.
pub const FIRST_CONTACT: Duration = Duration::DAY;

/// The ends a person can pick, from near to far. Empty when there is no "always".
pub fn end_choices(always: Always, first_contact: bool, now: OffsetDateTime) -> Vec<EndChoice> {
    let Always::Within(max) = always else {
        return Vec::new();
    };
    let max = if first_contact {
        max.min(FIRST_CONTACT)
    } else {
        max
    };
    let mut ends: Vec<(&'static str, Duration)> = STEPS
        .into_iter()
        .filter(|(_, length)| *length <= max)
        .collect();
    if ends.iter().all(|(_, length)| *length != max) {
        ends.push(("max", max));
    }
    // Of what there is, the longest that is not longer than usual; or else the shortest.
    let usual = ends
        .iter()
        .rposition(|(_, length)| *length <= USUAL)
        .unwrap_or(0);
    let choice = |(at, (key, length)): (usize, (&'static str, Duration))| EndChoice {
        key,
        label: if length == Duration::DAY {
            "For 24 hours".to_owned()
        } else {
            format!("For {}", duration::words(length))
        },
        ends_at: now.saturating_add(length),
        usual: at == usual,
    };
    ends.into_iter().enumerate().map(choice).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(max: Duration) -> Vec<&'static str> {
        let choices = end_choices(Always::Within(max), false, OffsetDateTime::UNIX_EPOCH);
        choices.iter().map(|choice| choice.key).collect()
    }

    fn usual(max: Duration) -> String {
        let choices = end_choices(Always::Within(max), false, OffsetDateTime::UNIX_EPOCH);
        let mut usual = choices.into_iter().filter(|choice| choice.usual);
        let one = usual.next().unwrap();
        assert!(usual.next().is_none());
        one.label
    }

    #[test]
    fn an_end_is_never_later_than_the_catalogue_allows() {
        assert_eq!(keys(Duration::days(90)), ["today", "7d", "30d", "max"]);
        assert_eq!(keys(Duration::days(30)), ["today", "7d", "30d"]);
        assert_eq!(keys(Duration::days(10)), ["today", "7d", "max"]);
        assert_eq!(keys(Duration::days(7)), ["today", "7d"]);
        assert_eq!(keys(Duration::hours(8)), ["max"]);
        let never = end_choices(Always::Never, false, OffsetDateTime::UNIX_EPOCH);
        assert_eq!(never, []);
    }

    #[test]
    fn an_agent_nobody_knows_gets_a_day_at_most() {
        let first = |max| {
            let choices = end_choices(Always::Within(max), true, OffsetDateTime::UNIX_EPOCH);
            let told: Vec<_> = choices.iter().map(|it| (it.key, it.ends_at)).collect();
            told
        };
        let tomorrow = OffsetDateTime::UNIX_EPOCH + Duration::DAY;
        assert_eq!(first(Duration::days(30)), [("today", tomorrow)]);
        let soon = OffsetDateTime::UNIX_EPOCH + Duration::hours(8);
        assert_eq!(first(Duration::hours(8)), [("max", soon)]);
    }

    #[test]
    fn seven_days_is_usual_where_it_is_possible() {
        assert_eq!(usual(Duration::days(90)), "For 7 days");
        assert_eq!(usual(Duration::days(5)), "For 5 days");
        assert_eq!(usual(Duration::hours(8)), "For 8 hours");
    }
}
