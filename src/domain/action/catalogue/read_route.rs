//! `hosts` and each `[[resource.route]]`.

use serde_json::Value;

use super::document::Entry;
use super::route::own_host;
use super::route::{Pattern, Route};
use super::{Permission, PermissionKey};

pub(super) const ROUTE_KEYS: [&str; 6] = ["methods", "path", "scope", "type", "any_query", "ask"];

const MOST_ROUTES: usize = 200;
const MOST_HOSTS: usize = 16;

/// The hosts whose requests are this service's, as they are named.
pub(super) fn read_hosts(entry: &Entry<'_, '_>) -> Vec<String> {
    let hosts = entry.words("hosts", "\"files.example.com\"");
    for host in &hosts {
        if own_host(&format!("https://{host}/")).as_ref() != Some(host) {
            entry.page.fault(
                entry.at("hosts"),
                format!("hosts has \"{host}\", which is no host"),
                "write a name in small letters, with a port if it is not the usual one",
            );
        }
    }
    if hosts.len() > MOST_HOSTS {
        let cause = format!("more than {MOST_HOSTS} hosts");
        entry.page.fault(entry.at("hosts"), cause, "name fewer");
    }
    hosts
}

/// The routes of a service, whose permissions and hosts have been read.
pub(super) fn read_routes(
    entry: &Entry<'_, '_>,
    permissions: &[Permission],
    reachable: bool,
) -> Vec<Route> {
    let entries = entry.tables("route", "a route", &ROUTE_KEYS);
    if !entries.is_empty() && !reachable {
        entry.fault(
            "a resource with routes and no host",
            "add hosts = [\"files.example.com\"], or make the identifier its address",
        );
    }
    if entries.len() > MOST_ROUTES {
        let cause = format!("a resource with more than {MOST_ROUTES} routes");
        entry.fault(cause, "put several paths together with * or **");
    }
    let mut routes: Vec<Route> = Vec::new();
    for each in &entries {
        let Some(route) = read_route(each, permissions) else {
            continue;
        };
        let before = |it: &&Route| it.path == route.path;
        let twice = routes.iter().filter(before).flat_map(|it| &it.methods);
        let twice = twice.into_iter().find(|it| route.methods.contains(it));
        if let Some(method) = twice {
            each.fault(
                format!("{method} {} has a route already", route.path),
                "the first one counts: remove this one",
            );
        }
        routes.push(route);
    }
    routes
}

fn read_route(entry: &Entry<'_, '_>, permissions: &[Permission]) -> Option<Route> {
    let methods = read_methods(entry);
    let path = entry
        .required("path", "\"/files/{name}\"")
        .and_then(|path| {
            let read = Pattern::read(path);
            if let Err(why) = read {
                let cause = format!("path = \"{path}\" {why}");
                let fix = "write it like /files/{name}, /reports/* or /static/**";
                entry.page.fault(entry.at("path"), cause, fix);
            }
            read.ok()
        });
    let needs = read_needs(entry);
    let permission = needs.as_ref().and_then(|needs| {
        let found = permissions.iter().find(|it| it.key == *needs);
        if found.is_none() {
            entry.fault(
                format!("a route needs the {needs}, which this resource does not have"),
                "name a scope or type of the same [[resource]]",
            );
        }
        found
    });
    let any_query = entry.flag("any_query");
    if let (Some(path), Some(permission)) = (&path, permission) {
        places_make_details(entry, path, permission);
        if any_query && matches!(permission.key, PermissionKey::Scope(_)) {
            let cause = "any_query on a route that needs a scope";
            entry.page.fault(
                entry.at("any_query"),
                cause,
                "remove it: a scope never looks at the query",
            );
        }
    }
    Some(Route {
        methods,
        path: path?,
        needs: needs?,
        any_query,
        ask: entry.flag("ask"),
    })
}

fn read_methods(entry: &Entry<'_, '_>) -> Vec<String> {
    let methods = entry.words("methods", "\"GET\"");
    if methods.is_empty() {
        entry.fault(
            "a route without methods",
            "add methods = [\"GET\", \"HEAD\"]",
        );
    }
    for method in &methods {
        if !method.bytes().all(|b| b.is_ascii_uppercase() || b == b'-') || method.is_empty() {
            entry.page.fault(
                entry.at("methods"),
                format!("methods has \"{method}\", which is no method"),
                "write it in capitals: GET, HEAD, POST, PUT, PATCH, DELETE",
            );
        }
    }
    methods
}

fn read_needs(entry: &Entry<'_, '_>) -> Option<PermissionKey> {
    match (entry.text("scope"), entry.text("type")) {
        (Some(scope), None) => Some(PermissionKey::Scope(scope.to_owned())),
        (None, Some(kind)) => Some(PermissionKey::Type(kind.to_owned())),
        (Some(_), Some(_)) => {
            let fix = "name the one permission that is needed";
            entry.fault("a route has both a scope and a type", fix);
            None
        }
        (None, None) => {
            let fix = "add scope = \"files.read\", or type = \"file_deletion\"";
            entry.fault("a route has neither a scope nor a type", fix);
            None
        }
    }
}

/// The names in a path are the members of the details: the schema must have each as text, and must not need more.
fn places_make_details(entry: &Entry<'_, '_>, path: &Pattern, permission: &Permission) {
    let Some(schema) = &permission.schema else {
        return;
    };
    for name in path.names() {
        let described = schema.describes(&format!("/{name}"));
        let text = described.is_ok_and(|it| {
            it.is_some_and(|it| it.get("type").and_then(Value::as_str) == Some("string"))
        });
        if !text || name == "type" {
            entry.page.fault(
                entry.at("path"),
                format!("the {} has no text member {name}", permission.key),
                "describe it in the schema with type = \"string\", or write * in the path",
            );
        }
    }
    let required = schema.as_value().get("required").and_then(Value::as_array);
    for member in required.into_iter().flatten().filter_map(Value::as_str) {
        if member != "type" && !path.names().any(|name| name == member) {
            entry.page.fault(
                entry.at("path"),
                format!(
                    "the {} needs {member}, which is not in the path",
                    permission.key
                ),
                "put it in braces into the path, or do not require it",
            );
        }
    }
}
