//! The lifecycle, whatever happens in whatever order.

use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::domain::action::fixture::{asked, catalogue, details, small_payment};
use crate::domain::action::{Tier, json as text};
use crate::domain::ciba::approval::{
    Answer, ApprovalRequest, CancelledBy, DecidedBy, Pending, Question, Settled,
};
use crate::domain::ciba::mode::Mode;
use crate::domain::consent::assurance::Assurance;
use crate::domain::consent::partial::Remainder;
use crate::domain::consent::step_up::Wanted;
use crate::domain::id::SessionId;

const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

fn maya() -> UserId {
    UserId(Uuid::from_u128(7))
}

fn held() -> HeldTransaction {
    let id = TransactionId(Uuid::from_u128(1));
    HeldTransaction {
        id,
        service: ClientId("payments".into()),
        asked: Asked {
            transaction: Some(id),
            ..asked(&[], &json!([small_payment("10.00", "EUR", "Hanna")]))
        },
        person: None,
        agent: None,
        webhook: None,
        created_at: NOW,
        expires_at: NOW + Duration::minutes(10),
        request: None,
        ended: None,
    }
}

fn question(n: u128, now: OffsetDateTime, window: Duration) -> ApprovalRequest {
    ApprovalRequest::Pending(Pending {
        question: Question {
            id: RequestId(Uuid::from_u128(n)),
            client: ClientId("billing".into()),
            user: maya(),
            mode: Mode::Poll,
            opened_at: now,
            answer_by: now + window,
            expires_at: now + window + Duration::seconds(60),
            interval: Duration::seconds(5),
            scope: "openid".into(),
            asked: held().asked,
            tier: Tier::Normal,
            card_digest: [0; 32],
            bound_to: None,
            quorum: None,
            wanted: Wanted::default(),
        },
    })
}

fn answered(request: ApprovalRequest, answer: Answer, now: OffsetDateTime) -> ApprovalRequest {
    let by = DecidedBy::Person {
        session: SessionId(Uuid::from_u128(9)),
        assurance: Assurance::HostLink,
        authenticated_at: now,
    };
    let ApprovalRequest::Pending(pending) = request.at(now) else {
        panic!("it waits");
    };
    match pending.answer(answer, by, now).unwrap().next {
        Settled::Approved(it) => ApprovalRequest::Approved(it),
        Settled::Denied(it) => ApprovalRequest::Denied(it),
    }
}

#[test]
fn who_may_ask_about_it_is_said_by_its_service() {
    let billing = ClientId("billing".into());
    let other = ClientId("other".into());
    let bound = HeldTransaction {
        person: Some(maya()),
        agent: Some(billing.clone()),
        ..held()
    };
    let may = |held: &HeldTransaction, by, who| held.may_be_asked(by, who, None, NOW);
    let noah = UserId(Uuid::from_u128(8));
    assert_eq!(may(&bound, &billing, maya()), Ok(()));
    assert_eq!(may(&bound, &other, maya()), Err(NotAsked::AnotherAgent));
    assert_eq!(may(&bound, &billing, noah), Err(NotAsked::AnotherPerson));
    assert_eq!(may(&held(), &other, noah), Ok(()));
    let late = NOW + Duration::minutes(10);
    let over = held().may_be_asked(&other, noah, None, late);
    assert_eq!(over, Err(NotAsked::Over));
    let asks = question(2, NOW, Duration::minutes(1));
    let again = held().may_be_asked(&other, noah, Some(&asks), NOW);
    assert_eq!(again, Err(NotAsked::Already));
}

#[test]
fn what_stands_beside_a_transaction_says_the_same_or_nothing() {
    let (held, catalogue) = (held(), catalogue());
    let same = details(&json!([small_payment("10.00", "EUR", "Hanna")]));
    let more = details(&json!([small_payment("10.01", "EUR", "Hanna")]));
    let twice = [same.clone(), same.clone()].concat();
    let named = |scopes: &[&str], details: &[_]| naming::asked(&held, scopes, details, &catalogue);
    for fine in [named(&[], &[]), named(&[], &same)] {
        let (scope, asked) = fine.unwrap();
        assert_eq!((scope.as_str(), &asked), ("openid", &held.asked));
    }
    for refused in [
        named(&[], &more),
        named(&[], &twice),
        named(&["payments.read"], &[]),
    ] {
        assert_eq!(refused.unwrap_err().code(), "invalid_request");
    }
    let gone = naming::asked(
        &held,
        &[],
        &[],
        &crate::domain::action::Catalogue::default(),
    );
    assert_eq!(gone.unwrap_err().code(), "invalid_request");
}

#[test]
fn the_challenge_names_the_transaction_and_needs_no_escaping() {
    let id = "00000000000000000000000000000001";
    assert_eq!(
        challenge::challenge(&held()),
        format!(
            "Bearer error=\"insufficient_authorization\", \
             error_description=\"a person has to approve this\", transaction=\"{id}\""
        )
    );
    let reads = HeldTransaction {
        asked: asked(&["payments.read"], &json!(null)),
        ..held()
    };
    assert!(challenge::challenge(&reads).contains("scope=\"payments.read\", transaction="));
    assert!(text::digest(&challenge::challenge(&reads)) != [0; 32]);
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Ask(i64),
    Yes,
    No,
    Collect,
    Withdraw,
    Release,
    Cancel,
    Wait(i64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (10..400_i64).prop_map(Event::Ask),
        Just(Event::Yes),
        Just(Event::No),
        Just(Event::Collect),
        Just(Event::Withdraw),
        Just(Event::Release),
        Just(Event::Cancel),
        (1..200_i64).prop_map(Event::Wait),
    ]
}

proptest! {
    #[test]
    fn it_is_released_once_and_only_after_a_yes(events in proptest::collection::vec(event(), 1..40)) {
        let (mut held, mut request, mut now) = (held(), None::<ApprovalRequest>, NOW);
        let (mut yes, mut no, mut released, mut next) = (0, 0, 0, 10);
        for event in events {
            let before = held.state(request.as_ref(), now);
            match event {
                Event::Ask(window) => {
                    let billing = ClientId("billing".into());
                    if held.may_be_asked(&billing, maya(), request.as_ref(), now).is_ok() {
                        prop_assert_eq!(before, State::Held);
                        next += 1;
                        let window = Duration::seconds(window).min(held.time_left(now));
                        request = Some(question(next, now, window));
                        held.request = Some(RequestId(Uuid::from_u128(next)));
                    }
                }
                Event::Yes | Event::No => {
                    if let Some(ApprovalRequest::Pending(_)) = request.clone().map(|it| it.at(now)) {
                        let says = matches!(event, Event::Yes);
                        let answer = if says { Answer::Once(Remainder::whole(&held.asked)) } else { Answer::Deny { reason: None } };
                        if says { yes += 1 } else { no += 1 }
                        request = request.map(|it| answered(it, answer, now));
                    }
                }
                Event::Collect => {
                    if let Some(ApprovalRequest::Approved(it)) = request.clone().map(|it| it.at(now)) {
                        request = Some(ApprovalRequest::Redeemed(it.redeem(now).unwrap().next));
                    }
                }
                Event::Withdraw => {
                    if let Some(ApprovalRequest::Pending(it)) = request.clone().map(|it| it.at(now)) {
                        let step = it.withdraw(CancelledBy::Agent, now).unwrap();
                        request = Some(ApprovalRequest::Cancelled(step.next));
                    }
                }
                Event::Release if before == State::Approved => {
                    held.ended = Some(Ended::Released(now));
                    released += 1;
                }
                Event::Cancel if before == State::Held => held.ended = Some(Ended::Cancelled(now)),
                Event::Release | Event::Cancel => {}
                Event::Wait(seconds) => now += Duration::seconds(seconds),
            }
            let after = held.state(request.as_ref(), now);
            // An answer is final, and so is an end.
            prop_assert!(yes + no <= 1 && released <= yes);
            prop_assert_eq!(after == State::Released, released == 1);
            prop_assert_eq!(after == State::Denied, no == 1);
            if matches!(before, State::Denied | State::Expired | State::Released | State::Cancelled) {
                prop_assert_eq!(after, before);
            }
        }
    }
}
