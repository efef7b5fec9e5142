//! The documents keep up with the code: rows name tests that exist, links lead somewhere, and no setting,
//! code, address or word of the audit log goes unexplained.

use std::collections::BTreeSet;
use std::path::Path;

use crate::sources::{files, read, root, starts_with, tokens};

/// The documents of the repository's root, and those under `docs`.
fn documents() -> Vec<String> {
    let mut all = files("docs", ".md");
    let top = [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "CHANGELOG.md",
    ];
    all.extend(top.map(str::to_owned));
    all
}

/// What stands between backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The name of every test: a function marked as one, or told through `both!` or `module!`.
fn tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for path in ["src", "tests/it", "entity", "migration"]
        .iter()
        .flat_map(|f| files(f, ".rs"))
    {
        let tokens = tokens(&read(&path));
        let mut marked = false;
        for at in 0..tokens.len() {
            let rest = &tokens[at..];
            marked |= starts_with(rest, &["[", "test", "]"])
                || starts_with(rest, &["tokio", "::", "test"])
                || starts_with(rest, &["both", "!"])
                || starts_with(rest, &["module", "!"]);
            if marked && starts_with(rest, &["fn"]) {
                names.extend(rest.get(1).map(|name| name.text.clone()));
                marked = false;
            }
        }
    }
    names
}

/// The rows of every table that has this column, with that cell first and the row's line number.
fn column(document: &str, title: &str) -> Vec<(usize, String)> {
    let text = read(document);
    let mut found = Vec::new();
    let mut place = None;
    for (number, line) in text.lines().enumerate() {
        if !line.starts_with('|') {
            place = None;
            continue;
        }
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        match place {
            None => place = Some(cells.iter().position(|cell| *cell == title)),
            Some(Some(at)) if !line.starts_with("|--") && !line.starts_with("| --") => {
                found.push((number + 1, cells.get(at).copied().unwrap_or("").to_owned()));
            }
            Some(_) => {}
        }
    }
    found
}

/// Every row names at least one test, and each test it names is there.
fn names_real_tests(document: &str) {
    let tests = tests();
    let rows = column(document, "Test");
    assert!(
        !rows.is_empty(),
        "{document} has no table with a column `Test`"
    );
    for (line, cell) in rows {
        let named = quoted(&cell);
        assert!(
            !named.is_empty(),
            "{document}:{line}: the row names no test"
        );
        for name in named {
            assert!(
                tests.contains(name),
                "{document}:{line}: there is no test `{name}`: it was renamed, or is still to be written",
            );
        }
    }
}

#[test]
fn every_row_of_the_conformance_names_a_test_that_is_there() {
    names_real_tests("docs/conformance.md");
}

#[test]
fn every_row_of_the_threats_names_a_test_that_is_there() {
    names_real_tests("docs/threats.md");
}

#[test]
fn every_file_that_a_table_names_is_there() {
    for document in documents() {
        for (line, cell) in column(&document, "File") {
            for path in quoted(&cell) {
                assert!(
                    root().join(path).exists(),
                    "{document}:{line}: there is no `{path}`"
                );
            }
        }
    }
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    for document in documents() {
        let text = read(&document);
        let folder = Path::new(&document).parent().unwrap_or(Path::new(""));
        for target in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let path = target.split('#').next().unwrap_or("");
            let elsewhere = path.is_empty() || path.contains("://") || path.starts_with("mailto:");
            assert!(
                elsewhere || root().join(folder).join(path).exists(),
                "{document}: the link to `{target}` leads nowhere",
            );
        }
    }
}

#[test]
fn every_sentence_about_a_setting_is_about_one_there_is() {
    let default: toml::Table = countersign::config::DEFAULT
        .parse()
        .expect("the default file is TOML");
    let reference = read("docs/reference/configuration.md");
    let said: BTreeSet<&str> = quoted(&reference).into_iter().collect();
    for (name, value) in &default {
        match value.as_table() {
            Some(table) => {
                for inner in table.keys() {
                    let setting = format!("{name}.{inner}");
                    assert!(
                        said.contains(setting.as_str()),
                        "configuration.md does not explain `{setting}`"
                    );
                }
            }
            None => assert!(
                said.contains(name.as_str()),
                "configuration.md does not explain `{name}`"
            ),
        }
    }
}

#[test]
fn the_default_file_loads_as_it_is() {
    let config = countersign::config::from(None, std::iter::empty()).expect("the default loads");
    assert!(
        config.listen.ip().is_loopback(),
        "the default listens on this machine only"
    );
}

/// The string constants between two marks of a source file.
fn strings(path: &str, from: &str, to: &str) -> Vec<String> {
    let text = read(path);
    let start = text
        .find(from)
        .unwrap_or_else(|| panic!("{path} has no `{from}`"));
    let rest = &text[start..];
    let part = &rest[..rest.find(to).unwrap_or(rest.len())];
    part.split('"')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

fn all_said(document: &str, words: &[String]) {
    let text = read(document);
    assert!(!words.is_empty(), "nothing to look for in {document}");
    for word in words {
        assert!(
            text.contains(&format!("`{word}`")),
            "{document} does not explain `{word}`"
        );
    }
}

#[test]
fn every_code_an_agent_may_be_told_is_explained() {
    let codes = strings(
        "src/domain/ciba/refusal.rs",
        "pub fn code",
        "pub fn description",
    );
    all_said("docs/reference/http.md", &codes);
}

#[test]
fn every_address_is_explained() {
    let mut paths = strings("src/paths.rs", "pub const", "pub fn");
    paths.retain(|word| word.starts_with('/'));
    all_said("docs/reference/http.md", &paths);
}

#[test]
fn every_word_of_the_audit_log_is_explained() {
    let words = strings("src/domain/audit.rs", "The stored word", "Who did it");
    all_said("docs/reference/audit.md", &words);
}

#[test]
fn every_catalogue_in_the_documents_is_a_good_one() {
    let example = read("examples/catalogue.toml");
    countersign::domain::action::Catalogue::read(&example).expect("the example is good");
    let reference = read("docs/reference/catalogue.md");
    let blocks: Vec<&str> = reference
        .split("```toml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    assert!(!blocks.is_empty(), "catalogue.md shows no catalogue");
    for block in blocks {
        if let Err(error) = countersign::domain::action::Catalogue::read(block) {
            panic!("catalogue.md shows a catalogue that is refused: {error}\n{block}");
        }
    }
}

/// The words that begin the lines under this heading of a help text.
fn commands(arguments: &[&str]) -> Vec<String> {
    let program = std::process::Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(arguments)
        .arg("--help")
        .output()
        .expect("the program runs");
    let help = String::from_utf8(program.stdout).expect("text");
    let listed = help.split("Commands:\n").nth(1).unwrap_or_default();
    listed
        .lines()
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|word| *word != "help")
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_command_is_explained() {
    let reference = read("docs/reference/cli.md");
    for command in commands(&[]) {
        let inner = commands(&[&command]);
        let named = if inner.is_empty() {
            vec![command]
        } else {
            inner
                .iter()
                .map(|word| format!("{command} {word}"))
                .collect()
        };
        for words in named {
            let explained = [format!("`{words}"), format!("`countersign {words}")]
                .iter()
                .any(|start| reference.contains(start.as_str()));
            assert!(
                explained,
                "docs/reference/cli.md does not explain `{words}`"
            );
        }
    }
}
