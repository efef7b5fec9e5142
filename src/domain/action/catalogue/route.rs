//! Which requests through a proxy need which permission.
//!
//! A route names methods, a path with places in braces, and a permission. What stands in the places becomes the
//! members of the typed details, so that what a person reads is what the request says, and nothing an agent wrote.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Catalogue, Permission, PermissionKey, Resource};
use crate::domain::action::details::read_again;
use crate::domain::forward_auth::Original;
use crate::domain::forward_auth::original::segments;

/// These requests need that permission.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Route {
    /// Methods, in capitals.
    pub methods: Vec<String>,
    /// What the path must look like.
    pub path: Pattern,
    /// The scope or type that is needed, of the same service.
    pub needs: PermissionKey,
    /// For a type: whether the request may have a query, which nobody is shown.
    pub any_query: bool,
    /// Whether the person is asked at once, for an agent that has a token and lacks only this.
    pub ask: bool,
}

/// What a path must look like: `/files/{name}`, `/reports/*`, `/static/**`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern {
    source: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    /// One segment, by this name.
    Place(String),
    /// One segment, whatever it is.
    Any,
    /// All that is left, be it nothing.
    Rest,
}

/// Why a pattern was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Not a path of plain segments.
    #[error("is not a path that starts with a slash and is written plainly")]
    Path,
    /// Braces around something that is no name.
    #[error("has braces around something other than small letters, digits and _")]
    Place,
    /// A name that stands twice.
    #[error("has the same name in braces twice")]
    Twice,
    /// `**` before the end.
    #[error("has ** before its end")]
    Rest,
}

/// A request, and what it needs.
#[derive(Clone, Debug)]
pub struct Routed<'a> {
    /// The service it is sent to.
    pub resource: &'a Resource,
    /// The permission that is needed.
    pub permission: &'a Permission,
    /// The route that says so.
    pub route: &'a Route,
    /// The typed details that are needed; none for a scope.
    pub detail: Option<Value>,
}

impl Catalogue {
    /// What a request needs: the first route that fits says it. `None`: no route does, and the request passes
    /// for nobody.
    pub fn routed(&self, original: &Original) -> Option<Routed<'_>> {
        let here = self.resources.iter().filter(|it| it.is_at(&original.host));
        let mut routes =
            here.flat_map(|resource| resource.routes.iter().map(move |it| (resource, it)));
        let fits = |route: &Route| {
            let places = route.path.places(&original.segments)?;
            route.methods.contains(&original.method).then_some(places)
        };
        let (resource, route, places) =
            routes.find_map(|(resource, route)| Some((resource, route, fits(route)?)))?;
        let permission = resource
            .permissions
            .iter()
            .find(|it| it.key == route.needs)?;
        let detail = match &route.needs {
            PermissionKey::Scope(_) => None,
            PermissionKey::Type(_) if original.has_query && !route.any_query => return None,
            PermissionKey::Type(kind) => {
                let members = places
                    .into_iter()
                    .map(|(name, text)| (name, Value::String(text)));
                let mut members: Map<String, Value> = members.collect();
                members.insert("type".to_owned(), Value::String(kind.clone()));
                // What the schema refuses is no such action.
                Some(read_again(&Value::Object(members), self).ok()?.value)
            }
        };
        Some(Routed {
            resource,
            permission,
            route,
            detail,
        })
    }
}

impl Resource {
    /// Whether requests to this host are this service's.
    fn is_at(&self, host: &str) -> bool {
        let same = |own: &str| own == host || without_usual_port(host) == Some(own);
        if self.hosts.is_empty() {
            own_host(&self.identifier).is_some_and(|own| same(&own))
        } else {
            self.hosts.iter().any(|own| same(own))
        }
    }
}

/// The host, with a port if it is not the usual one, of an identifier that is an address.
pub(super) fn own_host(identifier: &str) -> Option<String> {
    let url = url::Url::parse(identifier).ok()?;
    let web = matches!(url.scheme(), "https" | "http");
    let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
    (web && !host.is_empty()).then(|| host.to_ascii_lowercase())
}

fn without_usual_port(host: &str) -> Option<&str> {
    host.strip_suffix(":443")
        .or_else(|| host.strip_suffix(":80"))
}

/// As a change of it is told.
impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "route {} {} for {}",
            self.methods.join(","),
            self.path,
            self.needs
        )?;
        for (word, is) in [("any_query", self.any_query), ("ask", self.ask)] {
            if is {
                write!(f, ", {word}")?;
            }
        }
        Ok(())
    }
}

impl Pattern {
    /// Reads a pattern.
    pub fn read(source: &str) -> Result<Self, PatternError> {
        let segments = segments(source).map_err(|_| PatternError::Path)?;
        let last = segments.len() - 1;
        let mut parts: Vec<Part> = Vec::with_capacity(segments.len());
        for (at, segment) in segments.into_iter().enumerate() {
            let part = match segment.as_str() {
                "**" if at == last => Part::Rest,
                "**" => return Err(PatternError::Rest),
                "*" => Part::Any,
                _ => match segment
                    .strip_prefix('{')
                    .and_then(|it| it.strip_suffix('}'))
                {
                    Some(name) if is_name(name) => Part::Place(name.to_owned()),
                    Some(_) => return Err(PatternError::Place),
                    None if segment.contains(['{', '}']) => return Err(PatternError::Place),
                    None if segment.contains('*') => return Err(PatternError::Path),
                    None => Part::Literal(segment),
                },
            };
            if matches!(part, Part::Place(_)) && parts.contains(&part) {
                return Err(PatternError::Twice);
            }
            parts.push(part);
        }
        Ok(Self {
            source: source.to_owned(),
            parts,
        })
    }

    /// The names in braces.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Place(name) => Some(name.as_str()),
            Part::Literal(_) | Part::Any | Part::Rest => None,
        })
    }

    /// What stands in the places of a path, if it fits.
    fn places(&self, segments: &[String]) -> Option<BTreeMap<String, String>> {
        let mut places = BTreeMap::new();
        let mut left = segments.iter();
        for part in &self.parts {
            if *part == Part::Rest {
                return Some(places);
            }
            let segment = left.next()?;
            match part {
                Part::Literal(text) if text == segment => {}
                Part::Place(name) if !segment.is_empty() => {
                    places.insert(name.clone(), segment.clone());
                }
                Part::Any if !segment.is_empty() => {}
                Part::Literal(_) | Part::Place(_) | Part::Any | Part::Rest => return None,
            }
        }
        left.next().is_none().then_some(places)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl TryFrom<String> for Pattern {
    type Error = PatternError;

    fn try_from(source: String) -> Result<Self, PatternError> {
        Self::read(&source)
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.source
    }
}

fn is_name(name: &str) -> bool {
    let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    (1..=32).contains(&name.len()) && name.bytes().all(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, path: &str) -> bool {
        let segments = segments(path).unwrap();
        Pattern::read(pattern).unwrap().places(&segments).is_some()
    }

    #[test]
    fn a_pattern_fits_whole_segments() {
        for (pattern, path) in [
            ("/", "/"),
            ("/files", "/files"),
            ("/files/", "/files/"),
            ("/files/{name}", "/files/a%20b"),
            ("/*/b", "/a/b"),
            ("/files/**", "/files"),
            ("/files/**", "/files/"),
            ("/files/**", "/files/a/b/c"),
            ("/**", "/"),
        ] {
            assert!(fits(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in [
            ("/files", "/files/"),
            ("/files", "/filesystem"),
            ("/files", "/Files"),
            ("/files/{name}", "/files/"),
            ("/files/{name}", "/files/a/b"),
            ("/files/*", "/files/"),
            ("/files/**", "/filesystem"),
        ] {
            assert!(!fits(pattern, path), "{pattern} {path}");
        }
    }

    #[test]
    fn a_pattern_with_two_readings_is_refused() {
        for (pattern, why) in [
            ("files", PatternError::Path),
            ("/a//b", PatternError::Path),
            ("/a/../b", PatternError::Path),
            ("/a*", PatternError::Path),
            ("/{Name}", PatternError::Place),
            ("/{}", PatternError::Place),
            ("/a{name}", PatternError::Place),
            ("/{a}/{a}", PatternError::Twice),
            ("/**/b", PatternError::Rest),
        ] {
            assert_eq!(Pattern::read(pattern), Err(why), "{pattern}");
        }
        let pattern = Pattern::read("/a/{b}/*/{c_1}").unwrap();
        assert_eq!(pattern.names().collect::<Vec<_>>(), ["b", "c_1"]);
    }
}
