//! Typed details from an agent: `authorization_details` of RFC 9396.
//!
//! What passes here is of a known type, fits the closed schema of that type, and has in every
//! declared field a value that a person can be shown. It is kept in its canonical form, and from
//! that form alone it is shown, hashed, compared and issued.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::catalogue::{Catalogue, Permission, Resource};
use super::json::{self, JsonError, Limits};
use super::value;

const MOST: usize = 16;

/// One entry of `authorization_details`, checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Detail {
    /// Its `type`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The whole object, in canonical form, `type` included.
    pub value: Value,
}

/// Why details were refused: `invalid_authorization_details`. The words hold nothing that the
/// agent sent, and are fit for an `error_description` as they are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DetailsError {
    /// Not JSON with one meaning.
    #[error("authorization_details: {0}")]
    Json(#[from] JsonError),
    /// Not an array of one to sixteen entries.
    #[error("authorization_details must be an array of 1 to {MOST} objects")]
    NotAList,
    /// An entry that is no object, or has no string `type`.
    #[error("entry {0} of authorization_details is not an object with a string type")]
    NoType(usize),
    /// A type that the catalogue does not have.
    #[error("entry {0} of authorization_details is of an unknown type")]
    UnknownType(usize),
    /// Something the schema does not allow.
    #[error("entry {entry} of authorization_details breaks the schema of its type at {rule}")]
    Schema {
        /// Counted from one.
        entry: usize,
        /// Where in the schema the broken rule is.
        rule: String,
    },
    /// A field whose value cannot be shown.
    #[error("entry {entry} of authorization_details: the field {field} is not {wanted}")]
    Field {
        /// Counted from one.
        entry: usize,
        /// The field's name in the catalogue.
        field: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// `locations` names another service than the type belongs to.
    #[error("entry {0} of authorization_details has locations other than the resource of its type")]
    Location(usize),
}

/// Reads `authorization_details`.
pub fn read_details(text: &str, catalogue: &Catalogue) -> Result<Vec<Detail>, DetailsError> {
    let parsed = json::strict(text.as_bytes(), Limits::REQUEST)?;
    // Read back from the canonical text, so that `1.0` and `1` are the same from here on.
    let parsed = json::strict(json::canonical(&parsed).as_bytes(), Limits::REQUEST)?;
    let Value::Array(entries) = parsed else {
        return Err(DetailsError::NotAList);
    };
    if !(1..=MOST).contains(&entries.len()) {
        return Err(DetailsError::NotAList);
    }
    let numbered = (1..).zip(entries);
    numbered
        .map(|(number, entry)| read_entry(number, entry, catalogue))
        .collect()
}

/// Reads an entry that was read before and has been changed since.
pub(crate) fn read_again(entry: &Value, catalogue: &Catalogue) -> Result<Detail, DetailsError> {
    let entry = json::strict(json::canonical(entry).as_bytes(), Limits::REQUEST)?;
    read_entry(1, entry, catalogue)
}

fn read_entry(number: usize, entry: Value, catalogue: &Catalogue) -> Result<Detail, DetailsError> {
    let named = entry
        .as_object()
        .and_then(|members| members.get("type"))
        .and_then(Value::as_str);
    let kind = named.ok_or(DetailsError::NoType(number))?.to_owned();
    let (resource, permission) = catalogue
        .detail_type(&kind)
        .ok_or(DetailsError::UnknownType(number))?;
    let schema = permission
        .schema
        .as_ref()
        .ok_or(DetailsError::UnknownType(number))?;
    schema.check(&entry).map_err(|rule| DetailsError::Schema {
        entry: number,
        rule: plain(&rule),
    })?;
    check_locations(number, &entry, resource)?;
    check_fields(number, &entry, permission)?;
    Ok(Detail { kind, value: entry })
}

fn check_locations(number: usize, entry: &Value, resource: &Resource) -> Result<(), DetailsError> {
    let Some(locations) = entry.get("locations") else {
        return Ok(());
    };
    let here = |location: &Value| location.as_str() == Some(&resource.identifier);
    match locations.as_array() {
        Some(all) if !all.is_empty() && all.iter().all(here) => Ok(()),
        Some(_) | None => Err(DetailsError::Location(number)),
    }
}

fn check_fields(number: usize, entry: &Value, permission: &Permission) -> Result<(), DetailsError> {
    for field in &permission.fields {
        let Some(found) = entry.pointer(&field.pointer) else {
            continue;
        };
        value::show(field.kind, found).map_err(|wanted| DetailsError::Field {
            entry: number,
            field: field.name.clone(),
            wanted,
        })?;
    }
    Ok(())
}

/// The path of a rule, with what `error_description` cannot hold left out.
fn plain(rule: &str) -> String {
    let fits = |c: &char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
    rule.chars().filter(fits).take(120).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::action::fixture::{catalogue, payment, small_payment};

    fn read(entries: &Value) -> Result<Vec<Detail>, DetailsError> {
        read_text(&entries.to_string())
    }

    fn read_text(text: &str) -> Result<Vec<Detail>, DetailsError> {
        let result = read_details(text, &catalogue());
        if let Err(error) = &result {
            let words = error.to_string();
            let fit = words
                .bytes()
                .all(|b| matches!(b, b' '..=b'~') && !matches!(b, b'"' | b'\\'));
            assert!(fit && words.len() < 250, "{words}");
            assert!(!words.contains("secret"), "{words}");
        }
        result
    }

    #[test]
    fn what_passes_is_kept_in_its_one_form() {
        let text = r#" [ {"version":"1.0", "type":"deploy", "environment":"staging/web", "migrate":true} ] "#;
        let read = read_text(text).unwrap();
        assert_eq!(read[0].kind, "deploy");
        assert_eq!(
            json::canonical(&read[0].value),
            r#"{"environment":"staging/web","migrate":true,"type":"deploy","version":"1.0"}"#
        );
        let stored = serde_json::to_value(&read[0]).unwrap();
        assert_eq!(serde_json::from_value::<Detail>(stored).unwrap(), read[0]);
    }

    #[test]
    fn details_are_an_array_of_objects_with_a_known_type() {
        for entries in [
            json!([]),
            json!({}),
            json!("x"),
            json!(vec![payment("1", "A"); 17]),
        ] {
            assert_eq!(read(&entries), Err(DetailsError::NotAList), "{entries}");
        }
        for entry in [
            json!(1),
            json!({}),
            json!({"type": 1}),
            json!([]),
            json!(null),
        ] {
            assert_eq!(
                read(&json!([payment("1", "A"), entry])),
                Err(DetailsError::NoType(2))
            );
        }
        for kind in ["secret", "", "payments.read", "Payment_initiation"] {
            assert_eq!(
                read(&json!([{ "type": kind }])),
                Err(DetailsError::UnknownType(1))
            );
        }
        assert_eq!(read(&json!(vec![payment("1", "A"); 16])).unwrap().len(), 16);
    }

    #[test]
    fn sec_a11_what_the_schema_does_not_know_is_refused() {
        let mut bait = payment("10.00", "Hanna");
        bait["also"] = json!("secret_accounts");
        assert!(matches!(
            read(&json!([bait])),
            Err(DetailsError::Schema { entry: 1, .. })
        ));
        let mut nested = payment("10.00", "Hanna");
        nested["instructedAmount"]["secret"] = json!("1");
        assert!(matches!(
            read(&json!([nested])),
            Err(DetailsError::Schema { .. })
        ));
        let mut wrong = payment("10.00", "Hanna");
        wrong["creditorName"] = json!(["secret"]);
        assert!(matches!(
            read(&json!([wrong])),
            Err(DetailsError::Schema { .. })
        ));
        let mut missing = payment("10.00", "Hanna");
        missing.as_object_mut().unwrap().remove("creditorAccount");
        let error = read(&json!([missing])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "entry 1 of authorization_details breaks the schema of its type at /required"
        );
    }

    #[test]
    fn sec_a12_an_amount_that_can_be_misread_is_refused() {
        for amount in [
            "1e6",
            "-0",
            "10.0000000000000001",
            "١٠٠",
            "1,000",
            "1.000.0",
            "",
            "01",
        ] {
            let error = read(&json!([payment(amount, "Hanna")])).unwrap_err();
            let field = "amount".to_owned();
            assert_eq!(
                error,
                DetailsError::Field {
                    entry: 1,
                    field,
                    wanted: "an amount of money"
                }
            );
        }
        assert!(matches!(
            read(&json!([small_payment("1", "UST", "Hanna")])),
            Err(DetailsError::Field { .. })
        ));
        let mut number = payment("1", "Hanna");
        number["instructedAmount"]["amount"] = json!(10);
        assert!(matches!(
            read(&json!([number])),
            Err(DetailsError::Schema { .. })
        ));
    }

    #[test]
    fn sec_a13_a_doubled_key_is_refused() {
        let text = r#"[{"type":"deploy","version":"1","version":"9999","environment":"staging"}]"#;
        assert_eq!(
            read_text(text),
            Err(DetailsError::Json(JsonError::DoubledKey))
        );
        let text = r#"[{"type":"deploy","type":"payment_small"}]"#;
        assert_eq!(
            read_text(text),
            Err(DetailsError::Json(JsonError::DoubledKey))
        );
        assert!(matches!(
            read_text("secret"),
            Err(DetailsError::Json(JsonError::Malformed { .. }))
        ));
    }

    #[test]
    fn locations_name_the_service_of_the_type() {
        let with = |locations: Value| {
            let mut entry = payment("1", "A");
            entry["locations"] = locations;
            read(&json!([entry]))
        };
        assert!(with(json!(["https://payments.example.com"])).is_ok());
        for elsewhere in [
            json!(["https://secret.example"]),
            json!([]),
            json!(["https://payments.example.com", "x"]),
        ] {
            assert_eq!(with(elsewhere), Err(DetailsError::Location(1)));
        }
        assert!(matches!(
            with(json!("https://payments.example.com")),
            Err(DetailsError::Schema { .. })
        ));
    }

    #[test]
    fn hostile_text_in_a_typed_value_is_taken_and_left_to_be_shown() {
        assert!(read(&json!([payment("1", "moc.live\u{202e}")])).is_ok());
    }
}
