//! What typed details must look like: a JSON Schema that leaves nothing open.
//!
//! A member that no schema knows is a member that no person sees, so a schema must say
//! `additionalProperties = false` wherever it describes an object, and must describe what is in
//! every list. `type` and `locations` belong to RFC 9396 and need not be named.

use std::sync::{Arc, OnceLock};

use jsonschema::{PatternOptions, Validator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};

/// A closed JSON Schema for the details of one type.
#[derive(Clone, Debug)]
pub struct Schema {
    source: Value,
    compiled: OnceLock<Option<Arc<Validator>>>,
}

/// Why a schema was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// Not an object that describes an object.
    #[error("the schema must describe an object: type = \"object\" with properties")]
    NotAnObject,
    /// A place where anything may stand.
    #[error("the schema is open at {0}: what it does not describe nobody would see")]
    Open(String),
    /// A reference that leaves the schema.
    #[error("the schema refers outside itself: {0}")]
    Remote(String),
    /// Not a schema.
    #[error("the schema does not compile: {0}")]
    Broken(String),
}

impl Schema {
    /// Takes a schema, if it is closed and compiles.
    pub fn read(source: Value) -> Result<Self, SchemaError> {
        let object = source.get("type") == Some(&json!("object"))
            && source.get("properties").is_some_and(Value::is_object);
        if !object {
            return Err(SchemaError::NotAnObject);
        }
        stays_inside(&source)?;
        is_closed(&source, "/")?;
        for definitions in ["$defs", "definitions"] {
            for (name, each) in source
                .get(definitions)
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
            {
                is_closed(each, &format!("/{definitions}/{name}"))?;
            }
        }
        let validator = compile(&source)?;
        Ok(Self {
            source,
            compiled: OnceLock::from(Some(Arc::new(validator))),
        })
    }

    /// The schema as it was written.
    pub fn as_value(&self) -> &Value {
        &self.source
    }

    /// Checks details. The error is where in the schema the rule is that was broken: the
    /// operator's words, none of the agent's.
    pub fn check(&self, details: &Value) -> Result<(), String> {
        let compiled = self
            .compiled
            .get_or_init(|| compile(&self.source).ok().map(Arc::new));
        // A schema that came from the database and no longer compiles admits nothing.
        let Some(validator) = compiled else {
            return Err("/".to_owned());
        };
        validator
            .validate(details)
            .map_err(|error| error.schema_path().to_string())
    }

    /// The part of the schema that describes the value at a pointer: `Ok(None)` when that
    /// cannot be told without details in hand, `Err` when there can be no such value.
    pub(super) fn describes(&self, pointer: &str) -> Result<Option<&Value>, ()> {
        let mut at = &self.source;
        for token in pointer.split('/').skip(1) {
            let token = token.replace("~1", "/").replace("~0", "~");
            let plain = at.get("properties").is_some_and(Value::is_object);
            match at
                .get("properties")
                .and_then(|properties| properties.get(&token))
            {
                Some(next) => at = next,
                None if plain && at.get("patternProperties").is_none() => return Err(()),
                None => return Ok(None),
            }
        }
        Ok(Some(at))
    }
}

fn compile(source: &Value) -> Result<Validator, SchemaError> {
    let mut schema = source.clone();
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        let strings = json!({ "type": "array", "items": { "type": "string" }, "maxItems": 16 });
        properties
            .entry("type")
            .or_insert_with(|| json!({ "type": "string" }));
        properties.entry("locations").or_insert(strings);
    }
    jsonschema::options()
        .offline()
        .should_validate_formats(true)
        .should_ignore_unknown_formats(false)
        // Linear in the length of the text, whatever the pattern.
        .with_pattern_options(PatternOptions::regex())
        .build(&schema)
        .map_err(|error| SchemaError::Broken(error.to_string()))
}

fn stays_inside(schema: &Value) -> Result<(), SchemaError> {
    match schema {
        Value::Object(members) => {
            for key in ["$ref", "$dynamicRef", "$recursiveRef"] {
                match members.get(key).and_then(Value::as_str) {
                    Some(target) if !target.starts_with('#') => {
                        return Err(SchemaError::Remote(target.to_owned()));
                    }
                    Some(_) | None => {}
                }
            }
            members.values().try_for_each(stays_inside)
        }
        Value::Array(items) => items.iter().try_for_each(stays_inside),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

/// Whether nothing fits this schema that it does not describe. Recursion is as deep as the
/// schema, which was read with a limit.
fn is_closed(schema: &Value, at: &str) -> Result<(), SchemaError> {
    let open = || Err(SchemaError::Open(at.to_owned()));
    let Value::Object(members) = schema else {
        return if schema == &Value::Bool(false) {
            Ok(())
        } else {
            open()
        };
    };
    if ["const", "enum", "$ref"]
        .iter()
        .any(|word| members.contains_key(*word))
    {
        return Ok(());
    }
    match members.get("type") {
        Some(Value::String(one)) => kind_is_closed(one, members, at),
        Some(Value::Array(kinds)) => kinds
            .iter()
            .filter_map(Value::as_str)
            .try_for_each(|one| kind_is_closed(one, members, at)),
        Some(_) => open(),
        None => branches_are_closed(members, at),
    }
}

fn kind_is_closed(kind: &str, members: &Map<String, Value>, at: &str) -> Result<(), SchemaError> {
    let shut = |word: &str| members.get(word) == Some(&Value::Bool(false));
    match kind {
        "object" => {
            if !shut("additionalProperties") && !shut("unevaluatedProperties") {
                return Err(SchemaError::Open(at.to_owned()));
            }
            each_is_closed(members, &["properties", "patternProperties"], at)
        }
        "array" => {
            let tuple = members.get("prefixItems").and_then(Value::as_array);
            for (place, item) in tuple.into_iter().flatten().enumerate() {
                is_closed(item, &format!("{at}prefixItems/{place}/"))?;
            }
            match members.get("items") {
                Some(items) => is_closed(items, &format!("{at}items/")),
                None => Err(SchemaError::Open(at.to_owned())),
            }
        }
        _ => Ok(()),
    }
}

fn each_is_closed(
    members: &Map<String, Value>,
    words: &[&str],
    at: &str,
) -> Result<(), SchemaError> {
    for word in words {
        for (name, each) in members
            .get(*word)
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            is_closed(each, &format!("{at}{word}/{name}/"))?;
        }
    }
    Ok(())
}

/// Without a type of its own a schema is as closed as its branches: one of `allOf` is enough,
/// of `anyOf` and `oneOf` it must be every one.
fn branches_are_closed(members: &Map<String, Value>, at: &str) -> Result<(), SchemaError> {
    let branches = |word: &str| members.get(word).and_then(Value::as_array);
    let all_of = branches("allOf").into_iter().flatten();
    if all_of
        .into_iter()
        .any(|branch| is_closed(branch, at).is_ok())
    {
        return Ok(());
    }
    for word in ["anyOf", "oneOf"] {
        if let Some(some) = branches(word).filter(|some| !some.is_empty()) {
            return some
                .iter()
                .try_for_each(|branch| is_closed(branch, &format!("{at}{word}/")));
        }
    }
    Err(SchemaError::Open(at.to_owned()))
}

impl PartialEq for Schema {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Serialize for Schema {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.source.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Schema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let source = Value::deserialize(deserializer)?;
        Ok(Self {
            source,
            compiled: OnceLock::new(),
        })
    }
}
