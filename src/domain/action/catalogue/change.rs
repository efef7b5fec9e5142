//! What differs between two catalogues, in words an operator can check.

use std::fmt;

use serde_json::Value;

use super::{Catalogue, Permission, PermissionKey, Resource};
use crate::domain::action::json::canonical;

/// One difference between the catalogue that is and the one that shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Something new.
    Added(String),
    /// Something gone.
    Removed(String),
    /// Something else than before.
    Changed {
        /// What.
        what: String,
        /// Which part of it.
        part: String,
        /// As it was.
        from: String,
        /// As it shall be.
        to: String,
    },
    /// The same things in another order, which is the order people see them in.
    Reordered(String),
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added(what) => write!(f, "+ {what}"),
            Self::Removed(what) => write!(f, "- {what}"),
            Self::Changed {
                what,
                part,
                from,
                to,
            } => write!(f, "~ {what}: {part} {from} → {to}"),
            Self::Reordered(what) => write!(f, "~ {what}: order"),
        }
    }
}

impl Catalogue {
    /// What must change for this catalogue to become `next`. Empty when they are equal.
    pub fn diff(&self, next: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        for resource in &next.resources {
            if let Some(before) = self.resource(&resource.identifier) {
                diff_resource(before, resource, &mut changes);
            } else {
                changes.push(Change::Added(name_of(resource)));
                let keys = resource
                    .permissions
                    .iter()
                    .map(|permission| &permission.key);
                changes.extend(keys.map(|key| Change::Added(key.to_string())));
            }
        }
        let gone = |resource: &&Resource| next.resource(&resource.identifier).is_none();
        changes.extend(
            self.resources
                .iter()
                .filter(gone)
                .map(|gone| Change::Removed(name_of(gone))),
        );
        if changes.is_empty() && self != next {
            changes.push(Change::Reordered("resources".to_owned()));
        }
        changes
    }
}

impl Catalogue {
    /// The permissions that have a higher tier in `next`: what was always allowed of them was allowed as less grave.
    pub fn graver_in(&self, next: &Self) -> Vec<(String, PermissionKey)> {
        let graver = |(resource, before): (&Resource, &Permission)| {
            let (now_in, now) = next.permission(&before.key)?;
            let same = now_in.identifier == resource.identifier;
            (same && now.tier > before.tier)
                .then(|| (resource.identifier.clone(), before.key.clone()))
        };
        self.permissions().filter_map(graver).collect()
    }
}

fn name_of(resource: &Resource) -> String {
    format!("resource {}", resource.identifier)
}

fn diff_resource(before: &Resource, after: &Resource, changes: &mut Vec<Change>) {
    if before.name != after.name {
        changes.push(Change::Changed {
            what: name_of(after),
            part: "name".to_owned(),
            from: before.name.clone(),
            to: after.name.clone(),
        });
    }
    if before.access_token != after.access_token {
        changes.push(Change::Changed {
            what: name_of(after),
            part: "access_token".to_owned(),
            from: before.access_token.as_str().to_owned(),
            to: after.access_token.as_str().to_owned(),
        });
    }
    if before.hosts != after.hosts {
        let hosts = |hosts: &[String]| match hosts {
            [] => "none".to_owned(),
            named => named.join(", "),
        };
        changes.push(Change::Changed {
            what: name_of(after),
            part: "hosts".to_owned(),
            from: hosts(&before.hosts),
            to: hosts(&after.hosts),
        });
    }
    let known = |permissions: &[Permission], wanted: &Permission| {
        permissions
            .iter()
            .position(|permission| permission.key == wanted.key)
    };
    for permission in &after.permissions {
        match known(&before.permissions, permission) {
            Some(at) => diff_permission(&before.permissions[at], permission, changes),
            None => changes.push(Change::Added(permission.key.to_string())),
        }
    }
    let gone = before
        .permissions
        .iter()
        .filter(|old| known(&after.permissions, old).is_none());
    changes.extend(gone.map(|gone| Change::Removed(gone.key.to_string())));

    let kept_order = |from: &[Permission], other: &[Permission]| -> Vec<String> {
        let both = from
            .iter()
            .filter(|permission| known(other, permission).is_some());
        both.map(|permission| permission.key.as_stored()).collect()
    };
    let (was, is) = (&before.permissions, &after.permissions);
    if kept_order(was, is) != kept_order(is, was) {
        changes.push(Change::Reordered(format!(
            "permissions of {}",
            after.identifier
        )));
    }
    diff_routes(before, after, changes);
}

/// Routes have no names: one that says something else is another.
fn diff_routes(before: &Resource, after: &Resource, changes: &mut Vec<Change>) {
    let words = |resource: &Resource| resource.routes.iter().map(ToString::to_string).collect();
    let (was, is): (Vec<String>, Vec<String>) = (words(before), words(after));
    let without = |from: &[String], other: &[String]| -> Vec<String> {
        let gone = from.iter().filter(|route| !other.contains(route));
        gone.cloned().collect()
    };
    let (gone, new) = (without(&was, &is), without(&is, &was));
    let reordered = gone.is_empty() && new.is_empty() && was != is;
    changes.extend(new.into_iter().map(Change::Added));
    changes.extend(gone.into_iter().map(Change::Removed));
    if reordered {
        changes.push(Change::Reordered(format!("routes of {}", after.identifier)));
    }
}

/// Compares what is kept, so that no part can be forgotten here.
fn diff_permission(before: &Permission, after: &Permission, changes: &mut Vec<Change>) {
    let (was, is) = (parts(before), parts(after));
    let absent = Value::Null;
    for (part, new) in &is {
        let old = was.get(part).unwrap_or(&absent);
        if old != new {
            changes.push(Change::Changed {
                what: after.key.name().to_owned(),
                part: part.clone(),
                from: shown(old),
                to: shown(new),
            });
        }
    }
}

fn parts(permission: &Permission) -> serde_json::Map<String, Value> {
    match serde_json::to_value(permission) {
        Ok(Value::Object(members)) => members,
        Ok(_) | Err(_) => serde_json::Map::new(),
    }
}

fn shown(value: &Value) -> String {
    let text = match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Object(members) if members.len() == 1 && members.contains_key("within") => {
            members.values().filter_map(Value::as_str).collect()
        }
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => canonical(value),
    };
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
