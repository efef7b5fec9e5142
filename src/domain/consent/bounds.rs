//! How far an "always" may go, and what a person can choose.
//!
//! The catalogue says which fields of a type can be bounded and how widely; the person picks
//! something as wide or narrower. Whatever is not bounded must stay exactly as it was.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::limit::{climbs, leave_out};
use crate::domain::action::facts::shown;
use crate::domain::action::money::Money;
use crate::domain::action::text::agent_text;
use crate::domain::action::{AskedItem, Bound, Field, FieldKind, Permission, Tier, json};

const LONGEST_PREFIX: usize = 200;

/// How far an "always" goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bounds {
    /// The tier of the permission when it was given: should the tier rise, it is asked again.
    pub tier: Tier,
    /// The details it was given for, without what the limits are about.
    pub detail: Option<Value>,
    /// What may differ, and how far.
    pub limits: Vec<Limit>,
}

/// How far one field may go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// Where in the details.
    pub pointer: String,
    /// The field's name in the catalogue.
    pub name: String,
    /// How it is compared.
    pub bound: Bound,
    /// What it is compared with: the value asked for, a ceiling, or a beginning.
    pub value: Value,
}

/// What a person can choose for one field.
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

/// One way to bound a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldChoice {
    /// Only what was asked for.
    Same,
    /// Up to a ceiling. Holds what to propose, as a person types it.
    UpTo(String),
    /// Anything that starts so. Holds what to propose.
    StartsWith(String),
    /// Anything.
    Anything,
}

/// Why bounds were refused. A field goes by the label that the person reads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BoundsError {
    /// There is no "always" for this.
    #[error("this cannot be allowed always")]
    NotOffered,
    /// A choice for a field that cannot be bounded.
    #[error("there is nothing to choose for {0}")]
    NoSuchField(String),
    /// A choice that does not exist, or goes further than the catalogue allows.
    #[error("{0} cannot be bounded in this way")]
    TooWide(String),
    /// A ceiling or beginning that is no such thing.
    #[error("what you typed for {0} could not be read")]
    NotAValue(String),
}

impl FieldChoice {
    /// What the form sends.
    pub fn key(&self) -> &'static str {
        self.bound().as_str()
    }

    /// What the person reads before the value, if there is one.
    pub fn words(&self) -> &'static str {
        match self {
            Self::Same => "only this",
            Self::UpTo(_) => "up to",
            Self::StartsWith(_) => "anything that starts with",
            Self::Anything => "anything",
        }
    }

    /// The value to propose, for a choice that has one.
    pub fn proposal(&self) -> Option<&str> {
        match self {
            Self::UpTo(value) | Self::StartsWith(value) => Some(value),
            Self::Same | Self::Anything => None,
        }
    }

    fn bound(&self) -> Bound {
        match self {
            Self::Same => Bound::Same,
            Self::UpTo(_) => Bound::AtMost,
            Self::StartsWith(_) => Bound::Prefix,
            Self::Anything => Bound::Any,
        }
    }
}

impl Bounds {
    /// Exactly what was asked for, and nothing else.
    pub fn tightest(item: &AskedItem, permission: &Permission) -> Self {
        let limits = boundable(item, permission)
            .map(|(field, value)| limit(field, Bound::Same, value.clone()))
            .collect();
        Self::around(item, permission, limits)
    }

    /// What a person can choose, field by field.
    pub fn choices(item: &AskedItem, permission: &Permission) -> Vec<FieldChoices> {
        boundable(item, permission)
            .map(|(field, value)| FieldChoices {
                name: field.name.clone(),
                label: field.label.clone(),
                asked: shown(field, value),
                options: options(field, value),
            })
            .collect()
    }

    /// Bounds as a person picked them: for a field's name the key of a choice (`same`, `at-most`,
    /// `prefix`, `any`), and for `name.value` the ceiling or beginning. What is not picked stays
    /// the same.
    ///
    /// # Errors
    ///
    /// When the pick is not among [`choices`](Self::choices), or its value is none.
    pub fn choose(
        item: &AskedItem,
        permission: &Permission,
        picks: &BTreeMap<String, String>,
    ) -> Result<Self, BoundsError> {
        if !permission.offers_always() {
            return Err(BoundsError::NotOffered);
        }
        let fields: Vec<_> = boundable(item, permission).collect();
        for name in picks.keys() {
            let bare = name.strip_suffix(".value").unwrap_or(name);
            if !fields.iter().any(|(field, _)| field.name == bare) {
                let known = permission.field(bare).map(|field| &*field.label);
                return Err(BoundsError::NoSuchField(known.unwrap_or(bare).to_owned()));
            }
        }
        let limits = fields
            .into_iter()
            .map(|(field, value)| picked(field, value, picks))
            .collect::<Result<_, _>>()?;
        Ok(Self::around(item, permission, limits))
    }

    fn around(item: &AskedItem, permission: &Permission, limits: Vec<Limit>) -> Self {
        let mut detail = item.detail.clone();
        if let Some(detail) = &mut detail {
            for limit in &limits {
                leave_out(detail, &limit.pointer);
            }
        }
        Self {
            tier: permission.tier,
            detail,
            limits,
        }
    }
}

/// The fields that the catalogue can bound and that have a value here.
fn boundable<'a>(
    item: &'a AskedItem,
    permission: &'a Permission,
) -> impl Iterator<Item = (&'a Field, &'a Value)> {
    permission.fields.iter().filter_map(|field| {
        let value = item.detail.as_ref()?.pointer(&field.pointer)?;
        field.bound.map(|_| (field, value))
    })
}

fn limit(field: &Field, bound: Bound, value: Value) -> Limit {
    Limit {
        pointer: field.pointer.clone(),
        name: field.name.clone(),
        bound,
        value,
    }
}

fn options(field: &Field, value: &Value) -> Vec<FieldChoice> {
    let widest = field.bound.unwrap_or(Bound::Same);
    let all = Bound::ALL
        .into_iter()
        .filter(|bound| bound.within(widest) && bound.fits(field.kind));
    all.filter_map(|bound| match bound {
        Bound::Same => Some(FieldChoice::Same),
        Bound::AtMost => ceiling_text(field.kind, value).map(FieldChoice::UpTo),
        Bound::Prefix => beginning(value).map(FieldChoice::StartsWith),
        Bound::Any => Some(FieldChoice::Anything),
    })
    .collect()
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

fn picked(
    field: &Field,
    asked: &Value,
    picks: &BTreeMap<String, String>,
) -> Result<Limit, BoundsError> {
    let key = picks
        .get(&field.name)
        .map_or(Bound::Same.as_str(), String::as_str);
    let option = options(field, asked)
        .into_iter()
        .find(|option| option.key() == key)
        .ok_or_else(|| BoundsError::TooWide(field.label.clone()))?;
    let typed = picks
        .get(&format!("{}.value", field.name))
        .map(|text| text.trim());
    let typed = typed.filter(|text| !text.is_empty());
    let value = match &option {
        FieldChoice::Same | FieldChoice::Anything => Some(asked.clone()),
        FieldChoice::UpTo(usual) => ceiling(field.kind, asked, typed.unwrap_or(usual)),
        FieldChoice::StartsWith(usual) => prefix(asked, typed.unwrap_or(usual)),
    };
    let value = value.ok_or_else(|| BoundsError::NotAValue(field.label.clone()))?;
    Ok(limit(field, option.bound(), value))
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::action::fixture::{catalogue, deploy, item, payment, small_payment};

    fn permission(item: &AskedItem) -> Permission {
        catalogue().permission(&item.key).unwrap().1.clone()
    }

    fn choose(entry: &Value, picks: &[(&str, &str)]) -> Result<Bounds, BoundsError> {
        let item = item(entry);
        let picks = picks
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        Bounds::choose(&item, &permission(&item), &picks)
    }

    #[test]
    fn the_choices_go_as_far_as_the_catalogue_and_no_further() {
        let pay = item(&small_payment("240", "EUR", "Hanna"));
        let choices = Bounds::choices(&pay, &permission(&pay));
        let told: Vec<_> = choices
            .iter()
            .map(|c| (c.name.as_str(), c.asked.as_str()))
            .collect();
        assert_eq!(told, [("amount", "€240.00"), ("creditor", "Hanna")]);
        assert_eq!(
            choices[0].options,
            [FieldChoice::Same, FieldChoice::UpTo("240.00".into())]
        );
        assert_eq!(choices[1].options, [FieldChoice::Same]);
        let deploy = item(&deploy("1.2", "staging/web"));
        let choices = Bounds::choices(&deploy, &permission(&deploy));
        assert_eq!(
            choices[0].options,
            [
                FieldChoice::Same,
                FieldChoice::StartsWith("1.".into()),
                FieldChoice::Anything
            ]
        );
        assert_eq!(
            choices[1].options,
            [
                FieldChoice::Same,
                FieldChoice::StartsWith("staging/".into())
            ]
        );
    }

    #[test]
    fn the_tightest_bounds_say_exactly_what_was_asked() {
        let pay = item(&small_payment("240", "EUR", "Hanna"));
        let tight = Bounds::tightest(&pay, &permission(&pay));
        assert!(tight.limits.iter().all(|limit| limit.bound == Bound::Same));
        assert_eq!(tight.detail, Some(json!({"type": "payment_small"})));
        assert_eq!(
            choose(&small_payment("240", "EUR", "Hanna"), &[]),
            Ok(tight)
        );
    }

    #[test]
    fn a_ceiling_is_in_the_currency_that_was_asked_for() {
        let pay = small_payment("240", "EUR", "Hanna");
        let ceiling = |typed| {
            choose(&pay, &[("amount", "at-most"), ("amount.value", typed)])
                .map(|bounds| bounds.limits[0].value.clone())
        };
        assert_eq!(
            ceiling("1,250"),
            Ok(json!({"amount": "1250.00", "currency": "EUR"}))
        );
        assert_eq!(
            ceiling("€250"),
            Ok(json!({"amount": "250.00", "currency": "EUR"}))
        );
        assert_eq!(
            ceiling(""),
            Ok(json!({"amount": "240.00", "currency": "EUR"}))
        );
        for typed in ["250 USD", "$250", "-1", "1e9", "all", "25,0"] {
            assert_eq!(
                ceiling(typed),
                Err(BoundsError::NotAValue("Amount".into())),
                "{typed}"
            );
        }
    }

    #[test]
    fn nothing_is_wider_than_the_catalogue_allows() {
        let pay = small_payment("240", "EUR", "Hanna");
        let known = permission(&item(&pay));
        let label = |name: &str| known.field(name).unwrap().label.clone();
        for picks in [
            ("amount", "any"),
            ("amount", "prefix"),
            ("creditor", "any"),
            ("amount", "most"),
        ] {
            assert_eq!(
                choose(&pay, &[picks]),
                Err(BoundsError::TooWide(label(picks.0))),
                "{picks:?}"
            );
        }
        for name in ["reference", "iban", "amount.value.value", ""] {
            assert!(
                matches!(
                    choose(&pay, &[(name, "any")]),
                    Err(BoundsError::NoSuchField(_))
                ),
                "{name}"
            );
        }
        let high = payment("1", "Hanna");
        assert_eq!(choose(&high, &[]), Err(BoundsError::NotOffered));
    }

    #[test]
    fn a_beginning_is_one_of_what_was_asked_for() {
        let beginning = |typed| {
            choose(
                &deploy("1", "staging/web"),
                &[("environment", "prefix"), ("environment.value", typed)],
            )
            .map(|bounds| bounds.limits[1].value.clone())
        };
        assert_eq!(beginning("staging/"), Ok(json!("staging/")));
        assert_eq!(beginning("stag"), Ok(json!("stag")));
        for typed in ["production", "staging/web/x", "staging/..", "\u{200b}"] {
            assert!(beginning(typed).is_err(), "{typed}");
        }
    }
}
