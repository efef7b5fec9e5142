//! A catalogue written as the file it could have come from.

use std::fmt::Write as _;

use time::Duration;

use super::{
    Always, Bound, Catalogue, Field, Often, Permission, PermissionKey, Resource, Route, Schema,
    TokenForm,
};
use crate::domain::action::duration;

impl Catalogue {
    /// The catalogue as TOML. Reading it back gives an equal catalogue.
    pub fn to_toml(&self) -> String {
        let mut out = String::new();
        for resource in &self.resources {
            put_resource(&mut out, resource);
        }
        out
    }
}

fn put_resource(out: &mut String, resource: &Resource) {
    if !out.is_empty() {
        out.push('\n');
    }
    out.push_str("[[resource]]\n");
    put(out, "identifier", &quoted(&resource.identifier));
    put(out, "name", &quoted(&resource.name));
    if resource.access_token != TokenForm::default() {
        put(out, "access_token", &quoted(resource.access_token.as_str()));
    }
    if !resource.hosts.is_empty() {
        put(out, "hosts", &list(&resource.hosts));
    }
    for permission in &resource.permissions {
        put_permission(out, permission);
    }
    for route in &resource.routes {
        put_route(out, route);
    }
}

fn put_route(out: &mut String, route: &Route) {
    out.push_str("\n[[resource.route]]\n");
    put(out, "methods", &list(&route.methods));
    put(out, "path", &quoted(&route.path.to_string()));
    match &route.needs {
        PermissionKey::Scope(name) => put(out, "scope", &quoted(name)),
        PermissionKey::Type(name) => put(out, "type", &quoted(name)),
    }
    if route.any_query {
        put(out, "any_query", "true");
    }
    if route.ask {
        put(out, "ask", "true");
    }
}

fn put_permission(out: &mut String, permission: &Permission) {
    out.push_str("\n[[resource.permission]]\n");
    match &permission.key {
        PermissionKey::Scope(name) => put(out, "scope", &quoted(name)),
        PermissionKey::Type(name) => put(out, "type", &quoted(name)),
    }
    put(out, "title", &quoted(permission.title.source()));
    put(out, "tier", &quoted(permission.tier.as_str()));
    if !permission.may_be_asked() {
        put(out, "ask", &quoted(permission.ask.as_str()));
    }
    if let Some(approvers) = &permission.approvers {
        put(out, "approvers", &approvers.to_toml());
    }
    if !permission.access_for.is_zero() {
        put(
            out,
            "access_for",
            &quoted(&duration::write(permission.access_for)),
        );
    }
    put(
        out,
        "token_lifetime",
        &quoted(&duration::write(permission.token_lifetime)),
    );
    match permission.always {
        Always::Never => put(out, "always", "\"never\""),
        Always::Within(max) => {
            put(out, "always", &always_text(max, permission.often));
        }
    }
    if permission.single_use {
        put(out, "single_use", "true");
    }
    if let Some(consequence) = permission.consequence {
        put(out, "consequence", &quoted(consequence.as_str()));
    }
    if let Some(schema) = &permission.schema {
        put(out, "schema", &schema_text(schema));
    }
    for field in &permission.fields {
        put_field(out, field);
    }
}

fn put_field(out: &mut String, field: &Field) {
    out.push_str("[[resource.permission.field]]\n");
    put(out, "name", &quoted(&field.name));
    put(out, "pointer", &quoted(&field.pointer));
    put(out, "label", &quoted(&field.label));
    put(out, "kind", &quoted(field.kind.as_str()));
    if field.critical {
        put(out, "critical", "true");
    }
    if let Some(bound) = field.bound.map(Bound::as_str) {
        put(out, "bound", &quoted(bound));
    }
    if field.narrowable {
        put(out, "narrowable", "true");
    }
}

fn always_text(max: Duration, often: Often) -> String {
    let rate = often
        .rate
        .map(|rate| format!(", {} = {}", rate.per.as_key(), rate.times));
    let uses = often.uses.map(|uses| format!(", uses = {uses}"));
    format!(
        "{{ max = \"{}\"{}{} }}",
        duration::write(max),
        rate.unwrap_or_default(),
        uses.unwrap_or_default()
    )
}

/// JSON over several lines, because a schema in one line is read by nobody.
fn schema_text(schema: &Schema) -> String {
    let json = serde_json::to_string_pretty(schema.as_value()).unwrap_or_default();
    let literal = !json.contains("'''") && !json.contains('\u{7f}');
    if literal {
        format!("'''\n{json}'''")
    } else {
        quoted(&json)
    }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn list(texts: &[String]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
    format!("[{}]", texts.join(", "))
}

fn put(out: &mut String, key: &str, value: &str) {
    // Writing to a string has no way to fail.
    let _ = writeln!(out, "{key} = {value}");
}
