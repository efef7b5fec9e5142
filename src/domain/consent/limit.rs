//! One bounded part of an "always": comparing, leaving out, choosing.

use serde_json::Value;

use super::bounds::Limit;
use crate::domain::action::json::canonical;
use crate::domain::action::money::Money;
use crate::domain::action::{Bound, FieldKind};

impl Limit {
    /// Whether a value is inside this limit. What cannot be compared is not.
    pub(super) fn admits(&self, kind: FieldKind, asked: &Value) -> bool {
        match self.bound {
            Bound::Same => same(&self.value, asked),
            Bound::Set => one_of(asked, &self.value),
            Bound::AtMost => at_most(kind, asked, &self.value),
            Bound::Path => below(asked, &self.value),
            Bound::Prefix => starts_with(asked, &self.value),
            Bound::Any => true,
        }
    }
}

pub(super) fn same(a: &Value, b: &Value) -> bool {
    canonical(a) == canonical(b)
}

fn one_of(asked: &Value, values: &Value) -> bool {
    let values = values.as_array().map_or(&[][..], Vec::as_slice);
    values.iter().any(|value| same(value, asked))
}

fn at_most(kind: FieldKind, asked: &Value, ceiling: &Value) -> bool {
    match kind {
        FieldKind::Money => match (Money::from_value(asked), Money::from_value(ceiling)) {
            (Ok(asked), Ok(ceiling)) => asked.within(ceiling),
            (Ok(_) | Err(_), _) => false,
        },
        // A negative number is not "less of the same": it is another direction.
        FieldKind::Number => match (asked.as_f64(), ceiling.as_f64()) {
            (Some(asked), Some(ceiling)) => (0.0..=ceiling).contains(&asked),
            (Some(_) | None, _) => false,
        },
        FieldKind::Text | FieldKind::Date | FieldKind::List | FieldKind::Flag => false,
    }
}

/// Whether a text starts with another, and stays below it: a path that climbs
/// (`staging/../production`) starts right and ends elsewhere.
fn starts_with(asked: &Value, prefix: &Value) -> bool {
    match (asked.as_str(), prefix.as_str()) {
        (Some(asked), Some(prefix)) => {
            asked.starts_with(prefix) && (asked == prefix || !climbs(asked))
        }
        (Some(_) | None, _) => false,
    }
}

/// Whether a path is another, or below it: `/a` holds `/a/b`, and not `/ab`. What two programs could read as
/// two paths is below none.
pub(super) fn below(asked: &Value, path: &Value) -> bool {
    let (Some(asked), Some(path)) = (asked.as_str(), path.as_str()) else {
        return false;
    };
    let folder = path.strip_suffix('/').unwrap_or(path);
    let inside = asked
        .strip_prefix(folder)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    inside && !path.is_empty() && !climbs(asked) && !asked.contains("//")
}

/// What some programs take for one of `. / \ %`, when they make two ways to write a letter one.
const LOOK_ALIKES: [char; 9] = [
    '\u{2024}', '\u{2025}', '\u{2044}', '\u{2215}', '\u{29f8}', '\u{ff05}', '\u{ff0e}', '\u{ff0f}',
    '\u{ff3c}',
];

pub(super) fn climbs(text: &str) -> bool {
    let parts = text.split(['/', '\\']);
    parts.into_iter().any(|part| part == ".." || part == ".")
        || text.contains(['\\', '%', '?', '#', '@'])
        || text.contains(LOOK_ALIKES)
        || text.chars().any(char::is_control)
}

/// Leaves out the value at a pointer. In a list its place stays, empty, so that no neighbour
/// moves up.
pub(super) fn leave_out(from: &mut Value, pointer: &str) {
    let Some((above, token)) = pointer.rsplit_once('/') else {
        return;
    };
    let name = token.replace("~1", "/").replace("~0", "~");
    match from.pointer_mut(above) {
        Some(Value::Object(members)) => {
            members.remove(&name);
        }
        Some(Value::Array(_)) => {
            if let Some(place) = from.pointer_mut(pointer) {
                *place = Value::Null;
            }
        }
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | None => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn admits(kind: FieldKind, bound: Bound, value: &Value, asked: &Value) -> bool {
        let limit = Limit {
            pointer: "/x".into(),
            name: "x".into(),
            bound,
            value: value.clone(),
        };
        limit.admits(kind, asked)
    }

    #[test]
    fn a_number_is_bounded_from_below_by_nothing_less_than_zero() {
        let up_to_ten = |asked| admits(FieldKind::Number, Bound::AtMost, &json!(10), &asked);
        assert!(up_to_ten(json!(10)) && up_to_ten(json!(0)) && up_to_ten(json!(9.5)));
        for outside in [json!(10.5), json!(-1), json!("5"), json!(null), json!([5])] {
            assert!(!up_to_ten(outside.clone()), "{outside}");
        }
    }

    #[test]
    fn what_cannot_be_compared_is_outside() {
        let euro = json!({"amount": "1", "currency": "EUR"});
        for (kind, bound, value) in [
            (FieldKind::Money, Bound::AtMost, json!("5")),
            (
                FieldKind::Money,
                Bound::AtMost,
                json!({"amount": "5", "currency": "USD"}),
            ),
            (FieldKind::Text, Bound::AtMost, euro.clone()),
            (FieldKind::Text, Bound::Prefix, json!("a")),
            (FieldKind::Text, Bound::Same, json!("a")),
        ] {
            assert!(!admits(kind, bound, &value, &euro), "{bound:?} {value}");
        }
    }

    #[test]
    fn a_path_holds_what_is_below_it_segment_by_segment() {
        let in_folder = |folder: &str, asked: &str| {
            admits(FieldKind::Text, Bound::Path, &json!(folder), &json!(asked))
        };
        for inside in [
            "/srv/data",
            "/srv/data/",
            "/srv/data/x",
            "/srv/data/x/y.csv",
        ] {
            assert!(in_folder("/srv/data", inside), "{inside}");
        }
        for outside in [
            "/srv/database",
            "/srv/data.csv",
            "/srv",
            "/srv/DATA/x",
            "srv/data/x",
            "/srv/data/../x",
            "/srv/data/./x",
            "/srv/data/..",
            "/srv/data//x",
            "/srv/data/%2e%2e/x",
            "/srv/data/%2Fx",
            "/srv/data\\..\\x",
            "/srv/data/x\0",
            "/srv/data/\u{ff0e}\u{ff0e}/x",
            "/srv/data/x\u{ff0f}..",
            "",
        ] {
            assert!(!in_folder("/srv/data", outside), "{outside}");
        }
        assert!(in_folder("/", "/etc") && !in_folder("/", "etc") && !in_folder("", "/etc"));
    }

    #[test]
    fn a_set_holds_exactly_its_values() {
        let set = json!(["Hanna", "Ben"]);
        for (asked, inside) in [
            ("Ben", true),
            ("Hanna", true),
            ("hanna", false),
            ("Hanna, Ben", false),
        ] {
            assert_eq!(
                admits(FieldKind::Text, Bound::Set, &set, &json!(asked)),
                inside,
                "{asked}"
            );
        }
        assert!(!admits(
            FieldKind::Text,
            Bound::Set,
            &json!("Ben"),
            &json!("Ben")
        ));
        assert!(!admits(FieldKind::Text, Bound::Set, &set, &set));
    }

    #[test]
    fn leaving_out_moves_nothing_else() {
        let mut value = json!({"a": {"b/c": 1, "d": 2}, "list": [1, 2, 3]});
        for pointer in ["/a/b~1c", "/list/1", "/nowhere/x", "/list/9", ""] {
            leave_out(&mut value, pointer);
        }
        assert_eq!(value, json!({"a": {"d": 2}, "list": [1, null, 3]}));
    }
}
