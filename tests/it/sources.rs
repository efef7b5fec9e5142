//! The repository as text: what the tests about its shape and its documents read.
//!
//! Rust is read as tokens with their lines. Comments, the insides of strings, and whatever is only
//! compiled for tests are left out, so that a word in a sentence is not taken for code.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A word, a number or a sign, and the line it stands on. A string is one token, `"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub text: String,
    pub line: usize,
}

/// One Rust file.
#[derive(Debug)]
pub struct Source {
    /// From the repository's root, with `/`.
    pub path: String,
    /// Without what is only compiled for tests.
    pub code: Vec<Token>,
}

/// The repository's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file's text.
pub fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every file under a folder whose name ends so, in order, from the root.
pub fn files(folder: &str, ending: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let path = entry.expect("a folder that can be read").path();
            if path.is_dir() {
                if path.file_name().is_some_and(|name| name != "node_modules") {
                    folders.push(path);
                }
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(from_root(&path));
            }
        }
    }
    found.sort();
    found
}

fn from_root(path: &Path) -> String {
    let path = path.strip_prefix(root()).expect("a path of ours");
    path.to_string_lossy().replace('\\', "/")
}

/// The Rust that is shipped, under these folders: files that exist only for tests are left out.
pub fn rust(folders: &[&str]) -> Vec<Source> {
    let mut sources = Vec::new();
    let mut tests = BTreeSet::new();
    for path in folders.iter().flat_map(|folder| files(folder, ".rs")) {
        let text = read(&path);
        let (code, test_modules) = without_tests(&tokens(&text));
        for module in test_modules {
            tests.insert(beside(&path, &module));
        }
        sources.push(Source { path, code });
    }
    sources.retain(|source| {
        let bare = source.path.trim_end_matches(".rs");
        !tests
            .iter()
            .any(|test| bare == test || bare.starts_with(&format!("{test}/")))
    });
    sources
}

/// Where the module declared in a file lives, without `.rs`.
fn beside(file: &str, module: &str) -> String {
    let file = PathBuf::from(file);
    let folder = file.parent().expect("a folder");
    let name = file.file_stem().expect("a name").to_string_lossy();
    let folder = match name.as_ref() {
        "mod" | "lib" | "main" => folder.to_owned(),
        own => folder.join(own),
    };
    folder.join(module).to_string_lossy().replace('\\', "/")
}

/// Rust as tokens. Comments are dropped, `::` is one token.
pub fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let mut out = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < chars.len() {
        let start = at;
        let began = line;
        let next = chars.get(at + 1).copied().unwrap_or(' ');
        let mut put = |text: String| out.push(Token { text, line: began });
        match chars[at] {
            '/' if next == '/' => at = end_of_line(&chars, at),
            '/' if next == '*' => at = end_of_comment(&chars, at),
            '"' => {
                at = end_of_string(&chars, at + 1);
                put("\"".to_owned());
            }
            '\'' => {
                at = end_of_character(&chars, at);
                put("'".to_owned());
            }
            c if c.is_alphanumeric() || c == '_' => {
                while at < chars.len() && (chars[at].is_alphanumeric() || chars[at] == '_') {
                    at += 1;
                }
                let word: String = chars[start..at].iter().collect();
                match chars.get(at) {
                    Some('"') if matches!(word.as_str(), "b" | "c") => {
                        at = end_of_string(&chars, at + 1);
                        put("\"".to_owned());
                    }
                    Some('"' | '#') if matches!(word.as_str(), "r" | "br" | "cr") => {
                        if let Some(end) = end_of_raw_string(&chars, at) {
                            at = end;
                            put("\"".to_owned());
                        }
                    }
                    _ => put(word),
                }
            }
            ':' if next == ':' => {
                at += 2;
                put("::".to_owned());
            }
            c => {
                at += 1;
                if !c.is_whitespace() {
                    put(c.to_string());
                }
            }
        }
        line += chars[start..at].iter().filter(|&&c| c == '\n').count();
    }
    out
}

fn end_of_line(chars: &[char], from: usize) -> usize {
    let rest = &chars[from..];
    from + rest.iter().position(|&c| c == '\n').unwrap_or(rest.len())
}

fn end_of_comment(chars: &[char], from: usize) -> usize {
    let (mut at, mut depth) = (from + 2, 1);
    while at < chars.len() && depth > 0 {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (at, depth) = (at + 2, depth + 1),
            ('*', Some('/')) => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
    }
    at
}

fn end_of_string(chars: &[char], from: usize) -> usize {
    let mut at = from;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

/// `from` is at the first `#` or `"`. None for a raw identifier (`r#type`).
fn end_of_raw_string(chars: &[char], from: usize) -> Option<usize> {
    let hashes = chars[from..].iter().take_while(|&&c| c == '#').count();
    if chars.get(from + hashes) != Some(&'"') {
        return None;
    }
    let mut at = from + hashes + 1;
    while at < chars.len() {
        let closes = chars[at] == '"' && chars[at + 1..].iter().take(hashes).all(|&c| c == '#');
        at += 1;
        if closes {
            return Some(at + hashes);
        }
    }
    Some(at)
}

/// A character (`'x'`, `'\n'`), or the sign alone before a lifetime.
fn end_of_character(chars: &[char], from: usize) -> usize {
    match (chars.get(from + 1), chars.get(from + 2)) {
        (Some('\\'), _) => {
            let rest = &chars[from + 3..];
            from + 4 + rest.iter().position(|&c| c == '\'').unwrap_or(0)
        }
        (Some(_), Some('\'')) => from + 3,
        _ => from + 1,
    }
}

/// Drops the items under `#[cfg(test)]`; names the modules among them that have their own file.
pub fn without_tests(tokens: &[Token]) -> (Vec<Token>, Vec<String>) {
    let mark = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut code = Vec::new();
    let mut modules = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if !starts_with(&tokens[at..], &mark) {
            code.push(tokens[at].clone());
            at += 1;
            continue;
        }
        let start = at + mark.len();
        at = end_of_item(tokens, start);
        let item = &tokens[start..at];
        let declared = item
            .windows(3)
            .find(|w| w[0].text == "mod" && w[2].text == ";");
        modules.extend(declared.map(|w| w[1].text.clone()));
    }
    (code, modules)
}

/// After the next `;` or the next closed `{…}`, attributes and parentheses skipped.
fn end_of_item(tokens: &[Token], from: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(from) {
        match token.text.as_str() {
            "{" | "(" | "[" => depth += 1,
            ")" | "]" => depth -= 1,
            "}" => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            ";" if depth == 0 => return at + 1,
            _ => {}
        }
    }
    tokens.len()
}

/// Whether the tokens begin with these words.
pub fn starts_with(tokens: &[Token], words: &[&str]) -> bool {
    tokens.len() >= words.len() && tokens.iter().zip(words).all(|(t, w)| t.text == *w)
}

#[test]
fn words_in_strings_and_comments_are_not_code() {
    let text = r##"
        // crate::store
        /* crate /* ::store */ */
        const A: &str = "crate::store \" // ";
        const B: &str = r#"crate::"store"#;
        const C: char = '"';
        fn d<'a>(e: &'a str) -> char { '\'' }
    "##;
    let words: Vec<String> = tokens(text).into_iter().map(|t| t.text).collect();
    assert!(!words.iter().any(|w| w == "crate" || w == "store"));
    assert_eq!(words.iter().filter(|w| *w == "const").count(), 3);
    assert!(words.ends_with(&["{".to_owned(), "'".to_owned(), "}".to_owned()]));
}

#[test]
fn what_is_compiled_for_tests_only_is_left_out() {
    let text = "
        #[cfg(test)]
        mod story;
        #[cfg(test)]
        #[expect(missing_docs, reason = \"x\")]
        mod tests { fn inside() { } }
        fn outside() {}
    ";
    let (code, modules) = without_tests(&tokens(text));
    let words: Vec<&str> = code.iter().map(|t| t.text.as_str()).collect();
    assert_eq!(words, ["fn", "outside", "(", ")", "{", "}"]);
    assert_eq!(modules, ["story"]);
}
