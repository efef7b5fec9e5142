//! Reading a catalogue file: the whole of it or nothing.

use std::collections::BTreeSet;

use toml::de::DeTable;

use super::document::{Entry, Page};
use super::read_permission::{PERMISSION_KEYS, read_permission};
use super::read_route::{read_hosts, read_routes};
use super::route::own_host;
use super::rules::is_identifier;
use super::{Catalogue, CatalogueError, PermissionKey, Resource, TokenForm};
use crate::domain::action::text::agent_text;

const LARGEST: usize = 1024 * 1024;
const MOST_PERMISSIONS: usize = 500;
const LONGEST_LABEL: usize = 60;
pub(super) const RESOURCE_KEYS: [&str; 6] = [
    "identifier",
    "name",
    "access_token",
    "hosts",
    "permission",
    "route",
];

impl Catalogue {
    /// Reads a catalogue file.
    ///
    /// # Errors
    ///
    /// Every fault in the file, with its line and what to write instead.
    pub fn read(source: &str) -> Result<Self, CatalogueError> {
        let page = Page::new(source);
        if source.len() > LARGEST {
            page.fault(
                0,
                "the file is larger than 1 MiB",
                "split it among several servers",
            );
            return Err(CatalogueError {
                problems: page.into_problems(),
            });
        }
        let (document, errors) = DeTable::parse_recoverable(source);
        for error in &errors {
            let at = error.span().map_or(0, |span| span.start);
            page.fault(at, error.message().to_lowercase(), "write it as TOML");
        }
        // What did not parse may be missing something that stands in the file.
        let catalogue = if errors.is_empty() {
            read_resources(&page, document.get_ref())
        } else {
            Self::default()
        };

        match page.into_problems() {
            none if none.is_empty() => Ok(catalogue),
            problems => Err(CatalogueError { problems }),
        }
    }
}

fn read_resources(page: &Page<'_>, document: &DeTable<'_>) -> Catalogue {
    let root = Entry::new(page, "the file", 0, document, &["resource"]);
    let mut seen = Seen::default();
    let resources = root
        .tables("resource", "a resource", &RESOURCE_KEYS)
        .iter()
        .filter_map(|entry| read_resource(entry, &mut seen))
        .collect();
    if seen.keys.len() > MOST_PERMISSIONS {
        page.fault(
            0,
            format!("the file has more than {MOST_PERMISSIONS} permissions"),
            "ask for fewer, larger things; nobody reads so many sentences",
        );
    }
    Catalogue { resources }
}

/// What must not be named twice in one file.
#[derive(Default)]
struct Seen {
    identifiers: BTreeSet<String>,
    keys: BTreeSet<PermissionKey>,
}

fn read_resource(entry: &Entry<'_, '_>, seen: &mut Seen) -> Option<Resource> {
    let identifier = entry.required("identifier", "\"https://payments.example.com\"");
    let name = entry
        .required("name", "\"Payments\"")
        .and_then(|name| read_label(entry, "name", name));
    if let Some(identifier) = identifier {
        let at = entry.at("identifier");
        if !is_identifier(identifier) {
            entry.page.fault(
                at,
                format!("identifier = \"{identifier}\" is not an absolute URI without fragment"),
                "write the address of the service, such as https://payments.example.com",
            );
        }
        if !seen.identifiers.insert(identifier.to_owned()) {
            entry.page.fault(
                at,
                format!("the resource {identifier} is there twice"),
                "put all its permissions under one [[resource]]",
            );
        }
    }
    let access_token = entry.choice("access_token", &TokenForm::ALL, TokenForm::as_str);
    let entries = entry.tables("permission", "a permission", &PERMISSION_KEYS);
    if entries.is_empty() {
        entry.fault(
            "a resource without permissions",
            "add a [[resource.permission]] below it",
        );
    }
    let mut permissions = Vec::new();
    for each in &entries {
        let Some(permission) = read_permission(each) else {
            continue;
        };
        if !seen.keys.insert(permission.key.clone()) {
            each.fault(
                format!("the {} is there twice", permission.key),
                "a scope or type belongs to one resource: give one of them another name",
            );
        }
        permissions.push(permission);
    }
    let hosts = read_hosts(entry);
    let reachable = !hosts.is_empty() || identifier.and_then(own_host).is_some();
    let routes = read_routes(entry, &permissions, reachable);
    Some(Resource {
        identifier: identifier?.to_owned(),
        name: name?,
        access_token: access_token.unwrap_or_default(),
        permissions,
        hosts,
        routes,
    })
}

/// A few words for a person: the name of a resource, the label of a field.
pub(super) fn read_label(entry: &Entry<'_, '_>, key: &str, text: &str) -> Option<String> {
    match agent_text(text.trim(), LONGEST_LABEL) {
        Ok(label) => Some(label.into_string()),
        Err(error) => {
            let cause = format!("\"{key}\" cannot be shown: {error}");
            entry
                .page
                .fault(entry.at(key), cause, "write a few plain words on one line");
            None
        }
    }
}
