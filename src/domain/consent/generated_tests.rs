//! What "always" covers, over catalogues that nobody wrote.
//!
//! Each case is a permission with fields of any kind and bound, something asked, what was allowed before, and what a
//! person picks of what they are offered. Whatever else is then asked: if it is covered, it is inside what was picked,
//! as judged here by other code than the rule's own.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::standing::{StandingGrant, covers};
use super::{Bounds, Limit};
use crate::domain::action::catalogue::Title;
use crate::domain::action::fixture::{catalogue, item, small_payment};
use crate::domain::action::{
    AskedItem, Bound, Field, FieldKind, Often, Period, Permission, PermissionKey, Rate,
};
use crate::domain::id::{ClientId, RequestId, StandingGrantId, UserId};

const NOW: OffsetDateTime = datetime!(2026-11-07 12:00 UTC);
const MAYA: UserId = UserId(Uuid::from_u128(7));

/// Texts that are near each other.
const TEXTS: [&str; 14] = [
    "Hanna",
    "Hanna Herwitz",
    "hanna",
    "/",
    "/srv",
    "/srv/data",
    "/srv/data/",
    "/srv/data/x",
    "/srv/database",
    "/srv/data/../etc",
    "/srv/data//x",
    "/srv/data/%2e%2e/etc",
    "srv/data",
    "/srv/data/x/y",
];

fn text() -> impl Strategy<Value = Value> {
    prop::sample::select(TEXTS.to_vec()).prop_map(|text| json!(text))
}

fn value(kind: FieldKind) -> BoxedStrategy<Value> {
    match kind {
        FieldKind::Text | FieldKind::Date => text().boxed(),
        FieldKind::Number => (-3..12_i64).prop_map(|number| json!(number)).boxed(),
        FieldKind::Money => (0..6_u32, prop::sample::select(vec!["EUR", "USD"]))
            .prop_map(
                |(amount, currency)| json!({"amount": amount.to_string(), "currency": currency}),
            )
            .boxed(),
        FieldKind::List => prop::collection::vec(text(), 0..3)
            .prop_map(Value::Array)
            .boxed(),
        FieldKind::Flag => any::<bool>().prop_map(Value::Bool).boxed(),
    }
}

fn field() -> impl Strategy<Value = (FieldKind, Option<Bound>)> {
    let bounds: Vec<Option<Bound>> = Bound::ALL.into_iter().map(Some).chain([None]).collect();
    // Most of what can be bounded are texts.
    let kinds = FieldKind::ALL.into_iter().chain([FieldKind::Text; 4]);
    let kinds = prop::sample::select(kinds.collect::<Vec<_>>());
    (kinds, prop::sample::select(bounds))
        .prop_filter("as a catalogue may have it", |(kind, bound)| {
            bound.is_none_or(|bound| bound.fits(*kind))
        })
}

fn permission(fields: &[(FieldKind, Option<Bound>)]) -> Permission {
    let known = item(&small_payment("1", "EUR", "Hanna"));
    let fields = fields.iter().enumerate().map(|(at, (kind, bound))| Field {
        name: format!("f{at}"),
        pointer: format!("/f{at}"),
        label: format!("Field {at}"),
        kind: *kind,
        critical: false,
        bound: *bound,
        narrowable: false,
    });
    Permission {
        key: PermissionKey::Type("made".into()),
        title: Title::read("Do {f0}").unwrap(),
        fields: fields.collect(),
        schema: None,
        ..catalogue().permission(&known.key).unwrap().1.clone()
    }
}

fn asked(values: Vec<Option<Value>>, more: Option<Value>) -> AskedItem {
    let mut detail = Map::from_iter([("type".to_owned(), json!("made"))]);
    for (at, value) in values.into_iter().enumerate() {
        detail.extend(value.map(|value| (format!("f{at}"), value)));
    }
    detail.extend(more.map(|more| ("undeclared".to_owned(), more)));
    AskedItem {
        key: PermissionKey::Type("made".into()),
        resource: "https://made.example".into(),
        detail: Some(Value::Object(detail)),
    }
}

type Values = Vec<Option<Value>>;

/// Values for these fields; some may be missing.
fn any_values(fields: &[(FieldKind, Option<Bound>)]) -> impl Strategy<Value = Values> + use<> {
    let values: Vec<_> = fields
        .iter()
        .map(|(kind, _)| prop::option::weighted(0.95, value(*kind)))
        .collect();
    values
}

/// One value exchanged for another, or taken out; or one besides that no field declares.
#[derive(Clone, Debug)]
enum Edit {
    Put(usize, Value),
    Drop(usize),
    Besides(Value),
}

fn edit(fields: &[(FieldKind, Option<Bound>)]) -> impl Strategy<Value = Edit> + use<> {
    let kinds: Vec<FieldKind> = fields.iter().map(|(kind, _)| *kind).collect();
    let count = kinds.len();
    let put = (0..count)
        .prop_flat_map(move |at| value(kinds[at]).prop_map(move |value| Edit::Put(at, value)));
    let drop = (0..count).prop_map(Edit::Drop);
    prop_oneof![12 => put, 1 => drop, 1 => text().prop_map(Edit::Besides)]
}

/// The same as before, but for a few edits.
fn edited(values: &Values, edits: &[Edit]) -> AskedItem {
    let (mut values, mut more) = (values.clone(), None);
    for edit in edits {
        match edit {
            Edit::Put(at, value) => values[*at] = Some(value.clone()),
            Edit::Drop(at) => values[*at] = None,
            Edit::Besides(value) => more = Some(value.clone()),
        }
    }
    asked(values, more)
}

/// A permission, what is asked, what was allowed before, which option is picked for each field and what is typed for
/// it, and what is asked afterwards.
#[derive(Debug, Clone)]
struct Case {
    permission: Permission,
    first: AskedItem,
    known: Vec<AskedItem>,
    picks: Vec<(usize, Option<String>)>,
    next: Vec<AskedItem>,
}

fn case() -> impl Strategy<Value = Case> {
    prop::collection::vec(field(), 1..4).prop_flat_map(|fields| {
        let typed = prop::sample::select(vec!["2", "4.5", "/srv", "/srv/data", "Ha"]);
        let typed = prop::option::weighted(0.3, typed.prop_map(str::to_owned));
        let edits = |most| prop::collection::vec(edit(&fields), 1..most);
        (
            any_values(&fields),
            prop::collection::vec(edits(3), 0..4),
            prop::collection::vec((0..6_usize, typed), fields.len()),
            prop::collection::vec(edits(3), 40),
        )
            .prop_map(move |(first, known, picks, next)| Case {
                permission: permission(&fields),
                known: known.iter().map(|edits| edited(&first, edits)).collect(),
                next: next.iter().map(|edits| edited(&first, edits)).collect(),
                first: asked(first, None),
                picks,
            })
    })
}

/// The rule of a case, if what was typed can be read.
fn rule(case: &Case) -> Option<StandingGrant> {
    let offered = Bounds::choices(&case.first, &case.permission, &case.known);
    let mut picks = BTreeMap::new();
    for (choices, (nth, typed)) in offered.iter().zip(&case.picks) {
        let option = &choices.options[nth % choices.options.len()];
        picks.insert(choices.name.clone(), option.key().to_owned());
        let ticked: Vec<&str> = option.offered().iter().map(|it| it.key.as_str()).collect();
        let said = if ticked.is_empty() {
            typed.clone()
        } else {
            Some(ticked.join(" "))
        };
        if let Some(said) = said.filter(|_| choices.name.starts_with('f')) {
            picks.insert(format!("{}.value", choices.name), said);
        }
    }
    let bounds = Bounds::choose(&case.first, &case.permission, &picks, &case.known).ok()?;
    Some(StandingGrant {
        id: StandingGrantId(Uuid::from_u128(1)),
        client: ClientId("billing".into()),
        user: MAYA,
        resource: case.first.resource.clone(),
        key: case.first.key.clone(),
        bounds,
        created_at: NOW,
        ends_at: NOW + Duration::days(7),
        last_used_at: None,
        uses: 0,
        recent: Vec::new(),
        revoked_at: None,
        revoked_by: None,
        from_request: RequestId(Uuid::from_u128(2)),
    })
}

/// Whether a value is inside a limit, said plainly.
fn inside(limit: &Limit, value: &Value) -> bool {
    let (picked, value_text) = (&limit.value, value.as_str());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let number = |value: &Value| match value.get("amount") {
        Some(amount) => amount.as_str().and_then(|it| it.parse::<f64>().ok()),
        None => value.as_f64(),
    };
    match limit.bound {
        Bound::Same => picked == value,
        Bound::Set => picked.as_array().is_some_and(|all| all.contains(value)),
        Bound::AtMost => {
            let least_and_most = number(value).zip(number(picked));
            picked.get("currency") == value.get("currency")
                && least_and_most.is_some_and(|(it, most)| (0.0..=most).contains(&it))
        }
        Bound::Path => value_text.is_some_and(|path| {
            let parts = |path: &str| -> Vec<String> {
                let path = path.strip_suffix('/').unwrap_or(path);
                path.split('/').map(str::to_owned).collect()
            };
            let (above, path) = (parts(&text(picked)), parts(path));
            path.starts_with(&above)
                && !path
                    .iter()
                    .skip(1)
                    .any(|part| part.is_empty() || part == ".." || part.contains('%'))
        }),
        Bound::Prefix => value_text.is_some_and(|it| it.starts_with(&text(picked))),
        Bound::Any => true,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn sec_f15_over_any_catalogue_a_rule_covers_nothing_outside_what_was_picked(case in case()) {
        let Some(rule) = rule(&case) else { return Ok(()); };
        let now = NOW + Duration::HOUR;
        let covered = |item: &AskedItem| covers(&rule, &rule.client, MAYA, item, &case.permission, now);
        for item in case.next.iter().filter(|item| covered(item)) {
            let detail = item.detail.as_ref().unwrap().as_object().unwrap();
            let first = case.first.detail.as_ref().unwrap().as_object().unwrap();
            prop_assert!(detail.keys().eq(first.keys()), "{item:?}");
            for (name, value) in detail {
                let limit = rule.bounds.limits.iter().find(|limit| limit.name == *name);
                if let Some(limit) = limit {
                    prop_assert!(inside(limit, value), "{limit:?} {value}");
                } else {
                    prop_assert_eq!(Some(value), first.get(name));
                }
            }
            // Another agent, person, service or permission is never covered.
            let other = ClientId("other".into());
            prop_assert!(!covers(&rule, &other, MAYA, item, &case.permission, now));
            let ana = UserId(Uuid::from_u128(8));
            prop_assert!(!covers(&rule, &rule.client, ana, item, &case.permission, now));
            let elsewhere = AskedItem { resource: "https://other.example".into(), ..item.clone() };
            prop_assert!(!covered(&elsewhere));
            let key = PermissionKey::Scope("made".into());
            let scope = AskedItem { key, ..item.clone() };
            prop_assert!(!covered(&scope));
        }
    }

    #[test]
    fn over_any_catalogue_nobody_picks_wider_than_it_says(case in case()) {
        let Some(rule) = rule(&case) else { return Ok(()); };
        for limit in &rule.bounds.limits {
            let widest = case.permission.field(&limit.name).unwrap().bound.unwrap();
            prop_assert!(limit.bound.within(widest), "{limit:?}");
            // What was asked for when it was picked is not left outside by a set, a path or a beginning.
            let asked = case.first.detail.as_ref().unwrap().pointer(&limit.pointer).unwrap();
            let upward = limit.bound == Bound::AtMost;
            prop_assert!(upward || limit.bound == Bound::Any || inside(limit, asked), "{limit:?} {asked}");
        }
    }

    #[test]
    fn sec_f11_no_window_holds_more_uses_than_was_said(
        gaps in prop::collection::vec(0..20_i64, 1..80), times in 1..6_u32, most in 1..40_u32
    ) {
        let per = Period::Hour;
        let first = item(&small_payment("1", "EUR", "Hanna"));
        let known = catalogue().permission(&first.key).unwrap().1.clone();
        let mut bounds = Bounds::tightest(&first, &known);
        bounds.often = Often { rate: Some(Rate { times, per }), uses: Some(most) };
        let fields = [(FieldKind::Text, None)];
        let case = Case { permission: permission(&fields), first: asked(vec![Some(json!("Hanna"))], None),
            known: Vec::new(), picks: Vec::new(), next: Vec::new() };
        let mut rule = StandingGrant { bounds, ..rule(&case).unwrap() };
        let (mut now, mut used) = (NOW, Vec::new());
        for gap in gaps {
            now += Duration::minutes(gap);
            if let Some(next) = rule.used(1, now) {
                used.push(now);
                rule = next;
            } else {
                // Refused only when there is no room.
                let lately = used.iter().filter(|at| **at > now - per.length()).count();
                prop_assert!(lately >= times as usize || used.len() >= most as usize);
            }
            let lately = used.iter().filter(|at| **at > now - per.length()).count();
            prop_assert!(lately <= times as usize && used.len() <= most as usize);
        }
        prop_assert!(rule.recent.len() <= times as usize);
    }
}
