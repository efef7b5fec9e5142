//! A request that several people answer: how many have to, and who has.

use time::OffsetDateTime;

use super::words::{Moment, moment};
use crate::domain::id::UserId;
use crate::flow::show::Seen;
use crate::flow::sign_in::Present;
use crate::flow::together::Approver;

/// What the page of such a request says.
pub(super) struct Together {
    /// So many have to allow it.
    pub(super) needed: u8,
    /// Those who have, the earliest first.
    pub(super) allowed: Vec<(String, Moment)>,
    /// The one who looks is one of them.
    pub(super) mine: bool,
    /// For whom the agent asks.
    pub(super) subject: String,
}

impl Together {
    /// Of a request that waits; none when one person answers it.
    pub(super) fn of(
        seen: &Seen,
        said: &[Approver],
        by: &Present,
        now: OffsetDateTime,
    ) -> Option<Self> {
        let question = seen.request.question();
        let needed = question.quorum.as_ref()?.count;
        let yes = |one: &Approver| {
            let vote = one
                .vote
                .as_ref()
                .filter(|vote| one.active && vote.left.is_some())?;
            Some((one.user, vote.by.at))
        };
        let mut allowed: Vec<(UserId, OffsetDateTime)> = said.iter().filter_map(yes).collect();
        allowed.sort_by_key(|(_, at)| *at);
        let words =
            |(user, at): &(UserId, OffsetDateTime)| (name_of(*user, said, by), moment(*at, now));
        Some(Self {
            needed,
            allowed: allowed.iter().map(words).collect(),
            mine: allowed.iter().any(|(user, _)| *user == by.user.id),
            subject: if question.user == by.user.id {
                "you".to_owned()
            } else {
                seen.card.person.name.clone()
            },
        })
    }

    /// `1 person needed`, `2 people needed`.
    pub(super) fn needed_words(&self) -> String {
        needed_words(self.needed)
    }
}

/// `1 person needed`, `2 people needed`.
pub(super) fn needed_words(needed: u8) -> String {
    match needed {
        1 => "1 person needed".to_owned(),
        more => format!("{more} people needed"),
    }
}

/// What somebody is called by the one who looks.
pub(super) fn name_of(user: UserId, said: &[Approver], by: &Present) -> String {
    if user == by.user.id {
        return "You".to_owned();
    }
    let found = said.iter().find(|one| one.user == user);
    found.map_or_else(|| "Somebody".to_owned(), |one| one.name.clone())
}
