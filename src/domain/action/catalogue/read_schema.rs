//! The `schema` of a permission: an inline table, a table of its own, or a string with JSON.

use super::document::{Entry, to_json};
use super::{PermissionKey, Schema};
use crate::domain::action::json;

/// Notes every fault it finds, a schema that is missing or too much among them.
pub(super) fn read_schema(entry: &Entry<'_, '_>, key: Option<&PermissionKey>) -> Option<Schema> {
    let value = entry.value("schema");
    match (key?, value) {
        (PermissionKey::Scope(_), None) => return None,
        (PermissionKey::Scope(_), Some(value)) => {
            let fix = "remove it, or use type in place of scope";
            entry.page.fault(
                value.span().start,
                "a scope carries no details for a schema",
                fix,
            );
            return None;
        }
        (PermissionKey::Type(name), None) => {
            entry.fault(
                format!("the type {name} has no schema"),
                "add a JSON Schema of its details: schema = { type = \"object\", … }",
            );
            return None;
        }
        (PermissionKey::Type(_), Some(_)) => {}
    }
    let value = value?;
    let at = value.span().start;
    let text = match value.get_ref().as_str() {
        Some(text) => Ok(text.to_owned()),
        None => to_json(value)
            .map(|value| value.to_string())
            .map_err(|_| "the schema has a value that JSON does not know".to_owned()),
    };
    let source = text.and_then(|text| {
        json::strict(text.as_bytes(), json::Limits::CATALOGUE).map_err(|error| error.to_string())
    });
    let schema = source.and_then(|source| Schema::read(source).map_err(|error| error.to_string()));
    match schema {
        Ok(schema) => Some(schema),
        Err(cause) => {
            let fix = "describe every member, and write additionalProperties = false";
            entry.page.fault(at, cause, fix);
            None
        }
    }
}
