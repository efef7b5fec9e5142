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
