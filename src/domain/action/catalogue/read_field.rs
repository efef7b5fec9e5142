//! One `[[resource.permission.field]]`.

use serde_json::{Value, json};

use super::document::Entry;
use super::read::read_label;
use super::title::is_field_name;
use super::{Bound, Field, FieldKind, Schema};

pub(super) const FIELD_KEYS: [&str; 7] = [
    "name",
    "pointer",
    "label",
    "kind",
    "critical",
    "bound",
    "narrowable",
];

/// Notes every fault it finds; `None` when what is left is no field.
pub(super) fn read_field(entry: &Entry<'_, '_>, schema: Option<&Schema>) -> Option<Field> {
    let name = entry.required("name", "\"amount\"");
    let pointer = entry.required("pointer", "\"/instructedAmount\"");
    let label = entry
        .required("label", "\"Amount\"")
        .and_then(|text| read_label(entry, "label", text));
    let kind = entry
        .choice("kind", &FieldKind::ALL, FieldKind::as_str)
        .unwrap_or_default();
    let bound = entry.choice("bound", &Bound::ALL, Bound::as_str);
    let critical = entry.flag("critical");
    let narrowable = entry.flag("narrowable");

    if let Some(name) = name.filter(|name| !is_field_name(name)) {
        entry.page.fault(
            entry.at("name"),
            format!("name = \"{name}\" cannot stand in a title or a form"),
            "use small letters, digits and _, a letter first",
        );
    }
    if let Some(pointer) = pointer {
        check_pointer(entry, pointer, kind, schema);
    }
    if let Some(bound) = bound.filter(|bound| !bound.fits(kind)) {
        entry.page.fault(
            entry.at("bound"),
            format!(
                "bound = \"{}\" does not fit kind = \"{}\"",
                bound.as_str(),
                kind.as_str()
            ),
            "at-most is for money and numbers, prefix and path for text, set for what is neither money nor a flag",
        );
    }
    if narrowable && matches!(kind, FieldKind::Text | FieldKind::Date | FieldKind::Flag) {
        entry.page.fault(
            entry.at("narrowable"),
            format!("a {} cannot be lowered", kind.as_str()),
            "narrowable is for money, numbers and lists",
        );
    }
    let (name, pointer) = (name?.to_owned(), pointer?.to_owned());
    Some(Field {
        name,
        pointer,
        label: label?,
        kind,
        critical,
        bound,
        narrowable,
    })
}

fn check_pointer(entry: &Entry<'_, '_>, pointer: &str, kind: FieldKind, schema: Option<&Schema>) {
    let at = entry.at("pointer");
    if !is_pointer(pointer) {
        entry.page.fault(
            at,
            format!("pointer = \"{pointer}\" is not a JSON pointer to a member"),
            "write / before each name, as in /creditor/name",
        );
        return;
    }
    let Some(schema) = schema else {
        return;
    };
    match schema.describes(pointer) {
        Err(()) => entry.page.fault(
            at,
            format!("the schema has nothing at {pointer}"),
            "point at a member that the schema describes",
        ),
        Ok(Some(part)) if !may_be(part, kind) => entry.page.fault(
            entry.at("kind"),
            format!("what the schema has at {pointer} is not {}", shape(kind)),
            "make kind and schema agree",
        ),
        Ok(_) => {}
    }
}

/// RFC 6901, to a member of an object: places in a list move when something is left out.
fn is_pointer(text: &str) -> bool {
    let good = |token: &str| {
        let escapes = token.replace("~0", "").replace("~1", "");
        !token.is_empty()
            && !escapes.contains('~')
            && token.bytes().all(|b| !b.is_ascii_control())
            && !token.bytes().all(|b| b.is_ascii_digit())
    };
    text.len() <= 256 && text.starts_with('/') && text.split('/').skip(1).all(good)
}

fn shape(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Text | FieldKind::Date => "a string",
        FieldKind::Money => "an object with the strings amount and currency",
        FieldKind::Number => "a number",
        FieldKind::List => "an array",
        FieldKind::Flag => "a boolean",
    }
}

/// Whether a value that fits this part of a schema can be of the kind. What the schema leaves
/// to a reference or a branch is looked at when details come.
fn may_be(part: &Value, kind: FieldKind) -> bool {
    let Some(declared) = part.get("type") else {
        return true;
    };
    let has = |word: &str| {
        declared == word
            || declared
                .as_array()
                .is_some_and(|words| words.contains(&json!(word)))
    };
    match kind {
        FieldKind::Text | FieldKind::Date => has("string"),
        FieldKind::Number => has("number") || has("integer"),
        FieldKind::List => has("array"),
        FieldKind::Flag => has("boolean"),
        FieldKind::Money => {
            let member = |name| part.get("properties").and_then(|members| members.get(name));
            has("object") && member("amount").is_some() && member("currency").is_some()
        }
    }
}

/// Two fields at one place would be shown twice and bounded in two ways.
pub(super) fn refuse_overlaps(entry: &Entry<'_, '_>, field: &Field, others: &[Field]) {
    let inside = |a: &str, b: &str| a == b || a.strip_prefix(b).is_some_and(|r| r.starts_with('/'));
    for other in others {
        if inside(&field.pointer, &other.pointer) || inside(&other.pointer, &field.pointer) {
            entry.page.fault(
                entry.at("pointer"),
                format!(
                    "the fields {} and {} are at one place",
                    other.name, field.name
                ),
                "point each at a part of its own",
            );
        }
    }
}
