//! What a person may leave out or lower: as fields of the answering form, and read back from it.
//!
//! The form says by which catalogue it was drawn. One that was drawn by another is not read at all: what was
//! a choice in it may be none now, and silence must not allow more than the person wrote.

use std::collections::BTreeSet;

use crate::domain::action::card::Fact;
use crate::domain::action::{Asked, Catalogue};
use crate::domain::consent::partial::{Lowered, Narrowable, Narrowing, Trim, TrimOffer};
use crate::flow::show::Seen;
use crate::http::extract::FormParams;

/// The field that says by which catalogue the others were drawn.
pub(super) const DRAWN_BY: &str = "drawn_by";

/// Something asked, with what may be done to it.
pub(super) struct Item {
    pub(super) heading: String,
    /// The field that keeps it, and whether it is ticked; none when it cannot be left out.
    pub(super) tick: Option<Tick>,
    pub(super) facts: Vec<ItemFact>,
}

/// A box to tick.
pub(super) struct Tick {
    pub(super) name: String,
    pub(super) words: String,
    pub(super) ticked: bool,
}

/// A label and a value, which may be changed.
pub(super) struct ItemFact {
    pub(super) fact: Fact,
    pub(super) change: Option<Change>,
}

/// How a value may be changed.
pub(super) struct Change {
    /// Something was changed already.
    pub(super) open: bool,
    /// Where to type less: the field, what is in it, and what was asked.
    pub(super) typed: Option<(String, String, String)>,
    /// What to tick less of.
    pub(super) ticks: Vec<Tick>,
}

/// What of a request may be trimmed, by the catalogue of this version.
pub(super) struct Part<'a> {
    pub(super) offer: TrimOffer,
    version: i32,
    chosen: &'a FormParams,
}

impl<'a> Part<'a> {
    /// What may be trimmed, with what a form has chosen already.
    pub(super) fn of(
        asked: &Asked,
        catalogue: &Catalogue,
        version: i32,
        chosen: &'a FormParams,
    ) -> Self {
        Self {
            offer: TrimOffer::of(asked, catalogue),
            version,
            chosen,
        }
    }

    /// What the field [`DRAWN_BY`] says; none when there is nothing to choose.
    pub(super) fn drawn_by(&self) -> Option<String> {
        (!self.offer.is_nothing()).then(|| self.version.to_string())
    }

    /// What the form trims; none when it was drawn by another catalogue than this.
    pub(super) fn trim(&self) -> Option<Trim> {
        if self.chosen.get(DRAWN_BY) != self.drawn_by().as_deref() {
            return None;
        }
        let mut trim = Trim::default();
        for (at, fields) in self.offer.items.iter().enumerate() {
            if self.offer.ticks && !self.is_set(&tick_name(at)) {
                trim.left_out.insert(at);
                continue;
            }
            for field in fields {
                if let Some(lowered) = self.lowered(at, field) {
                    trim.lowered.insert((at, field.name.clone()), lowered);
                }
            }
        }
        Some(trim)
    }

    fn is_set(&self, name: &str) -> bool {
        self.chosen.get(name).is_some()
    }

    /// Whether the form has been filled in before.
    fn is_filled(&self) -> bool {
        self.is_set(DRAWN_BY)
    }

    fn lowered(&self, at: usize, field: &Narrowable) -> Option<Lowered> {
        match &field.how {
            Narrowing::Down(asked) => {
                // An emptied field is no amount, and not the one asked for either.
                let typed = self.chosen.get(&value_name(at, field)).unwrap_or_default();
                (typed != asked).then(|| Lowered::To(typed.to_owned()))
            }
            Narrowing::Fewer(all) => {
                let kept = (0..all.len()).filter(|nth| self.is_set(&element_name(at, field, *nth)));
                let kept: BTreeSet<usize> = kept.collect();
                (kept.len() < all.len()).then_some(Lowered::Keeping(kept))
            }
        }
    }

    /// Each thing asked, as the card has it, with what may be done to it.
    pub(super) fn items(&self, seen: &Seen) -> Vec<Item> {
        let items = seen.card.items.iter().enumerate();
        items
            .map(|(at, item)| {
                let fields = self.offer.items.get(at).map_or(&[][..], Vec::as_slice);
                let fact = |fact: &Fact| ItemFact {
                    fact: fact.clone(),
                    change: fields
                        .iter()
                        .find(|field| (&field.label, &field.asked) == (&fact.label, &fact.value))
                        .map(|field| self.change(at, field)),
                };
                Item {
                    heading: item.heading.clone(),
                    tick: self.tick(at, &item.heading),
                    facts: item.facts.iter().map(fact).collect(),
                }
            })
            .collect()
    }

    /// The box that keeps the item at that place.
    pub(super) fn tick(&self, at: usize, heading: &str) -> Option<Tick> {
        self.offer.ticks.then(|| Tick {
            name: tick_name(at),
            words: heading.to_owned(),
            ticked: !self.is_filled() || self.is_set(&tick_name(at)),
        })
    }

    fn change(&self, at: usize, field: &Narrowable) -> Change {
        let open = self.is_filled() && self.lowered(at, field).is_some();
        match &field.how {
            Narrowing::Down(asked) => {
                let name = value_name(at, field);
                let typed = if self.is_filled() {
                    self.chosen.get(&name).unwrap_or_default()
                } else {
                    asked
                };
                Change {
                    open,
                    typed: Some((name, typed.to_owned(), asked.clone())),
                    ticks: Vec::new(),
                }
            }
            Narrowing::Fewer(all) => {
                let tick = |(nth, words): (usize, &String)| {
                    let name = element_name(at, field, nth);
                    Tick {
                        ticked: !self.is_filled() || self.is_set(&name),
                        words: words.clone(),
                        name,
                    }
                };
                Change {
                    open,
                    typed: None,
                    ticks: all.iter().enumerate().map(tick).collect(),
                }
            }
        }
    }

    /// What the form has chosen to lower, as hidden fields of another.
    pub(super) fn carried(&self) -> Vec<(String, String)> {
        let mut carried = Vec::new();
        for (at, fields) in self.offer.items.iter().enumerate() {
            for change in fields.iter().map(|field| self.change(at, field)) {
                carried.extend(change.typed.map(|(name, typed, _)| (name, typed)));
                let kept = change.ticks.into_iter().filter(|tick| tick.ticked);
                carried.extend(kept.map(|tick| (tick.name, "on".to_owned())));
            }
        }
        carried
    }
}

/// The form's name for keeping the nth thing asked.
fn tick_name(at: usize) -> String {
    format!("item.{at}")
}

/// The form's name for a value of it that may be lowered.
fn value_name(at: usize, field: &Narrowable) -> String {
    format!("less.{at}.{}", field.name)
}

/// The form's name for keeping an element of a list.
fn element_name(at: usize, field: &Narrowable, nth: usize) -> String {
    format!("keep.{at}.{}.{nth}", field.name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::action::fixture::{asked, catalogue, small_payment};
    use crate::http::extract::form::read_form;

    fn trim(form: &str) -> Option<Trim> {
        let two = json!([
            small_payment("240.00", "EUR", "A"),
            small_payment("9.00", "EUR", "B")
        ]);
        let params = read_form(form.as_bytes(), &[]).unwrap_or_default();
        Part::of(&asked(&[], &two), &catalogue(), 3, &params).trim()
    }

    #[test]
    fn a_form_says_what_is_kept_and_what_is_less() {
        let whole = "drawn_by=3&item.0=on&less.0.amount=240.00&item.1=on&less.1.amount=9.00";
        assert_eq!(trim(whole), Some(Trim::default()));
        let less = trim("drawn_by=3&item.0=on&less.0.amount=10&less.1.amount=9.00").unwrap();
        assert_eq!(less.left_out, BTreeSet::from([1]));
        let amount = (0, "amount".to_owned());
        assert_eq!(less.lowered[&amount], Lowered::To("10".into()));
        assert_eq!(less.lowered.len(), 1);
    }

    #[test]
    fn an_emptied_field_does_not_mean_what_was_asked() {
        for form in [
            "drawn_by=3&item.0=on&less.0.amount=",
            "drawn_by=3&item.0=on",
        ] {
            let less = trim(form).unwrap();
            let amount = (0, "amount".to_owned());
            assert_eq!(less.lowered[&amount], Lowered::To(String::new()));
        }
    }

    #[test]
    fn a_form_drawn_by_another_catalogue_is_not_read() {
        for form in ["", "item.0=on&item.1=on", "drawn_by=2&item.0=on&item.1=on"] {
            assert_eq!(trim(form), None, "{form}");
        }
    }
}
