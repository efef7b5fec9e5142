//! What a terminal shows: data on stdout, words on stderr.
//!
//! Colour only where somebody watches and nothing forbids it; a symbol always has words beside it.

use std::io::{IsTerminal, Write};

use serde_json::Value;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

use super::exit::Failure;

/// Where a command's output goes, and how it looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    /// Whether data is JSON.
    pub(super) json: bool,
    colour: bool,
    symbols: bool,
}

impl Output {
    /// As flags and environment say.
    pub(super) fn new(json: bool, no_color: bool) -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            json,
            colour: !no_color && colour(variable, std::io::stderr().is_terminal()),
            symbols: symbols(variable),
        }
    }

    /// A line of data, for people or for another program.
    #[expect(clippy::unused_self, reason = "all output goes through one door")]
    pub(super) fn data(self, line: impl std::fmt::Display) {
        // A reader that has heard enough (`| head`) is not an error of ours.
        let _ = writeln!(std::io::stdout(), "{line}");
    }

    /// One JSON value a line.
    pub(super) fn json(self, value: &Value) {
        self.data(value);
    }

    /// Rows of data in columns.
    pub(super) fn table<const N: usize>(self, head: [&str; N], rows: &[[String; N]]) {
        for line in columns(head, rows) {
            self.data(line);
        }
    }

    /// Words.
    #[expect(clippy::unused_self, reason = "all output goes through one door")]
    pub(super) fn say(self, words: impl std::fmt::Display) {
        let _ = writeln!(std::io::stderr(), "{words}");
    }

    /// Words about something that worked.
    pub(super) fn done(self, words: impl std::fmt::Display) {
        self.marked("32", if self.symbols { "✓" } else { "ok:" }, &words);
    }

    /// Words about something to look after.
    pub(super) fn warn(self, words: impl std::fmt::Display) {
        self.marked("33", if self.symbols { "!" } else { "warning:" }, &words);
    }

    /// Words about something that did not work.
    pub(super) fn bad(self, words: impl std::fmt::Display) {
        self.marked("31", if self.symbols { "✗" } else { "failed:" }, &words);
    }

    /// Words about where to go.
    pub(super) fn next(self, words: impl std::fmt::Display) {
        self.marked("36", if self.symbols { "→" } else { "next:" }, &words);
    }

    /// Why the command failed.
    pub(super) fn failure(self, failure: &Failure) {
        self.marked("31", "error:", failure);
    }

    fn marked(self, colour: &str, mark: &str, words: &dyn std::fmt::Display) {
        if self.colour {
            self.say(format_args!("\x1b[{colour}m{mark}\x1b[0m {words}"));
        } else {
            self.say(format_args!("{mark} {words}"));
        }
    }
}

fn colour(variable: impl Fn(&str) -> Option<String>, watched: bool) -> bool {
    if variable("NO_COLOR").is_some() {
        return false;
    }
    if variable("FORCE_COLOR").is_some() {
        return true;
    }
    watched && variable("TERM").is_none_or(|term| term != "dumb")
}

fn symbols(variable: impl Fn(&str) -> Option<String>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(variable)
        .unwrap_or_default()
        .to_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

/// A moment for people: day, hour and minute, in UTC.
pub(super) fn day(at: OffsetDateTime) -> String {
    let form = format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
    at.to_offset(UtcOffset::UTC)
        .format(form)
        .unwrap_or_default()
}

/// A moment for programs.
pub(super) fn rfc3339(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}

/// Rows in columns, each as wide as its widest entry.
fn columns<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> Vec<String> {
    let mut widths = head.map(|word| word.chars().count());
    for row in rows {
        for (width, entry) in widths.iter_mut().zip(row) {
            *width = (*width).max(entry.chars().count());
        }
    }
    let line = |entries: &[String; N]| {
        let mut line = String::new();
        for (entry, width) in entries.iter().zip(widths) {
            let gap = width - entry.chars().count() + 2;
            line.push_str(entry);
            line.push_str(&" ".repeat(gap));
        }
        line.trim_end().to_owned()
    };
    std::iter::once(line(&head.map(str::to_owned)))
        .chain(rows.iter().map(line))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_for_eyes_that_want_it() {
        let with = |set: &'static str| move |name: &str| (name == set).then(|| "1".to_owned());
        assert!(colour(with(""), true));
        assert!(!colour(with(""), false));
        assert!(!colour(with("NO_COLOR"), true));
        assert!(colour(with("FORCE_COLOR"), false));
        let dumb = |name: &str| (name == "TERM").then(|| "dumb".to_owned());
        assert!(!colour(dumb, true));
    }

    #[test]
    fn columns_are_as_wide_as_they_must_be() {
        let rows = [["a".to_owned(), "bb".to_owned()]];
        assert_eq!(columns(["ID", "NAME"], &rows), ["ID  NAME", "a   bb"]);
    }
}
