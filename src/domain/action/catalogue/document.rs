//! A TOML document that remembers its lines, and collects every fault instead of the first.

use std::cell::RefCell;
use std::str::FromStr;

use serde_json::{Map, Number, Value};
use time::Duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Problem;
use super::rules::nearest;
use crate::domain::action::duration;

/// The file, and what was found wrong with it so far.
pub(super) struct Page<'s> {
    source: &'s str,
    problems: RefCell<Vec<Problem>>,
}

impl<'s> Page<'s> {
    pub(super) fn new(source: &'s str) -> Self {
        Self {
            source,
            problems: RefCell::new(Vec::new()),
        }
    }

    /// Notes a fault at this byte of the file.
    pub(super) fn fault(&self, at: usize, cause: impl Into<String>, fix: impl Into<String>) {
        let before = self.source.as_bytes().iter().take(at);
        let line = 1 + before.filter(|byte| **byte == b'\n').count();
        let (cause, fix) = (cause.into(), fix.into());
        self.problems
            .borrow_mut()
            .push(Problem { line, cause, fix });
    }

    /// Every fault, in the order of the file.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|problem| problem.line);
        problems
    }
}

/// One table of the file, and the keys it may have.
pub(super) struct Entry<'p, 's> {
    pub(super) page: &'p Page<'s>,
    pub(super) at: usize,
    what: &'static str,
    table: &'p DeTable<'s>,
}

impl<'p, 's> Entry<'p, 's> {
    /// Looks at a table, and notes every key that is not among `known`.
    pub(super) fn new(
        page: &'p Page<'s>,
        what: &'static str,
        at: usize,
        table: &'p DeTable<'s>,
        known: &[&str],
    ) -> Self {
        for key in table.keys() {
            let name: &str = key.get_ref();
            if !known.contains(&name) {
                let fix = match nearest(name, known) {
                    Some(near) => format!("did you mean \"{near}\"?"),
                    None => format!("remove it; {what} can have: {}", known.join(", ")),
                };
                page.fault(
                    key.span().start,
                    format!("{what} has no key \"{name}\""),
                    fix,
                );
            }
        }
        Self {
            page,
            at,
            what,
            table,
        }
    }

    /// The tables of an array of tables, each with the keys it may have.
    pub(super) fn tables(
        &self,
        key: &str,
        what: &'static str,
        known: &[&str],
    ) -> Vec<Entry<'p, 's>> {
        let Some(value) = self.value(key) else {
            return Vec::new();
        };
        let Some(items) = value.get_ref().as_array() else {
            self.page.fault(
                value.span().start,
                format!("\"{key}\" must be a list of tables"),
                format!("begin each with a line {}", header(key)),
            );
            return Vec::new();
        };
        let mut entries = Vec::new();
        for item in items {
            match item.get_ref().as_table() {
                Some(table) => {
                    entries.push(Entry::new(self.page, what, item.span().start, table, known));
                }
                None => self.wrong(key, item, "a table"),
            }
        }
        entries
    }

    /// Notes a fault with this table as a whole.
    pub(super) fn fault(&self, cause: impl Into<String>, fix: impl Into<String>) {
        self.page.fault(self.at, cause, fix);
    }

    pub(super) fn value(&self, key: &str) -> Option<&'p Spanned<DeValue<'s>>> {
        self.table.get(key)
    }

    /// Where the value of this key stands, or else the table.
    pub(super) fn at(&self, key: &str) -> usize {
        self.value(key).map_or(self.at, |value| value.span().start)
    }

    pub(super) fn text(&self, key: &str) -> Option<&'p str> {
        let value = self.value(key)?;
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.wrong(key, value, "a string");
        }
        text
    }

    pub(super) fn required(&self, key: &str, example: &str) -> Option<&'p str> {
        if self.value(key).is_none() {
            self.fault(
                format!("{} has no \"{key}\"", self.what),
                format!("add {key} = {example}"),
            );
        }
        self.text(key)
    }

    /// A list of strings.
    pub(super) fn words(&self, key: &str, example: &str) -> Vec<String> {
        let Some(value) = self.value(key) else {
            return Vec::new();
        };
        let items = value.get_ref().as_array();
        let words: Option<Vec<String>> = items.and_then(|items| {
            let words = items
                .iter()
                .map(|item| item.get_ref().as_str().map(str::to_owned));
            words.collect()
        });
        words.unwrap_or_else(|| {
            self.wrong(
                key,
                value,
                &format!("a list of strings such as [{example}]"),
            );
            Vec::new()
        })
    }

    pub(super) fn flag(&self, key: &str) -> bool {
        let Some(value) = self.value(key) else {
            return false;
        };
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            self.wrong(key, value, "true or false");
        }
        flag.unwrap_or_default()
    }

    pub(super) fn length(&self, key: &str) -> Option<Duration> {
        let text = self.text(key)?;
        let length = duration::read(text);
        if let Err(error) = length {
            let cause = format!("{key} = \"{text}\" is {error}");
            self.page.fault(
                self.at(key),
                cause,
                format!("write for example {key} = \"10m\""),
            );
        }
        length.ok()
    }

    /// The same table under another name, looked at again: its keys were judged before.
    pub(super) fn again(&self, key: &str) -> Option<Self> {
        let value = self.value(key)?;
        Some(Self {
            page: self.page,
            at: value.span().start,
            what: self.what,
            table: value.get_ref().as_table()?,
        })
    }

    /// A number of times, from 1 to `most`.
    pub(super) fn count(&self, key: &str, most: u32) -> Option<u32> {
        let value = self.value(key)?;
        let read = match to_json(value) {
            Ok(Value::Number(number)) => number.as_u64(),
            Ok(_) | Err(_) => None,
        };
        let read = read.and_then(|number| u32::try_from(number).ok());
        let count = read.filter(|count| (1..=most).contains(count));
        if count.is_none() {
            let cause = format!("{key} is not a number from 1 to {most}");
            self.page.fault(
                value.span().start,
                cause,
                format!("write for example {key} = 5"),
            );
        }
        count
    }

    /// One of a fixed set of words.
    pub(super) fn choice<T: Copy>(
        &self,
        key: &str,
        all: &[T],
        word: impl Fn(T) -> &'static str,
    ) -> Option<T> {
        let text = self.text(key)?;
        let found = all.iter().copied().find(|each| word(*each) == text);
        if found.is_none() {
            let words: Vec<_> = all.iter().map(|each| word(*each)).collect();
            let fix = match nearest(text, &words) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!("one of: {}", words.join(", ")),
            };
            self.page.fault(
                self.at(key),
                format!("{key} = \"{text}\" is not known"),
                fix,
            );
        }
        found
    }

    pub(super) fn wrong(&self, key: &str, value: &Spanned<DeValue<'_>>, wanted: &str) {
        let found = value.get_ref().type_str();
        self.page.fault(
            value.span().start,
            format!("\"{key}\" is {found} where {wanted} is needed"),
            format!("write {wanted}"),
        );
    }
}

/// The line that begins a table of this list.
fn header(key: &str) -> &'static str {
    match key {
        "permission" => "[[resource.permission]]",
        "field" => "[[resource.permission.field]]",
        "route" => "[[resource.route]]",
        _ => "[[resource]]",
    }
}

/// A TOML value as JSON. `Err` holds where the part is that JSON has no word for.
pub(super) fn to_json(value: &Spanned<DeValue<'_>>) -> Result<Value, usize> {
    let at = value.span().start;
    match value.get_ref() {
        DeValue::String(text) => Ok(Value::String(text.clone().into_owned())),
        DeValue::Integer(number) => {
            let digits = number.as_str();
            let parsed = i64::from_str_radix(digits, number.radix()).map_err(|_| at)?;
            Ok(Value::Number(parsed.into()))
        }
        DeValue::Float(number) => f64::from_str(number.as_str())
            .ok()
            .and_then(Number::from_f64)
            .map(Value::Number)
            .ok_or(at),
        DeValue::Boolean(flag) => Ok(Value::Bool(*flag)),
        DeValue::Datetime(_) => Err(at),
        DeValue::Array(items) => items.iter().map(to_json).collect(),
        DeValue::Table(members) => members
            .iter()
            .map(|(key, value)| Ok((key.get_ref().clone().into_owned(), to_json(value)?)))
            .collect::<Result<Map<_, _>, _>>()
            .map(Value::Object),
    }
}
