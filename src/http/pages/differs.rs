//! What is different this time, in words.

use time::OffsetDateTime;

use super::words::{Moment, moment};
use crate::domain::action::difference::{Changed, Difference};

/// What the page says of earlier times.
pub(super) enum Differs {
    /// Nothing: there is nothing to compare.
    Nothing,
    First,
    Same {
        words: String,
        last: Moment,
    },
    Other {
        facts: Vec<Changed>,
        last: Moment,
    },
}

impl Differs {
    pub(super) fn of(difference: Option<Difference>, now: OffsetDateTime) -> Self {
        match difference {
            None => Self::Nothing,
            Some(Difference::First) => Self::First,
            Some(Difference::Same { times, last }) => Self::Same {
                words: match times {
                    1 => "You have allowed exactly this once before".to_owned(),
                    2 => "You have allowed exactly this twice before".to_owned(),
                    many => format!("You have allowed exactly this {many} times before"),
                },
                last: moment(last, now),
            },
            Some(Difference::Other { last, facts }) => Self::Other {
                facts,
                last: moment(last, now),
            },
        }
    }
}
