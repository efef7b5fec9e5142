//! Whatever is wished for, nothing comes out that was not in it.

use proptest::prelude::*;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::acting::{Acting, MayAct};
use super::carried::Carried;
use super::exchange::{Exchanger, MOST_ACTING, Narrower, Wanted, exchange};
use super::live::{Live, Places};
use crate::domain::action::fixture::{catalogue, small_payment};
use crate::domain::ciba::refusal::Refusal;
use crate::domain::id::{AccessTokenId, ClientId, GrantId, RequestId, UserId};

const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;
const PAYMENTS: &str = "https://payments.example.com";

fn client(id: &str) -> ClientId {
    ClientId(id.to_owned())
}

/// A token of `agent`'s for two payments and for reading, good for another 50 seconds.
fn carried() -> (Carried, Live) {
    let details = vec![
        small_payment("1", "EUR", "A"),
        small_payment("2", "EUR", "B"),
    ];
    let ends_at = NOW + Duration::seconds(50);
    let carried = Carried {
        iss: "https://ask.example.com".to_owned(),
        sub: UserId(Uuid::from_u128(1)),
        aud: PAYMENTS.to_owned(),
        client_id: client("agent"),
        iat: 0,
        exp: ends_at.unix_timestamp(),
        jti: AccessTokenId(Uuid::from_u128(2)),
        scope: "openid payments.read".to_owned(),
        authorization_details: details.clone(),
        auth_time: 0,
        acr: "urn:countersign:acr:email-link".to_owned(),
        approved_by: Vec::new(),
        act: Acting {
            sub: "agent".into(),
            act: None,
        },
        may_act: Some(MayAct {
            sub: client("helper"),
        }),
        cnf: None,
        approval_id: RequestId(Uuid::from_u128(3)),
        grant_id: GrantId(Uuid::from_u128(4)),
        card_digest: String::new(),
        txn: None,
    };
    let live = Live {
        places: vec![0, 1, 2],
        scope: carried.scope.clone(),
        details,
        ends_at,
        rests_on: Vec::new(),
        usable_once: Places::default(),
        spent: false,
    };
    (carried, live)
}

fn exchanged(by: &str, wanted: &Wanted<'_>) -> Result<Narrower, Refusal> {
    let (carried, live) = carried();
    registered(by, &[], &carried, &live, wanted)
}

fn registered(
    by: &str,
    scopes: &[String],
    carried: &Carried,
    live: &Live,
    wanted: &Wanted<'_>,
) -> Result<Narrower, Refusal> {
    let by = Exchanger {
        id: &client(by),
        scopes,
        types: &[],
        resources: &[],
    };
    exchange(carried, live, by, wanted, &catalogue(), NOW)
}

fn code<T: std::fmt::Debug>(refused: Result<T, Refusal>) -> &'static str {
    refused.unwrap_err().code()
}

fn scope(scope: &str) -> Wanted<'_> {
    Wanted {
        scope: Some(scope),
        ..Wanted::default()
    }
}

#[test]
fn without_a_wish_it_is_all_of_it_for_the_same_agent() {
    let (carried, live) = carried();
    let all = exchanged("agent", &Wanted::default()).unwrap();
    assert_eq!((&all.scope, &all.details), (&carried.scope, &live.details));
    assert_eq!((all.ends_at, all.act), (live.ends_at, carried.act));
    let short = Wanted {
        lifetime: Some(Duration::seconds(7)),
        ..scope("payments.read")
    };
    let short = exchanged("agent", &short).unwrap();
    assert_eq!(
        (short.scope.as_str(), short.ends_at - NOW),
        ("payments.read", Duration::seconds(7))
    );
}

#[test]
fn sec_f10_only_who_is_named_in_a_token_gets_it_and_only_so_deep() {
    let helper = exchanged("helper", &Wanted::default()).unwrap();
    assert_eq!(
        helper.act.everyone().collect::<Vec<_>>(),
        ["helper", "agent"]
    );
    assert_eq!(
        code(exchanged("thief", &Wanted::default())),
        "invalid_request"
    );
    let (mut carried, live) = carried();
    for depth in 2..=MOST_ACTING {
        let inner = carried.act.clone();
        carried.act = Acting {
            sub: format!("agent-{depth}").into(),
            act: Some(Box::new(inner)),
        };
    }
    let deep = registered("helper", &[], &carried, &live, &Wanted::default());
    assert_eq!(code(deep), "invalid_request");
    // Its holder may still narrow it.
    let same = registered("agent", &[], &carried, &live, &Wanted::default()).unwrap();
    assert_eq!(same.act.depth(), MOST_ACTING);
    carried.may_act = None;
    let unnamed = registered("helper", &[], &carried, &live, &Wanted::default());
    assert_eq!(code(unnamed), "invalid_request");
}

#[test]
fn a_client_gets_from_another_only_what_it_could_have_asked_for() {
    let (carried, live) = carried();
    let by = |wanted: &Wanted<'_>| {
        let scopes = ["calendar.read".to_owned()];
        registered("helper", &scopes, &carried, &live, wanted)
    };
    assert_eq!(code(by(&Wanted::default())), "invalid_scope");
    assert_eq!(by(&scope("openid")).unwrap().details.len(), 2);
}

#[test]
fn sec_f10_nothing_is_widened() {
    for wider in ["payments.write", "openid payments.read files.read"] {
        assert_eq!(code(exchanged("agent", &scope(wider))), "invalid_scope");
    }
    let details = |details: Vec<Value>| Wanted {
        details: Some(details),
        ..Wanted::default()
    };
    let one = small_payment("1", "EUR", "A");
    let kept = exchanged("agent", &details(vec![one.clone()])).unwrap();
    assert_eq!(kept.details, std::slice::from_ref(&one));
    for wider in [
        vec![one.clone(), one],
        vec![small_payment("3", "EUR", "A")],
        vec![json!({})],
    ] {
        let refused = exchanged("agent", &details(wider));
        assert_eq!(code(refused), "invalid_authorization_details");
    }
    let elsewhere = Wanted {
        audiences: &[PAYMENTS, "https://calendar.example.com"],
        ..Wanted::default()
    };
    assert_eq!(code(exchanged("agent", &elsewhere)), "invalid_target");
}

proptest! {
    #[test]
    fn sec_f10_what_comes_out_was_in_it(
        words in prop::collection::vec(prop::sample::select(vec!["openid", "payments.read", "files.read", ""]), 0..5),
        wished in prop::option::of(prop::collection::vec(0_usize..4, 0..4)),
        seconds in prop::option::of(1_i64..10_000),
        left in 1_i64..100,
        by in prop::sample::select(vec!["agent", "helper", "thief"]),
    ) {
        let (mut carried, mut live) = carried();
        live.ends_at = NOW + Duration::seconds(left);
        carried.exp = live.ends_at.unix_timestamp();
        let mut known = live.details.clone();
        known.extend([small_payment("1", "EUR", "B"), small_payment("1", "USD", "A")]);
        let words = words.join(" ");
        let wanted = Wanted {
            scope: (!words.is_empty()).then_some(words.as_str()),
            details: wished.map(|all| all.into_iter().map(|at| known[at].clone()).collect()),
            audiences: &[],
            lifetime: seconds.map(Duration::seconds),
        };
        if let Ok(out) = registered(by, &[], &carried, &live, &wanted) {
            prop_assert!(by != "thief");
            prop_assert!(out.scope.split(' ').filter(|it| !it.is_empty()).all(|it| live.scope.split(' ').any(|had| had == it)));
            let mut rest = live.details.clone();
            for detail in &out.details {
                let at = rest.iter().position(|had| had == detail);
                prop_assert!(at.is_some());
                rest.remove(at.unwrap());
            }
            prop_assert!(out.ends_at <= live.ends_at && out.ends_at > NOW);
            if let Some(seconds) = seconds {
                prop_assert!(out.ends_at <= NOW + Duration::seconds(seconds));
            }
            prop_assert!(out.act.everyone().last() == Some("agent"));
            prop_assert!(out.act.depth() <= MOST_ACTING);
        }
    }
}
