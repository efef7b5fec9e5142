//! What saying no again and again comes to: an agent that is told no does not ask on.

use time::{Duration, OffsetDateTime};

use super::pause::Shape;

/// How far back a no for the same thing counts.
const SAME_WITHIN: Duration = Duration::DAY;

/// How long an agent may not ask for the same thing then.
const SAME_FOR: Duration = Duration::DAY;

/// How far back any no counts.
const ANY_WITHIN: Duration = Duration::HOUR;

/// How long an agent may not ask for anything then.
const ANY_FOR: Duration = Duration::minutes(15);

/// How many are too many. Zero is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany {
    /// For the same thing, within a day.
    pub alike: u64,
    /// For anything, within an hour.
    pub any: u64,
}

/// A no to an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// What it had asked for.
    pub shape: Shape,
    /// When it was told no.
    pub at: OffsetDateTime,
}

/// What a no comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Consequences {
    /// Until when the agent may not ask for the same thing.
    pub same_until: Option<OffsetDateTime>,
    /// Until when it may not ask for anything.
    pub any_until: Option<OffsetDateTime>,
}

/// How far back denials need to be known.
pub fn since(now: OffsetDateTime) -> OffsetDateTime {
    now - SAME_WITHIN.max(ANY_WITHIN)
}

/// What one more no to an agent comes to. `earlier` are the person's others to the same agent.
pub fn one_more(
    earlier: &[Denial],
    shape: &Shape,
    too_many: TooMany,
    now: OffsetDateTime,
) -> Consequences {
    let within = |length: Duration| earlier.iter().filter(move |it| now - it.at < length);
    let alike = within(SAME_WITHIN).filter(|it| it.shape == *shape).count();
    let any = within(ANY_WITHIN).count();
    let reached = |before: usize, limit: u64| limit != 0 && before as u64 + 1 >= limit;
    Consequences {
        same_until: reached(alike, too_many.alike).then(|| now + SAME_FOR),
        any_until: reached(any, too_many.any).then(|| now + ANY_FOR),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;
    use crate::domain::action::PermissionKey;

    const NOW: OffsetDateTime = datetime!(2026-11-22 21:30 UTC);
    const USUAL: TooMany = TooMany { alike: 2, any: 3 };

    fn shape(scope: &str) -> Shape {
        Shape([PermissionKey::Scope(scope.to_owned())].into())
    }

    fn no(scope: &str, minutes_ago: i64) -> Denial {
        Denial {
            shape: shape(scope),
            at: NOW - Duration::minutes(minutes_ago),
        }
    }

    fn then(earlier: &[Denial]) -> (bool, bool) {
        let it = one_more(earlier, &shape("x"), USUAL, NOW);
        (it.same_until.is_some(), it.any_until.is_some())
    }

    #[test]
    fn the_second_no_to_the_same_thing_in_a_day_ends_it_for_a_day() {
        assert_eq!(then(&[]), (false, false));
        assert_eq!(then(&[no("y", 5)]), (false, false));
        assert_eq!(then(&[no("x", 5)]), (true, false));
        assert_eq!(then(&[no("x", 24 * 60 - 1)]), (true, false));
        assert_eq!(then(&[no("x", 24 * 60)]), (false, false));
        let it = one_more(&[no("x", 5)], &shape("x"), USUAL, NOW);
        assert_eq!(it.same_until, Some(NOW + Duration::DAY));
    }

    #[test]
    fn the_third_no_in_an_hour_is_a_quarter_of_an_hour_of_rest() {
        assert_eq!(then(&[no("y", 5), no("z", 59)]), (false, true));
        assert_eq!(then(&[no("y", 5), no("z", 60)]), (false, false));
        let it = one_more(&[no("y", 5), no("z", 6)], &shape("x"), USUAL, NOW);
        assert_eq!(it.any_until, Some(NOW + Duration::minutes(15)));
    }

    proptest! {
        #[test]
        fn without_limits_a_no_comes_to_nothing(ago in proptest::collection::vec(0_i64..3000, 0..9)) {
            let earlier: Vec<_> = ago.iter().map(|ago| no("x", *ago)).collect();
            let none = TooMany { alike: 0, any: 0 };
            prop_assert_eq!(one_more(&earlier, &shape("x"), none, NOW), Consequences::default());
        }

        #[test]
        fn one_no_more_never_makes_it_milder(
            ago in proptest::collection::vec(0_i64..3000, 0..9),
            more in 0_i64..3000,
            alike in 0_u64..5,
            any in 0_u64..5,
        ) {
            let too_many = TooMany { alike, any };
            let mut earlier: Vec<_> = ago.iter().map(|ago| no("x", *ago)).collect();
            let before = one_more(&earlier, &shape("x"), too_many, NOW);
            earlier.push(no("x", more));
            let after = one_more(&earlier, &shape("x"), too_many, NOW);
            prop_assert!(before.same_until <= after.same_until);
            prop_assert!(before.any_until <= after.any_until);
        }
    }
}
