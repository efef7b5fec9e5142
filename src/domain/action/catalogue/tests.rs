//! What a catalogue file may say, told by files.

use proptest::prelude::*;

use super::*;
use crate::domain::action::fixture::{EXAMPLE, catalogue};

/// A resource with one permission, ready to be spoiled.
fn one(permission: &str) -> String {
    format!(
        "[[resource]]\nidentifier = \"https://a.example\"\nname = \"A\"\n\
         [[resource.permission]]\n{permission}"
    )
}

fn problems(source: &str) -> Vec<Problem> {
    Catalogue::read(source)
        .map(|good| panic!("{good:?}"))
        .unwrap_err()
        .problems
}

fn only(source: &str) -> Problem {
    let mut problems = problems(source);
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems.remove(0)
}

const OPEN_TYPE: &str = "type = \"t\"\ntitle = \"Do it\"\n";

#[test]
fn a_service_may_want_opaque_tokens() {
    let file = EXAMPLE.replacen(
        "name = \"Payments\"",
        "name = \"Payments\"\naccess_token = \"opaque\"",
        1,
    );
    let read = Catalogue::read(&file).unwrap();
    assert_eq!(read.resources[0].access_token, TokenForm::Opaque);
    assert_eq!(read.resources[1].access_token, TokenForm::Jwt);
    assert_eq!(Catalogue::read(&read.to_toml()), Ok(read.clone()));
    let changes: Vec<String> = catalogue()
        .diff(&read)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        changes,
        ["~ resource https://payments.example.com: access_token jwt → opaque"]
    );
    let odd = Catalogue::read(&file.replace("opaque", "opqaue")).unwrap_err();
    assert!(odd.problems[0].fix.contains("opaque"), "{:?}", odd.problems);
}

#[test]
fn the_example_reads_cleanly() {
    let catalogue = catalogue();
    let (payments, read) = catalogue.scope("payments.read").unwrap();
    assert_eq!(payments.identifier, "https://payments.example.com");
    assert_eq!(
        (read.tier, read.always),
        (Tier::Low, Always::Within(Duration::days(30)))
    );
    assert_eq!(
        (read.access_for, read.token_lifetime),
        (Duration::hours(8), Duration::minutes(10))
    );
    let (_, pay) = catalogue.detail_type("payment_initiation").unwrap();
    assert!(pay.single_use && pay.tier == Tier::High && pay.always == Always::Never);
    assert_eq!(pay.fields[0].kind, FieldKind::Money);
    let (_, small) = catalogue.detail_type("payment_small").unwrap();
    assert_eq!(small.field("amount").unwrap().bound, Some(Bound::AtMost));
    assert_eq!(
        catalogue.scope("files.delete").unwrap().1.tier,
        Tier::Critical
    );
    assert_eq!(catalogue.permission(&small.key).unwrap().1, small);
    assert!(catalogue.scope("payment_small").is_none() && catalogue.detail_type("x").is_none());
    assert!(catalogue.resource("https://nowhere.example").is_none());
}

#[test]
fn an_inline_schema_is_read_as_the_design_shows_it() {
    let source = one("type = \"t\"\ntitle = \"Do {what}\"\n\
         schema = { type = \"object\", additionalProperties = false, properties = { what = { enum = [\"a\", 1, 1.5, true] } } }\n\
         [[resource.permission.field]]\nname = \"what\"\npointer = \"/what\"\nlabel = \"What\"\n");
    let catalogue = Catalogue::read(&source).unwrap();
    let schema = catalogue
        .detail_type("t")
        .unwrap()
        .1
        .schema
        .clone()
        .unwrap();
    assert_eq!(
        schema.as_value()["properties"]["what"]["enum"],
        serde_json::json!(["a", 1, 1.5, true])
    );
}

#[test]
fn every_fault_is_told_at_once_with_line_and_fix() {
    let source = "[[resource]]\nidentifier = \"payments\"\nnmae = \"P\"\n\n\
                  [[resource.permission]]\nscope = \"openid\"\ntitle = \"See {it}\"\nteir = \"low\"\n";
    let problems = problems(source);
    let told: Vec<_> = problems
        .iter()
        .map(|p| (p.line, p.cause.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (1, "a resource has no \"name\""),
            (
                2,
                "identifier = \"payments\" is not an absolute URI without fragment"
            ),
            (3, "a resource has no key \"nmae\""),
            (
                6,
                "the scope openid has a meaning of its own in OpenID Connect"
            ),
            (7, "the title names {it}, which is not a field"),
            (8, "a permission has no key \"teir\""),
        ]
    );
    assert_eq!(problems[2].fix, "did you mean \"name\"?");
    assert_eq!(problems[5].fix, "did you mean \"tier\"?");
    let words = CatalogueError { problems }.to_string();
    assert!(words.contains("line 8: a permission has no key \"teir\"\n  fix: did you mean"));
}

#[test]
fn what_is_not_toml_is_told_with_its_line() {
    let problem = &problems("[[resource]]\nname = \n")[0];
    assert_eq!(problem.line, 2);
    assert_eq!(
        only(&one("scope = \"a\"\nscope = \"b\"\ntitle = \"See it\"")).line,
        6
    );
}

#[test]
fn always_is_bounded_by_the_tier() {
    let with = |tier: &str, always: &str| {
        one(&format!(
            "scope = \"a\"\ntitle = \"See it\"\ntier = \"{tier}\"\nalways = {always}\n"
        ))
    };
    let max = |tier: &str, max: &str| with(tier, &format!("{{ max = \"{max}\" }}"));
    for good in [
        max("low", "90d"),
        max("normal", "30d"),
        max("high", "7d"),
        with("critical", "\"never\""),
    ] {
        assert!(Catalogue::read(&good).is_ok(), "{good}");
    }
    for bad in [
        max("low", "91d"),
        max("normal", "31d"),
        max("high", "8d"),
        max("critical", "1s"),
    ] {
        let problem = only(&bad);
        assert_eq!(problem.line, 8);
        assert!(problem.fix.contains("lower the tier"), "{problem}");
    }
    for bad in [
        "true",
        "\"ever\"",
        "{ max = 30 }",
        "{ max = \"30\" }",
        "{ least = \"1d\" }",
        "{}",
    ] {
        assert!(Catalogue::read(&with("low", bad)).is_err(), "{bad}");
    }
    assert!(Catalogue::read(&max("low", "0s")).is_err());
}

#[test]
fn without_always_a_dangerous_permission_has_none() {
    let always = |tier| {
        let source = one(&format!(
            "scope = \"a\"\ntitle = \"See it\"\ntier = \"{tier}\"\n"
        ));
        Catalogue::read(&source)
            .unwrap()
            .scope("a")
            .unwrap()
            .1
            .always
    };
    assert_eq!(always("normal"), Always::Within(Duration::days(30)));
    assert_eq!(always("high"), Always::Never);
    assert_eq!(always("critical"), Always::Never);
}

#[test]
fn how_often_an_always_answers_is_read_written_and_refused() {
    let with = |always: &str| {
        one(&format!(
            "scope = \"a\"\ntitle = \"See it\"\nalways = {always}\n"
        ))
    };
    let limited = with("{ max = \"7d\", per_day = 5, uses = 100 }");
    let read = Catalogue::read(&limited).unwrap();
    let often = read.scope("a").unwrap().1.often;
    let rate = Some(Rate {
        times: 5,
        per: Period::Day,
    });
    let uses = Some(100);
    assert_eq!(often, Often { rate, uses });
    assert_eq!(Catalogue::read(&read.to_toml()).unwrap(), read);
    assert_eq!(Catalogue::from_json(read.to_json()).unwrap(), read);
    for (always, cause) in [
        (
            "{ max = \"7d\", per_day = 0 }",
            "per_day is not a number from 1 to 500",
        ),
        ("{ max = \"7d\", per_hour = 501 }", "per_hour is not"),
        ("{ max = \"7d\", per_week = \"5\" }", "per_week is not"),
        (
            "{ max = \"7d\", uses = -1 }",
            "uses is not a number from 1 to 1000000",
        ),
        ("{ max = \"7d\", per_day = 5, per_hour = 1 }", "two windows"),
        ("{ max = \"7d\", per_month = 5 }", "no key \"per_month\""),
    ] {
        let refused = Catalogue::read(&with(always)).unwrap_err().to_string();
        assert!(refused.contains(cause), "{always}: {refused}");
        assert_eq!(refused.matches("line ").count(), 1, "once: {refused}");
    }
}

#[test]
fn t34_what_may_not_be_asked_is_read_written_and_told_as_a_change() {
    let with = |ask: &str| one(&format!("scope = \"a\"\ntitle = \"See it\"\n{ask}"));
    let read = |ask: &str| Catalogue::read(&with(ask)).unwrap();
    let (usual, forbidden) = (read(""), read("ask = \"forbidden\"\n"));
    assert_eq!(usual, read("ask = \"person\"\n"));
    assert_eq!(Catalogue::read(&forbidden.to_toml()).unwrap(), forbidden);
    assert_eq!(
        Catalogue::from_json(forbidden.to_json()).unwrap(),
        forbidden
    );
    assert!(!usual.to_toml().contains("ask"));
    let permission = |catalogue: &Catalogue| catalogue.scope("a").unwrap().1.clone();
    assert!(permission(&usual).offers_always() && !permission(&forbidden).offers_always());
    let told = |from: &Catalogue, to: &Catalogue| {
        let changes = from.diff(to);
        assert_eq!(changes.len(), 1, "{changes:?}");
        changes[0].to_string()
    };
    let (on, off) = (told(&usual, &forbidden), told(&forbidden, &usual));
    assert!(on.contains("ask") && on.contains("forbidden"), "{on}");
    assert!(off.contains("ask") && off.contains("person"), "{off}");
    assert!(only(&with("ask = \"nobody\"\n")).fix.contains("forbidden"));
}

#[test]
fn a_permission_is_a_scope_or_a_type() {
    assert!(only(&one("title = \"See it\"")).cause.contains("neither"));
    assert!(
        problems(&one("scope = \"a\"\ntype = \"b\"\ntitle = \"See it\""))[0]
            .cause
            .contains("both")
    );
    assert!(
        only(&one("type = \"a\"\ntitle = \"See it\""))
            .cause
            .contains("has no schema")
    );
    let schema = "schema = { type = \"object\", additionalProperties = false, properties = {} }";
    assert!(
        only(&one(&format!(
            "scope = \"a\"\ntitle = \"See it\"\n{schema}"
        )))
        .cause
        .contains("scope")
    );
}

#[test]
fn nothing_is_named_twice() {
    let permission = "[[resource.permission]]\nscope = \"a\"\ntitle = \"See it\"\n";
    let twice = format!("{}{permission}", one("scope = \"a\"\ntitle = \"See it\"\n"));
    assert_eq!(only(&twice).line, 7);
    let again = one("scope = \"b\"\ntitle = \"See it\"\n");
    let same = format!("{}{again}", one("scope = \"a\"\ntitle = \"See it\"\n"));
    assert!(
        only(&same)
            .cause
            .contains("https://a.example is there twice")
    );
    let other = again
        .replace("a.example", "b.example")
        .replace("\"b\"", "\"a\"");
    let stolen = format!("{}{other}", one("scope = \"a\"\ntitle = \"See it\"\n"));
    assert!(only(&stolen).cause.contains("the scope a is there twice"));
}

#[test]
fn sec_a11_a_schema_with_an_opening_is_refused() {
    for open in [
        r#"{"type":"object","properties":{}}"#,
        r#"{"type":"object","additionalProperties":true,"properties":{}}"#,
        r#"{"type":"object","additionalProperties":{},"properties":{}}"#,
        r#"{"type":"object","additionalProperties":false,"properties":{"a":true}}"#,
        r#"{"type":"object","additionalProperties":false,"properties":{"a":{}}}"#,
        r#"{"type":"object","additionalProperties":false,"properties":{"a":{"type":"object"}}}"#,
        r#"{"type":"object","additionalProperties":false,"properties":{"a":{"type":"array"}}}"#,
        r#"{"type":"object","additionalProperties":false,"properties":{"a":{"type":["string","object"]}}}"#,
        r#"{"type":"object","additionalProperties":false,"properties":{"a":{"type":"array","items":{}}}}"#,
        r#"{"type":"object","additionalProperties":false,"properties":{"a":{"anyOf":[{"type":"string"},{}]}}}"#,
        r##"{"type":"object","additionalProperties":false,"properties":{"a":{"$ref":"#/$defs/b"}},"$defs":{"b":{}}}"##,
        r#"{"type":"object","additionalProperties":false,"properties":{},"patternProperties":{"^x":{}}}"#,
        r#"{"type":"object","additionalProperties":false,"properties":{"a":{"$ref":"https://evil.example/x"}}}"#,
        r#"{"type":"object","additionalProperties":false,"properties":{"a":{"$ref":"file:///etc/passwd"}}}"#,
        r#"{"type":"object","additionalProperties":false,"properties":{"a":{"type":"strnig"}}}"#,
        r#"{"type":"object","additionalProperties":false,"properties":{"a":{"type":"string","pattern":"("}}}"#,
        r#"{"type":"object","additionalProperties":false}"#,
        r#"{"type":"string"}"#,
        "true",
        "[]",
        "{",
    ] {
        let source = one(&format!("{OPEN_TYPE}schema = '''{open}'''\n"));
        assert_eq!(only(&source).line, 7, "{open}");
    }
}

#[test]
fn a_reference_that_leaves_the_schema_is_called_one() {
    let schema = r#"{"type":"object","additionalProperties":false,"properties":{"a":{"allOf":[{"$ref":"https://evil.example/x"}]}}}"#;
    let problem = only(&one(&format!("{OPEN_TYPE}schema = '''{schema}'''\n")));
    assert_eq!(
        problem.cause,
        "the schema refers outside itself: https://evil.example/x"
    );
}

#[test]
fn a_closed_schema_may_have_references_branches_and_lists() {
    for closed in [
        r#"{"type":"object","additionalProperties":false,"properties":{"a":{"enum":[1,null]}}}"#,
        r#"{"type":"object","additionalProperties":false,"properties":{"a":{"type":"array","items":{"type":"string"}}}}"#,
        r##"{"type":"object","additionalProperties":false,"properties":{"a":{"$ref":"#/$defs/b"}},"$defs":{"b":{"type":"string"}}}"##,
        r#"{"type":"object","additionalProperties":false,"properties":{"a":{"oneOf":[{"type":"string"},{"const":1}]}}}"#,
        r#"{"type":"object","additionalProperties":false,"properties":{"type":{"const":"t"},"a":{"type":"array","prefixItems":[{"type":"string"}],"items":false}}}"#,
    ] {
        let source = one(&format!("{OPEN_TYPE}schema = '''{closed}'''\n"));
        assert!(
            Catalogue::read(&source).is_ok(),
            "{:?}",
            Catalogue::read(&source)
        );
    }
}

#[test]
fn a_field_must_fit_its_schema() {
    let schema = "schema = { type = \"object\", additionalProperties = false, properties = { a = { type = \"string\" }, m = { type = \"object\", additionalProperties = false, properties = { amount = { type = \"string\" }, currency = { type = \"string\" } } } } }\n";
    let with = |fields: &str| one(&format!("{OPEN_TYPE}{schema}{fields}"));
    let field = |rest: &str| {
        with(&format!(
            "[[resource.permission.field]]\nlabel = \"L\"\n{rest}"
        ))
    };
    for good in [
        "name = \"a\"\npointer = \"/a\"\nbound = \"prefix\"",
        "name = \"m\"\npointer = \"/m\"\nkind = \"money\"\nbound = \"at-most\"\nnarrowable = true",
    ] {
        assert!(
            Catalogue::read(&field(good)).is_ok(),
            "{:?}",
            Catalogue::read(&field(good))
        );
    }
    for bad in [
        "name = \"a\"\npointer = \"a\"",
        "name = \"a\"\npointer = \"/\"",
        "name = \"a\"\npointer = \"/a~2\"",
        "name = \"a\"\npointer = \"/b\"",
        "name = \"a\"\npointer = \"/a/0\"",
        "name = \"A\"\npointer = \"/a\"",
        "name = \"a.value\"\npointer = \"/a\"",
        "name = \"a\"\npointer = \"/a\"\nkind = \"money\"",
        "name = \"a\"\npointer = \"/a\"\nkind = \"txet\"",
        "name = \"a\"\npointer = \"/a\"\nbound = \"at-most\"",
        "name = \"m\"\npointer = \"/m\"\nkind = \"money\"\nbound = \"prefix\"",
        "name = \"a\"\npointer = \"/a\"\nnarrowable = true",
        "name = \"a\"\npointer = \"/a\"\nkind = \"date\"\nnarrowable = true",
        "name = \"a\"\npointer = \"/a\"\nnarrowable = \"yes\"",
        "name = \"a\"",
        "pointer = \"/a\"",
    ] {
        assert!(Catalogue::read(&field(bad)).is_err(), "{bad}");
    }
    let twice = with(
        "[[resource.permission.field]]\nname = \"m\"\nlabel = \"M\"\npointer = \"/m\"\nkind = \"money\"\n\
         [[resource.permission.field]]\nname = \"c\"\nlabel = \"C\"\npointer = \"/m/currency\"\n",
    );
    assert!(only(&twice).cause.contains("at one place"));
}

#[test]
fn lifetimes_have_limits() {
    let with = |line: &str| one(&format!("scope = \"a\"\ntitle = \"See it\"\n{line}\n"));
    for good in [
        "token_lifetime = \"10s\"",
        "token_lifetime = \"24h\"",
        "access_for = \"365d\"",
    ] {
        assert!(Catalogue::read(&with(good)).is_ok(), "{good}");
    }
    for bad in [
        "token_lifetime = \"9s\"",
        "token_lifetime = \"25h\"",
        "token_lifetime = 10",
        "access_for = \"366d\"",
        "access_for = \"1 hour\"",
        "single_use = \"yes\"",
        "consequence = \"boom\"",
        "tier = \"severe\"",
    ] {
        assert_eq!(only(&with(bad)).line, 7, "{bad}");
    }
}

#[test]
fn a_file_has_a_size() {
    assert!(only(&"#".repeat(1024 * 1024 + 1)).cause.contains("1 MiB"));
    let mut many = one("scope = \"s\"\ntitle = \"See it\"\n");
    let more =
        |number| format!("[[resource.permission]]\nscope = \"s{number}\"\ntitle = \"See it\"\n");
    many.extend((0..500).map(more));
    assert!(only(&many).cause.contains("more than 500"));
    assert_eq!(Catalogue::read("").unwrap(), Catalogue::default());
}

#[test]
fn what_is_written_reads_back_the_same() {
    let before = catalogue();
    let written = before.to_toml();
    let after = Catalogue::read(&written).unwrap_or_else(|error| panic!("{error}\n{written}"));
    assert_eq!(before, after);
    assert_eq!(after.to_toml(), written);
    assert_eq!(before.diff(&after), []);
    assert_eq!(before.digest(), after.digest());
}

#[test]
fn awkward_texts_survive_a_round_trip() {
    let source = one("type = \"t\"\ntitle = \"Say \\\"it's\\\" \\\\ ok\"\n\
         schema = { type = \"object\", additionalProperties = false, properties = { a = { enum = [\"'''\", \"\\\\\", \"\\\"\", \"a\\nb\"] } } }\n");
    let before = Catalogue::read(&source).unwrap();
    assert_eq!(Catalogue::read(&before.to_toml()), Ok(before));
}

#[test]
fn the_database_gives_back_what_it_was_given() {
    let before = catalogue();
    let after = Catalogue::from_json(before.to_json()).unwrap();
    assert_eq!(before, after);
    let schema = after
        .detail_type("deploy")
        .unwrap()
        .1
        .schema
        .as_ref()
        .unwrap();
    assert!(
        schema
            .check(&serde_json::json!({"type": "deploy"}))
            .is_err()
    );
}

#[test]
fn a_difference_is_told_in_words() {
    let before = catalogue();
    let told = |source: &str| -> Vec<String> {
        let after = Catalogue::read(source).unwrap_or_else(|error| panic!("{error}"));
        before
            .diff(&after)
            .iter()
            .map(ToString::to_string)
            .collect()
    };
    assert!(told(EXAMPLE).is_empty());
    assert_eq!(
        told(&EXAMPLE.replace(
            "title = \"See your payments\"\ntier = \"low\"",
            "title = \"See your payments\"\ntier = \"normal\""
        )),
        ["~ payments.read: tier low → normal"]
    );
    assert_eq!(
        told(&EXAMPLE.replace("\"Payments\"", "\"Bank\"")),
        ["~ resource https://payments.example.com: name Payments → Bank"]
    );
    assert_eq!(
        told(&EXAMPLE.replace("{ max = \"14d\" }", "\"never\"")),
        ["~ deploy: always 14d → never"]
    );
    assert_eq!(
        told(&EXAMPLE.replace("\"files.read\"", "\"files.see\"")),
        [
            "+ scope files.see",
            "- scope files.read",
            "+ route GET,HEAD /files/** for scope files.see",
            "- route GET,HEAD /files/** for scope files.read",
        ]
    );
    let empty: Vec<_> = before
        .diff(&Catalogue::default())
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(empty[0], "- resource https://payments.example.com");
    let fresh: Vec<_> = Catalogue::default()
        .diff(&before)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        fresh[..2],
        [
            "+ resource https://payments.example.com",
            "+ scope payments.read"
        ]
    );
    let mut turned = before.clone();
    turned.resources.reverse();
    assert_eq!(before.diff(&turned).len(), 1);
    turned.resources.reverse();
    turned.resources[0].permissions.reverse();
    assert_eq!(before.diff(&turned).len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_spoiled_file_is_refused_with_its_lines_or_reads_back_the_same(
        at in 0..EXAMPLE.len(), cut in 0..12_usize, put in "[a-z0-9 ={}\"'\\[\\]\n.]{0,6}"
    ) {
        let start = (0..=at).rev().find(|at| EXAMPLE.is_char_boundary(*at)).unwrap_or(0);
        let end = (start + cut..=EXAMPLE.len()).find(|at| EXAMPLE.is_char_boundary(*at));
        let rest = &EXAMPLE[end.unwrap_or(EXAMPLE.len())..];
        let spoiled = format!("{}{put}{rest}", &EXAMPLE[..start]);
        match Catalogue::read(&spoiled) {
            Ok(catalogue) => prop_assert_eq!(Catalogue::read(&catalogue.to_toml()), Ok(catalogue)),
            Err(error) => {
                prop_assert!(!error.problems.is_empty());
                let lines = spoiled.lines().count() + 1;
                prop_assert!(error.problems.iter().all(|problem| (1..=lines).contains(&problem.line)));
                prop_assert!(error.problems.iter().all(|problem| !problem.fix.is_empty()));
            }
        }
    }
}

/// A resource with routes, ready to be spoiled.
fn routed(route: &str) -> String {
    let kind = "type = \"t\"\ntitle = \"Do {name}\"\nschema = { type = \"object\", \
         additionalProperties = false, required = [\"name\"], properties = { name = { type = \"string\" }, \
         size = { type = \"number\" } } }\n\
         [[resource.permission.field]]\nname = \"name\"\npointer = \"/name\"\nlabel = \"Name\"\n";
    let scope = "[[resource.permission]]\nscope = \"s\"\ntitle = \"See it\"\n";
    format!("{}{scope}[[resource.route]]\n{route}", one(kind))
}

#[test]
fn routes_are_read_written_and_told_as_changes() {
    let file = routed("methods = [\"GET\"]\npath = \"/a/**\"\nscope = \"s\"\n");
    let more = format!(
        "{file}[[resource.route]]\nmethods = [\"PUT\"]\npath = \"/{{name}}\"\ntype = \"t\"\nany_query = true\n"
    );
    let hosts = more.replace("name = \"A\"", "name = \"A\"\nhosts = [\"b.example:8443\"]");
    let read = |source: &str| Catalogue::read(source).unwrap_or_else(|error| panic!("{error}"));
    let (few, many, hosts) = (read(&file), read(&more), read(&hosts));
    for catalogue in [&few, &many, &hosts] {
        assert_eq!(read(&catalogue.to_toml()), *catalogue);
        assert_eq!(
            Catalogue::from_json(catalogue.to_json()).unwrap(),
            *catalogue
        );
    }
    let told = |from: &Catalogue, to: &Catalogue| -> Vec<String> {
        from.diff(to).iter().map(ToString::to_string).collect()
    };
    assert_eq!(
        told(&few, &many),
        ["+ route PUT /{name} for type t, any_query"]
    );
    assert_eq!(
        told(&many, &few),
        ["- route PUT /{name} for type t, any_query"]
    );
    assert_eq!(
        told(&many, &hosts),
        ["~ resource https://a.example: hosts none → b.example:8443"]
    );
    let mut turned = many.clone();
    turned.resources[0].routes.reverse();
    assert_eq!(
        told(&many, &turned),
        ["~ routes of https://a.example: order"]
    );
}

#[test]
fn a_route_says_one_thing() {
    for (route, cause) in [
        ("path = \"/a\"\nscope = \"s\"", "without methods"),
        (
            "methods = [\"get\"]\npath = \"/a\"\nscope = \"s\"",
            "no method",
        ),
        (
            "methods = \"GET\"\npath = \"/a\"\nscope = \"s\"",
            "a list of strings",
        ),
        (
            "methods = [\"GET\"]\npath = \"a\"\nscope = \"s\"",
            "starts with a slash",
        ),
        (
            "methods = [\"GET\"]\npath = \"/a\"",
            "neither a scope nor a type",
        ),
        (
            "methods = [\"GET\"]\npath = \"/{name}\"\nscope = \"s\"\ntype = \"t\"",
            "both",
        ),
        (
            "methods = [\"GET\"]\npath = \"/a\"\nscope = \"x\"",
            "does not have",
        ),
        (
            "methods = [\"GET\"]\npath = \"/a\"\ntype = \"t\"",
            "needs name",
        ),
        (
            "methods = [\"GET\"]\npath = \"/{name}/{size}\"\ntype = \"t\"",
            "no text member size",
        ),
        (
            "methods = [\"GET\"]\npath = \"/a\"\nscope = \"s\"\nany_query = true",
            "any_query",
        ),
        (
            "methods = [\"GET\", \"PUT\"]\npath = \"/a\"\nscope = \"s\"\n\
             [[resource.route]]\nmethods = [\"PUT\"]\npath = \"/a\"\nscope = \"s\"",
            "has a route already",
        ),
    ] {
        let causes: Vec<_> = problems(&routed(route))
            .into_iter()
            .map(|it| it.cause)
            .collect();
        assert!(
            causes.iter().any(|it| it.contains(cause)),
            "{cause}: {causes:?}"
        );
    }
    let nowhere = routed("methods = [\"GET\"]\npath = \"/a\"\nscope = \"s\"");
    let nowhere = nowhere.replace("https://a.example", "urn:example:a");
    assert!(only(&nowhere).fix.contains("hosts"));
}

#[test]
fn the_first_route_that_fits_says_what_a_request_needs() {
    use crate::domain::forward_auth::Original;

    let catalogue = catalogue();
    let needs = |method: &str, host: &str, target: &str| {
        let original = Original::read(method, "https", host, target).unwrap();
        let routed = catalogue.routed(&original)?;
        Some((routed.route.needs.name().to_owned(), routed.detail))
    };
    let files = "files.example.com";
    let details = serde_json::json!({"type": "file_deletion", "folder": "a", "name": "b c"});
    let deletion = ("file_deletion".to_owned(), Some(details));
    assert_eq!(needs("DELETE", files, "/files/a/b%20c"), Some(deletion));
    let reading = ("files.read".to_owned(), None);
    for target in ["/files", "/files/", "/files/a/b?c"] {
        assert_eq!(
            needs("GET", files, target),
            Some(reading.clone()),
            "{target}"
        );
    }
    assert_eq!(
        needs("GET", "files.example.com:443", "/files"),
        Some(reading)
    );
    for (method, host, target) in [
        ("GET", "other.example.com", "/files"),
        ("GET", "files.example.com:8443", "/files"),
        ("POST", files, "/files/a"),
        ("DELETE", files, "/files/a/b?c"),
        // Longer than the schema lets a name be.
        ("DELETE", files, &format!("/files/a/{}", "b".repeat(121))),
    ] {
        assert_eq!(
            needs(method, host, target),
            None,
            "{method} {host} {target}"
        );
    }
}
