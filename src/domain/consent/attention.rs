//! A person's attention: how often agents may interrupt, and what arrives without ringing.
//!
//! What would be one interruption too many is accepted and waits on the person's page all the same; only
//! nothing is sent about it. So is what asks again what already rings. Nothing is approved by it, and nothing
//! lives longer or shorter.

use time::{Duration, OffsetDateTime};

use crate::domain::action::json::digest;
use crate::domain::action::{Asked, Tier};
use crate::domain::consent::step_up::Wanted;
use crate::domain::id::{ClientId, RequestId, UserId};

/// Within which one agent may interrupt a person only so often.
const AT_ONCE: Duration = Duration::minutes(10);

/// How far back interruptions count.
pub const REMEMBERED: Duration = Duration::DAY;

/// What is left of a ringing question for a new one to hang on to it: whoever comes to the phone a moment later
/// must find it.
const TIME_TO_SEE: Duration = Duration::MINUTE;

/// How often agents may interrupt a person. Zero is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// One agent, within ten minutes.
    pub of_an_agent: u64,
    /// All agents, within a day; what is important or critical rings all the same.
    pub of_a_day: u64,
}

/// How a question reaches its person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// On every channel they have.
    Rings,
    /// It waits on their page, and nothing is sent.
    Silent(Silence),
}

/// Why nothing is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// This agent has interrupted them often enough for a while.
    TooOften,
    /// They have been interrupted often enough for a day.
    EnoughToday,
    /// The same question rings already.
    AskedAlready,
    /// They are not to be disturbed at this hour.
    QuietHours,
}

/// SHA-256 of what a question is to its person, apart from its number and its code.
pub type Likeness = [u8; 32];

/// A question that rang.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rang {
    /// Which.
    pub request: RequestId,
    /// Whose question it was.
    pub client: ClientId,
    /// What it was, if it can be asked again.
    pub likeness: Option<Likeness>,
    /// When it was asked.
    pub at: OffsetDateTime,
    /// Until when it could be answered.
    pub answer_by: OffsetDateTime,
}

/// What a question is to its person. None for what is one of its kind whatever it says: an action that a
/// service holds, and whether somebody is there, where only the code says at which screen.
pub fn likeness(
    client: &ClientId,
    user: UserId,
    scope: &str,
    asked: &Asked,
    said: Option<&str>,
    wanted: &Wanted,
) -> Option<Likeness> {
    if asked.items.is_empty() || asked.transaction.is_some() {
        return None;
    }
    let all = (client.0.as_str(), user.0, scope, asked, said, wanted);
    Some(digest(&serde_json::to_string(&all).ok()?))
}

/// Why one more question of this agent arrives without ringing, after those that rang.
pub fn one_more(
    rang: &[Rang],
    client: &ClientId,
    tier: Tier,
    budget: Budget,
    now: OffsetDateTime,
) -> Option<Silence> {
    let within = |length: Duration| rang.iter().filter(move |it| now - it.at < length);
    let theirs = within(AT_ONCE).filter(|it| it.client == *client).count();
    let all = within(REMEMBERED).count();
    let reached = |count: usize, limit: u64| limit != 0 && count as u64 >= limit;
    if reached(theirs, budget.of_an_agent) {
        Some(Silence::TooOften)
    } else if tier < Tier::High && reached(all, budget.of_a_day) {
        Some(Silence::EnoughToday)
    } else {
        None
    }
}

/// The same question of the same agent that rings already, if nobody has answered it, and there is time enough left to
/// see it.
pub fn ringing<'a>(rang: &'a [Rang], new: &Rang, now: OffsetDateTime) -> Option<&'a Rang> {
    let enough = TIME_TO_SEE.min((new.answer_by - now) / 2);
    let same = |it: &&Rang| it.likeness.is_some() && it.likeness == new.likeness;
    let mut same = rang.iter().filter(same);
    same.find(|it| it.client == new.client && it.answer_by - now >= enough)
}

impl Arrival {
    /// Every way.
    const ALL: [Self; 5] = [
        Self::Rings,
        Self::Silent(Silence::TooOften),
        Self::Silent(Silence::EnoughToday),
        Self::Silent(Silence::AskedAlready),
        Self::Silent(Silence::QuietHours),
    ];

    /// The stored word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rings => "rings",
            Self::Silent(why) => why.as_str(),
        }
    }

    /// Reads the stored word.
    pub fn from_stored(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == word)
    }

    /// Why nothing is sent, if nothing is.
    pub fn silence(self) -> Option<Silence> {
        match self {
            Self::Rings => None,
            Self::Silent(why) => Some(why),
        }
    }
}

impl Silence {
    /// The word as stored and shown to agents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TooOften => "too_often",
            Self::EnoughToday => "enough_today",
            Self::AskedAlready => "asked_already",
            Self::QuietHours => "quiet_hours",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;
    use uuid::Uuid;

    use super::*;
    use crate::domain::action::{AskedItem, PermissionKey};
    use crate::domain::id::TransactionId;

    const NOW: OffsetDateTime = datetime!(2026-11-22 21:30 UTC);
    const USUAL: Budget = Budget {
        of_an_agent: 3,
        of_a_day: 5,
    };

    fn rang(client: &str, minutes_ago: i64) -> Rang {
        Rang {
            request: RequestId(Uuid::from_u128(1)),
            client: ClientId(client.to_owned()),
            likeness: Some([7; 32]),
            at: NOW - Duration::minutes(minutes_ago),
            answer_by: NOW - Duration::minutes(minutes_ago) + Duration::minutes(10),
        }
    }

    fn then(before: &[Rang], tier: Tier) -> Option<Silence> {
        one_more(before, &ClientId("a".into()), tier, USUAL, NOW)
    }

    #[test]
    fn the_fourth_of_one_agent_in_ten_minutes_does_not_ring_however_grave() {
        let three = [rang("a", 0), rang("a", 5), rang("a", 9)];
        assert_eq!(then(&three, Tier::Critical), Some(Silence::TooOften));
        let others = [rang("a", 0), rang("b", 5), rang("a", 9)];
        assert_eq!(then(&others, Tier::Normal), None);
        let older = [rang("a", 0), rang("a", 5), rang("a", 10)];
        assert_eq!(then(&older, Tier::Normal), None);
    }

    #[test]
    fn the_sixth_in_a_day_does_not_ring_unless_it_is_important() {
        let five: Vec<_> = (1..=5).map(|n| rang("b", n * 60)).collect();
        assert_eq!(then(&five, Tier::Normal), Some(Silence::EnoughToday));
        assert_eq!(then(&five, Tier::High), None);
        let older: Vec<_> = (20..=24).map(|n| rang("b", n * 60)).collect();
        assert_eq!(then(&older, Tier::Normal), None);
    }

    #[test]
    fn the_same_question_hangs_on_to_what_rings_while_there_is_time_to_see_it() {
        let new = |minutes| Rang {
            answer_by: NOW + Duration::minutes(minutes),
            ..rang("a", 0)
        };
        let before = [rang("a", 8)];
        assert_eq!(ringing(&before, &new(10), NOW), before.first());
        assert_eq!(ringing(&[rang("a", 10)], &new(10), NOW), None);
        let half_a_minute_left = [Rang {
            answer_by: NOW + Duration::seconds(30),
            ..rang("a", 9)
        }];
        assert_eq!(ringing(&half_a_minute_left, &new(10), NOW), None);
        assert!(ringing(&half_a_minute_left, &new(1), NOW).is_some());
        assert_eq!(ringing(&[rang("b", 8)], &new(10), NOW), None);
        let alone = Rang {
            likeness: None,
            ..rang("a", 8)
        };
        let another = Rang {
            likeness: None,
            ..new(10)
        };
        assert_eq!(ringing(&[alone], &another, NOW), None);
    }

    fn of(scope: &str, asked: &Asked, said: Option<&str>) -> Option<Likeness> {
        let (client, user) = (ClientId("a".into()), UserId(Uuid::from_u128(2)));
        likeness(&client, user, scope, asked, said, &Wanted::default())
    }

    #[test]
    fn only_what_says_the_same_is_the_same_and_some_things_are_never() {
        let item = AskedItem {
            key: PermissionKey::Scope("read".into()),
            resource: "https://x.example".into(),
            detail: None,
        };
        let asked = Asked {
            items: vec![item.clone()],
            ..Asked::default()
        };
        let twice = Asked {
            items: vec![item.clone(), item],
            ..Asked::default()
        };
        let one = of("read", &asked, None);
        assert!(one.is_some() && one == of("read", &asked.clone(), None));
        assert_ne!(one, of("read", &asked, Some("please")));
        assert_ne!(one, of("openid read", &asked, None));
        assert_ne!(one, of("read", &twice, None));
        assert_eq!(of("openid", &Asked::default(), None), None);
        let held = Asked {
            transaction: Some(TransactionId(Uuid::from_u128(3))),
            ..asked
        };
        assert_eq!(of("read", &held, None), None);
    }

    #[test]
    fn the_words_can_be_read_back() {
        for arrival in Arrival::ALL {
            assert_eq!(Arrival::from_stored(arrival.as_str()), Some(arrival));
        }
        assert_eq!(Arrival::from_stored("loud"), None);
    }

    proptest! {
        #[test]
        fn no_agent_rings_more_often_than_it_may(
            gaps in proptest::collection::vec(0_i64..300, 1..80),
            of_an_agent in 1_u64..5,
            of_a_day in 1_u64..9,
        ) {
            let budget = Budget { of_an_agent, of_a_day };
            let (mut now, mut before) = (NOW, Vec::new());
            for gap in gaps {
                now += Duration::seconds(gap);
                let client = ClientId("a".into());
                if one_more(&before, &client, Tier::Normal, budget, now).is_none() {
                    before.push(Rang { at: now, ..rang("a", 0) });
                }
                let lately = before.iter().filter(|it| now - it.at < AT_ONCE).count();
                prop_assert!(lately as u64 <= of_an_agent);
                prop_assert!(before.len() as u64 <= of_a_day);
            }
        }
    }
}
