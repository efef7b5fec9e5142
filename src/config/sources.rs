//! Where values come from: the compiled-in file, the operator's file, the environment.
//!
//! The compiled-in file has every setting, so it is also the list of names that exist. Values stay
//! text here, wherever they come from; [`read`](super::read) judges them.

use std::collections::BTreeMap;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{ConfigError, Problem};
use crate::domain::action::catalogue::rules::nearest;

/// The default file, which has every setting.
pub const DEFAULT: &str = include_str!("config.default.toml");

/// What all our variables begin with.
const PREFIX: &str = "COUNTERSIGN_";

/// Settings that may hold a password, and can be read from a file named by `…_FILE`.
const SECRET: [&str; 2] = ["database_url", "smtp_url"];

/// Variables of ours that are not settings of the server.
const OTHERS: [&str; 5] = [
    "COUNTERSIGN_CONFIG",
    "COUNTERSIGN_SERVER",
    "COUNTERSIGN_CLIENT_ID",
    "COUNTERSIGN_CLIENT_SECRET",
    "COUNTERSIGN_CLIENT_SECRET_FILE",
];

/// A value as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Given {
    /// The value.
    pub(super) text: String,
    /// A file and line, or a variable.
    pub(super) place: String,
}

/// Every setting with the value that counts.
pub(super) type Values = BTreeMap<String, Given>;

/// Gathers every value; what cannot be one is noted in `problems`.
pub(super) fn gather(
    file: Option<(&Path, &str)>,
    variables: impl Iterator<Item = (String, String)>,
    problems: &mut Vec<Problem>,
) -> Values {
    let mut values = Values::new();
    take_file("the default", DEFAULT, &mut values, problems);
    let known: Vec<String> = values.keys().cloned().collect();
    if let Some((path, text)) = file {
        let mut given = Values::new();
        take_file(&path.display().to_string(), text, &mut given, problems);
        for (name, value) in given {
            if known.contains(&name) {
                values.insert(name, value);
            } else {
                problems.push(unknown_setting(&name, value.place, &known));
            }
        }
    }
    take_variables(variables, &known, &mut values, problems);
    values
}

fn unknown_setting(name: &str, place: String, known: &[String]) -> Problem {
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let fix = match nearest(name, &known) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => "remove it; `countersign serve --default-config` lists every setting".to_owned(),
    };
    Problem {
        place,
        cause: format!("there is no setting \"{name}\""),
        fix,
    }
}

fn take_file(name: &str, text: &str, values: &mut Values, problems: &mut Vec<Problem>) {
    match DeTable::parse(text) {
        Ok(table) => {
            let page = Page { name, text };
            page.take("", table.get_ref(), values, problems);
        }
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            problems.push(Problem {
                place: Page { name, text }.place(at),
                cause: error.message().to_owned(),
                fix: "write it as TOML: name = \"value\"".to_owned(),
            });
        }
    }
}

struct Page<'a> {
    name: &'a str,
    text: &'a str,
}

impl Page<'_> {
    fn place(&self, at: usize) -> String {
        let before = self.text.as_bytes().iter().take(at);
        let line = 1 + before.filter(|byte| **byte == b'\n').count();
        format!("{}:{line}", self.name)
    }

    fn take(
        &self,
        front: &str,
        table: &DeTable<'_>,
        values: &mut Values,
        problems: &mut Vec<Problem>,
    ) {
        for (key, value) in table {
            let name = format!("{front}{}", key.get_ref());
            let place = self.place(key.span().start);
            if let Some(text) = scalar(value) {
                values.insert(name, Given { text, place });
            } else if let (DeValue::Table(inner), true) = (value.get_ref(), front.is_empty()) {
                self.take(&format!("{name}."), inner, values, problems);
            } else {
                problems.push(Problem {
                    place,
                    cause: format!("{name} cannot be a {}", value.get_ref().type_str()),
                    fix: format!("write {name} = \"value\""),
                });
            }
        }
    }
}

fn scalar(value: &Spanned<DeValue<'_>>) -> Option<String> {
    match value.get_ref() {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Boolean(flag) => Some(flag.to_string()),
        DeValue::Float(number) => Some(number.to_string()),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

/// The variable of a setting.
fn variable(name: &str) -> String {
    format!("{PREFIX}{}", name.replace('.', "_").to_uppercase())
}

fn take_variables(
    variables: impl Iterator<Item = (String, String)>,
    known: &[String],
    values: &mut Values,
    problems: &mut Vec<Problem>,
) {
    let settings: BTreeMap<String, &String> =
        known.iter().map(|name| (variable(name), name)).collect();
    let files: BTreeMap<String, &str> = SECRET
        .iter()
        .map(|name| (format!("{}_FILE", variable(name)), *name))
        .collect();
    let mut ours: Vec<_> = variables
        .filter(|(variable, _)| variable.starts_with(PREFIX))
        .collect();
    // A secret in a file comes after the plain one, and so can see it.
    ours.sort();
    for (place, text) in ours {
        if let Some(name) = settings.get(&place) {
            values.insert((*name).clone(), Given { text, place });
        } else if let Some(name) = files.get(&place) {
            match from_file(name, &place, &text, values) {
                Ok(given) => drop(values.insert((*name).to_owned(), given)),
                Err(problem) => problems.push(problem),
            }
        } else if !OTHERS.contains(&place.as_str()) {
            let all = settings.keys().chain(files.keys()).map(String::as_str);
            let all: Vec<&str> = all.chain(OTHERS).collect();
            let fix = match nearest(&place, &all) {
                Some(near) => format!("did you mean {near}? Otherwise unset it"),
                None => format!("unset it: {PREFIX}… names settings of this server only"),
            };
            problems.push(Problem {
                place,
                cause: "there is no such setting".to_owned(),
                fix,
            });
        }
    }
}

fn from_file(name: &str, place: &str, path: &str, values: &Values) -> Result<Given, Problem> {
    let problem = |cause: String, fix: String| Problem {
        place: place.to_owned(),
        cause,
        fix,
    };
    let plain = variable(name);
    if values.get(name).is_some_and(|given| given.place == plain) {
        return Err(problem(
            format!("{plain} is set too"),
            "set one of the two".to_owned(),
        ));
    }
    let text = std::fs::read_to_string(path).map_err(|error| {
        problem(
            format!("{path} cannot be read: {error}"),
            "name a file this user can read".to_owned(),
        )
    })?;
    Ok(Given {
        text: text.trim().to_owned(),
        place: place.to_owned(),
    })
}

/// Reads the operator's file: the one named, or the first there is.
pub(super) fn find_file(
    named: Option<&Path>,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<(std::path::PathBuf, String)>, ConfigError> {
    let named = named
        .map(Path::to_owned)
        .or_else(|| variable("COUNTERSIGN_CONFIG").map(Into::into));
    let candidates = match &named {
        Some(path) => vec![path.clone()],
        None => usual_places(&variable),
    };
    for path in candidates {
        match std::fs::read_to_string(&path) {
            Ok(text) => return Ok(Some((path, text))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && named.is_none() => {}
            Err(error) => {
                return Err(ConfigError::one(
                    path.display().to_string(),
                    format!("the file cannot be read: {error}"),
                    "name a file that is there with --config, and let this user read it",
                ));
            }
        }
    }
    Ok(None)
}

fn usual_places(variable: &impl Fn(&str) -> Option<String>) -> Vec<std::path::PathBuf> {
    let own = variable("XDG_CONFIG_HOME")
        .map(std::path::PathBuf::from)
        .or_else(|| variable("HOME").map(|home| Path::new(&home).join(".config")));
    own.into_iter()
        .chain([std::path::PathBuf::from("/etc")])
        .map(|base| base.join("countersign/countersign.toml"))
        .collect()
}
