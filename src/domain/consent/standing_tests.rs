//! What "always" covers, and everything it does not.

use proptest::prelude::*;
use serde_json::{Value, json};
use time::macros::datetime;
use uuid::Uuid;

use super::standing::{StandingGrant, covering, covers};
use super::{Bounds, LAPSES_AFTER};
use crate::domain::action::fixture::{asked, catalogue, deploy, item, small_payment};
use crate::domain::action::{Always, Asked, AskedItem, Bound, Permission, PermissionKey, Tier};
use crate::domain::id::{ClientId, RequestId, StandingGrantId, UserId};
use time::{Duration, OffsetDateTime};

const NOW: OffsetDateTime = datetime!(2026-11-07 12:00 UTC);
const MAYA: UserId = UserId(Uuid::from_u128(7));

fn billing() -> ClientId {
    ClientId("billing".to_owned())
}

fn permission(item: &AskedItem) -> Permission {
    catalogue().permission(&item.key).unwrap().1.clone()
}

/// An "always" for what was asked, with the picks a person made.
fn always(item: &AskedItem, picks: &[(&str, &str)]) -> StandingGrant {
    let picks = picks
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect();
    StandingGrant {
        id: StandingGrantId(Uuid::from_u128(1)),
        client: billing(),
        user: MAYA,
        resource: item.resource.clone(),
        key: item.key.clone(),
        bounds: Bounds::choose(item, &permission(item), &picks, &[]).unwrap(),
        created_at: NOW,
        ends_at: NOW + Duration::days(7),
        last_used_at: None,
        uses: 0,
        recent: Vec::new(),
        revoked_at: None,
        revoked_by: None,
        from_request: RequestId(Uuid::from_u128(2)),
    }
}

fn covered(grant: &StandingGrant, item: &AskedItem) -> bool {
    covers(
        grant,
        &billing(),
        MAYA,
        item,
        &permission(item),
        NOW + Duration::HOUR,
    )
}

fn pay(amount: &str) -> AskedItem {
    item(&small_payment(amount, "EUR", "Hanna Herwitz"))
}

fn up_to_250() -> StandingGrant {
    always(
        &pay("240"),
        &[("amount", "at-most"), ("amount.value", "250")],
    )
}

#[test]
fn the_same_again_is_covered_and_less_is_and_more_is_not() {
    let grant = up_to_250();
    for amount in ["240", "250", "250.00", "0.01"] {
        assert!(covered(&grant, &pay(amount)), "{amount}");
    }
    for amount in ["250.01", "900", "250.00000001"] {
        assert!(!covered(&grant, &pay(amount)), "{amount}");
    }
    assert!(!covered(
        &grant,
        &item(&small_payment("240", "USD", "Hanna Herwitz"))
    ));
    assert!(!covered(
        &grant,
        &item(&small_payment("240", "EUR", "Hanna  Herwitz"))
    ));
}

#[test]
fn a_part_that_was_not_there_is_asked() {
    let grant = up_to_250();
    let mut more = small_payment("240", "EUR", "Hanna Herwitz");
    more["reference"] = json!("urgent");
    assert!(!covered(&grant, &item(&more)));
    let with_any = always(&item(&more), &[("reference", "any")]);
    assert!(covered(&with_any, &item(&more)));
    assert!(!covered(&with_any, &pay("240")));
    let mut migrating = deploy("1", "staging");
    migrating["migrate"] = json!(true);
    assert!(!covered(
        &always(&item(&deploy("1", "staging")), &[]),
        &item(&migrating)
    ));
}

#[test]
fn sec_f15_another_agent_person_service_or_permission_asks() {
    let (grant, again) = (up_to_250(), pay("240"));
    let permission = permission(&again);
    let later = NOW + Duration::HOUR;
    assert!(covers(&grant, &billing(), MAYA, &again, &permission, later));
    assert!(!covers(
        &grant,
        &ClientId("Billing".into()),
        MAYA,
        &again,
        &permission,
        later
    ));
    let ana = UserId(Uuid::from_u128(8));
    assert!(!covers(&grant, &billing(), ana, &again, &permission, later));
    let elsewhere = AskedItem {
        resource: "https://other.example".into(),
        ..again.clone()
    };
    assert!(!covers(
        &grant,
        &billing(),
        MAYA,
        &elsewhere,
        &permission,
        later
    ));
    let key = PermissionKey::Type("payment_initiation".into());
    let other = AskedItem {
        key: key.clone(),
        ..again.clone()
    };
    assert!(!covers(
        &grant,
        &billing(),
        MAYA,
        &other,
        &permission,
        later
    ));
    assert!(!covers(
        &grant,
        &billing(),
        MAYA,
        &other,
        &Permission { key, ..permission },
        later
    ));
}

#[test]
fn it_ends_it_lapses_and_it_can_be_stopped() {
    let again = pay("240");
    let permission = Permission {
        always: Always::Within(Duration::days(90)),
        ..permission(&again)
    };
    let at = |grant: &StandingGrant, now| covers(grant, &billing(), MAYA, &again, &permission, now);
    let mut grant = up_to_250();
    assert!(at(&grant, grant.ends_at - Duration::MILLISECOND));
    assert!(!at(&grant, grant.ends_at));

    grant.ends_at = NOW + Duration::days(90);
    assert!(at(&grant, NOW + LAPSES_AFTER - Duration::SECOND));
    assert!(!at(&grant, NOW + LAPSES_AFTER));
    grant.last_used_at = Some(NOW + Duration::days(29));
    assert!(at(&grant, NOW + LAPSES_AFTER));
    assert_eq!(grant.over_at(), NOW + Duration::days(59));

    grant.revoked_at = Some(NOW);
    assert!(!at(&grant, NOW + Duration::SECOND));
}

#[test]
fn a_policy_that_was_tightened_binds_what_was_given_before() {
    let (grant, again) = (up_to_250(), pay("240"));
    let at =
        |permission: &Permission, now| covers(&grant, &billing(), MAYA, &again, permission, now);
    let today = permission(&again);
    let later = NOW + Duration::days(2);
    assert!(at(&today, later));
    assert!(!at(
        &Permission {
            always: Always::Never,
            ..today.clone()
        },
        later
    ));
    assert!(!at(
        &Permission {
            tier: Tier::High,
            ..today.clone()
        },
        later
    ));
    assert!(!at(
        &Permission {
            tier: Tier::Critical,
            ..today.clone()
        },
        later
    ));
    assert!(at(
        &Permission {
            tier: Tier::Low,
            ..today.clone()
        },
        later
    ));
    assert!(!at(
        &Permission {
            always: Always::Within(Duration::DAY),
            ..today.clone()
        },
        later
    ));
    let mut narrower = today.clone();
    narrower.fields[0].bound = Some(Bound::Same);
    assert!(!at(&narrower, later));
    let mut moved = today.clone();
    moved.fields[0].pointer = "/other".into();
    assert!(!at(&moved, later));
}

#[test]
fn a_beginning_covers_what_stays_below_it() {
    let grant = always(
        &item(&deploy("1.0", "staging/web")),
        &[
            ("version", "any"),
            ("environment", "prefix"),
            ("environment.value", "staging/"),
        ],
    );
    assert!(covered(&grant, &item(&deploy("2.0", "staging/api"))));
    assert!(!covered(&grant, &item(&deploy("2.0", "production/web"))));
    assert!(!covered(&grant, &item(&deploy("2.0", "staging"))));
    // What the schema of the example would refuse already.
    for climbing in [
        "staging/../production",
        "staging/./x",
        "staging/%2e%2e",
        "staging/a\\..\\b",
    ] {
        let mut climber = item(&deploy("2.0", "staging/api"));
        climber.detail.as_mut().unwrap()["environment"] = json!(climbing);
        assert!(!covered(&grant, &climber), "{climbing}");
    }
}

#[test]
fn details_are_never_covered_by_an_always_without_details() {
    let mut grant = up_to_250();
    grant.bounds.detail = None;
    grant.bounds.limits.clear();
    assert!(!covered(&grant, &pay("1")));
    assert!(covered(
        &grant,
        &AskedItem {
            detail: None,
            ..pay("1")
        }
    ));
    assert!(!covered(
        &up_to_250(),
        &AskedItem {
            detail: None,
            ..pay("1")
        }
    ));
}

#[test]
fn every_item_must_be_covered_and_there_must_be_one() {
    let read = item_of(&asked(&["payments.read"], &json!(null)));
    let mut for_reading = always(&read, &[]);
    for_reading.id = StandingGrantId(Uuid::from_u128(9));
    let grants = [up_to_250(), for_reading];
    let ask = |scopes: &[&str], entries: &Value| {
        let asked = asked(scopes, entries);
        covering(&grants, &asked, &catalogue(), &billing(), MAYA, NOW)
    };
    let two = json!([
        small_payment("10", "EUR", "Hanna Herwitz"),
        small_payment("20", "EUR", "Hanna Herwitz")
    ]);
    let ids = ask(&["payments.read"], &two).unwrap();
    assert_eq!(ids, [grants[1].id, grants[0].id, grants[0].id]);
    assert_eq!(
        ask(
            &["payments.read"],
            &json!([small_payment("10", "EUR", "Mallory")])
        ),
        None
    );
    assert_eq!(
        covering(
            &grants,
            &Asked::default(),
            &catalogue(),
            &billing(),
            MAYA,
            NOW
        ),
        None
    );
    let gone = crate::domain::action::Catalogue::default();
    let asked = asked(&["payments.read"], &json!(null));
    assert_eq!(
        covering(&grants, &asked, &gone, &billing(), MAYA, NOW),
        None
    );
}

fn item_of(asked: &Asked) -> AskedItem {
    asked.items[0].clone()
}

#[test]
fn it_is_told_in_one_sentence() {
    assert_eq!(
        up_to_250().sentence(&catalogue()),
        "Pay up to €250.00 to Hanna Herwitz"
    );
    let deploys = always(
        &item(&deploy("1.0", "staging/web")),
        &[
            ("version", "any"),
            ("environment", "prefix"),
            ("environment.value", "staging/"),
        ],
    );
    assert_eq!(
        deploys.sentence(&catalogue()),
        "Deploy any version to anything that starts with staging/"
    );
    let mut referenced = small_payment("240", "EUR", "Hanna");
    referenced["reference"] = json!("1042");
    let told = always(&item(&referenced), &[("reference", "any")]).sentence(&catalogue());
    assert_eq!(told, "Pay €240.00 to Hanna (Reference: any reference)");
    let gone = crate::domain::action::Catalogue::default();
    assert_eq!(up_to_250().sentence(&gone), "type payment_small");
}

#[test]
fn it_is_kept_as_it_was() {
    let grant = up_to_250();
    let kept = serde_json::to_string(&grant.bounds).unwrap();
    assert_eq!(serde_json::from_str::<Bounds>(&kept).unwrap(), grant.bounds);
}

fn cents(amount: u32) -> String {
    format!("{}.{:02}", amount / 100, amount % 100)
}

fn any_payment() -> impl Strategy<Value = AskedItem> {
    let reference = prop::option::of("[a-z]{1,3}");
    (
        1..100_000_u32,
        "[A-C]",
        prop::sample::select(vec!["EUR", "USD"]),
        reference,
    )
        .prop_map(|(amount, creditor, currency, reference)| {
            let mut entry = small_payment(&cents(amount), currency, &creditor);
            if let Some(reference) = reference {
                entry["reference"] = json!(reference);
            }
            item(&entry)
        })
}

fn any_picks() -> impl Strategy<Value = (bool, u32, bool)> {
    (any::<bool>(), 1..100_000_u32, any::<bool>())
}

/// An "always" with a ceiling (or none) and any reference (or the same).
fn picked(from: &AskedItem, (capped, ceiling, loose): (bool, u32, bool)) -> StandingGrant {
    let ceiling = cents(ceiling);
    let mut picks = Vec::new();
    if capped {
        picks.extend([("amount", "at-most"), ("amount.value", ceiling.as_str())]);
    }
    if loose
        && from
            .detail
            .as_ref()
            .is_some_and(|detail| detail.get("reference").is_some())
    {
        picks.push(("reference", "any"));
    }
    always(from, &picks)
}

fn amount_of(item: &AskedItem) -> (String, String) {
    let amount = &item.detail.as_ref().unwrap()["instructedAmount"];
    let text = |name: &str| amount[name].as_str().unwrap().to_owned();
    (text("amount"), text("currency"))
}

proptest! {
    #[test]
    fn what_was_allowed_covers_itself(asked in any_payment()) {
        prop_assert!(covered(&always(&asked, &[]), &asked));
    }

    #[test]
    fn sec_f15_a_narrower_always_never_covers_more(
        from in any_payment(), asked in any_payment(), picks in any_picks(), less in 0..100_000_u32,
        tight in any::<bool>()
    ) {
        let (capped, ceiling, loose) = picks;
        let wide = picked(&from, picks);
        let narrow = picked(&from, (capped, ceiling.saturating_sub(less).max(1), loose && !tight));
        prop_assert!(!covered(&narrow, &asked) || covered(&wide, &asked));
        let tightest = StandingGrant { bounds: Bounds::tightest(&from, &permission(&from)), ..wide.clone() };
        if covered(&tightest, &asked) {
            prop_assert_eq!(&asked.detail, &from.detail);
        }
    }

    #[test]
    fn sec_f15_outside_its_limits_any_change_asks(
        from in any_payment(), asked in any_payment(), picks in any_picks()
    ) {
        let grant = picked(&from, picks);
        if covered(&grant, &asked) {
            let part = |item: &AskedItem, name: &str| item.detail.as_ref().unwrap().get(name).cloned();
            prop_assert_eq!(part(&asked, "creditor"), part(&from, "creditor"));
            prop_assert_eq!(amount_of(&asked).1, amount_of(&from).1);
            prop_assert_eq!(part(&asked, "reference").is_some(), part(&from, "reference").is_some());
            if !picks.2 {
                prop_assert_eq!(part(&asked, "reference"), part(&from, "reference"));
            }
        }
    }

    #[test]
    fn time_only_takes_away(hours in 0..24_i64 * 60, more in 0..24_i64 * 60) {
        let again = pay("240");
        let at = |hours| {
            let now = NOW + Duration::hours(hours);
            covers(&up_to_250(), &billing(), MAYA, &again, &permission(&again), now)
        };
        prop_assert!(!at(hours + more) || at(hours));
    }
}
