//! Why a person said no, and what an agent may make of it.
//!
//! A no is final and told at once. The reason is an afterthought: it may be given with the no, or once within
//! a short while after it.

use time::{Duration, OffsetDateTime};

use super::{Denied, TooLate};
use crate::domain::id::UserId;

/// How long after a no its reason may still be given.
pub const EXPLAINED_WITHIN: Duration = Duration::minutes(10);

/// Why it was a no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Another time.
    NotNow,
    /// Something in it is wrong.
    WrongDetails,
    /// Less of it might have been allowed.
    TooMuch,
    /// The person has nothing to do with it.
    NotMine,
    /// In their words: at most 280 characters, already cleaned.
    Other(String),
    /// They would have allowed it, but left nothing of it.
    NothingLeft,
}

/// Whether it is of any use to ask again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// No.
    Never,
    /// The same, later.
    After,
    /// Something else than this.
    WithChanges,
}

impl Reason {
    /// Those that a person picks with one tap.
    pub const PICKED: [Self; 4] = [
        Self::NotNow,
        Self::WrongDetails,
        Self::TooMuch,
        Self::NotMine,
    ];

    /// The word as stored and told to agents.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::NotNow => "not_now",
            Self::WrongDetails => "wrong_details",
            Self::TooMuch => "too_much",
            Self::NotMine => "not_mine",
            Self::Other(_) => "other",
            Self::NothingLeft => "nothing_left",
        }
    }

    /// The reason of that word; `text` is what goes with `other`.
    pub fn read(word: &str, text: Option<String>) -> Option<Self> {
        match (word, text) {
            ("other", Some(text)) => Some(Self::Other(text)),
            ("nothing_left", None) => Some(Self::NothingLeft),
            (word, None) => Self::PICKED.into_iter().find(|it| it.as_str() == word),
            (_, Some(_)) => None,
        }
    }

    /// The person's own words.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Other(text) => Some(text),
            Self::NotNow
            | Self::WrongDetails
            | Self::TooMuch
            | Self::NotMine
            | Self::NothingLeft => None,
        }
    }

    /// What an agent may make of it.
    pub fn retry(&self) -> Retry {
        match self {
            Self::NotNow => Retry::After,
            Self::WrongDetails | Self::TooMuch | Self::Other(_) | Self::NothingLeft => {
                Retry::WithChanges
            }
            Self::NotMine => Retry::Never,
        }
    }
}

impl Retry {
    /// The word told to agents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::After => "after",
            Self::WithChanges => "with_changes",
        }
    }
}

impl Denied {
    /// Whether it was this person who said no.
    pub fn is_by(&self, user: UserId) -> bool {
        self.decision.by.settled_by(self.question.user) == user
    }

    /// Whether a reason may still be given.
    pub fn may_be_explained(&self, now: OffsetDateTime) -> bool {
        self.reason.is_none() && now < self.decision.at.saturating_add(EXPLAINED_WITHIN)
    }

    /// The same no, with its reason.
    ///
    /// # Errors
    ///
    /// [`TooLate`] when it has one, or some minutes have passed.
    pub fn explain(self, reason: Reason, now: OffsetDateTime) -> Result<Self, TooLate> {
        if !self.may_be_explained(now) {
            return Err(TooLate);
        }
        Ok(Self {
            reason: Some(reason),
            ..self
        })
    }

    /// Whether it is of any use to ask again: a bare no is a no.
    pub fn retry(&self) -> Retry {
        self.reason.as_ref().map_or(Retry::Never, Reason::retry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_read_back_from_its_word() {
        let own = [Reason::Other("no".into()), Reason::NothingLeft];
        for reason in Reason::PICKED.into_iter().chain(own) {
            let text = reason.text().map(str::to_owned);
            assert_eq!(Reason::read(reason.as_str(), text), Some(reason));
        }
        assert_eq!(Reason::read("other", None), None);
        assert_eq!(Reason::read("not_now", Some("x".into())), None);
        assert_eq!(Reason::read("", None), None);
    }

    #[test]
    fn what_may_be_asked_again_is_told_apart() {
        let retry = |reason: &Reason| reason.retry().as_str();
        let words: Vec<_> = Reason::PICKED.iter().map(retry).collect();
        assert_eq!(words, ["after", "with_changes", "with_changes", "never"]);
    }
}
