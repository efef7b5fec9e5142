//! What several people have left of the same question: no more than each of them left.

use serde_json::Value;

use super::{Remainder, narrowable};
use crate::domain::action::money::Money;
use crate::domain::action::{Asked, AskedItem, Catalogue, Field, FieldKind, details};

impl Remainder {
    /// The least of both: what both kept, with each value as the one who left less of it had it.
    ///
    /// What cannot be told to be less is not there.
    #[must_use]
    pub fn least(&self, other: &Self, asked: &Asked, catalogue: &Catalogue) -> Self {
        let both = self.kept.iter().filter_map(|(at, one)| {
            let item = asked.items.get(*at)?;
            let less = least(item, one, other.at(*at)?, catalogue)?;
            Some((*at, less))
        });
        Self {
            kept: both.collect(),
            of: asked.items.len(),
        }
    }
}

fn least(
    asked: &AskedItem,
    one: &AskedItem,
    other: &AskedItem,
    catalogue: &Catalogue,
) -> Option<AskedItem> {
    if one == other {
        return Some(one.clone());
    }
    let (mut ours, mut theirs) = (one.clone(), other.clone());
    for (field, value) in narrowable(asked, catalogue) {
        let (Some(ours), Some(theirs)) = (place(&mut ours, field), place(&mut theirs, field))
        else {
            continue;
        };
        if ours != theirs {
            let less = lesser(field.kind, value, ours, theirs)?;
            ours.clone_from(&less);
            *theirs = less;
        }
    }
    // They differ in something that was not for lowering: policy has changed between them.
    if ours != theirs {
        return None;
    }
    let detail = details::read_again(ours.detail.as_ref()?, catalogue).ok()?;
    Some(AskedItem {
        detail: Some(detail.value),
        ..ours
    })
}

fn place<'a>(item: &'a mut AskedItem, field: &Field) -> Option<&'a mut Value> {
    item.detail.as_mut()?.pointer_mut(&field.pointer)
}

fn lesser(kind: FieldKind, asked: &Value, one: &Value, other: &Value) -> Option<Value> {
    match kind {
        FieldKind::Money => {
            let (a, b) = (Money::from_value(one).ok()?, Money::from_value(other).ok()?);
            if a.within(b) {
                Some(one.clone())
            } else {
                b.within(a).then(|| other.clone())
            }
        }
        FieldKind::Number => {
            let first = one.as_f64()? <= other.as_f64()?;
            Some(if first { one.clone() } else { other.clone() })
        }
        FieldKind::List => {
            let (one, other) = (one.as_array()?, other.as_array()?);
            // Of equal values either may have been left out, and so either may be what is kept.
            if within(one, other) {
                return Some(Value::Array(one.clone()));
            }
            if within(other, one) {
                return Some(Value::Array(other.clone()));
            }
            let (mut ours, mut theirs) = (one.clone(), other.clone());
            let mut in_both = |value: &&Value| take(&mut ours, value) & take(&mut theirs, value);
            let kept = asked.as_array()?.iter().filter(&mut in_both);
            let kept: Vec<Value> = kept.cloned().collect();
            // An empty list may mean everything to a service, and another order something else.
            let good = !kept.is_empty() && within(&kept, one) && within(&kept, other);
            good.then_some(Value::Array(kept))
        }
        FieldKind::Text | FieldKind::Date | FieldKind::Flag => None,
    }
}

/// Whether a list is another one with something left out.
fn within(fewer: &[Value], all: &[Value]) -> bool {
    let mut rest = all.iter();
    fewer.iter().all(|one| rest.any(|other| other == one))
}

/// Takes one such value out of a list, if it is there.
fn take(list: &mut Vec<Value>, value: &Value) -> bool {
    let at = list.iter().position(|it| it == value);
    at.is_some_and(|at| {
        list.remove(at);
        true
    })
}
