//! What of a token still stands, moment by moment.

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::acting::Acting;
use super::carried::Carried;
use super::live::{Grant, Live, Places, live, whole};
use super::refresh::Ground;
use super::refresh_tests::{CALENDAR, NOW, World, world};
use crate::domain::action::fixture::small_payment;
use crate::domain::id::AccessTokenId;

impl World {
    fn grant(&self, spent: i64) -> Grant {
        Grant {
            id: self.token.grant,
            request: self.token.request,
            client: self.token.client.clone(),
            user: self.question.user,
            items: self.token.items.clone(),
            spent: Places(spent),
            created_at: NOW,
            ends_at: NOW + Duration::days(30),
        }
    }

    fn ground(&self) -> Ground<'_> {
        Ground {
            question: &self.question,
            decision: &self.decision,
            rules: &self.rules,
            catalogue: &self.catalogue,
        }
    }

    /// What of a token for these still stands then, which by itself would live for ever.
    fn live(&self, scope: &str, details: &[Value], spent: i64, after: Duration) -> Option<Live> {
        let carried = Carried {
            iss: "https://ask.example.com".to_owned(),
            sub: self.question.user,
            aud: self.token.items[0].item.resource.clone(),
            client_id: self.token.client.clone(),
            iat: NOW.unix_timestamp(),
            exp: (NOW + Duration::days(365)).unix_timestamp(),
            jti: AccessTokenId(Uuid::from_u128(9)),
            scope: scope.to_owned(),
            authorization_details: details.to_vec(),
            auth_time: 0,
            acr: "urn:countersign:acr:email-link".to_owned(),
            approved_by: Vec::new(),
            act: Acting::first("agent"),
            may_act: None,
            cnf: None,
            approval_id: self.token.request,
            grant_id: self.token.grant,
            card_digest: String::new(),
            txn: None,
        };
        live(&carried, &self.grant(spent), self.ground(), NOW + after)
    }
}

fn scope(live: Option<Live>) -> Option<String> {
    live.map(|live| live.scope)
}

#[test]
fn what_has_ended_is_left_out_and_with_the_last_of_it_the_token() {
    let world = world(&CALENDAR, &Value::Null);
    let at = |scope_carried: &str, after| scope(world.live(scope_carried, &[], 0, after));
    let both = "openid calendar.read calendar.write";
    assert_eq!(at(both, Duration::minutes(59)).as_deref(), Some(both));
    let hour = Duration::hours(1);
    assert_eq!(at(both, hour).as_deref(), Some("openid calendar.read"));
    assert_eq!(at("openid calendar.write", hour), None);
    assert_eq!(at(both, Duration::days(30)), None);
    // A token for the person alone has nothing that ends before it does.
    assert_eq!(at("openid", Duration::days(300)).as_deref(), Some("openid"));
    assert_eq!(at("openid", Duration::days(365)), None);
    let live = world.live(both, &[], 0, Duration::ZERO).unwrap();
    assert_eq!(live.ends_at, NOW + hour);
}

#[test]
fn nothing_comes_alive_that_was_not_granted() {
    let world = world(&["calendar.read"], &Value::Null);
    let now = Duration::ZERO;
    assert_eq!(
        world.live("calendar.write payments.read", &[], 0, now),
        None
    );
    let strange = [small_payment("1", "EUR", "A")];
    let live = world.live("calendar.read", &strange, 0, now).unwrap();
    assert_eq!(
        (live.scope.as_str(), live.details.len()),
        ("calendar.read", 0)
    );
}

#[test]
fn what_is_good_for_one_use_has_a_place_of_its_own() {
    let (one, two) = (
        small_payment("1", "EUR", "A"),
        small_payment("2", "EUR", "A"),
    );
    let world = world(&["payments.read"], &json!([one, two, one]));
    let at = |details: &[Value], spent| world.live("payments.read", details, spent, Duration::ZERO);
    let all = at(&[one.clone(), two.clone(), one.clone()], 0).unwrap();
    assert_eq!((all.usable_once, all.spent), (Places(0b1110), false));
    // Two equal ones are two, found in their order.
    assert_eq!(
        at(std::slice::from_ref(&one), 0).unwrap().usable_once,
        Places(0b0010)
    );
    let left = at(&[one.clone(), two.clone()], 0b0010).unwrap();
    assert_eq!(
        (left.details, left.usable_once, left.spent),
        (vec![two], Places(0b0100), true)
    );
    let only = world.live("", &[one], 0b0010, Duration::ZERO);
    assert_eq!(only, None);
}

#[test]
fn a_rule_that_is_stopped_or_a_catalogue_without_it_takes_it_along() {
    let mut world = world(&CALENDAR, &Value::Null).ruled(true);
    let both = "openid calendar.read calendar.write";
    let now = Duration::minutes(1);
    assert_eq!(world.live(both, &[], 0, now).unwrap().rests_on.len(), 2);
    world.rules[1].revoked_at = Some(OffsetDateTime::UNIX_EPOCH);
    let left = world.live(both, &[], 0, now);
    assert_eq!(scope(left).as_deref(), Some("openid calendar.read"));
    let held = whole(&world.grant(0), world.ground(), NOW + now);
    assert_eq!(scope(held).as_deref(), Some("openid calendar.read"));
    world.catalogue.resources.clear();
    assert_eq!(world.live(both, &[], 0, now), None);
    assert_eq!(whole(&world.grant(0), world.ground(), NOW + now), None);
}
