//! The house keeps its shape: who may name whom, and what may be said where.
//!
//! These tests read the sources. A failure names the file, the line, the rule, and what to do about it.
//! Tests and fixtures are free to name whom they like; the rules are for what is shipped.

use std::fmt::Write as _;

use crate::sources::{self, Source, Token, files, read, starts_with};

/// Each floor, and the floors it may name. One that is not listed may be named by `cli` and `main` only.
const FLOORS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("paths", &[]),
    ("clock", &["domain"]),
    ("entropy", &["domain"]),
    ("signal", &["domain"]),
    ("config", &["domain"]),
    ("store", &["domain"]),
    ("outbox", &["domain"]),
    ("channel", &["domain", "paths"]),
    (
        "flow",
        &[
            "app", "channel", "clock", "domain", "entropy", "outbox", "paths", "signal", "store",
        ],
    ),
    // The clock and the dice of a call's own id; what the operator set.
    (
        "http",
        &["app", "config", "domain", "entropy", "flow", "paths"],
    ),
    ("telemetry", &["http"]),
    ("server", &["app", "entropy", "http", "telemetry"]),
    (
        "worker",
        &["app", "domain", "flow", "outbox", "signal", "store"],
    ),
    (
        "app",
        &[
            "channel", "clock", "config", "domain", "entropy", "flow", "outbox", "signal", "store",
        ],
    ),
];

/// These tie everything together and may name everything.
const TOPS: &[&str] = &["cli", "lib.rs", "main.rs"];

/// A library, the places that may name it, and what the others do instead.
const LIBRARIES: &[(&str, &[&str], &str)] = &[
    (
        "entity",
        &["src/store/"],
        "rows are the store's: give it a method that speaks domain",
    ),
    (
        "migration",
        &["src/store/", "src/cli/"],
        "the store brings its tables up to date",
    ),
    (
        "sea_orm",
        &["src/store/"],
        "SQL is the store's: give it a method that speaks domain",
    ),
    ("sqlx", &["src/store/"], "SQL is the store's"),
    ("libsqlite3_sys", &["src/store/"], "SQLite is the store's"),
    (
        "axum",
        &["src/http/", "src/server/"],
        "HTTP ends at http: hand over plain values",
    ),
    (
        "hyper",
        &["src/server/", "src/http/"],
        "HTTP ends at http: hand over plain values",
    ),
    (
        "reqwest",
        // The terminal's own agent calls the server it was told to, as any agent does.
        &["src/channel/sender/", "src/cli/agent/"],
        "every outgoing call goes through channel::sender",
    ),
    (
        "lettre",
        &["src/channel/email/"],
        "letters leave through channel::email",
    ),
    (
        "web_push",
        &["src/channel/web_push/"],
        "notices leave through channel::web_push",
    ),
    (
        "askama",
        &["src/http/pages/", "src/channel/email/"],
        "words for people live in pages and letters",
    ),
    (
        "clap",
        &["src/cli/", "src/main.rs"],
        "arguments end at cli: hand over plain values",
    ),
    (
        "argon2",
        &["src/domain/user/"],
        "slow hashes are made in domain::user::code, on a thread of their own",
    ),
    (
        "jiff",
        &["src/domain/user/"],
        "clocks on walls are read in domain::user::quiet_hours; moments are time's",
    ),
    (
        "jsonwebtoken",
        &["src/domain/token/", "src/domain/client/"],
        "tokens are read in domain",
    ),
];

/// What the domain may not say.
const IMPURE: &[(&str, &str)] = &[
    ("async", "decide from values: a flow loads them first"),
    (". await", "decide from values: a flow loads them first"),
    ("tokio ::", "return an effect, and let a flow carry it out"),
    ("tracing ::", "return what happened: the edge logs it"),
    ("std :: fs", "take the contents as an argument"),
    ("std :: env", "take the setting as an argument"),
    ("std :: net", "take the address as an argument"),
    (
        "std :: process",
        "return an effect, and let a flow carry it out",
    ),
    (
        "std :: thread",
        "return an effect, and let a flow carry it out",
    ),
    (
        "std :: time",
        "take `now: OffsetDateTime` as an argument; lengths are time::Duration",
    ),
    ("now_utc", "take `now: OffsetDateTime` as an argument"),
    ("now_local", "take `now: OffsetDateTime` as an argument"),
    ("static mut", "a decision remembers nothing"),
];

/// Who asks the time of day. One place.
const CLOCK: &[&str] = &[
    "now_utc",
    "now_local",
    "SystemTime :: now",
    "Uuid :: now_v7",
];

/// Who measures how long something took: only these, for these reasons. None of them decides what is true.
const STOPWATCHES: &[(&str, &str)] = &[
    (
        "src/cli/",
        "how long a start took, how long a terminal waits",
    ),
    ("src/app/lately.rs", "how old a remembered row is"),
    (
        "src/channel/sender/mod.rs",
        "how long an outgoing call may still take",
    ),
    (
        "src/flow/collect.rs",
        "how long a caller is still willing to wait",
    ),
    (
        "src/flow/held/status.rs",
        "how long a service is still willing to wait",
    ),
    (
        "src/flow/status.rs",
        "how long a caller is still willing to wait",
    ),
    ("src/server/mod.rs", "when a connection began"),
];

/// Who draws random bytes.
const DICE: &[&str] = &[
    "rand :: fill",
    "SystemRandom",
    "Uuid :: new_v4",
    "getrandom ::",
    "thread_rng",
    "OsRng",
    "rand_bytes",
];

/// Besides `src/entropy.rs`: only these, for these reasons.
const DICE_ELSEWHERE: &[(&str, &str)] = &[(
    "src/domain/token/keyring/signing_key.rs",
    "aws-lc takes no bytes of ours to make a key or a signature; neither is ever compared",
)];

/// A rule broken: where, which, and what to do.
struct Breach {
    path: String,
    line: usize,
    rule: String,
    instead: String,
}

fn judge(breaches: &[Breach]) {
    let mut said = String::new();
    for breach in breaches {
        let Breach {
            path,
            line,
            rule,
            instead,
        } = breach;
        writeln!(said, "{path}:{line}: {rule}; {instead}").expect("a string takes words");
    }
    assert!(breaches.is_empty(), "\n{said}");
}

/// `src/store/keys.rs` is of the floor `store`, `src/clock.rs` of `clock`.
fn floor(path: &str) -> &str {
    let inside = path.trim_start_matches("src/");
    match inside.split_once('/') {
        Some((folder, _)) => folder,
        None if TOPS.contains(&inside) => inside,
        None => inside.trim_end_matches(".rs"),
    }
}

/// How many `super` lead from a file's own module to the crate's root.
fn depth(path: &str) -> usize {
    let inside = path.trim_start_matches("src/").trim_end_matches(".rs");
    inside
        .split('/')
        .filter(|part| !matches!(*part, "mod" | "lib" | "main"))
        .count()
}

/// Every name of ours that is looked up from the crate's root: `crate::x`, `crate::{x, y}`, `super::…::x`.
fn named_from_root(source: &Source) -> Vec<&Token> {
    let code = &source.code;
    let mut found = Vec::new();
    let mut at = 0;
    while at < code.len() {
        let start = at;
        let mut supers = 0;
        while starts_with(&code[at..], &["super", "::"]) {
            (at, supers) = (at + 2, supers + 1);
        }
        let from_crate = supers == 0 && starts_with(&code[at..], &["crate", "::"]);
        if from_crate {
            at += 2;
        }
        if from_crate || (supers > 0 && supers >= depth(&source.path)) {
            found.extend(first_names(&code[at..]));
        }
        at = at.max(start + 1);
    }
    found
}

/// `x::y` begins with `x`; `{x::y, z}` with `x` and `z`.
fn first_names(code: &[Token]) -> Vec<&Token> {
    if code.first().is_none_or(|token| token.text != "{") {
        return code.first().into_iter().collect();
    }
    let mut names = Vec::new();
    let mut depth = 0;
    for pair in code.windows(2) {
        match pair[0].text.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        if depth == 1 && matches!(pair[0].text.as_str(), "{" | ",") && pair[1].text != "}" {
            names.push(&pair[1]);
        }
    }
    names
}

/// Where these words stand one after the other. A word at the start is not the tail of a path.
fn said<'a>(source: &'a Source, phrase: &str) -> Vec<&'a Token> {
    let words: Vec<&str> = phrase.split(' ').collect();
    let code = &source.code;
    (0..code.len())
        .filter(|&at| starts_with(&code[at..], &words))
        .map(|at| &code[at])
        .collect()
}

/// Where a library is named: `axum::…`, `use axum;`.
fn library<'a>(source: &'a Source, name: &str) -> Vec<&'a Token> {
    let code = &source.code;
    (0..code.len())
        .filter(|&at| code[at].text == name)
        .filter(|&at| {
            let before = at.checked_sub(1).map_or("", |at| code[at].text.as_str());
            let after = code.get(at + 1).map_or("", |token| token.text.as_str());
            !matches!(before, "::" | ".") && (after == "::" || before == "use")
        })
        .map(|at| &code[at])
        .collect()
}

fn skipped_floors(source: &Source) -> Vec<Breach> {
    let own = floor(&source.path);
    if TOPS.contains(&own) {
        return Vec::new();
    }
    let may: &[&str] = FLOORS
        .iter()
        .find(|(name, _)| *name == own)
        .map_or(&[], |(_, may)| may);
    named_from_root(source)
        .into_iter()
        .filter(|name| name.text != own && !may.contains(&name.text.as_str()))
        .map(|name| Breach {
            path: source.path.clone(),
            line: name.line,
            rule: format!("`{own}` names `{}`, but may name only {may:?}", name.text),
            instead: "let the floor between hand the value on, or change the table in \
                      tests/it/architecture.rs and ARCHITECTURE.md together"
                .to_owned(),
        })
        .collect()
}

#[test]
fn nobody_skips_a_floor() {
    let sources = sources::rust(&["src"]);
    judge(&sources.iter().flat_map(skipped_floors).collect::<Vec<_>>());
}

#[test]
fn every_floor_is_in_the_table() {
    for source in sources::rust(&["src"]) {
        let own = floor(&source.path);
        assert!(
            TOPS.contains(&own) || FLOORS.iter().any(|(name, _)| *name == own),
            "{}: the floor `{own}` is not in the table: say in tests/it/architecture.rs whom it may name",
            source.path,
        );
    }
}

#[test]
fn each_library_has_its_place() {
    let mut breaches = Vec::new();
    for source in sources::rust(&["src"]) {
        for (name, places, instead) in LIBRARIES {
            if places.iter().any(|place| source.path.starts_with(place)) {
                continue;
            }
            breaches.extend(library(&source, name).into_iter().map(|token| Breach {
                path: source.path.clone(),
                line: token.line,
                rule: format!("`{name}` is named only in {places:?}"),
                instead: (*instead).to_owned(),
            }));
        }
    }
    judge(&breaches);
}

#[test]
fn the_domain_is_pure() {
    let mut breaches = Vec::new();
    for source in sources::rust(&["src/domain"]) {
        for (phrase, instead) in IMPURE {
            breaches.extend(said(&source, phrase).into_iter().map(|token| Breach {
                path: source.path.clone(),
                line: token.line,
                rule: format!("the domain says `{}`", phrase.replace(' ', "")),
                instead: (*instead).to_owned(),
            }));
        }
    }
    judge(&breaches);
}

/// Where one of the phrases is said outside the places it may be.
fn only_in(phrases: &[&str], places: &[&str], rule: &str, instead: &str) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for source in sources::rust(&["src", "entity", "migration"]) {
        if places.iter().any(|place| source.path.starts_with(place)) {
            continue;
        }
        for phrase in phrases {
            breaches.extend(said(&source, phrase).into_iter().map(|token| Breach {
                path: source.path.clone(),
                line: token.line,
                rule: format!("`{}`: {rule}", phrase.replace(' ', "")),
                instead: instead.to_owned(),
            }));
        }
    }
    breaches
}

/// An exception nobody needs any more is taken off the list.
fn each_is_needed(list: &[(&str, &str)], phrases: &[&str]) {
    let sources = sources::rust(&["src"]);
    for (path, reason) in list {
        let used = sources
            .iter()
            .filter(|source| source.path.starts_with(path))
            .any(|source| {
                phrases
                    .iter()
                    .any(|phrase| !said(source, phrase).is_empty())
            });
        assert!(
            used,
            "{path} ({reason}) needs no exception any more: take it off the list"
        );
    }
}

#[test]
fn one_file_asks_what_time_it_is() {
    judge(&only_in(
        CLOCK,
        &["src/clock.rs"],
        "only src/clock.rs asks what time it is",
        "ask `app.clock`, or take `now` as an argument",
    ));
    let places: Vec<&str> = STOPWATCHES.iter().map(|(path, _)| *path).collect();
    judge(&only_in(
        &["Instant :: now"],
        &places,
        "a length of time is measured only where the list says why",
        "decide by `app.clock`, or add the file and its reason to the list",
    ));
    each_is_needed(STOPWATCHES, &["Instant :: now"]);
}

#[test]
fn one_file_draws_random_bytes() {
    let mut places = vec!["src/entropy.rs"];
    places.extend(DICE_ELSEWHERE.iter().map(|(path, _)| *path));
    judge(&only_in(
        DICE,
        &places,
        "only src/entropy.rs draws random bytes",
        "ask `app.entropy`, or take the bytes as an argument",
    ));
    each_is_needed(DICE_ELSEWHERE, DICE);
}

/// F07: a row that was read, changed and saved whole brings back what another write has ended.
#[test]
fn sec_f07_no_row_is_saved_whole() {
    judge(&only_in(
        &[
            ". save (",
            "ActiveModel :: save",
            "into_active_model",
            "IntoActiveModel",
        ],
        &[],
        "a row is never saved whole",
        "write the columns that change, with the state they change from as the filter",
    ));
}

#[test]
fn one_file_opens_a_transaction_on_the_way_of_a_request() {
    judge(&only_in(
        &[". begin (", ". begin_with_config (", ". transaction ("],
        &["src/store/writer/transaction.rs", "src/store/connect.rs"],
        "only the writer opens a transaction",
        "hand the store one Commit",
    ));
}

#[test]
fn the_way_the_disk_got_there_does_not_follow_the_entities() {
    let mut breaches = Vec::new();
    for source in sources::rust(&["migration"]) {
        breaches.extend(library(&source, "entity").into_iter().map(|token| Breach {
            path: source.path.clone(),
            line: token.line,
            rule: "a migration names `entity`".to_owned(),
            instead:
                "write the names out: entities change, a released migration does not".to_owned(),
        }));
    }
    judge(&breaches);
}

/// Where a text says one of the words.
fn written(path: &str, words: &[&str], rule: &str, instead: &str) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (number, line) in read(path).lines().enumerate() {
        let bare: String = line.chars().filter(|c| !c.is_whitespace()).collect();
        for word in words.iter().filter(|word| bare.contains(**word)) {
            breaches.push(Breach {
                path: path.to_owned(),
                line: number + 1,
                rule: format!("{rule} (`{word}`)"),
                instead: instead.to_owned(),
            });
        }
    }
    breaches
}

/// C-group: what an agent or a service wrote is always escaped.
#[test]
fn no_template_turns_escaping_off() {
    let mut breaches = Vec::new();
    for path in files("templates", "") {
        breaches.extend(written(
            &path,
            &["|safe", "|escape(\"none\")", "autoescape"],
            "a template turns escaping off",
            "give it text, and put the markup in the template",
        ));
    }
    for path in files("src", ".rs") {
        breaches.extend(written(
            &path,
            &["escape=\"none\"", "MarkupDisplay", "HtmlSafe"],
            "a template turns escaping off",
            "give it text, and put the markup in the template",
        ));
    }
    judge(&breaches);
}

/// The content security policy allows no script, style or picture but ours: a page that has one would break.
#[test]
fn no_page_brings_its_own_script_or_asks_a_third_party() {
    let mut breaches = Vec::new();
    let mut pages = files("templates/pages", ".html");
    pages.push("templates/layout.html".to_owned());
    for path in pages {
        breaches.extend(written(
            &path,
            &[
                "<script>",
                "<style",
                "style=\"",
                "onclick=",
                "onload=",
                "onsubmit=",
                "javascript:",
                "src=\"http",
                "href=\"http",
            ],
            "a page brings its own script or style, or asks a third party",
            "put it in static/, which is served from this server",
        ));
    }
    judge(&breaches);
}

/// Where a secret somebody presents is compared with what is kept: a comparison that ends at the first byte that differs
/// tells how far a guess was right.
#[test]
fn sec_f02_what_is_secret_is_compared_in_constant_time() {
    for path in [
        "src/app/secrets.rs",
        "src/domain/client/dpop/nonce.rs",
        "src/domain/client/secret.rs",
        "src/domain/token/handle.rs",
    ] {
        let source = source(path, &read(path));
        let words: Vec<&str> = source
            .code
            .iter()
            .map(|token| token.text.as_str())
            .collect();
        assert!(words.contains(&"verify_slices_are_equal"), "{path}");
    }
    // And nowhere by `==`.
    for Source { path, code } in sources::rust(&["src"]) {
        let words: Vec<&str> = code.iter().map(|token| token.text.as_str()).collect();
        for pair in words.windows(2) {
            let secret = [
                "secret",
                "mac",
                "tag",
                "expose_secret",
                "secret_hash",
                "presented",
            ];
            let compared = (pair[1] == "==" && secret.contains(&pair[0]))
                || (pair[0] == "==" && secret.contains(&pair[1]));
            assert!(!compared, "{path}: {pair:?} in time that tells");
        }
    }
}

#[test]
fn every_module_says_what_it_is_about() {
    for Source { path, .. } in sources::rust(&["src", "entity", "migration"]) {
        assert!(
            read(&path).starts_with("//!"),
            "{path}:1: a module opens with `//!`: say what it is about, and what it leaves to others",
        );
    }
}

fn source(path: &str, text: &str) -> Source {
    let (code, _) = sources::without_tests(&sources::tokens(text));
    Source {
        path: path.to_owned(),
        code,
    }
}

#[test]
fn a_skipped_floor_is_found_however_it_is_written() {
    for text in [
        "use crate::store::Store;",
        "use crate::{domain::id::UserId, store::{Commit, Store}};",
        "fn f() { crate::store::open() }",
        "use super::super::store::Store;",
        "use super::super::{domain, store};",
    ] {
        assert_eq!(
            skipped_floors(&source("src/http/health.rs", text)).len(),
            1,
            "{text}"
        );
    }
    for text in [
        "use crate::flow::ask::Asked;",
        "use super::reply::page;",
        "use super::super::flow::{store, ask};",
        "//! [`store`](crate::store)\nfn f() { say(\"crate::store\") }",
        "#[cfg(test)]\nmod tests { use crate::store::Store; }",
    ] {
        assert!(
            skipped_floors(&source("src/http/health.rs", text)).is_empty(),
            "{text}"
        );
    }
}

#[test]
fn a_library_out_of_place_is_found() {
    let ours = source(
        "src/flow/ask.rs",
        "use crate::http::axum; let entity = x.entity;",
    );
    assert!(library(&ours, "axum").is_empty() && library(&ours, "entity").is_empty());
    let theirs = source(
        "src/flow/ask.rs",
        "use axum::Router; fn f() { axum::serve() }",
    );
    assert_eq!(library(&theirs, "axum").len(), 2);
}
