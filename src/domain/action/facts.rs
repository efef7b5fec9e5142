//! From a permission and typed details to a sentence and the rows below it.

use serde_json::Value;
use unicode_segmentation::UnicodeSegmentation;

use super::card::Fact;
use super::catalogue::{Field, FieldKind, Permission};
use super::text::visible;
use super::value::{show, show_any};

/// Letters of a text in a heading. Names are shorter, and are whole there; of what is longer, which is
/// no name, the row below has all.
const LONGEST_TEXT: usize = 240;
const ABSENT: &str = "…";

/// The sentence of a permission, with the values of these details. It may take several lines.
pub(crate) fn heading(permission: &Permission, detail: Option<&Value>) -> String {
    permission.title.fill(|name| {
        let field = permission.field(name);
        let value = field.and_then(|field| detail?.pointer(&field.pointer));
        match (field, value) {
            (Some(field), Some(value)) => isolated(bounded(field.kind, shown(field, value))),
            _ => ABSENT.to_owned(),
        }
    })
}

/// Everything the details say: the declared fields in the order of the catalogue, then whatever
/// else the schema let through, so that a token never says what the card did not.
pub(crate) fn facts(permission: &Permission, detail: Option<&Value>) -> Vec<Fact> {
    let Some(detail) = detail else {
        return Vec::new();
    };
    let declared = permission.fields.iter().filter_map(|field| {
        let value = shown(field, detail.pointer(&field.pointer)?);
        Some(Fact {
            label: field.label.clone(),
            value,
            critical: field.critical,
        })
    });
    declared.chain(undeclared(permission, detail)).collect()
}

/// The value of a field, as a person reads it.
pub(crate) fn shown(field: &Field, value: &Value) -> String {
    show(field.kind, value).unwrap_or_else(|_| show_any(value))
}

/// A wall of text loses its end in a heading; names, amounts, numbers and dates never.
fn bounded(kind: FieldKind, value: String) -> String {
    match kind {
        FieldKind::Money | FieldKind::Number | FieldKind::Date | FieldKind::Flag => value,
        FieldKind::Text | FieldKind::List => match value.grapheme_indices(true).nth(LONGEST_TEXT) {
            Some((end, _)) => format!("{}…", &value[..end]),
            None => value,
        },
    }
}

/// A name written from right to left would pull the words and numbers around it along; between
/// these two marks (U+2068, U+2069) it cannot. Nobody else's marks are here: they were made
/// visible.
fn isolated(value: String) -> String {
    if value.chars().any(runs_right_to_left) {
        format!("\u{2068}{value}\u{2069}")
    } else {
        value
    }
}

fn runs_right_to_left(c: char) -> bool {
    matches!(
        c,
        '\u{0590}'..='\u{08ff}'
            | '\u{fb1d}'..='\u{fdff}'
            | '\u{fe70}'..='\u{fefc}'
            | '\u{10800}'..='\u{10fff}'
            | '\u{1e800}'..='\u{1efff}'
    )
}

fn undeclared(permission: &Permission, detail: &Value) -> Vec<Fact> {
    let mut found = Vec::new();
    let Some(members) = detail.as_object() else {
        return found;
    };
    // Depth first, without recursion; what waits is (pointer, value).
    let mut waiting: Vec<(String, &Value)> = members
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "type" | "locations"))
        .map(|(name, value)| (format!("/{}", escape(name)), value))
        .collect();
    waiting.reverse();
    while let Some((pointer, value)) = waiting.pop() {
        let below = format!("{pointer}/");
        if permission
            .fields
            .iter()
            .any(|field| field.pointer == pointer)
        {
            continue;
        }
        let parted = permission
            .fields
            .iter()
            .any(|field| field.pointer.starts_with(&below));
        match value
            .as_object()
            .filter(|inner| parted || !inner.is_empty())
        {
            Some(inner) => {
                let next = inner
                    .iter()
                    .map(|(name, value)| (below.clone() + &escape(name), value));
                waiting.extend(next.collect::<Vec<_>>().into_iter().rev());
            }
            None => found.push(Fact {
                label: label(&pointer),
                value: show_any(value),
                critical: false,
            }),
        }
    }
    found
}

fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn label(pointer: &str) -> String {
    let names = pointer
        .split('/')
        .skip(1)
        .map(|token| token.replace("~1", "/").replace("~0", "~"));
    visible(&names.collect::<Vec<_>>().join(" › "))
}
