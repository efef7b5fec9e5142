//! Pauses: agents that may not ask for a while. All of them or one, everybody or one person, or one agent
//! for one kind of question.
//!
//! While a pause holds, nobody is asked, no "always" answers, and nothing is sent about what was asked
//! before. It takes nothing away: what was allowed stays allowed, what waits can be answered.

use std::collections::BTreeSet;

use time::{Duration, OffsetDateTime, Time, UtcOffset};

use crate::domain::action::{Asked, PermissionKey};
use crate::domain::ciba::refusal::Refusal;
use crate::domain::id::{ClientId, PauseId, UserId};

/// The longest pause with an end.
const LONGEST: Duration = Duration::days(366);

/// How far from UTC clocks on a wall are set, at most.
const FURTHEST: i32 = 14 * 60;

/// What kind of question: the permissions asked for together, whatever the details.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shape(pub BTreeSet<PermissionKey>);

/// Whom a pause holds back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Every agent, whomever it asks.
    Everyone,
    /// Every agent that asks this person.
    Person(UserId),
    /// This agent, when it asks this person.
    Agent(UserId, ClientId),
    /// This agent, when it asks this person for that.
    Shape(UserId, ClientId, Shape),
}

/// Who or what began it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Whoever runs the server.
    Operator,
    /// The person.
    Person,
    /// The person said no again and again.
    Denials,
    /// The person said that they had not asked for it.
    Reported,
}

/// A pause.
#[derive(Clone, Debug, PartialEq)]
pub struct Pause {
    /// Its id.
    pub id: PauseId,
    /// Whom it holds back.
    pub reach: Reach,
    /// Who or what began it.
    pub cause: Cause,
    /// What the operator tells people about it.
    pub why: Option<String>,
    /// When it began.
    pub began_at: OffsetDateTime,
    /// When it ends by itself, if it does.
    pub ends_at: Option<OffsetDateTime>,
    /// When it was ended.
    pub ended_at: Option<OffsetDateTime>,
    /// How many requests it has held back.
    pub held_back: u64,
}

/// How long a person wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// For an hour.
    Hour,
    /// Until midnight, of a clock so many minutes ahead of UTC.
    Today(i32),
    /// Until they say so.
    UntilResumed,
}

impl Shape {
    /// What kind of question this is.
    pub fn of(asked: &Asked) -> Self {
        Self(asked.items.iter().map(|item| item.key.clone()).collect())
    }

    /// The stored form: one permission a line.
    pub fn as_stored(&self) -> String {
        let keys: Vec<String> = self.0.iter().map(PermissionKey::as_stored).collect();
        keys.join("\n")
    }

    /// Reads what [`as_stored`](Self::as_stored) wrote.
    pub fn from_stored(text: &str) -> Option<Self> {
        let keys = text.lines().map(PermissionKey::from_stored);
        keys.collect::<Result<_, _>>().ok().map(Self)
    }

    /// Whether a question of this kind is one of that kind, too: who asks for more besides, asks for it all
    /// the same. Asking only whether somebody is there is a kind of its own.
    fn includes(&self, other: &Self) -> bool {
        self.0.is_empty() == other.0.is_empty() && self.0.is_superset(&other.0)
    }
}

impl Reach {
    /// Whether this agent, asking this person for that, is held back.
    fn holds(&self, client: &ClientId, user: UserId, asked: &Shape) -> bool {
        match self {
            Self::Everyone => true,
            Self::Person(whose) => *whose == user,
            Self::Agent(whose, who) => *whose == user && who == client,
            Self::Shape(whose, who, what) => {
                *whose == user && who == client && asked.includes(what)
            }
        }
    }

    /// Whose it is, if it is a person's.
    pub fn user(&self) -> Option<UserId> {
        match self {
            Self::Everyone => None,
            Self::Person(user) | Self::Agent(user, _) | Self::Shape(user, _, _) => Some(*user),
        }
    }

    /// Which agent it is about, if it is about one.
    pub fn client(&self) -> Option<&ClientId> {
        match self {
            Self::Everyone | Self::Person(_) => None,
            Self::Agent(_, client) | Self::Shape(_, client, _) => Some(client),
        }
    }

    /// Which kind of question it is about, if it is about one.
    pub fn shape(&self) -> Option<&Shape> {
        match self {
            Self::Everyone | Self::Person(_) | Self::Agent(..) => None,
            Self::Shape(_, _, shape) => Some(shape),
        }
    }

    /// The word for the history.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Everyone => "everyone",
            Self::Person(_) => "person",
            Self::Agent(..) => "agent",
            Self::Shape(..) => "shape",
        }
    }
}

impl Pause {
    /// Whether it goes on at this moment.
    pub fn is_live(&self, now: OffsetDateTime) -> bool {
        self.ended_at.is_none() && self.ends_at.is_none_or(|end| now < end)
    }

    /// Whether it is about all agents there are.
    pub fn is_of_all_agents(&self) -> bool {
        self.reach.client().is_none()
    }

    /// What the agent is told: that it is one of many, or that it is this one. Never who, nor why.
    pub fn refusal(&self, now: OffsetDateTime) -> Refusal {
        let retry_after = self.ends_at.map(|end| end - now);
        match &self.reach {
            Reach::Everyone | Reach::Person(_) => Refusal::Paused { retry_after },
            Reach::Agent(..) | Reach::Shape(..) => Refusal::BlockedByUser { retry_after },
        }
    }
}

/// The pause that holds a question back; of several, the one that lasts longest, so that whoever comes again
/// when it ends does not come in vain.
pub fn holding<'a>(
    pauses: &'a [Pause],
    client: &ClientId,
    user: UserId,
    asked: &Shape,
    now: OffsetDateTime,
) -> Option<&'a Pause> {
    let held = pauses
        .iter()
        .filter(|pause| pause.is_live(now) && pause.reach.holds(client, user, asked));
    held.max_by_key(|pause| (pause.ends_at.is_none(), pause.ends_at))
}

impl Length {
    /// When a pause that begins now ends by itself.
    pub fn ends_at(self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        match self {
            Self::Hour => Some(now + Duration::HOUR),
            Self::Today(ahead) => Some(midnight(now, ahead)),
            Self::UntilResumed => None,
        }
    }
}

/// The end of a pause of that length, no later than in a year.
pub fn end_after(length: Duration, now: OffsetDateTime) -> OffsetDateTime {
    now + length.clamp(Duration::SECOND, LONGEST)
}

/// The next midnight of a clock so many minutes ahead of UTC.
fn midnight(now: OffsetDateTime, ahead: i32) -> OffsetDateTime {
    let ahead = ahead.clamp(-FURTHEST, FURTHEST) * 60;
    let there = UtcOffset::from_whole_seconds(ahead).unwrap_or(UtcOffset::UTC);
    let here = now.to_offset(there);
    let day = here.replace_time(Time::MIDNIGHT) + Duration::DAY;
    day.to_offset(UtcOffset::UTC)
}

impl Cause {
    const ALL: [Self; 4] = [Self::Operator, Self::Person, Self::Denials, Self::Reported];

    /// The stored word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Person => "person",
            Self::Denials => "denials",
            Self::Reported => "reported",
        }
    }

    /// Reads the stored word.
    pub fn from_stored(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;
    use uuid::Uuid;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-22 21:30 UTC);

    fn user(id: u128) -> UserId {
        UserId(Uuid::from_u128(id))
    }

    fn client(id: &str) -> ClientId {
        ClientId(id.to_owned())
    }

    fn shape(scopes: &[&str]) -> Shape {
        let key = |scope: &&str| PermissionKey::Scope((*scope).to_owned());
        Shape(scopes.iter().map(key).collect())
    }

    fn pause(reach: Reach, ends_at: Option<OffsetDateTime>) -> Pause {
        Pause {
            id: PauseId(Uuid::from_u128(1)),
            reach,
            cause: Cause::Person,
            why: None,
            began_at: NOW,
            ends_at,
            ended_at: None,
            held_back: 0,
        }
    }

    fn is_held(reach: Reach, who: &str, whom: u128, what: &[&str]) -> bool {
        let pauses = [pause(reach, None)];
        holding(&pauses, &client(who), user(whom), &shape(what), NOW).is_some()
    }

    #[test]
    fn a_pause_holds_back_whom_it_is_about_and_nobody_else() {
        let asks = [("a", 1), ("a", 2), ("b", 1), ("b", 2)];
        let held =
            |reach: &Reach| asks.map(|(who, whom)| is_held(reach.clone(), who, whom, &["x"]));
        assert_eq!(held(&Reach::Everyone), [true; 4]);
        assert_eq!(held(&Reach::Person(user(1))), [true, false, true, false]);
        let agent = Reach::Agent(user(1), client("a"));
        assert_eq!(held(&agent), [true, false, false, false]);
        let this = Reach::Shape(user(1), client("a"), shape(&["x"]));
        assert_eq!(held(&this), [true, false, false, false]);
    }

    #[test]
    fn who_asks_for_more_besides_asks_for_it_all_the_same() {
        let held = |muted: &[&str], asked: &[&str]| {
            let reach = Reach::Shape(user(1), client("a"), shape(muted));
            is_held(reach, "a", 1, asked)
        };
        assert!(held(&["x"], &["x", "y"]));
        assert!(!held(&["x", "y"], &["x"]));
        assert!(!held(&["x"], &["y"]));
        // Whether somebody is there is asked with everything, and is a question of its own.
        assert!(held(&[], &[]));
        assert!(!held(&[], &["x"]));
        assert!(!held(&["x"], &[]));
    }

    #[test]
    fn of_several_the_longest_is_told() {
        let everyone = pause(Reach::Everyone, Some(NOW + Duration::HOUR));
        let hers = pause(Reach::Person(user(1)), Some(NOW + Duration::DAY));
        let agent = pause(Reach::Agent(user(1), client("a")), None);
        let told = |pauses: &[Pause]| {
            holding(pauses, &client("a"), user(1), &shape(&["x"]), NOW)
                .map(|pause| pause.refusal(NOW))
        };
        assert_eq!(told(&[]), None);
        let (hour, day) = (Some(Duration::HOUR), Some(Duration::DAY));
        assert_eq!(
            told(std::slice::from_ref(&everyone)),
            Some(Refusal::Paused { retry_after: hour })
        );
        assert_eq!(
            told(&[hers.clone(), everyone.clone()]),
            Some(Refusal::Paused { retry_after: day })
        );
        assert_eq!(
            told(&[hers, agent, everyone]),
            Some(Refusal::BlockedByUser { retry_after: None })
        );
    }

    #[test]
    fn it_ends_by_itself_or_when_it_is_ended() {
        let mut hour = pause(Reach::Everyone, Some(NOW + Duration::HOUR));
        assert!(hour.is_live(NOW + Duration::HOUR - Duration::MILLISECOND));
        assert!(!hour.is_live(NOW + Duration::HOUR));
        hour.ended_at = Some(NOW);
        assert!(!hour.is_live(NOW));
        assert!(pause(Reach::Everyone, None).is_live(NOW + Duration::days(10_000)));
    }

    #[test]
    fn today_ends_at_midnight_where_the_person_is() {
        let end = |ahead| Length::Today(ahead).ends_at(NOW);
        assert_eq!(end(0), Some(datetime!(2026-11-23 00:00 UTC)));
        assert_eq!(end(120), Some(datetime!(2026-11-22 22:00 UTC)));
        assert_eq!(end(180), Some(datetime!(2026-11-23 21:00 UTC)));
        assert_eq!(end(-480), Some(datetime!(2026-11-23 08:00 UTC)));
    }

    proptest! {
        #[test]
        fn today_is_never_over_and_never_longer_than_a_day(ahead: i32, seconds in 0_i64..10_000_000) {
            let now = NOW + Duration::seconds(seconds);
            let end = Length::Today(ahead).ends_at(now).unwrap();
            prop_assert!(now < end && end <= now + Duration::DAY);
        }

        #[test]
        fn a_kind_of_question_is_read_as_it_was_stored(scopes in proptest::collection::btree_set("[a-z.:/]{1,9}", 0..5)) {
            let shape = Shape(scopes.into_iter().map(PermissionKey::Scope).collect());
            prop_assert_eq!(Shape::from_stored(&shape.as_stored()), Some(shape));
        }

        #[test]
        fn asking_for_more_never_gets_around_a_pause(
            muted in proptest::collection::btree_set("[a-d]", 1..4),
            more in proptest::collection::btree_set("[a-h]", 0..6),
        ) {
            let keys = |scopes: &BTreeSet<String>| Shape(scopes.iter().cloned().map(PermissionKey::Scope).collect());
            let reach = Reach::Shape(user(1), client("a"), keys(&muted));
            let asked = keys(&muted.union(&more).cloned().collect());
            prop_assert!(reach.holds(&client("a"), user(1), &asked));
            prop_assert!(!reach.holds(&client("b"), user(1), &asked));
            prop_assert!(!reach.holds(&client("a"), user(2), &asked));
        }
    }
}
