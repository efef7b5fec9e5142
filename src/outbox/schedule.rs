//! What becomes of a parcel after an attempt: done, again later, or given up.
//!
//! Pure: the attempt's outcome, the moment and four random bytes come in, a [`Fate`] comes out. A
//! promise is kept trying for as long as it is worth anything and not a moment longer; what is given
//! up says why. The pause doubles from a second to five minutes, less a random part, so that what
//! failed together does not return together.

use time::{Duration, OffsetDateTime};

use crate::domain::parcel::{Delivery, Fate};

/// The pause after the first attempt.
const FIRST: Duration = Duration::SECOND;

/// The longest pause of our own choosing.
const LONGEST: Duration = Duration::minutes(5);

/// The longest pause the other side may ask for.
const LONGEST_ASKED: Duration = Duration::HOUR;

/// Decides. `attempts` were made before the one that ended in `delivery`.
pub fn after(
    delivery: Delivery,
    attempts: u32,
    now: OffsetDateTime,
    worthless_after: OffsetDateTime,
    random: [u8; 4],
) -> Fate {
    match delivery {
        Delivery::Delivered => Fate::Delivered,
        Delivery::Gone { why } | Delivery::Refused { why } => Fate::Failed { why },
        Delivery::Later { after, why } => {
            let asked = after.unwrap_or(Duration::ZERO).min(LONGEST_ASKED);
            let wait = pause(attempts, random).max(asked);
            match now.checked_add(wait) {
                Some(at) if at < worthless_after => Fate::Retry { at, why },
                Some(_) | None => Fate::Failed { why },
            }
        }
    }
}

/// One second, two, four … at most five minutes; up to a quarter of it is left out by chance.
fn pause(attempts: u32, random: [u8; 4]) -> Duration {
    // Ten doublings are more than the longest pause already.
    let whole = (FIRST * 2_i32.pow(attempts.min(10))).min(LONGEST);
    let chance = f64::from(u32::from_be_bytes(random)) / f64::from(u32::MAX);
    whole - whole * 0.25 * chance
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;
    const NO_CHANCE: [u8; 4] = [0; 4];

    fn busy(after: Option<Duration>) -> Delivery {
        let why = "busy".to_owned();
        Delivery::Later { after, why }
    }

    fn wait(attempts: u32, asked: Option<Duration>) -> Duration {
        let worthless_after = NOW + Duration::DAY;
        let fate = after(busy(asked), attempts, NOW, worthless_after, NO_CHANCE);
        let Fate::Retry { at, .. } = fate else {
            panic!("{fate:?}")
        };
        at - NOW
    }

    #[test]
    fn the_pause_doubles_from_a_second_to_five_minutes() {
        let waits: Vec<_> = (0..11)
            .map(|attempts| wait(attempts, None).whole_seconds())
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(wait(u32::MAX, None), LONGEST);
    }

    #[test]
    fn the_other_side_may_ask_for_a_longer_pause_but_not_for_any() {
        let asked = |seconds| wait(3, Some(Duration::seconds(seconds))).whole_seconds();
        assert_eq!(asked(1), 8);
        assert_eq!(asked(120), 120);
        assert_eq!(asked(1_000_000), 3600);
    }

    #[test]
    fn what_cannot_be_tried_again_in_time_is_given_up_and_says_why() {
        let why = "busy".to_owned();
        let just_too_late = NOW + Duration::SECOND;
        assert_eq!(
            after(busy(None), 0, NOW, just_too_late, NO_CHANCE),
            Fate::Failed { why }
        );
    }

    #[test]
    fn only_later_is_tried_again() {
        let end = NOW + Duration::DAY;
        let fate = |delivery| after(delivery, 0, NOW, end, NO_CHANCE);
        let why = "no".to_owned();
        assert_eq!(fate(Delivery::Delivered), Fate::Delivered);
        let failed = Fate::Failed { why };
        assert_eq!(fate(Delivery::gone("no")), failed);
        assert_eq!(fate(Delivery::refused("no")), failed);
    }

    proptest! {
        #[test]
        fn a_promise_is_tried_after_now_and_before_it_is_worthless(
            attempts: u32,
            random: [u8; 4],
            asked in proptest::option::of(-10_i64..10_000_000),
            life in -10_i64..10_000_000,
        ) {
            let end = NOW + Duration::seconds(life);
            let delivery = busy(asked.map(Duration::seconds));
            match after(delivery, attempts, NOW, end, random) {
                Fate::Retry { at, .. } => {
                    prop_assert!(NOW < at && at < end);
                    prop_assert!(at - NOW <= LONGEST_ASKED);
                }
                Fate::Failed { why } => prop_assert_eq!(why, "busy"),
                Fate::Delivered | Fate::Held { .. } | Fate::TooLate | Fate::Dropped => {
                    prop_assert!(false);
                }
            }
        }

        #[test]
        fn chance_takes_a_quarter_of_the_pause_at_most(attempts: u32, random: [u8; 4]) {
            let (whole, some) = (pause(attempts, NO_CHANCE), pause(attempts, random));
            prop_assert!(some <= whole && some >= whole * 0.74);
        }
    }
}
