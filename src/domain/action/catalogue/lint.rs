//! A catalogue that is well-formed may still ask badly. What a person could not judge is named here, with what to
//! write instead: the sentence, the facts beside it, and how far a yes reaches.

use toml::de::DeTable;

use super::document::{Entry, Page};
use super::read::RESOURCE_KEYS;
use super::read_permission::PERMISSION_KEYS;
use super::{Bound, Catalogue, CatalogueError, FieldKind, Permission, PermissionKey, Problem};
use crate::domain::action::Tier;

/// Facts a person reads before they answer; more are skipped over.
const MOST_FACTS: usize = 5;

/// Letters of a word that everybody knows.
const LONGEST_WORD: usize = 14;

/// Verbs that say nothing of what will happen.
const VAGUE: [&str; 16] = [
    "access",
    "allow",
    "authorise",
    "authorize",
    "call",
    "do",
    "enable",
    "execute",
    "grant",
    "handle",
    "invoke",
    "manage",
    "perform",
    "process",
    "run",
    "use",
];

/// Words for what is divided by slashes.
const PATHS: [&str; 4] = ["path", "folder", "directory", "file"];

/// Verbs that change nothing, so that there is nothing to undo.
const READS: [&str; 8] = [
    "check", "find", "list", "look", "read", "search", "see", "view",
];

/// Everything that asks badly, in the order of the file.
///
/// # Errors
///
/// A file that cannot be read has faults, and nothing else is looked at.
pub fn lint(source: &str) -> Result<Vec<Problem>, CatalogueError> {
    let catalogue = Catalogue::read(source)?;
    let page = Page::new(source);
    let (document, _) = DeTable::parse_recoverable(source);
    let root = Entry::new(&page, "the file", 0, document.get_ref(), &["resource"]);
    let entries = root.tables("resource", "a resource", &RESOURCE_KEYS);
    for (entry, resource) in entries.iter().zip(&catalogue.resources) {
        let entries = entry.tables("permission", "a permission", &PERMISSION_KEYS);
        let read = entries.iter().zip(&resource.permissions);
        // Nobody reads what policy lets nobody be asked.
        for (entry, permission) in read.filter(|(_, permission)| permission.may_be_asked()) {
            sentence(entry, permission);
            facts(entry, permission);
            reach(entry, permission);
        }
    }
    Ok(page.into_problems())
}

fn verb(permission: &Permission) -> String {
    let first = permission.title.source().split_whitespace().next();
    first.unwrap_or_default().to_lowercase()
}

/// Says who does what to what, in words anybody knows.
fn sentence(entry: &Entry<'_, '_>, permission: &Permission) {
    let source = permission.title.source();
    let note = |cause: String, fix: &str| entry.page.fault(entry.at("title"), cause, fix);
    let verb = verb(permission);
    if source.split_whitespace().nth(1).is_none() {
        note(
            format!("\"{source}\" says what is done, and not to what"),
            "name the thing as well, as in \"See your calendar\"",
        );
    }
    if VAGUE.contains(&verb.as_str()) {
        note(
            format!("\"{verb}\" says nothing a person could judge"),
            "say what will happen: See, Send, Pay, Delete, Publish, Deploy",
        );
    }
    let name = match &permission.key {
        PermissionKey::Scope(name) | PermissionKey::Type(name) => name.as_str(),
    };
    let technical = |word: &str| {
        let inner = word.trim_end_matches(['.', ',', '?', '!']);
        inner == name || (inner.contains(['_', ':', '/', '.']) && !inner.starts_with('{'))
    };
    if let Some(word) = source.split_whitespace().find(|word| technical(word)) {
        note(
            format!("\"{word}\" is a name for programs"),
            "say it in the words of whoever will read it",
        );
    }
    let plain = source.split(|c: char| !c.is_alphabetic());
    let fields: Vec<&str> = permission.title.fields().collect();
    let hard = |word: &&str| word.chars().count() > LONGEST_WORD && !fields.contains(word);
    if let Some(word) = plain.into_iter().find(hard) {
        note(
            format!("\"{word}\" is a hard word"),
            "use a shorter one: it is read on a phone, in a hurry",
        );
    }
}

/// Shows what the answer turns on, and no more than is read.
fn facts(entry: &Entry<'_, '_>, permission: &Permission) {
    if permission.fields.len() > MOST_FACTS {
        let many = permission.fields.len();
        entry.fault(
            format!("{many} facts are more than anybody reads before they answer"),
            "leave those out that change no answer: all details stay under More",
        );
    }
    let grave = permission.tier >= Tier::High;
    let typed = !permission.fields.is_empty();
    if grave && typed && !permission.fields.iter().any(|field| field.critical) {
        entry.fault(
            format!("tier {} without a critical value", permission.tier),
            "mark the field that a mistake would be about with critical = true",
        );
    }
    let changes = !READS.contains(&verb(permission).as_str());
    if permission.consequence.is_none() && permission.tier >= Tier::Normal && changes {
        entry.fault(
            "nothing says whether it can be undone",
            "add consequence = \"can-be-undone\", \"others-will-see\" or \"cannot-be-undone\"",
        );
    }
}

/// Reaches no further than its tier bears.
fn reach(entry: &Entry<'_, '_>, permission: &Permission) {
    let money = permission
        .fields
        .iter()
        .any(|field| field.kind == FieldKind::Money);
    if money && permission.tier < Tier::Normal {
        entry.page.fault(
            entry.at("tier"),
            format!("money moves, and tier is {}", permission.tier),
            "write tier = \"normal\" or higher",
        );
    }
    let anything = |critical: bool, bound: Option<Bound>| critical && bound == Some(Bound::Any);
    for field in &permission.fields {
        if permission.offers_always() && anything(field.critical, field.bound) {
            entry.fault(
                format!(
                    "\"always\" may leave {} open, which is critical",
                    field.name
                ),
                "bound it: at-most, prefix or same",
            );
        }
    }
    let path = |label: &str| {
        let mut words = label.split(|c: char| !c.is_alphabetic());
        words.any(|word| PATHS.contains(&word.to_lowercase().as_str()))
    };
    for field in &permission.fields {
        if permission.offers_always() && field.bound == Some(Bound::Prefix) && path(&field.label) {
            entry.fault(
                format!("an \"always\" for {} /a would cover /ab", field.name),
                "write bound = \"path\": it compares whole names between slashes",
            );
        }
    }
    if let (Some(rate), Some(uses)) = (permission.often.rate, permission.often.uses)
        && uses <= rate.times
    {
        entry.page.fault(
            entry.at("always"),
            format!("uses = {uses} is over before {} counts", rate.per.as_key()),
            "leave one of them out, or make uses larger",
        );
    }
    if let Some(approvers) = &permission.approvers
        && usize::from(approvers.count) == approvers.from.len()
    {
        let cause = match approvers.count {
            1 => "nobody can allow it while one person is away".to_owned(),
            all => format!("all {all} must be there, or nobody can allow it"),
        };
        let fix = "name one more person than has to allow it";
        entry.page.fault(entry.at("approvers"), cause, fix);
    }
    if permission.tier == Tier::Critical && !permission.access_for.is_zero() {
        entry.page.fault(
            entry.at("access_for"),
            "tier is critical, and one answer lasts for more than one use of it",
            "leave access_for out: each time is asked",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(permission: &str) -> Vec<(usize, String)> {
        let source = format!(
            "[[resource]]\nidentifier = \"https://a.example\"\nname = \"A\"\n[[resource.permission]]\n{permission}\n"
        );
        let found = lint(&source).unwrap();
        found.into_iter().map(|it| (it.line, it.cause)).collect()
    }

    fn scope(title: &str) -> Vec<(usize, String)> {
        faults(&format!(
            "scope = \"mail.send\"\ntitle = \"{title}\"\ntier = \"low\""
        ))
    }

    #[test]
    fn a_sentence_has_a_verb_that_says_something_and_a_thing() {
        assert_eq!(scope("Send mail in your name"), []);
        for (title, word) in [
            ("Send", "not to what"),
            ("Manage your mail", "\"manage\""),
            ("Access mail", "\"access\""),
            ("Send mail with mail.send", "for programs"),
            ("Send mail through send_api", "for programs"),
            ("Send extraordinarily long mail", "hard word"),
        ] {
            let found = scope(title);
            assert_eq!(found.len(), 1, "{title}: {found:?}");
            assert_eq!(found[0].0, 6, "the line of the title");
            assert!(found[0].1.contains(word), "{title}: {found:?}");
        }
    }

    const PAY: &str = r#"type = "pay"
title = "Pay {amount} to {to}"
consequence = "cannot-be-undone"
schema = '{"type": "object", "additionalProperties": false, "required": ["amount", "to"], "properties": {"to": {"type": "string", "maxLength": 9}, "amount": {"type": "object", "additionalProperties": false, "required": ["amount", "currency"], "properties": {"amount": {"type": "string", "maxLength": 9}, "currency": {"type": "string", "maxLength": 3}}}}}'
"#;

    fn pay(more: &str, amount: &str) -> Vec<(usize, String)> {
        faults(&format!(
            "{PAY}{more}\n[[resource.permission.field]]\nname = \"amount\"\npointer = \"/amount\"\nlabel = \"Amount\"\nkind = \"money\"\n{amount}\n[[resource.permission.field]]\nname = \"to\"\npointer = \"/to\"\nlabel = \"To\"\n"
        ))
    }

    #[test]
    fn what_is_grave_shows_what_it_turns_on_and_reaches_no_further() {
        assert_eq!(pay("tier = \"high\"", "critical = true"), []);
        for (more, amount, word) in [
            ("tier = \"high\"", "", "critical value"),
            ("tier = \"low\"", "", "money moves"),
            (
                "tier = \"normal\"",
                "critical = true\nbound = \"any\"",
                "leave amount open",
            ),
            (
                "tier = \"normal\"\nalways = { max = \"7d\", per_day = 5, uses = 5 }",
                "critical = true",
                "is over before per_day counts",
            ),
            (
                "tier = \"critical\"\naccess_for = \"1h\"",
                "critical = true",
                "more than one use",
            ),
        ] {
            let found = pay(more, amount);
            assert_eq!(found.len(), 1, "{more} {amount}: {found:?}");
            assert!(found[0].1.contains(word), "{found:?}");
        }
        let folder = PAY.to_owned()
            + "[[resource.permission.field]]\nname = \"to\"\npointer = \"/to\"\nlabel = \"Folder\"\nbound = \"prefix\"\n"
            + "[[resource.permission.field]]\nname = \"amount\"\npointer = \"/amount\"\nlabel = \"Amount\"\nkind = \"money\"";
        let found = faults(&folder);
        assert!(found[0].1.contains("would cover /ab"), "{found:?}");
        let silent = faults("scope = \"x\"\ntitle = \"Send mail\"");
        assert!(silent[0].1.contains("undone"), "{silent:?}");
    }

    #[test]
    fn whoever_has_to_allow_it_may_be_away() {
        let of = |approvers: &str| {
            faults(&format!(
                "scope = \"x\"\ntitle = \"See mail\"\napprovers = {approvers}"
            ))
        };
        assert_eq!(
            of("{ count = 2, from = [\"a@x.org\", \"b@x.org\", \"c@x.org\"] }"),
            []
        );
        for (approvers, word) in [
            (
                "{ count = 2, from = [\"a@x.org\", \"b@x.org\"] }",
                "all 2 must be there",
            ),
            (
                "{ count = 1, from = [\"a@x.org\"] }",
                "while one person is away",
            ),
        ] {
            let found = of(approvers);
            assert_eq!((found.len(), found[0].0), (1, 7), "{found:?}");
            assert!(found[0].1.contains(word), "{found:?}");
        }
    }

    #[test]
    fn the_example_asks_well_and_a_file_with_faults_is_not_judged() {
        let example = include_str!("../../../../examples/catalogue.toml");
        assert_eq!(lint(example), Ok(Vec::new()));
        assert!(lint("[[resource]]").is_err());
    }
}
