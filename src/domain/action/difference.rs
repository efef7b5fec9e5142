//! How a question differs from what the same person allowed the same agent before.
//!
//! People stop reading what always looks the same. So what is different is said apart, in the words of the card: what was
//! shown then against what is shown now. It is no part of the card, and decides nothing.

use time::OffsetDateTime;

use super::card::Card;

/// What was allowed before.
#[derive(Clone, Debug)]
pub struct Before {
    /// What was shown.
    pub card: Card,
    /// When it was allowed.
    pub at: OffsetDateTime,
}

/// How a question stands to those before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Nothing of this kind was allowed before.
    First,
    /// Exactly this was.
    Same {
        /// How often.
        times: usize,
        /// When last.
        last: OffsetDateTime,
    },
    /// Something of this kind was, and this is what is different from the last time.
    Other {
        /// When that was.
        last: OffsetDateTime,
        /// Fact by fact.
        facts: Vec<Changed>,
    },
}

/// A fact that was another the last time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// What the value is.
    pub label: String,
    /// What it was; none if it was not there.
    pub before: Option<String>,
    /// What it is; none if it is gone.
    pub now: Option<String>,
    /// That this value was never allowed before.
    pub new: bool,
}

/// Compares a card with those that were allowed before, the newest first.
pub fn difference(card: &Card, before: &[Before]) -> Difference {
    let alike: Vec<&Before> = before
        .iter()
        .filter(|before| same_kind(&before.card, card))
        .collect();
    let Some(last) = alike.first() else {
        return Difference::First;
    };
    let same = |it: &&&Before| facts(&it.card).eq(facts(card));
    let times = alike.iter().filter(same).count();
    if let Some(last) = alike.iter().find(|it| same(it)) {
        return Difference::Same {
            times,
            last: last.at,
        };
    }
    Difference::Other {
        last: last.at,
        facts: changed(card, &last.card, &alike),
    }
}

/// Whether two cards ask for the same things of the same service, in the same order.
pub fn same_kind(one: &Card, other: &Card) -> bool {
    one.resource.as_ref().map(|it| &it.identifier)
        == other.resource.as_ref().map(|it| &it.identifier)
        && one
            .items
            .iter()
            .map(|item| &item.key)
            .eq(other.items.iter().map(|item| &item.key))
}

/// What a card says, with the place of the item that says it.
fn facts(card: &Card) -> impl Iterator<Item = (usize, &str, &str)> {
    card.items.iter().enumerate().flat_map(|(at, item)| {
        let facts = item.facts.iter();
        facts.map(move |fact| (at, fact.label.as_str(), fact.value.as_str()))
    })
}

fn changed(card: &Card, last: &Card, alike: &[&Before]) -> Vec<Changed> {
    let value = |card: &Card, at: usize, label: &str| {
        facts(card)
            .find(|(place, name, _)| (*place, *name) == (at, label))
            .map(|(_, _, value)| value.to_owned())
    };
    let known = |at: usize, label: &str, now: &str| {
        alike
            .iter()
            .any(|it| value(&it.card, at, label).as_deref() == Some(now))
    };
    let differs = facts(card).filter_map(|(at, label, now)| {
        let before = value(last, at, label);
        (before.as_deref() != Some(now)).then(|| Changed {
            label: label.to_owned(),
            before,
            now: Some(now.to_owned()),
            new: !known(at, label, now),
        })
    });
    let gone = facts(last).filter(|(at, label, _)| value(card, *at, label).is_none());
    let gone = gone.map(|(_, label, before)| Changed {
        label: label.to_owned(),
        before: Some(before.to_owned()),
        now: None,
        new: false,
    });
    differs.chain(gone).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use time::Duration;
    use uuid::Uuid;

    use super::*;
    use crate::domain::action::Party;
    use crate::domain::action::fixture::{asked, catalogue, deploy, small_payment};
    use crate::domain::id::RequestId;

    fn card(entries: &Value) -> Card {
        let party = || Party {
            id: "x".to_owned(),
            name: "X".to_owned(),
        };
        let (asked, code) = (asked(&[], entries), "KITE-4711".to_owned());
        let id = RequestId(Uuid::from_u128(1));
        Card::draw(&asked, &catalogue(), party(), party(), None, code, id)
    }

    fn pay(amount: &str, to: &str) -> Card {
        card(&json!([small_payment(amount, "EUR", to)]))
    }

    /// Allowed on these days, the newest first.
    fn allowed<const N: usize>(cards: [Card; N]) -> Vec<Before> {
        let on = |days: usize| {
            OffsetDateTime::UNIX_EPOCH + Duration::days((N - days).try_into().unwrap())
        };
        let cards = cards.into_iter().enumerate();
        cards
            .map(|(days, card)| Before { card, at: on(days) })
            .collect()
    }

    #[test]
    fn the_first_of_its_kind_is_the_first() {
        assert_eq!(difference(&pay("1", "Hanna"), &[]), Difference::First);
        let deployed = allowed([card(&json!([deploy("1", "staging")]))]);
        assert_eq!(difference(&pay("1", "Hanna"), &deployed), Difference::First);
        let twice = allowed([card(&json!([
            small_payment("1", "EUR", "Hanna"),
            small_payment("1", "EUR", "Hanna")
        ]))]);
        assert_eq!(difference(&pay("1", "Hanna"), &twice), Difference::First);
    }

    #[test]
    fn the_same_again_says_how_often_and_when() {
        let before = allowed([pay("5", "Hanna"), pay("1", "Hanna"), pay("1", "Hanna")]);
        let same = Difference::Same {
            times: 2,
            last: before[1].at,
        };
        assert_eq!(difference(&pay("1", "Hanna"), &before), same);
    }

    #[test]
    fn what_is_different_from_the_last_time_is_named_and_what_is_new_at_all() {
        let before = allowed([pay("120", "Hanna"), pay("240", "Otto")]);
        let Difference::Other { last, facts } = difference(&pay("240", "Eve"), &before) else {
            panic!("it is another")
        };
        assert_eq!(last, before[0].at);
        let change = |label: &str, was: &str, now: &str, new| Changed {
            label: label.to_owned(),
            before: Some(was.to_owned()),
            now: Some(now.to_owned()),
            new,
        };
        assert_eq!(
            facts,
            [
                change("Amount", "€120.00", "€240.00", false),
                change("To", "Hanna", "Eve", true),
            ]
        );
    }

    #[test]
    fn what_came_and_what_went_is_named() {
        let mut more = deploy("1", "staging");
        more["migrate"] = json!(true);
        let (plain, more) = (card(&json!([deploy("1", "staging")])), card(&json!([more])));
        let came = difference(&more, &allowed([plain.clone()]));
        let Difference::Other { facts, .. } = came else {
            panic!("it is another")
        };
        assert_eq!((facts.len(), &facts[0].before), (1, &None));
        let went = difference(&plain, &allowed([more]));
        let Difference::Other { facts, .. } = went else {
            panic!("it is another")
        };
        assert_eq!((facts.len(), &facts[0].now), (1, &None));
    }
}
