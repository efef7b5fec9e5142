//! One `[[resource.permission]]`.

use time::Duration;

use super::approvers::read_approvers;
use super::document::Entry;
use super::read_field::{FIELD_KEYS, read_field, refuse_overlaps};
use super::read_schema::read_schema;
use super::rules::{is_reserved, is_scope};
use super::{
    Always, Ask, Consequence, Field, Often, Period, Permission, PermissionKey, Rate, Schema, Title,
};
use crate::domain::action::{Tier, duration};

pub(super) const PERMISSION_KEYS: [&str; 13] = [
    "scope",
    "type",
    "title",
    "tier",
    "ask",
    "approvers",
    "access_for",
    "token_lifetime",
    "always",
    "single_use",
    "consequence",
    "schema",
    "field",
];

const ALWAYS_KEYS: [&str; 5] = ["max", "per_hour", "per_day", "per_week", "uses"];

const USUAL_LIFETIME: Duration = Duration::minutes(5);
const SHORTEST_LIFETIME: Duration = Duration::seconds(10);
const LONGEST_LIFETIME: Duration = Duration::hours(24);
const LONGEST_ACCESS: Duration = Duration::days(365);

/// Notes every fault it finds; `None` when what is left is no permission.
pub(super) fn read_permission(entry: &Entry<'_, '_>) -> Option<Permission> {
    let key = read_key(entry);
    let title = read_title(entry);
    let tier = entry.choice("tier", &Tier::ALL, Tier::as_str);
    let tier = if entry.value("tier").is_none() {
        Some(Tier::default())
    } else {
        tier
    };
    let ask = entry.choice("ask", &Ask::ALL, Ask::as_str);
    let approvers = read_approvers(entry);
    let always = tier.map(|tier| read_always(entry, tier));
    let often = read_often(entry);
    let access_for = read_access(entry);
    let token_lifetime = read_lifetime(entry);
    let single_use = entry.flag("single_use");
    let consequence = entry.choice("consequence", &Consequence::ALL, Consequence::as_str);
    let schema = read_schema(entry, key.as_ref());
    let fields = read_fields(entry, key.as_ref(), schema.as_ref());
    if let Some(title) = &title {
        name_only_fields(entry, title, &fields);
    }
    Some(Permission {
        key: key?,
        title: title?,
        tier: tier?,
        ask: ask.unwrap_or_default(),
        approvers,
        access_for,
        token_lifetime,
        always: always?,
        often,
        single_use,
        consequence,
        schema,
        fields,
    })
}

fn read_key(entry: &Entry<'_, '_>) -> Option<PermissionKey> {
    match (
        entry.value("scope").is_some(),
        entry.value("type").is_some(),
    ) {
        (true, false) => read_scope(entry),
        (false, true) => read_type(entry),
        (true, true) => {
            entry.fault(
                "a permission has both a scope and a type",
                "make it two permissions",
            );
            None
        }
        (false, false) => {
            let fix =
                "add scope = \"payments.read\", or type = \"payment_initiation\" with a schema";
            entry.fault("a permission has neither a scope nor a type", fix);
            None
        }
    }
}

fn read_scope(entry: &Entry<'_, '_>) -> Option<PermissionKey> {
    let scope = entry.text("scope")?;
    if !is_scope(scope) {
        entry.page.fault(
            entry.at("scope"),
            format!("scope = \"{scope}\" is not an OAuth scope"),
            "use letters, digits and . : / _ - without spaces",
        );
    } else if is_reserved(scope) {
        entry.page.fault(
            entry.at("scope"),
            format!("the scope {scope} has a meaning of its own in OpenID Connect"),
            format!("name the service in it, as in payments.{scope}"),
        );
    }
    Some(PermissionKey::Scope(scope.to_owned()))
}

fn read_type(entry: &Entry<'_, '_>) -> Option<PermissionKey> {
    let name = entry.text("type")?;
    if !is_scope(name) {
        entry.page.fault(
            entry.at("type"),
            format!("type = \"{name}\" cannot be sent as it is"),
            "use letters, digits and . : / _ - without spaces",
        );
    }
    Some(PermissionKey::Type(name.to_owned()))
}

fn read_title(entry: &Entry<'_, '_>) -> Option<Title> {
    let text = entry.required("title", "\"Pay {amount} to {creditor}\"")?;
    match Title::read(text) {
        Ok(title) => Some(title),
        Err(error) => {
            let cause = format!("the title cannot be used: {error}");
            let fix = "write one sentence of at most 80 letters that begins with a verb";
            entry.page.fault(entry.at("title"), cause, fix);
            None
        }
    }
}

fn read_always(entry: &Entry<'_, '_>, tier: Tier) -> Always {
    let usual = tier.usual_always().map_or(Always::Never, Always::Within);
    let together = entry.value("approvers").is_some();
    let Some(value) = entry.value("always") else {
        return if together { Always::Never } else { usual };
    };
    if value.get_ref().as_str() == Some("never") {
        return Always::Never;
    }
    if together {
        entry.page.fault(
            value.span().start,
            "\"always\" is one person's to give, and here others have a say",
            "write always = \"never\", or leave out approvers",
        );
        return Always::Never;
    }
    let Some(table) = value.get_ref().as_table() else {
        entry.wrong("always", value, "\"never\" or { max = \"30d\" }");
        return usual;
    };
    let at = value.span().start;
    let within = Entry::new(entry.page, "always", at, table, &ALWAYS_KEYS);
    let Some(max) = within
        .required("max", "\"30d\"")
        .and_then(|_| within.length("max"))
    else {
        return usual;
    };
    let at = within.at("max");
    match tier.longest_always() {
        None => entry.page.fault(
            at,
            format!("\"always\" is not possible at tier {tier}"),
            "write always = \"never\", or lower the tier",
        ),
        Some(longest) if max > longest => entry.page.fault(
            at,
            format!(
                "\"always\" of {} is longer than tier {tier} allows",
                duration::write(max)
            ),
            format!(
                "write {{ max = \"{}\" }} or less, or lower the tier",
                duration::write(longest)
            ),
        ),
        Some(_) if max.is_zero() => {
            entry
                .page
                .fault(at, "\"always\" of no length", "write always = \"never\"");
        }
        Some(_) => {}
    }
    Always::Within(max)
}

/// How often an "always" may answer: in one window, altogether, or both.
fn read_often(entry: &Entry<'_, '_>) -> Often {
    let Some(always) = entry.again("always") else {
        return Often::default();
    };
    let rates: Vec<Rate> = Period::ALL
        .into_iter()
        .filter_map(|per| {
            let times = always.count(per.as_key(), Often::MOST_IN_A_WINDOW)?;
            Some(Rate { times, per })
        })
        .collect();
    if let [_, second, ..] = rates.as_slice() {
        entry.page.fault(
            always.at(second.per.as_key()),
            "\"always\" counts in two windows",
            "keep one of per_hour, per_day and per_week",
        );
    }
    Often {
        rate: rates.first().copied(),
        uses: always.count("uses", Often::MOST_USES),
    }
}

fn read_access(entry: &Entry<'_, '_>) -> Duration {
    let access = entry.length("access_for").unwrap_or(Duration::ZERO);
    if access > LONGEST_ACCESS {
        entry.page.fault(
            entry.at("access_for"),
            "access_for is longer than a year",
            "write access_for = \"365d\" or less",
        );
    }
    access
}

fn read_lifetime(entry: &Entry<'_, '_>) -> Duration {
    let lifetime = entry.length("token_lifetime").unwrap_or(USUAL_LIFETIME);
    if !(SHORTEST_LIFETIME..=LONGEST_LIFETIME).contains(&lifetime) {
        entry.page.fault(
            entry.at("token_lifetime"),
            format!(
                "token_lifetime = \"{}\" is out of range",
                duration::write(lifetime)
            ),
            "write between \"10s\" and \"24h\"",
        );
    }
    lifetime
}

fn read_fields(
    entry: &Entry<'_, '_>,
    key: Option<&PermissionKey>,
    schema: Option<&Schema>,
) -> Vec<Field> {
    let entries = entry.tables("field", "a field", &FIELD_KEYS);
    if let (Some(PermissionKey::Scope(_)), Some(first)) = (key, entries.first()) {
        first.fault(
            "a scope carries no details for a field",
            "remove it, or use type in place of scope",
        );
    }
    let mut fields: Vec<Field> = Vec::new();
    for each in &entries {
        let Some(field) = read_field(each, schema) else {
            continue;
        };
        if fields.iter().any(|other| other.name == field.name) {
            each.fault(
                format!("the field {} is there twice", field.name),
                "give it another name",
            );
        }
        refuse_overlaps(each, &field, &fields);
        fields.push(field);
    }
    fields
}

fn name_only_fields(entry: &Entry<'_, '_>, title: &Title, fields: &[Field]) {
    for name in title.fields() {
        if !fields.iter().any(|field| field.name == name) {
            entry.page.fault(
                entry.at("title"),
                format!("the title names {{{name}}}, which is not a field"),
                format!("add a [[resource.permission.field]] with name = \"{name}\""),
            );
        }
    }
}
