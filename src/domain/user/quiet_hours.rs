//! Hours in which a person is not to be disturbed, by the clock on their wall.
//!
//! Times of day are the person's; moments are the server's. A night that begins on a day that counts is quiet to
//! its end, also where the clock is set forward or back in it.

use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::civil::{Date, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use time::OffsetDateTime;

use crate::domain::action::Tier;

/// Longest name of a time zone.
const LONGEST_ZONE: usize = 64;

/// Every time zone there is, compiled in: nothing is read from this machine.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// When a person is not to be disturbed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuietHours {
    /// The time zone's IANA name.
    zone: String,
    /// On which days it begins.
    days: Days,
    /// When it begins and ends, in minutes of the day.
    from: u16,
    to: u16,
    /// What is important may ring all the same, if policy agrees.
    pub urgent_rings: bool,
    /// Agents may know when it ends.
    pub tells_agents: bool,
}

/// Days of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days(u8);

/// What cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadHours {
    /// No time of day.
    #[error("write times of day like 22:00 and 07:00")]
    Time,
    /// It never begins or never ends.
    #[error("they must begin at one time and end at another")]
    Empty,
    /// No such zone.
    #[error("there is no such time zone: write one like Europe/Zurich")]
    Zone,
    /// No day.
    #[error("choose at least one day")]
    Day,
}

impl Days {
    /// All of them.
    pub const ALL: Self = Self(0b111_1111);

    /// Their short names, Monday first.
    pub const NAMES: [&'static str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

    /// Those of these names.
    ///
    /// # Errors
    ///
    /// When one is unknown, or there are none.
    pub fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, BadHours> {
        let place = |name: &str| Self::NAMES.iter().position(|it| *it == name.trim());
        let days = names.into_iter().try_fold(0, |days, name| {
            let place = place(name).ok_or(BadHours::Day)?;
            Ok(days | 1 << place)
        })?;
        if days == 0 {
            Err(BadHours::Day)
        } else {
            Ok(Self(days))
        }
    }

    /// Their names.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let all = Self::NAMES.into_iter().enumerate();
        all.filter(move |(place, _)| self.0 & 1 << place != 0)
            .map(|(_, name)| name)
    }

    fn includes(self, day: Weekday) -> bool {
        self.0 & 1 << day.to_monday_zero_offset() != 0
    }

    /// The stored form.
    pub fn as_stored(self) -> i32 {
        i32::from(self.0)
    }

    /// Reads the stored form.
    pub fn from_stored(days: i32) -> Option<Self> {
        let days = u8::try_from(days).ok()?;
        (1..=Self::ALL.0).contains(&days).then_some(Self(days))
    }
}

impl QuietHours {
    /// Reads what somebody wrote.
    ///
    /// # Errors
    ///
    /// What of it cannot be, in words for them.
    pub fn read(zone: &str, days: Days, from: &str, to: &str) -> Result<Self, BadHours> {
        let (from, to) = (minutes(from)?, minutes(to)?);
        Self::made(zone.trim(), days, from, to)
    }

    fn made(name: &str, days: Days, from: u16, to: u16) -> Result<Self, BadHours> {
        if from == to {
            return Err(BadHours::Empty);
        }
        zone(name).ok_or(BadHours::Zone)?;
        Ok(Self {
            zone: name.to_owned(),
            days,
            from,
            to,
            urgent_rings: false,
            tells_agents: false,
        })
    }

    /// With what a person may wish besides.
    #[must_use]
    pub fn with(self, urgent_rings: bool, tells_agents: bool) -> Self {
        Self {
            urgent_rings,
            tells_agents,
            ..self
        }
    }

    /// Reads the stored form.
    pub fn from_stored(zone: &str, days: i32, from: i32, to: i32) -> Option<Self> {
        let day = |minutes: i32| u16::try_from(minutes).ok().filter(|it| *it < 24 * 60);
        Self::made(zone, Days::from_stored(days)?, day(from)?, day(to)?).ok()
    }

    /// The time zone's name.
    pub fn zone(&self) -> &str {
        &self.zone
    }

    /// On which days they begin.
    pub fn days(&self) -> Days {
        self.days
    }

    /// When they begin and end, in minutes of the day.
    pub fn minutes(&self) -> (u16, u16) {
        (self.from, self.to)
    }

    /// When they begin and end, as on a clock.
    pub fn times(&self) -> (String, String) {
        let time = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        (time(self.from), time(self.to))
    }

    /// Until when a question of that tier does not ring; none if it does. What rings all the same must be at least
    /// what policy lets ring, and the person must want it.
    pub fn hold(
        &self,
        tier: Tier,
        policy_rings: Option<Tier>,
        now: OffsetDateTime,
    ) -> Option<OffsetDateTime> {
        let rings = self.urgent_rings && policy_rings.is_some_and(|least| tier >= least);
        if rings { None } else { self.until(now) }
    }

    /// When they end, if it is one of them.
    pub fn until(&self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        let zone = zone(&self.zone)?;
        let here = Timestamp::from_second(now.unix_timestamp()).ok()?;
        let today = here.to_zoned(zone.clone()).date();
        let began = [today.yesterday().ok()?, today];
        let ends = began.into_iter().filter_map(|day| {
            let (begins, ends) = self.night(day, &zone)?;
            (begins <= here && here < ends).then_some(ends)
        });
        OffsetDateTime::from_unix_timestamp(ends.max()?.as_second()).ok()
    }

    /// Of the hours that begin on that day, the first moment and the first moment after them.
    fn night(&self, day: Date, zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
        if !self.days.includes(day.weekday()) {
            return None;
        }
        let next = if self.to > self.from {
            day
        } else {
            day.tomorrow().ok()?
        };
        let moment = |day: Date, minutes: u16| {
            let (hour, minute) = (
                i8::try_from(minutes / 60).ok()?,
                i8::try_from(minutes % 60).ok()?,
            );
            let there = day.at(hour, minute, 0, 0).to_zoned(zone.clone()).ok()?;
            Some(there.timestamp())
        };
        Some((moment(day, self.from)?, moment(next, self.to)?))
    }
}

fn zone(name: &str) -> Option<TimeZone> {
    let fits = !name.is_empty() && name.len() <= LONGEST_ZONE && name.is_ascii();
    if fits { ZONES.get(name).ok() } else { None }
}

fn minutes(time: &str) -> Result<u16, BadHours> {
    let number = |text: &str, below: u16| {
        let short = (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        let number = text.parse::<u16>().ok();
        let number = number.filter(|it| short && *it < below);
        number.ok_or(BadHours::Time)
    };
    let (hour, minute) = time.trim().split_once(':').ok_or(BadHours::Time)?;
    Ok(number(hour, 24)? * 60 + number(minute, 60)?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    fn hours(zone: &str, days: &str, from: &str, to: &str) -> QuietHours {
        let days = Days::named(days.split(',')).unwrap();
        QuietHours::read(zone, days, from, to).unwrap()
    }

    const EVERY_DAY: &str = "mon,tue,wed,thu,fri,sat,sun";

    #[test]
    fn a_night_is_quiet_from_its_evening_to_its_morning() {
        let nights = hours("Europe/Zurich", EVERY_DAY, "22:00", "07:00");
        let morning = datetime!(2026-01-16 06:00 UTC);
        assert_eq!(nights.until(datetime!(2026-01-15 20:59:59 UTC)), None);
        for moment in [
            datetime!(2026-01-15 21:00 UTC),
            datetime!(2026-01-15 23:30 UTC),
            datetime!(2026-01-16 05:59:59 UTC),
        ] {
            assert_eq!(nights.until(moment), Some(morning), "{moment}");
        }
        assert_eq!(nights.until(morning), None);
        // An hour earlier by the server's clock when it is summer.
        let summer = datetime!(2026-07-15 20:00 UTC);
        assert_eq!(nights.until(summer), Some(datetime!(2026-07-16 05:00 UTC)));
    }

    #[test]
    fn a_night_counts_for_the_day_it_begins_on() {
        let weekend = hours("UTC", "fri,sat", "22:00", "09:00");
        // 2026-01-16 is a Friday.
        assert!(weekend.until(datetime!(2026-01-16 08:00 UTC)).is_none());
        assert!(weekend.until(datetime!(2026-01-16 22:00 UTC)).is_some());
        assert!(weekend.until(datetime!(2026-01-18 08:59 UTC)).is_some());
        assert!(weekend.until(datetime!(2026-01-18 22:00 UTC)).is_none());
        let lunch = hours("UTC", "mon", "12:00", "13:00");
        let end = datetime!(2026-01-19 13:00 UTC);
        assert_eq!(lunch.until(datetime!(2026-01-19 12:30 UTC)), Some(end));
        assert_eq!(lunch.until(datetime!(2026-01-20 12:30 UTC)), None);
    }

    #[test]
    fn a_night_in_which_the_clock_is_set_ends_when_the_clock_says_so() {
        let nights = hours("Europe/Zurich", EVERY_DAY, "22:00", "07:00");
        let spring = nights.until(datetime!(2026-03-28 23:00 UTC));
        assert_eq!(spring, Some(datetime!(2026-03-29 05:00 UTC)));
        let autumn = nights.until(datetime!(2026-10-24 23:00 UTC));
        assert_eq!(autumn, Some(datetime!(2026-10-25 06:00 UTC)));
        // 02:30 is not there on that day.
        let early = hours("Europe/Zurich", EVERY_DAY, "22:00", "02:30");
        let end = early.until(datetime!(2026-03-28 23:00 UTC));
        assert_eq!(end, Some(datetime!(2026-03-29 01:30 UTC)));
    }

    #[test]
    fn what_is_important_rings_only_if_person_and_policy_agree() {
        let now = datetime!(2026-01-15 23:30 UTC);
        let mut nights = hours("UTC", EVERY_DAY, "22:00", "07:00");
        let rings = |it: &QuietHours, tier, policy| it.hold(tier, policy, now).is_none();
        assert!(!rings(&nights, Tier::Critical, Some(Tier::High)));
        nights.urgent_rings = true;
        assert!(rings(&nights, Tier::Critical, Some(Tier::High)));
        assert!(rings(&nights, Tier::High, Some(Tier::High)));
        assert!(!rings(&nights, Tier::High, Some(Tier::Critical)));
        assert!(!rings(&nights, Tier::Normal, Some(Tier::High)));
        assert!(!rings(&nights, Tier::Critical, None));
    }

    #[test]
    fn what_cannot_be_is_refused_in_words() {
        let read = |zone, from, to| QuietHours::read(zone, Days::ALL, from, to).unwrap_err();
        for time in [
            "", "7", "24:00", "7:60", "07:00:00", "-1:00", "a:b", "007:00", "+7:00",
        ] {
            assert_eq!(read("UTC", time, "08:00"), BadHours::Time, "{time}");
        }
        assert_eq!(read("UTC", "07:00", "7:00"), BadHours::Empty);
        for zone in ["", "Mars/Olympus", "../etc/passwd", &"x".repeat(100)] {
            assert_eq!(read(zone, "22:00", "07:00"), BadHours::Zone, "{zone}");
        }
        assert_eq!(Days::named([]), Err(BadHours::Day));
        assert_eq!(Days::named(["mon", "noday"]), Err(BadHours::Day));
    }

    #[test]
    fn what_is_stored_is_read_back() {
        let it = hours("America/New_York", "mon,sun", "22:05", "7:00");
        let (from, to) = it.minutes();
        let back =
            QuietHours::from_stored(it.zone(), it.days().as_stored(), from.into(), to.into());
        assert_eq!(back.as_ref(), Some(&it));
        assert_eq!(it.times(), ("22:05".to_owned(), "07:00".to_owned()));
        assert_eq!(it.days().names().collect::<Vec<_>>(), ["mon", "sun"]);
        assert_eq!(QuietHours::from_stored("UTC", 0, 1, 2), None);
        assert_eq!(QuietHours::from_stored("UTC", 127, 1, 1440), None);
    }

    proptest! {
        #[test]
        fn they_always_end_within_a_day_and_a_little(
            from in 0_u16..1440,
            length in 1_u16..1440,
            days in 1_i32..128,
            at in 0_i64..400 * 86_400,
        ) {
            let to = i32::from((from + length) % 1440);
            let it = QuietHours::from_stored("Europe/Zurich", days, from.into(), to).unwrap();
            let now = datetime!(2026-01-01 00:00 UTC) + time::Duration::seconds(at);
            if let Some(end) = it.until(now) {
                prop_assert!(now < end && end - now <= time::Duration::hours(25));
                // What begins where they end is not the same night.
                let next = it.until(end);
                prop_assert!(next.is_none_or(|next| next > end));
            }
        }
    }
}
