//! How far an "always" may go, as a person picks it.
//!
//! The catalogue says which fields of a type can be bounded and how widely; the person picks
//! something as wide or narrower. Whatever is not bounded must stay exactly as it was.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::choice::{self, FieldChoices};
use super::how_often;
use super::limit::leave_out;
use crate::domain::action::facts::shown;
use crate::domain::action::{AskedItem, Bound, Field, Often, Permission, Tier};

/// How far an "always" goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bounds {
    /// The tier of the permission when it was given: should the tier rise, it is asked again.
    pub tier: Tier,
    /// The details it was given for, without what the limits are about.
    pub detail: Option<Value>,
    /// What may differ, and how far.
    pub limits: Vec<Limit>,
    /// How often it answers.
    #[serde(default)]
    pub often: Often,
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
    /// What it is compared with: the value asked for, a ceiling, a beginning, a path, or a list of values.
    pub value: Value,
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
    /// A ceiling, a beginning or a number of times that is no such thing.
    #[error("what you typed for {0} could not be read")]
    NotAValue(String),
}

impl Bounds {
    /// Exactly what was asked for, and nothing else.
    pub fn tightest(item: &AskedItem, permission: &Permission) -> Self {
        let limits = boundable(item, permission)
            .map(|(field, value)| limit(field, Bound::Same, value.clone()))
            .collect();
        Self::around(item, permission, limits, permission.often)
    }

    /// What a person can choose: field by field, and how often. `known` is what they allowed this agent before.
    pub fn choices(
        item: &AskedItem,
        permission: &Permission,
        known: &[AskedItem],
    ) -> Vec<FieldChoices> {
        let fields = boundable(item, permission).map(|(field, value)| FieldChoices {
            name: field.name.clone(),
            label: field.label.clone(),
            asked: shown(field, value),
            options: choice::options(field, value, &before(item, field, value, known)),
        });
        fields.chain(how_often::choices(permission.often)).collect()
    }

    /// Bounds as a person picked them: for a field's name the key of a choice (`same`, `set`, `at-most`,
    /// `path`, `prefix`, `any`), and for `name.value` the ceiling, beginning, path or the keys of values.
    /// What is not picked stays the same.
    ///
    /// # Errors
    ///
    /// When the pick is not among [`choices`](Self::choices), or its value is none.
    pub fn choose(
        item: &AskedItem,
        permission: &Permission,
        picks: &BTreeMap<String, String>,
        known: &[AskedItem],
    ) -> Result<Self, BoundsError> {
        if !permission.offers_always() {
            return Err(BoundsError::NotOffered);
        }
        let fields: Vec<_> = boundable(item, permission).collect();
        for name in picks.keys() {
            let bare = name.strip_suffix(".value").unwrap_or(name);
            let offered = fields.iter().any(|(field, _)| field.name == bare);
            if !offered && !how_often::is_name(bare) {
                let known = permission.field(bare).map(|field| &*field.label);
                return Err(BoundsError::NoSuchField(known.unwrap_or(bare).to_owned()));
            }
        }
        let often = how_often::picked(permission.often, picks)?;
        let limits = fields
            .into_iter()
            .map(|(field, value)| {
                let before = before(item, field, value, known);
                let (bound, value) = choice::picked(field, value, &before, picks)?;
                Ok(limit(field, bound, value))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self::around(item, permission, limits, often))
    }

    fn around(item: &AskedItem, permission: &Permission, limits: Vec<Limit>, often: Often) -> Self {
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
            often,
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

/// Other values of a field that were allowed before, each once.
fn before<'a>(
    item: &AskedItem,
    field: &Field,
    asked: &Value,
    known: &'a [AskedItem],
) -> Vec<&'a Value> {
    let same_kind = |other: &&AskedItem| other.key == item.key && other.resource == item.resource;
    let mut values: Vec<&Value> = Vec::new();
    for other in known.iter().filter(same_kind) {
        let value = other
            .detail
            .as_ref()
            .and_then(|it| it.pointer(&field.pointer));
        if let Some(value) = value.filter(|it| *it != asked && !values.contains(it)) {
            values.push(value);
        }
    }
    values
}

fn limit(field: &Field, bound: Bound, value: Value) -> Limit {
    Limit {
        pointer: field.pointer.clone(),
        name: field.name.clone(),
        bound,
        value,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::action::fixture::{catalogue, deploy, item, payment, small_payment};
    use crate::domain::consent::choice::FieldChoice;

    fn permission(item: &AskedItem) -> Permission {
        catalogue().permission(&item.key).unwrap().1.clone()
    }

    fn choose(entry: &Value, picks: &[(&str, &str)]) -> Result<Bounds, BoundsError> {
        let item = item(entry);
        let picks = picks
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        Bounds::choose(&item, &permission(&item), &picks, &[])
    }

    #[test]
    fn the_choices_go_as_far_as_the_catalogue_and_no_further() {
        let pay = item(&small_payment("240", "EUR", "Hanna"));
        let choices = Bounds::choices(&pay, &permission(&pay), &[]);
        let told: Vec<_> = choices
            .iter()
            .map(|c| (c.name.as_str(), c.asked.as_str()))
            .collect();
        let fields = [("amount", "€240.00"), ("creditor", "Hanna")];
        assert_eq!(
            told,
            [&fields[..], &[("how-often", ""), ("altogether", "")]].concat()
        );
        assert_eq!(
            choices[0].options,
            [FieldChoice::Same, FieldChoice::UpTo("240.00".into())]
        );
        assert_eq!(choices[1].options, [FieldChoice::Same]);
        let deploy = item(&deploy("1.2", "staging/web"));
        let choices = Bounds::choices(&deploy, &permission(&deploy), &[]);
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

    fn with(
        bound: Bound,
        picks: &[(&str, &str)],
        known: &[AskedItem],
    ) -> Result<Limit, BoundsError> {
        let item = item(&small_payment("240", "EUR", "/srv/data/x"));
        let mut permission = permission(&item);
        permission.fields[1].bound = Some(bound);
        let picks = picks
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        Bounds::choose(&item, &permission, &picks, known).map(|bounds| bounds.limits[1].clone())
    }

    #[test]
    fn a_path_is_picked_above_what_was_asked_and_nowhere_else() {
        let path = |typed: &str| {
            let picks = [("creditor", "path"), ("creditor.value", typed)];
            with(Bound::Path, &picks, &[]).map(|limit| (limit.bound, limit.value))
        };
        for (typed, value) in [
            ("", "/srv/data"),
            ("/srv", "/srv"),
            ("/srv/data/", "/srv/data"),
            ("/", "/"),
        ] {
            assert_eq!(path(typed), Ok((Bound::Path, json!(value))), "{typed}");
        }
        for typed in ["/srv/da", "/etc", "srv", "/srv/data/x/y", "/srv/../srv"] {
            let read = path(typed);
            assert!(read.is_err(), "{typed}: {read:?}");
        }
        let elsewhere = with(Bound::Any, &[("creditor", "path")], &[]);
        assert!(
            elsewhere.is_err(),
            "only where the catalogue says so: {elsewhere:?}"
        );
    }

    #[test]
    fn values_are_picked_from_those_that_were_allowed() {
        let known: Vec<AskedItem> = ["Ben", "/srv/data/x", "Ben", "Cleo"]
            .map(|to| item(&small_payment("1", "EUR", to)))
            .into();
        let asked = item(&small_payment("240", "EUR", "/srv/data/x"));
        let mut permission = permission(&asked);
        permission.fields[1].bound = Some(Bound::Set);
        let choices = Bounds::choices(&asked, &permission, &known);
        let offered = choices[1].options[1].offered();
        let words: Vec<&str> = offered.iter().map(|it| it.words.as_str()).collect();
        assert_eq!(words, ["Ben", "Cleo"]);
        let set = |typed: &str| {
            let picks = [("creditor", "set"), ("creditor.value", typed)];
            with(Bound::Set, &picks, &known).map(|limit| (limit.bound, limit.value))
        };
        let both = format!("{} {}", offered[0].key, offered[1].key);
        assert_eq!(
            set(&both),
            Ok((Bound::Set, json!(["/srv/data/x", "Ben", "Cleo"])))
        );
        assert_eq!(set(""), Ok((Bound::Same, json!("/srv/data/x"))));
        assert!(set("0011223344556677").is_err());
        // Somebody else's, of another permission: nothing to tick.
        let other = [item(&payment("1", "Ben"))];
        assert!(with(Bound::Set, &[("creditor", "set")], &other).is_err());
    }
}
