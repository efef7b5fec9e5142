//! A partial yes: what a person leaves of what was asked.
//!
//! They may leave out whole items, and lower what the catalogue marks `narrowable`. Each item is kept as it
//! was asked, kept with something lowered, or not there: whatever a form says, what remains is never more
//! than what was asked.

mod least;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::action::facts::shown;
use crate::domain::action::money::Money;
use crate::domain::action::{
    Asked, AskedItem, Catalogue, Field, FieldKind, Permission, details, json,
};

/// Most things a page offers to tick, leave out or lower: a form has a bound. What is beyond it is answered
/// as it was asked.
const MOST_OFFERED: usize = 40;

/// How a person trims a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trim {
    /// Places of the items that are left out.
    pub left_out: BTreeSet<usize>,
    /// What is lowered: an item's place and a field's name.
    pub lowered: BTreeMap<(usize, String), Lowered>,
}

/// How a value is lowered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lowered {
    /// To an amount or a number, as a person types it.
    To(String),
    /// To the elements of a list at these places.
    Keeping(BTreeSet<usize>),
}

/// What remains of what was asked. Only this module makes one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Remainder {
    kept: Vec<(usize, AskedItem)>,
    of: usize,
}

/// What a person may do to a request before they allow it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrimOffer {
    /// Each item may be left out.
    pub ticks: bool,
    /// For each item, what of it may be lowered.
    pub items: Vec<Vec<Narrowable>>,
}

/// A value that may be lowered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Narrowable {
    /// The field's name.
    pub name: String,
    /// What the person reads beside it.
    pub label: String,
    /// The value asked for, as it is shown.
    pub asked: String,
    /// In which way.
    pub how: Narrowing,
}

/// In which way a value may be lowered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Narrowing {
    /// Down to something smaller. Holds what was asked for, as a person types it.
    Down(String),
    /// Down to some of these.
    Fewer(Vec<String>),
}

/// Why a request cannot be trimmed like this, in words for the person. A field goes by its label.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrimError {
    /// The catalogue does not let it be lowered.
    #[error("{0} cannot be changed.")]
    Fixed(String),
    /// It is no such value.
    #[error("What you typed for {0} could not be read.")]
    NotAValue(String),
    /// It is more than was asked, or less than nothing.
    #[error("{label} can only be lowered: it was asked as {asked}.")]
    NotLess {
        /// The field's label.
        label: String,
        /// What was asked, as it is shown.
        asked: String,
    },
    /// An empty list may mean everything to a service.
    #[error("Keep at least one of {0}, or deny.")]
    NothingKept(String),
    /// The service's schema does not have it so low.
    #[error("The service does not take that for {0}.")]
    Refused(String),
}

impl Trim {
    /// Whether nothing is trimmed.
    pub fn is_nothing(&self) -> bool {
        self.left_out.is_empty() && self.lowered.is_empty()
    }
}

impl Remainder {
    /// All of it.
    pub fn whole(asked: &Asked) -> Self {
        Self {
            kept: asked.items.iter().cloned().enumerate().collect(),
            of: asked.items.len(),
        }
    }

    /// What a person leaves of it.
    ///
    /// # Errors
    ///
    /// When something is not lowered but raised, not for lowering, or nothing the service would take.
    pub fn of(asked: &Asked, trim: &Trim, catalogue: &Catalogue) -> Result<Self, TrimError> {
        let items = asked.items.iter().enumerate();
        let kept = items
            .filter(|(at, _)| !trim.left_out.contains(at))
            .map(|(at, item)| Ok((at, lowered(at, item, trim, catalogue)?)))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            kept,
            of: asked.items.len(),
        })
    }

    /// What is kept, each with the place it had among what was asked.
    pub fn kept(&self) -> &[(usize, AskedItem)] {
        &self.kept
    }

    /// The item asked at that place, as it is kept.
    pub fn at(&self, place: usize) -> Option<&AskedItem> {
        let found = self.kept.iter().find(|(at, _)| *at == place);
        found.map(|(_, item)| item)
    }

    /// Something was asked, and nothing of it is left.
    pub fn is_nothing(&self) -> bool {
        self.of > 0 && self.kept.is_empty()
    }

    /// What is granted.
    pub fn into_items(self) -> Vec<AskedItem> {
        self.kept.into_iter().map(|(_, item)| item).collect()
    }
}

impl TrimOffer {
    /// What of a request a person may leave out or lower, by today's catalogue.
    pub fn of(asked: &Asked, catalogue: &Catalogue) -> Self {
        if asked.transaction.is_some() {
            // A service runs what it has parked, or does not.
            return Self {
                ticks: false,
                items: vec![Vec::new(); asked.items.len()],
            };
        }
        let ticks = (2..=MOST_OFFERED).contains(&asked.items.len());
        let mut left = MOST_OFFERED - if ticks { asked.items.len() } else { 0 };
        let mut offered = |item: &AskedItem| {
            let mut fields = Vec::new();
            for (field, value) in narrowable(item, catalogue) {
                let Some(how) = narrowing(field.kind, value) else {
                    continue;
                };
                let inputs = match &how {
                    Narrowing::Down(_) => 1,
                    Narrowing::Fewer(all) => all.len(),
                };
                if inputs > left {
                    continue;
                }
                left -= inputs;
                fields.push(Narrowable {
                    name: field.name.clone(),
                    label: field.label.clone(),
                    asked: shown(field, value),
                    how,
                });
            }
            fields
        };
        Self {
            items: asked.items.iter().map(&mut offered).collect(),
            ticks,
        }
    }

    /// Whether there is nothing to choose.
    pub fn is_nothing(&self) -> bool {
        !self.ticks && self.items.iter().all(Vec::is_empty)
    }
}

/// The fields of an item that may be lowered, and their values.
fn narrowable<'a>(
    item: &'a AskedItem,
    catalogue: &'a Catalogue,
) -> impl Iterator<Item = (&'a Field, &'a Value)> {
    let permission = catalogue.permission(&item.key);
    let fields = permission.map_or(&[][..], |(_, permission)| &permission.fields);
    fields.iter().filter_map(|field| {
        let value = item.detail.as_ref()?.pointer(&field.pointer)?;
        field.narrowable.then_some((field, value))
    })
}

fn narrowing(kind: FieldKind, asked: &Value) -> Option<Narrowing> {
    match kind {
        FieldKind::Money => {
            let asked = Money::from_value(asked).ok()?;
            (!asked.is_zero()).then(|| Narrowing::Down(asked.amount()))
        }
        FieldKind::Number => {
            let positive = asked.as_f64().is_some_and(|number| number > 0.0);
            positive.then(|| Narrowing::Down(asked.to_string()))
        }
        FieldKind::List => {
            let all = asked.as_array().filter(|all| all.len() > 1)?;
            let words = all.iter().map(crate::domain::action::value::show_any);
            Some(Narrowing::Fewer(words.collect()))
        }
        FieldKind::Text | FieldKind::Date | FieldKind::Flag => None,
    }
}

/// An item with everything lowered that is to be, checked anew as if an agent had sent it so.
fn lowered(
    at: usize,
    item: &AskedItem,
    trim: &Trim,
    catalogue: &Catalogue,
) -> Result<AskedItem, TrimError> {
    let wanted = trim.lowered.iter().filter(|((place, _), _)| *place == at);
    let mut less = item.clone();
    let mut last = None;
    for ((_, name), how) in wanted {
        let mut fields = narrowable(item, catalogue);
        let Some((field, asked)) = fields.find(|(field, _)| field.name == *name) else {
            let known = catalogue.permission(&item.key);
            return Err(TrimError::Fixed(label(name, known.map(|(_, it)| it))));
        };
        let value = lower(field, asked, how)?;
        let place = less
            .detail
            .as_mut()
            .and_then(|detail| detail.pointer_mut(&field.pointer));
        if let Some(place) = place {
            *place = value;
        }
        last = Some(field.label.clone());
    }
    if let (Some(field), Some(detail)) = (last, &less.detail) {
        if json::canonical(detail)
            == item
                .detail
                .as_ref()
                .map(json::canonical)
                .unwrap_or_default()
        {
            return Ok(item.clone());
        }
        let checked = details::read_again(detail, catalogue);
        less.detail = Some(checked.map_err(|_| TrimError::Refused(field))?.value);
    }
    Ok(less)
}

fn label(name: &str, permission: Option<&Permission>) -> String {
    let field = permission.and_then(|permission| permission.field(name));
    field.map_or_else(|| name.to_owned(), |field| field.label.clone())
}

fn lower(field: &Field, asked: &Value, how: &Lowered) -> Result<Value, TrimError> {
    let label = || field.label.clone();
    let not_less = || TrimError::NotLess {
        label: label(),
        asked: shown(field, asked),
    };
    match (field.kind, how) {
        (FieldKind::Money, Lowered::To(typed)) => {
            let most = Money::from_value(asked).map_err(|_| TrimError::Fixed(label()))?;
            let less =
                Money::typed(typed, most.currency()).map_err(|_| TrimError::NotAValue(label()))?;
            if !less.within(most) {
                return Err(not_less());
            }
            let mut value = asked.clone();
            if let (Some(members), true) = (value.as_object_mut(), less != most) {
                members.insert("amount".to_owned(), less.amount().into());
            }
            Ok(value)
        }
        (FieldKind::Number, Lowered::To(typed)) => {
            let most = asked.as_f64().ok_or_else(|| TrimError::Fixed(label()))?;
            let value = json::strict(typed.trim().as_bytes(), json::Limits::REQUEST);
            let value = value.ok().filter(Value::is_number);
            let less = value.as_ref().and_then(Value::as_f64);
            let (Some(value), Some(less)) = (value, less) else {
                return Err(TrimError::NotAValue(label()));
            };
            // As it was asked, if it is the same; a negative number is no less of the same.
            if less.total_cmp(&most).is_eq() {
                Ok(asked.clone())
            } else if (0.0..most).contains(&less) {
                Ok(value)
            } else {
                Err(not_less())
            }
        }
        (FieldKind::List, Lowered::Keeping(places)) => {
            let all = asked.as_array().ok_or_else(|| TrimError::Fixed(label()))?;
            let kept = all.iter().enumerate().filter(|(at, _)| places.contains(at));
            let kept: Vec<Value> = kept.map(|(_, element)| element.clone()).collect();
            if kept.is_empty() && !all.is_empty() {
                return Err(TrimError::NothingKept(label()));
            }
            Ok(Value::Array(kept))
        }
        (FieldKind::Money | FieldKind::Number, Lowered::Keeping(_))
        | (FieldKind::List, Lowered::To(_))
        | (FieldKind::Text | FieldKind::Date | FieldKind::Flag, _) => {
            Err(TrimError::Fixed(label()))
        }
    }
}

#[cfg(test)]
mod tests;
