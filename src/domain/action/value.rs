//! A typed value, as a person reads it.

use serde_json::Value;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime};

use super::catalogue::FieldKind;
use super::json::canonical;
use super::money::{Money, grouped};
use super::text::visible;

/// Shows a value of this kind; `Err` says what it would have to be.
pub(crate) fn show(kind: FieldKind, value: &Value) -> Result<String, &'static str> {
    match (kind, value) {
        (FieldKind::Text, Value::String(text)) => Ok(visible(text)),
        (FieldKind::Text, _) => Err("a string"),
        (FieldKind::Money, _) => Money::from_value(value)
            .map(|money| money.to_string())
            .map_err(|_| "an amount of money"),
        (FieldKind::Number, Value::Number(number)) => Ok(number_words(&number.to_string())),
        (FieldKind::Number, _) => Err("a number"),
        (FieldKind::Date, Value::String(text)) => date_words(text).ok_or("a date of RFC 3339"),
        (FieldKind::Date, _) => Err("a date of RFC 3339"),
        (FieldKind::List, Value::Array(items)) => list_words(items).ok_or("a list of plain values"),
        (FieldKind::List, _) => Err("a list of plain values"),
        (FieldKind::Flag, Value::Bool(true)) => Ok("Yes".to_owned()),
        (FieldKind::Flag, Value::Bool(false)) => Ok("No".to_owned()),
        (FieldKind::Flag, _) => Err("true or false"),
    }
}

/// Shows a value of which no kind is known: everything it says, nothing it hides.
pub(crate) fn show_any(value: &Value) -> String {
    match value {
        Value::String(text) => visible(text),
        Value::Bool(true) => "Yes".to_owned(),
        Value::Bool(false) => "No".to_owned(),
        Value::Null => "none".to_owned(),
        Value::Number(number) => number_words(&number.to_string()),
        Value::Array(items) => list_words(items).unwrap_or_else(|| visible(&canonical(value))),
        Value::Object(_) => visible(&canonical(value)),
    }
}

fn list_words(items: &[Value]) -> Option<String> {
    if items.is_empty() {
        return Some("none".to_owned());
    }
    let plain = |item: &Value| match item {
        Value::String(_) | Value::Number(_) | Value::Bool(_) => Some(show_any(item)),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    items
        .iter()
        .map(plain)
        .collect::<Option<Vec<_>>>()
        .map(|words| words.join(", "))
}

fn number_words(number: &str) -> String {
    let (sign, digits) = number
        .strip_prefix('-')
        .map_or(("", number), |rest| ("-", rest));
    let (whole, rest) = digits.split_at(digits.find(['.', 'e', 'E']).unwrap_or(digits.len()));
    format!("{sign}{}{rest}", grouped(whole))
}

/// `14 Nov 2026`, or `14 Nov 2026, 09:30 UTC`: the month as a word, because 3/4 is two dates.
fn date_words(text: &str) -> Option<String> {
    let day = format_description!("[day padding:none] [month repr:short] [year]");
    if let Ok(date) = Date::parse(text, format_description!("[year]-[month]-[day]")) {
        return date.format(day).ok();
    }
    let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    let zone = match (moment.offset().is_utc(), moment.offset().as_hms()) {
        (true, _) => "UTC".to_owned(),
        (false, (hours, minutes, _)) => {
            let sign = if moment.offset().is_negative() {
                '-'
            } else {
                '+'
            };
            format!("UTC{sign}{:02}:{:02}", hours.abs(), minutes.abs())
        }
    };
    let time = if moment.second() == 0 && moment.nanosecond() == 0 {
        moment.format(format_description!("[hour]:[minute]")).ok()?
    } else {
        moment
            .format(format_description!("[hour]:[minute]:[second]"))
            .ok()?
    };
    Some(format!("{}, {time} {zone}", moment.format(day).ok()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_kind_is_shown_in_its_way() {
        use FieldKind::{Date, Flag, List, Money, Number, Text};
        let good = [
            (Text, json!("Hanna"), "Hanna"),
            (Text, json!("a\u{202e}b\n"), "a⟦U+202E⟧b⟦U+000A⟧"),
            (
                Money,
                json!({"amount": "1240", "currency": "EUR"}),
                "€1,240.00",
            ),
            (Number, json!(1_234_567), "1,234,567"),
            (Number, json!(-1234.5), "-1,234.5"),
            (Date, json!("2026-11-04"), "4 Nov 2026"),
            (
                Date,
                json!("2026-11-14T09:30:00Z"),
                "14 Nov 2026, 09:30 UTC",
            ),
            (
                Date,
                json!("2026-11-14T09:30:05-05:30"),
                "14 Nov 2026, 09:30:05 UTC-05:30",
            ),
            (List, json!(["a", 1, true]), "a, 1, Yes"),
            (List, json!([]), "none"),
            (Flag, json!(true), "Yes"),
            (Flag, json!(false), "No"),
        ];
        for (kind, value, words) in good {
            assert_eq!(show(kind, &value).as_deref(), Ok(words));
        }
    }

    #[test]
    fn a_value_of_another_kind_is_not_shown_as_this_one() {
        use FieldKind::{Date, Flag, List, Money, Number, Text};
        for (kind, value) in [
            (Text, json!(1)),
            (Money, json!("1 EUR")),
            (Number, json!("1")),
            (Date, json!("14.11.2026")),
            (Date, json!("2026-02-30")),
            (Date, json!(2026)),
            (List, json!("a")),
            (List, json!([["a"]])),
            (Flag, json!("true")),
        ] {
            assert!(show(kind, &value).is_err(), "{value}");
        }
    }
}
