//! What remains is never more than what was asked, whatever a form says.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::domain::action::fixture::{EXAMPLE, asked, catalogue, small_payment};
use crate::domain::action::json::canonical;
use crate::domain::action::read_details;

/// The example's catalogue, and a service with a number and lists that may be lowered.
fn with_lists() -> Catalogue {
    let more = r#"
[[resource]]
identifier = "https://mail.example.com"
name = "Mail"
[[resource.permission]]
type = "mailing"
title = "Write {count} letters to {to}"
schema = '''{"type": "object", "additionalProperties": false, "required": ["to", "count"], "properties": {
  "to": {"type": "array", "items": {"type": "string", "maxLength": 80}, "minItems": 1, "maxItems": 60},
  "tags": {"type": "array", "items": {"type": "string", "maxLength": 80}, "minItems": 2},
  "count": {"type": "integer"}, "weight": {"type": "number", "minimum": 0.5}}}'''
[[resource.permission.field]]
name = "to"
pointer = "/to"
label = "To"
kind = "list"
narrowable = true
[[resource.permission.field]]
name = "tags"
pointer = "/tags"
label = "Tags"
kind = "list"
narrowable = true
[[resource.permission.field]]
name = "count"
pointer = "/count"
label = "Count"
kind = "number"
narrowable = true
[[resource.permission.field]]
name = "weight"
pointer = "/weight"
label = "Weight"
kind = "number"
narrowable = true
"#;
    Catalogue::read(&format!("{EXAMPLE}{more}")).unwrap_or_else(|error| panic!("{error}"))
}

fn mailing(catalogue: &Catalogue, detail: &Value) -> Asked {
    let details = read_details(&json!([detail]).to_string(), catalogue).expect("details");
    Asked::read(&[], &details, &[], catalogue).expect("asked")
}

fn trim(lowered: &[(usize, &str, Lowered)]) -> Trim {
    let lowered = lowered.iter().cloned();
    Trim {
        left_out: BTreeSet::new(),
        lowered: lowered
            .map(|(at, name, how)| ((at, name.to_owned()), how))
            .collect(),
    }
}

fn to(typed: &str) -> Lowered {
    Lowered::To(typed.to_owned())
}

fn keeping(places: &[usize]) -> Lowered {
    Lowered::Keeping(places.iter().copied().collect())
}

fn pay(lower: &str) -> Result<Value, TrimError> {
    let asked = asked(&[], &json!([small_payment("240.00", "EUR", "Hanna")]));
    let rest = Remainder::of(&asked, &trim(&[(0, "amount", to(lower))]), &catalogue())?;
    Ok(rest.into_items()[0].detail.clone().expect("details")["instructedAmount"].clone())
}

#[test]
fn what_two_have_left_of_it_is_the_least_of_both() {
    let catalogue = with_lists();
    let asked = mailing(
        &catalogue,
        &json!({"type": "mailing", "to": ["a", "b", "c"], "count": 9}),
    );
    let left = |lowered: &[(usize, &str, Lowered)]| {
        Remainder::of(&asked, &trim(lowered), &catalogue).expect("less")
    };
    let one = left(&[(0, "to", keeping(&[0, 1])), (0, "count", to("7"))]);
    let other = left(&[(0, "to", keeping(&[1, 2])), (0, "count", to("3"))]);
    let both = one.least(&other, &asked, &catalogue).into_items();
    assert_eq!(
        both[0].detail,
        Some(json!({"type": "mailing", "to": ["b"], "count": 3}))
    );
    // Of two equal ones, whoever left out the first has left no less than whoever left out the last.
    let twice = mailing(
        &catalogue,
        &json!({"type": "mailing", "to": ["a", "b", "a"], "count": 9}),
    );
    let later = Remainder::of(&twice, &trim(&[(0, "to", keeping(&[1, 2]))]), &catalogue);
    let later = later.expect("less");
    assert_eq!(
        later.least(&Remainder::whole(&twice), &twice, &catalogue),
        later
    );
    // Nothing in both is nothing at all.
    let apart = left(&[(0, "to", keeping(&[2]))]).least(&one, &asked, &catalogue);
    assert!(apart.is_nothing());
    // What policy does not let be lowered any more cannot be told to be less.
    let mut tightened = with_lists();
    let permissions = tightened
        .resources
        .iter_mut()
        .flat_map(|it| &mut it.permissions);
    permissions
        .flat_map(|it| &mut it.fields)
        .for_each(|field| field.narrowable = false);
    assert!(one.least(&other, &asked, &tightened).is_nothing());
    assert_eq!(one.least(&one, &asked, &tightened), one);
}

#[test]
fn an_amount_goes_down_in_its_currency_and_never_up() {
    let euro = |amount: &str| Ok(json!({"amount": amount, "currency": "EUR"}));
    assert_eq!(pay("100"), euro("100.00"));
    assert_eq!(pay(" €99.5 "), euro("99.50"));
    assert_eq!(pay("0"), euro("0.00"));
    // As it was asked, to the letter.
    assert_eq!(pay("240"), euro("240.00"));
    for more in ["240.01", "1,000", "999999999999"] {
        let refused = pay(more).expect_err("more");
        let words = "Amount can only be lowered: it was asked as €240.00.";
        assert_eq!(refused.to_string(), words, "{more}");
    }
    for nothing in ["", "-1", "$10", "10 USD", "1e2", "ten", "10.000,00"] {
        assert_eq!(
            pay(nothing),
            Err(TrimError::NotAValue("Amount".into())),
            "{nothing}"
        );
    }
}

#[test]
fn what_the_catalogue_does_not_mark_stays_as_it_is() {
    let asked = asked(
        &["payments.read"],
        &json!([small_payment("240.00", "EUR", "Hanna")]),
    );
    for (at, name, how) in [
        (1, "creditor", to("Mallory")),
        (1, "amount", keeping(&[0])),
        (1, "instructedAmount", to("1")),
        (0, "amount", to("1")),
    ] {
        let refused = Remainder::of(&asked, &trim(&[(at, name, how)]), &catalogue());
        assert!(matches!(refused, Err(TrimError::Fixed(_))), "{name}");
    }
}

#[test]
fn a_list_keeps_some_and_never_none() {
    let catalogue = with_lists();
    let asked = mailing(
        &catalogue,
        &json!({"type": "mailing", "to": ["a", "b", "c"], "count": 3, "tags": ["x", "y"]}),
    );
    let left = |how: Lowered, name: &str| {
        Remainder::of(&asked, &trim(&[(0, name, how)]), &catalogue)
            .map(|rest| rest.into_items()[0].detail.clone().expect("details")[name].clone())
    };
    assert_eq!(left(keeping(&[0, 2]), "to"), Ok(json!(["a", "c"])));
    assert_eq!(
        left(keeping(&[0, 1, 2, 9]), "to"),
        Ok(json!(["a", "b", "c"]))
    );
    let nothing = TrimError::NothingKept("To".into());
    assert_eq!(left(keeping(&[]), "to"), Err(nothing.clone()));
    assert_eq!(left(keeping(&[7]), "to"), Err(nothing));
    // The schema is asked again.
    assert_eq!(
        left(keeping(&[1]), "tags"),
        Err(TrimError::Refused("Tags".into()))
    );
}

#[test]
fn a_number_goes_down_to_nothing_less_than_zero_and_as_the_schema_has_it() {
    let catalogue = with_lists();
    let asked = mailing(
        &catalogue,
        &json!({"type": "mailing", "to": ["a"], "count": 3, "weight": 2.5}),
    );
    let left = |typed: &str, name: &str| {
        Remainder::of(&asked, &trim(&[(0, name, to(typed))]), &catalogue)
            .map(|rest| rest.into_items()[0].detail.clone().expect("details")[name].clone())
    };
    assert_eq!(left("2", "count"), Ok(json!(2)));
    assert_eq!(left("2.0", "count"), Ok(json!(2)));
    assert_eq!(left("3", "count"), Ok(json!(3)));
    assert_eq!(left("1.5", "weight"), Ok(json!(1.5)));
    for more in ["4", "-1", "-0.1"] {
        assert!(
            matches!(left(more, "count"), Err(TrimError::NotLess { .. })),
            "{more}"
        );
    }
    for nothing in ["", "two", "\"2\"", "null", "[1]", "NaN"] {
        assert!(
            matches!(left(nothing, "count"), Err(TrimError::NotAValue(_))),
            "{nothing}"
        );
    }
    assert!(matches!(left("1.5", "count"), Err(TrimError::Refused(_))));
    assert!(matches!(left("0.4", "weight"), Err(TrimError::Refused(_))));
}

#[test]
fn only_what_can_be_lowered_is_offered_and_no_more_than_a_form_holds() {
    let asked = asked(
        &["payments.read"],
        &json!([small_payment("240.00", "EUR", "Hanna")]),
    );
    let offer = TrimOffer::of(&asked, &catalogue());
    assert!(offer.ticks && offer.items[0].is_empty());
    assert_eq!(offer.items[1][0].how, Narrowing::Down("240.00".into()));
    assert_eq!(offer.items[1][0].asked, "€240.00");
    assert_eq!(offer.items[1].len(), 1);

    let catalogue = with_lists();
    let many: Vec<String> = (0..60).map(|n| n.to_string()).collect();
    let asked = mailing(
        &catalogue,
        &json!({"type": "mailing", "to": many, "count": 0, "tags": ["x", "y"]}),
    );
    let offer = TrimOffer::of(&asked, &catalogue);
    let names: Vec<_> = offer.items[0].iter().map(|field| &*field.name).collect();
    assert_eq!(
        names,
        ["tags"],
        "sixty are too many to tick, and zero is the least"
    );
    assert!(!offer.ticks && !offer.is_nothing());
}

#[test]
fn nothing_left_is_told_from_nothing_asked() {
    let read = asked(&["payments.read"], &Value::Null);
    let trim = Trim {
        left_out: BTreeSet::from([0]),
        ..Trim::default()
    };
    let rest = Remainder::of(&read, &trim, &catalogue());
    assert!(rest.expect("nothing").is_nothing());
    assert!(!Remainder::whole(&Asked::default()).is_nothing());
}

/// Whether one item is no more than another: the same but for what may be lowered, and there not above it.
fn no_more(granted: &AskedItem, asked: &AskedItem, catalogue: &Catalogue) -> bool {
    let (_, permission) = catalogue.permission(&asked.key).expect("known");
    let (mut less, mut more) = (granted.detail.clone(), asked.detail.clone());
    for field in permission.fields.iter().filter(|field| field.narrowable) {
        let take = |from: &mut Option<Value>| {
            let place = from.as_mut().and_then(|it| it.pointer_mut(&field.pointer));
            place.map(Value::take)
        };
        let fits = match (take(&mut less), take(&mut more)) {
            (None, None) => true,
            (Some(less), Some(more)) => match field.kind {
                FieldKind::Money => {
                    let money = |value: &Value| Money::from_value(value).expect("money");
                    money(&less).within(money(&more))
                }
                FieldKind::Number => {
                    let number = |value: &Value| value.as_f64().expect("a number");
                    number(&less) <= number(&more)
                        && (number(&less) >= 0.0 || number(&less).total_cmp(&number(&more)).is_eq())
                }
                FieldKind::List => {
                    let mut rest = more.as_array().expect("a list").iter();
                    let all = less.as_array().expect("a list");
                    all.iter().all(|one| rest.any(|other| other == one))
                }
                FieldKind::Text | FieldKind::Date | FieldKind::Flag => false,
            },
            (Some(_), None) | (None, Some(_)) => false,
        };
        if !fits {
            return false;
        }
    }
    (&granted.key, &granted.resource) == (&asked.key, &asked.resource)
        && less.as_ref().map(canonical) == more.as_ref().map(canonical)
}

fn typed() -> impl Strategy<Value = Lowered> {
    prop_oneof![
        "[0-9]{1,4}(\\.[0-9]{1,2})?".prop_map(Lowered::To),
        "-?[0-9]{1,3}".prop_map(Lowered::To),
        ".{0,6}".prop_map(Lowered::To),
        prop::collection::btree_set(0_usize..6, 0..6).prop_map(Lowered::Keeping),
    ]
}

fn any_trim() -> impl Strategy<Value = Trim> {
    let name = prop_oneof![
        4 => Just("amount"), 3 => Just("to"), 3 => Just("count"), 1 => Just("tags"),
        1 => Just("creditor"), 1 => Just("weight"), 1 => Just("")
    ];
    let lowered =
        prop::collection::btree_map((0_usize..4, name.prop_map(str::to_owned)), typed(), 0..4);
    let left_out = prop::collection::btree_set(0_usize..5, 0..4);
    (left_out, lowered).prop_map(|(left_out, lowered)| Trim { left_out, lowered })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_granted_is_never_more_than_what_was_asked(
        trim in any_trim(), amount in "[0-9]{1,3}(\\.[0-9]{2})?", count in -3_i64..12,
        list in prop::collection::vec("[a-c]", 1..5), mail in any::<bool>()
    ) {
        let amount = amount.trim_start_matches('0');
        let amount = if amount.is_empty() || amount.starts_with('.') { format!("0{amount}") } else { amount.to_owned() };
        let catalogue = with_lists();
        let asked = if mail {
            mailing(&catalogue, &json!({"type": "mailing", "to": list, "count": count}))
        } else {
            asked(&["payments.read"], &json!([
                small_payment(&amount, "EUR", "A"), small_payment("240.00", "CHF", "B"), small_payment(&amount, "EUR", "A"),
            ]))
        };
        match Remainder::of(&asked, &trim, &catalogue) {
            Err(_) => prop_assert!(!trim.lowered.is_empty()),
            Ok(rest) => {
                let places: Vec<usize> = rest.kept().iter().map(|(at, _)| *at).collect();
                let kept: Vec<usize> =
                    (0..asked.items.len()).filter(|at| !trim.left_out.contains(at)).collect();
                prop_assert_eq!(&places, &kept);
                for (at, item) in rest.kept() {
                    prop_assert!(no_more(item, &asked.items[*at], &catalogue), "{item:?}");
                    let touched = trim.lowered.keys().any(|(place, _)| place == at);
                    prop_assert!(touched || *item == asked.items[*at]);
                    if let Some(detail) = &item.detail {
                        prop_assert!(details::read_again(detail, &catalogue).is_ok());
                    }
                }
                prop_assert_eq!(rest.is_nothing(), kept.is_empty());
            }
        }
    }

    #[test]
    fn what_two_have_left_is_no_more_than_either_left_and_the_same_whoever_was_first(
        one in any_trim(), other in any_trim(), count in 1_i64..12,
        list in prop::collection::vec("[a-d]", 1..5), mail in any::<bool>()
    ) {
        let catalogue = with_lists();
        let asked = if mail {
            mailing(&catalogue, &json!({"type": "mailing", "to": list, "count": count}))
        } else {
            asked(&["payments.read"], &json!([
                small_payment("120.00", "EUR", "A"), small_payment("240.00", "CHF", "B"),
            ]))
        };
        let rest = |trim: &Trim| Remainder::of(&asked, trim, &catalogue);
        let (Ok(one), Ok(other)) = (rest(&one), rest(&other)) else { return Ok(()) };
        let both = one.least(&other, &asked, &catalogue);
        prop_assert_eq!(&both, &other.least(&one, &asked, &catalogue));
        prop_assert_eq!(&one.least(&one, &asked, &catalogue), &one);
        prop_assert_eq!(&one.least(&Remainder::whole(&asked), &asked, &catalogue), &one);
        for (at, item) in both.kept() {
            for each in [&one, &other] {
                let theirs = each.at(*at);
                prop_assert!(theirs.is_some_and(|theirs| no_more(item, theirs, &catalogue)), "{item:?}");
            }
        }
    }
}
