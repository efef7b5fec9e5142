//! What a refresh gives, and what it does not give any longer.

use proptest::prelude::*;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::granted::Granted;
use super::narrowing::Narrowing;
use super::refresh::{GRACE, Ground, Presented, RefreshToken, Renewal, present, renew};
use crate::domain::action::fixture::{asked, catalogue, small_payment};
use crate::domain::action::{Always, Catalogue, Tier};
use crate::domain::ciba::approval::{Answered, DecidedBy, Decision, Question};
use crate::domain::ciba::mode::Mode;
use crate::domain::ciba::refusal::Refusal;
use crate::domain::consent::assurance::Assurance;
use crate::domain::consent::{Bounds, LAPSES_AFTER, StandingGrant};
use crate::domain::id::{
    ClientId, GrantId, RefreshTokenId, RequestId, SessionId, StandingGrantId, UserId,
};

pub(super) const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;
pub(super) const CALENDAR: [&str; 2] = ["calendar.read", "calendar.write"];

/// A grant that was just given, and what it stands on.
pub(super) struct World {
    pub(super) token: RefreshToken,
    pub(super) question: Question,
    pub(super) decision: Decision,
    pub(super) rules: Vec<StandingGrant>,
    pub(super) catalogue: Catalogue,
}

pub(super) fn world(scopes: &[&str], details: &Value) -> World {
    let catalogue = catalogue();
    let asked = asked(scopes, details);
    let granted = Granted::new(&asked.items, &catalogue, NOW);
    let request = RequestId(Uuid::from_u128(1));
    let client = ClientId("agent".into());
    World {
        token: RefreshToken {
            id: RefreshTokenId(Uuid::from_u128(2)),
            used_at: None,
            expires_at: granted.refreshable_until().unwrap_or(granted.token_ends_at),
            grant: GrantId(Uuid::from_u128(3)),
            request,
            client: client.clone(),
            items: granted.items,
            granted_at: NOW,
            bound_to: None,
            revoked: false,
            active: true,
        },
        decision: Decision {
            answer: Answered::Once,
            at: NOW,
            by: DecidedBy::Person {
                session: SessionId(Uuid::from_u128(4)),
                assurance: Assurance::EmailLink,
                authenticated_at: NOW,
            },
            granted: asked.items.clone(),
        },
        question: Question {
            id: request,
            client,
            user: UserId(Uuid::from_u128(5)),
            mode: Mode::Poll,
            opened_at: NOW,
            answer_by: NOW + Duration::minutes(5),
            expires_at: NOW + Duration::minutes(6),
            interval: Duration::seconds(5),
            scope: ["openid"]
                .iter()
                .chain(scopes)
                .copied()
                .collect::<Vec<_>>()
                .join(" "),
            asked,
            tier: Tier::Normal,
            card_digest: [0; 32],
            bound_to: None,
            quorum: None,
            wanted: crate::domain::consent::step_up::Wanted::default(),
        },
        rules: Vec::new(),
        catalogue,
    }
}

impl World {
    /// Rules for every item, given with the request itself, or with an earlier one that answered this.
    pub(super) fn ruled(mut self, earlier: bool) -> Self {
        let from = u128::from(!earlier);
        for (at, item) in (10..).zip(&self.question.asked.items) {
            let (_, permission) = self.catalogue.permission(&item.key).unwrap();
            self.rules.push(StandingGrant {
                id: StandingGrantId(Uuid::from_u128(at)),
                client: self.question.client.clone(),
                user: self.question.user,
                resource: item.resource.clone(),
                key: item.key.clone(),
                bounds: Bounds::choose(item, permission, &std::collections::BTreeMap::new(), &[])
                    .unwrap(),
                created_at: NOW,
                ends_at: NOW + Duration::days(7),
                last_used_at: None,
                uses: 0,
                recent: Vec::new(),
                revoked_at: None,
                revoked_by: None,
                from_request: RequestId(Uuid::from_u128(from)),
            });
        }
        if earlier {
            self.decision.by = DecidedBy::StandingGrants {
                grants: self.rules.iter().map(|rule| rule.id).collect(),
                assurance: Assurance::EmailLink,
                authenticated_at: NOW,
            };
        }
        self
    }

    fn renew(&self, after: Duration) -> Result<Renewal, Refusal> {
        self.narrowed(None, None, after)
    }

    fn narrowed(
        &self,
        scope: Option<&str>,
        details: Option<&str>,
        after: Duration,
    ) -> Result<Renewal, Refusal> {
        let narrowing = Narrowing::read(scope, details, std::iter::empty(), &self.catalogue)?;
        let ground = Ground {
            question: &self.question,
            decision: &self.decision,
            rules: &self.rules,
            catalogue: &self.catalogue,
        };
        renew(&self.token, ground, &narrowing, NOW + after)
    }

    fn present(&self, client: &str, after: Duration) -> Result<Presented, Refusal> {
        present(&self.token, &ClientId(client.into()), false, NOW + after)
    }
}

fn scope(renewal: Result<Renewal, Refusal>) -> String {
    renewal.unwrap().scope
}

fn code<T: std::fmt::Debug>(refused: Result<T, Refusal>) -> &'static str {
    refused.unwrap_err().code()
}

#[test]
fn read_renews_when_write_has_died() {
    let world = world(&CALENDAR, &Value::Null);
    let both = world.renew(Duration::minutes(4)).unwrap();
    assert_eq!(both.scope, "openid calendar.read calendar.write");
    assert_eq!(both.token_ends_at, NOW + Duration::minutes(9));
    // The token ends with the first of its items, whatever its usual life.
    let late = world.renew(Duration::minutes(58)).unwrap();
    assert_eq!(late.token_ends_at, NOW + Duration::hours(1));
    let read = world.renew(Duration::hours(1)).unwrap();
    assert_eq!(read.scope, "openid calendar.read");
    assert_eq!(read.token_ends_at, NOW + Duration::minutes(75));
    assert_eq!(code(world.renew(Duration::days(30))), "invalid_grant");
}

#[test]
fn what_is_good_for_one_use_is_in_no_second_token() {
    let pay = json!([small_payment("1", "EUR", "A")]);
    let world = world(&["payments.read"], &pay);
    let renewal = world.renew(Duration::seconds(1)).unwrap();
    assert_eq!(renewal.scope, "openid payments.read");
    assert_eq!(renewal.items.len(), 1);
}

#[test]
fn t58_a_refresh_may_narrow_and_never_widen() {
    let world = world(&CALENDAR, &Value::Null);
    let narrowed = |scope: &str, after| world.narrowed(Some(scope), None, after);
    let now = Duration::ZERO;
    assert_eq!(
        scope(narrowed("openid calendar.write", now)),
        "openid calendar.write"
    );
    assert_eq!(scope(narrowed("calendar.read", now)), "calendar.read");
    let person = narrowed("openid", now).unwrap();
    assert!(person.items.is_empty() && person.scope == "openid");
    for wider in ["openid payments.read", "calendar.read files.read", "x"] {
        assert_eq!(code(narrowed(wider, now)), "invalid_scope", "{wider}");
    }
    // Granted, but over: not wider, only nothing.
    let later = Duration::hours(2);
    assert_eq!(
        scope(narrowed("calendar.read calendar.write", later)),
        "calendar.read"
    );
    assert_eq!(code(narrowed("calendar.write", later)), "invalid_grant");
}

#[test]
fn details_may_be_narrowed_to_what_was_granted() {
    let mut world = world(&["payments.read"], &Value::Null);
    let paid = json!([
        small_payment("1", "EUR", "A"),
        small_payment("2", "EUR", "A")
    ]);
    for resource in &mut world.catalogue.resources {
        for permission in &mut resource.permissions {
            permission.single_use = false;
            permission.access_for = Duration::hours(8);
        }
    }
    world.question.asked = asked(&["payments.read"], &paid);
    world.token.items = Granted::new(&world.question.asked.items, &world.catalogue, NOW).items;
    let first = json!([small_payment("1", "EUR", "A")]).to_string();
    let narrowed = world.narrowed(None, Some(&first), Duration::ZERO).unwrap();
    assert_eq!(narrowed.items.len(), 2);
    let twice = json!([
        small_payment("1", "EUR", "A"),
        small_payment("1", "EUR", "A")
    ]);
    for wider in [
        twice,
        json!([small_payment("3", "EUR", "A")]),
        json!([{"type": "x"}]),
    ] {
        let refused = world.narrowed(None, Some(&wider.to_string()), Duration::ZERO);
        assert_eq!(code(refused), "invalid_authorization_details", "{wider}");
    }
}

#[test]
fn a_refresh_is_for_the_resource_of_its_grant() {
    let world = world(&CALENDAR, &Value::Null);
    let to = |resource: &'static str| {
        let named = std::iter::once(resource);
        let narrowing = Narrowing::read(None, None, named, &world.catalogue)?;
        narrowing.wanted(&world.token.items, &world.question)
    };
    assert!(to("https://calendar.example.com").is_ok());
    assert_eq!(code(to("https://payments.example.com")), "invalid_target");
}

#[test]
fn a_policy_that_was_tightened_binds_what_was_given_before() {
    let calendar = |change: fn(&mut crate::domain::action::Permission)| {
        let mut world = world(&CALENDAR, &Value::Null);
        let calendar = world
            .catalogue
            .resources
            .iter_mut()
            .find(|it| it.name == "Calendar");
        change(&mut calendar.unwrap().permissions[0]);
        scope(world.renew(Duration::minutes(10)))
    };
    assert_eq!(calendar(|_| {}), "openid calendar.read calendar.write");
    let write = "openid calendar.write";
    assert_eq!(calendar(|it| it.single_use = true), write);
    assert_eq!(calendar(|it| it.access_for = Duration::minutes(10)), write);
    let mut gone = world(&CALENDAR, &Value::Null);
    gone.catalogue.resources.clear();
    assert_eq!(code(gone.renew(Duration::ZERO)), "invalid_grant");
}

#[test]
fn what_a_rule_answered_ends_with_the_rule() {
    let mut world = world(&CALENDAR, &Value::Null).ruled(true);
    let all = world.renew(Duration::minutes(1)).unwrap();
    assert_eq!(all.scope, "openid calendar.read calendar.write");
    assert_eq!(all.rests_on.len(), 2);

    // Never beyond its end, and never when it was forgotten.
    let last = Duration::days(7) - Duration::minutes(1);
    let late = world.renew(last).unwrap();
    assert_eq!(
        (late.scope.as_str(), late.token_ends_at),
        ("openid calendar.read", NOW + Duration::days(7))
    );
    assert_eq!(code(world.renew(Duration::days(7))), "invalid_grant");
    world.rules[0].ends_at = NOW + Duration::days(90);
    assert_eq!(code(world.renew(LAPSES_AFTER)), "invalid_grant");

    world.rules[1].revoked_at = Some(NOW);
    assert_eq!(
        scope(world.renew(Duration::minutes(1))),
        "openid calendar.read"
    );
    world.rules[0].revoked_at = Some(NOW);
    let stopped = world.renew(Duration::minutes(1));
    assert_eq!(code(stopped), "invalid_grant");
    // Not even who it is.
    let person = world.narrowed(Some("openid"), None, Duration::minutes(1));
    assert_eq!(code(person), "invalid_grant");
}

#[test]
fn an_always_that_policy_no_longer_gives_does_not_carry_on() {
    let mut world = world(&["calendar.read"], &Value::Null).ruled(true);
    for resource in &mut world.catalogue.resources {
        for permission in &mut resource.permissions {
            permission.always = Always::Never;
        }
    }
    assert_eq!(code(world.renew(Duration::minutes(1))), "invalid_grant");
}

#[test]
fn who_stops_an_always_means_the_answer_it_was_given_with_too() {
    let mut world = world(&CALENDAR, &Value::Null).ruled(false);
    // That it ends by itself says nothing about this time.
    let later = world.renew(Duration::days(20)).unwrap();
    assert_eq!(later.scope, "openid calendar.read");
    assert_eq!(later.rests_on, [world.rules[0].id]);
    world.rules[0].revoked_at = Some(NOW);
    assert_eq!(
        scope(world.renew(Duration::minutes(1))),
        "openid calendar.write"
    );
}

#[test]
fn sec_f09_a_used_token_is_reuse_after_its_grace() {
    let mut world = world(&CALENDAR, &Value::Null);
    let used = Duration::minutes(1);
    assert_eq!(world.present("agent", used), Ok(Presented::Fresh));
    world.token.used_at = Some(NOW + used);
    let soon = used + GRACE - Duration::milliseconds(1);
    assert_eq!(world.present("agent", soon), Ok(Presented::Again));
    assert_eq!(world.present("agent", used + GRACE), Ok(Presented::Reused));
    let now = NOW + Duration::minutes(2) - Duration::milliseconds(1);
    let with_key = present(&world.token, &world.token.client, true, now);
    assert_eq!(with_key, Ok(Presented::Again));
    assert_eq!(
        code(world.present("agent", Duration::days(30))),
        "invalid_grant"
    );
}

#[test]
fn t58_another_client_s_token_is_not_known() {
    let mut world = world(&CALENDAR, &Value::Null);
    for used_at in [None, Some(NOW)] {
        world.token.used_at = used_at;
        let theirs = world.present("another", Duration::hours(1));
        assert_eq!(theirs, Err(super::refresh::unknown()));
    }
}

#[test]
fn sec_f12_who_is_disabled_gets_nothing_not_even_again() {
    let mut world = world(&CALENDAR, &Value::Null);
    world.token.active = false;
    for used_at in [None, Some(NOW)] {
        world.token.used_at = used_at;
        let refused = world.present("agent", Duration::seconds(1));
        assert_eq!(code(refused), "invalid_grant");
    }
    // But a token in two hands is noticed all the same.
    assert_eq!(
        world.present("agent", Duration::hours(1)),
        Ok(Presented::Reused)
    );
    world.token.revoked = true;
    assert_eq!(
        code(world.present("agent", Duration::hours(1))),
        "invalid_grant"
    );
}

proptest! {
    #[test]
    fn sec_i15_what_is_renewed_never_grows_and_never_outlives_its_items(
        mut moments in prop::collection::vec(0_i64..40 * 24 * 3600, 1..8),
        write_first in any::<bool>(),
    ) {
        let scopes = if write_first { ["calendar.write", "calendar.read"] } else { CALENDAR };
        let world = world(&scopes, &Value::Null);
        moments.sort_unstable();
        let mut before: Option<Vec<_>> = None;
        for moment in moments {
            let now = NOW + Duration::seconds(moment);
            let items = match world.renew(Duration::seconds(moment)) {
                Ok(renewal) => {
                    prop_assert!(renewal.token_ends_at > now);
                    prop_assert!(renewal.token_ends_at <= world.token.expires_at);
                    for granted in &world.token.items {
                        if renewal.items.contains(&granted.item) {
                            prop_assert!(renewal.token_ends_at <= granted.ends_at);
                        }
                    }
                    renewal.items
                }
                Err(refused) => {
                    prop_assert_eq!(refused.code(), "invalid_grant");
                    Vec::new()
                }
            };
            if let Some(before) = &before {
                prop_assert!(items.iter().all(|item| before.contains(item)));
            }
            before = Some(items);
        }
    }
}
