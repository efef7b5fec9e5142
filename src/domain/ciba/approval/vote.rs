//! One question, several people: each has one say, the first no ends it, and what is granted is what all of those
//! who were needed have left of it.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::denial::Reason;
use super::question::owed_to_agent;
use super::{
    Answer, Answered, Answerer, Approved, DecidedBy, Decision, Denied, Pending, Settled, Step,
};
use crate::domain::action::Catalogue;
use crate::domain::consent::partial::Remainder;
use crate::domain::effect::Effect;

/// What one of several people has said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Vote {
    /// Who, when, and how surely it was them.
    pub by: Answerer,
    /// What they left of it; none if they said no.
    pub left: Option<Remainder>,
}

/// What one more answer comes to.
#[derive(Clone, Debug, PartialEq)]
pub enum Counted {
    /// Others have to allow it, too.
    Waiting(Pending),
    /// That was the last one needed, or a no.
    Settled(Settled),
}

/// Why an answer does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotCounted {
    /// The moment for it has passed.
    #[error("the request has run out")]
    TooLate,
    /// They have no say in it.
    #[error("this person has no say in it")]
    NoSay,
    /// They have allowed it already.
    #[error("this person has allowed it already")]
    Already,
}

impl Pending {
    /// Counts one person's answer beside those `given` before.
    ///
    /// # Errors
    ///
    /// [`NotCounted`] when it is too late, not theirs to answer, or said already. Whoever has allowed it may still
    /// say no while others are asked.
    pub fn count(
        self,
        given: &[Vote],
        answer: Answer,
        by: Answerer,
        catalogue: &Catalogue,
        now: OffsetDateTime,
    ) -> Result<Step<Counted>, NotCounted> {
        self.ensure_open(now).map_err(|_| NotCounted::TooLate)?;
        let quorum = self.question.quorum.as_ref().ok_or(NotCounted::NoSay)?;
        if !quorum.names(by.user) {
            return Err(NotCounted::NoSay);
        }
        let yes = given.iter().filter(|vote| quorum.names(vote.by.user));
        let yes: Vec<(&Answerer, &Remainder)> = yes
            .filter_map(|vote| Some((&vote.by, vote.left.as_ref()?)))
            .collect();
        let mine = match answer {
            Answer::Deny { reason } => return Ok(self.refused(by, Vec::new(), reason, now)),
            Answer::Once(rest) | Answer::Always(rest) if rest.is_nothing() => {
                return Ok(self.refused(by, Vec::new(), Some(Reason::NothingLeft), now));
            }
            // Nobody says "always" for the others.
            Answer::Once(rest) | Answer::Always(rest) => rest,
        };
        if yes.iter().any(|(other, _)| other.user == by.user) {
            return Err(NotCounted::Already);
        }
        if yes.len() + 1 < usize::from(quorum.count) {
            return Ok(Step {
                next: Counted::Waiting(self),
                effects: Vec::new(),
            });
        }
        let asked = &self.question.asked;
        let left = |all: Remainder, (_, theirs): &(&Answerer, &Remainder)| {
            all.least(theirs, asked, catalogue)
        };
        let rest = yes.iter().fold(mine, left);
        let before = yes.into_iter().map(|(by, _)| by.clone()).collect();
        if rest.is_nothing() {
            return Ok(self.refused(by, before, Some(Reason::NothingLeft), now));
        }
        let decision = Decision {
            answer: Answered::Once,
            at: now,
            by: DecidedBy::People { last: by, before },
            granted: rest.into_items(),
        };
        let effects = self.settles();
        let question = self.question;
        Ok(Step {
            next: Counted::Settled(Settled::Approved(Approved { question, decision })),
            effects,
        })
    }

    /// What follows from the last answer.
    fn settles(&self) -> Vec<Effect> {
        let mut effects = owed_to_agent(&self.question);
        effects.push(Effect::TellPersonItIsSettled(self.question.id));
        effects
    }

    fn refused(
        self,
        last: Answerer,
        before: Vec<Answerer>,
        reason: Option<Reason>,
        now: OffsetDateTime,
    ) -> Step<Counted> {
        let effects = self.settles();
        let decision = Decision {
            answer: Answered::Deny,
            at: now,
            by: DecidedBy::People { last, before },
            granted: Vec::new(),
        };
        Step {
            next: Counted::Settled(Settled::Denied(Denied {
                question: self.question,
                decision,
                reason,
            })),
            effects,
        }
    }
}
