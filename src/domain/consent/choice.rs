//! What a person can choose for one field of an "always", and what they typed for it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::bounds::BoundsError;
use super::limit::{below, climbs};
use crate::domain::action::facts::shown;
use crate::domain::action::money::Money;
use crate::domain::action::text::agent_text;
use crate::domain::action::{Bound, Field, FieldKind, Period, json};

const LONGEST_PREFIX: usize = 200;

/// Values allowed before that are offered besides the one asked for.
const MOST_BEFORE: usize = 7;

/// What a person can choose for one field, or for how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldChoices {
    /// The field's name, under which the form sends the choice.
    pub name: String,
    /// What the person reads beside it.
    pub label: String,
    /// The value asked for, as it is shown.
    pub asked: String,
    /// From narrow to wide; the first is the usual one.
    pub options: Vec<FieldChoice>,
}

/// One way to bound a field, or how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldChoice {
    /// Only what was asked for.
    Same,
    /// That, and those of these that are ticked.
    Among(Vec<Offered>),
    /// Up to a ceiling. Holds what to propose, as a person types it.
    UpTo(String),
    /// A path and what is below it. Holds what to propose.
    Below(String),
    /// Anything that starts so. Holds what to propose.
    StartsWith(String),
    /// Anything.
    Anything,
    /// As often as it asks.
    Freely,
    /// So many times in a period. Holds what to propose.
    Times(u32, Period),
    /// Any number of times, until it ends.
    UntilTheEnd,
    /// So many times altogether. Holds what to propose.
    InAll(u32),
}

/// A value that was allowed before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offered {
    /// What the form sends when it is ticked.
    pub key: String,
    /// As it is shown.
    pub words: String,
}

impl FieldChoice {
    /// What the form sends.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Same => Bound::Same.as_str(),
            Self::Among(_) => Bound::Set.as_str(),
            Self::UpTo(_) => Bound::AtMost.as_str(),
            Self::Below(_) => Bound::Path.as_str(),
            Self::StartsWith(_) => Bound::Prefix.as_str(),
            Self::Anything => Bound::Any.as_str(),
            Self::Freely | Self::UntilTheEnd => "free",
            Self::Times(_, per) => per.as_key(),
            Self::InAll(_) => "in-all",
        }
    }

    /// What the person reads before the value, if there is one.
    pub fn words(&self) -> &'static str {
        match self {
            Self::Same => "only this",
            Self::Among(_) => "this, and what is ticked here",
            Self::UpTo(_) => "up to",
            Self::Below(_) => "anything in",
            Self::StartsWith(_) => "anything that starts with",
            Self::Anything => "anything",
            Self::Freely => "as often as it asks",
            Self::UntilTheEnd => "any number of times",
            Self::Times(..) | Self::InAll(_) => "at most",
        }
    }

    /// What the person reads after the value.
    pub fn after(&self) -> &'static str {
        match self {
            Self::Times(_, per) => per.words(),
            Self::InAll(_) => "times",
            Self::Same
            | Self::Among(_)
            | Self::UpTo(_)
            | Self::Below(_)
            | Self::StartsWith(_)
            | Self::Anything
            | Self::Freely
            | Self::UntilTheEnd => "",
        }
    }

    /// The value to propose, for a choice that has one.
    pub fn proposal(&self) -> Option<String> {
        match self {
            Self::UpTo(value) | Self::Below(value) | Self::StartsWith(value) => Some(value.clone()),
            Self::Times(number, _) | Self::InAll(number) => Some(number.to_string()),
            Self::Same | Self::Among(_) | Self::Anything | Self::Freely | Self::UntilTheEnd => None,
        }
    }

    /// The values to tick, for a choice that has some.
    pub fn offered(&self) -> &[Offered] {
        match self {
            Self::Among(offered) => offered,
            Self::Same
            | Self::UpTo(_)
            | Self::Below(_)
            | Self::StartsWith(_)
            | Self::Anything
            | Self::Freely
            | Self::UntilTheEnd
            | Self::Times(..)
            | Self::InAll(_) => &[],
        }
    }
}

/// The ways to bound a field, from narrow to wide. `before` are other values that were allowed.
pub(super) fn options(field: &Field, asked: &Value, before: &[&Value]) -> Vec<FieldChoice> {
    let widest = field.bound.unwrap_or(Bound::Same);
    let all = Bound::ALL
        .into_iter()
        .filter(|bound| bound.within(widest) && bound.fits(field.kind));
    all.filter_map(|bound| option(bound, widest, field, asked, before))
        .collect()
}

fn option(
    bound: Bound,
    widest: Bound,
    field: &Field,
    asked: &Value,
    before: &[&Value],
) -> Option<FieldChoice> {
    match bound {
        Bound::Same => Some(FieldChoice::Same),
        Bound::Set => {
            let offered = before.iter().take(MOST_BEFORE).map(|value| Offered {
                key: key_of(value),
                words: shown(field, value),
            });
            let offered: Vec<Offered> = offered.collect();
            (!offered.is_empty()).then_some(FieldChoice::Among(offered))
        }
        Bound::AtMost => ceiling_text(field.kind, asked).map(FieldChoice::UpTo),
        // Only where the catalogue says that it is a path.
        Bound::Path => (widest == Bound::Path)
            .then(|| folder(asked))?
            .map(FieldChoice::Below),
        Bound::Prefix => beginning(asked).map(FieldChoice::StartsWith),
        Bound::Any => Some(FieldChoice::Anything),
    }
}

/// What a form calls a value.
fn key_of(value: &Value) -> String {
    json::short_digest(&json::canonical(value))
}

fn ceiling_text(kind: FieldKind, value: &Value) -> Option<String> {
    match kind {
        FieldKind::Money => Money::from_value(value).ok().map(Money::amount),
        FieldKind::Number => value
            .as_f64()
            .filter(|number| *number >= 0.0)
            .map(|_| value.to_string()),
        FieldKind::Text | FieldKind::Date | FieldKind::List | FieldKind::Flag => None,
    }
}

/// Up to the last place where a name is divided, or else all of it.
fn beginning(value: &Value) -> Option<String> {
    let text = value
        .as_str()
        .filter(|text| !text.is_empty() && !climbs(text))?;
    let inner = text.trim_end_matches(['/', ':', '.', '-', '_']);
    let end = inner
        .rfind(['/', ':', '.', '-', '_'])
        .map_or(text.len(), |at| at + 1);
    Some(text[..end].to_owned())
}

/// The folder a path is in; the path itself when that would be everything.
fn folder(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    let path = text.trim_end_matches('/');
    let folder = path.rsplit_once('/').map_or(path, |(folder, _)| folder);
    let folder = if folder.is_empty() { path } else { folder };
    path_of(value, folder).map(|_| folder.to_owned())
}

/// What a person picked for a field: how it is compared, and with what.
pub(super) fn picked(
    field: &Field,
    asked: &Value,
    before: &[&Value],
    picks: &BTreeMap<String, String>,
) -> Result<(Bound, Value), BoundsError> {
    let key = picks
        .get(&field.name)
        .map_or(Bound::Same.as_str(), String::as_str);
    let option = options(field, asked, before)
        .into_iter()
        .find(|option| option.key() == key)
        .ok_or_else(|| BoundsError::TooWide(field.label.clone()))?;
    let typed = picks
        .get(&format!("{}.value", field.name))
        .map(|text| text.trim());
    let typed = typed.filter(|text| !text.is_empty());
    let bounded = match &option {
        FieldChoice::Same => Some((Bound::Same, asked.clone())),
        FieldChoice::Among(offered) => among(asked, before, offered, typed.unwrap_or_default()),
        FieldChoice::UpTo(usual) => {
            ceiling(field.kind, asked, typed.unwrap_or(usual)).map(|value| (Bound::AtMost, value))
        }
        FieldChoice::Below(usual) => {
            path_of(asked, typed.unwrap_or(usual)).map(|value| (Bound::Path, value))
        }
        FieldChoice::StartsWith(usual) => {
            prefix(asked, typed.unwrap_or(usual)).map(|value| (Bound::Prefix, value))
        }
        FieldChoice::Anything => Some((Bound::Any, asked.clone())),
        FieldChoice::Freely
        | FieldChoice::UntilTheEnd
        | FieldChoice::Times(..)
        | FieldChoice::InAll(_) => None,
    };
    bounded.ok_or_else(|| BoundsError::NotAValue(field.label.clone()))
}

/// The value asked for and those that were ticked, of those that were offered.
fn among(
    asked: &Value,
    before: &[&Value],
    offered: &[Offered],
    typed: &str,
) -> Option<(Bound, Value)> {
    let mut values = vec![asked.clone()];
    for key in typed.split_whitespace() {
        if !offered.iter().any(|it| it.key == key) {
            return None;
        }
        let value = before.iter().find(|value| key_of(value) == key)?;
        values.push((*value).clone());
    }
    match values.as_slice() {
        [_] => Some((Bound::Same, asked.clone())),
        _ => Some((Bound::Set, Value::Array(values))),
    }
}

/// A ceiling in the currency that was asked for.
fn ceiling(kind: FieldKind, asked: &Value, typed: &str) -> Option<Value> {
    match kind {
        FieldKind::Money => {
            let currency = Money::from_value(asked).ok()?.currency();
            Money::typed(typed, currency).ok().map(Money::to_value)
        }
        FieldKind::Number => {
            let number = json::strict(typed.as_bytes(), json::Limits::REQUEST);
            number
                .ok()
                .filter(|number| number.as_f64().is_some_and(|number| number >= 0.0))
        }
        FieldKind::Text | FieldKind::Date | FieldKind::List | FieldKind::Flag => None,
    }
}

/// A beginning of what was asked for, and nothing that a person could not see.
fn prefix(asked: &Value, typed: &str) -> Option<Value> {
    let whole = asked.as_str()?;
    let plain = agent_text(typed, LONGEST_PREFIX).ok()?;
    (plain.as_str() == typed && whole.starts_with(typed) && !climbs(typed))
        .then(|| Value::String(typed.to_owned()))
}

/// A path that what was asked for is, or is below.
fn path_of(asked: &Value, typed: &str) -> Option<Value> {
    let plain = agent_text(typed, LONGEST_PREFIX).ok()?;
    let path = match typed.trim_end_matches('/') {
        "" => "/",
        path => path,
    };
    let path = Value::String(path.to_owned());
    (plain.as_str() == typed && below(asked, &path)).then_some(path)
}
