//! Any sequence of asks, polls, answers, withdrawals, ticks and redemptions keeps the promises.

use proptest::prelude::*;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::*;
use crate::domain::action::{Asked, Tier};
use crate::domain::ciba::mode::Mode;
use crate::domain::consent::assurance::Assurance;
use crate::domain::consent::partial::Remainder;
use crate::domain::consent::step_up::Wanted;
use crate::domain::effect::Effect;
use crate::domain::id::{ClientId, RequestId, SessionId, TransactionId, UserId};

fn question(opened_at: OffsetDateTime) -> Question {
    Question {
        id: RequestId(Uuid::from_u128(1)),
        client: ClientId("agent".into()),
        user: UserId(Uuid::from_u128(2)),
        mode: Mode::Poll,
        opened_at,
        answer_by: opened_at + Duration::seconds(60),
        expires_at: opened_at + Duration::seconds(120),
        interval: Duration::seconds(5),
        scope: "openid".into(),
        asked: Asked::default(),
        tier: Tier::Normal,
        card_digest: [0; 32],
        bound_to: None,
        quorum: None,
        wanted: Wanted::default(),
    }
}

fn person(at: OffsetDateTime) -> DecidedBy {
    DecidedBy::Person {
        session: SessionId(Uuid::from_u128(3)),
        assurance: Assurance::EmailLink,
        authenticated_at: at,
    }
}

#[derive(Clone, Debug)]
enum Event {
    Tick(i64),
    Poll,
    Approve,
    Always,
    Deny,
    Withdraw,
    Undo,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => (0_i64..40).prop_map(Event::Tick),
        3 => Just(Event::Poll),
        1 => Just(Event::Approve),
        1 => Just(Event::Always),
        1 => Just(Event::Deny),
        1 => Just(Event::Withdraw),
        1 => Just(Event::Undo),
    ]
}

/// Applies an event to whatever state the request is in, as a flow would.
fn apply(request: ApprovalRequest, event: &Event, now: OffsetDateTime) -> ApprovalRequest {
    let request = request.at(now);
    match (request, event) {
        (ApprovalRequest::Pending(pending), Event::Approve | Event::Always | Event::Deny) => {
            let answer = match event {
                Event::Approve => Answer::Once(Remainder::whole(&pending.question.asked)),
                Event::Always => Answer::Always(Remainder::whole(&pending.question.asked)),
                Event::Deny | Event::Tick(_) | Event::Poll | Event::Withdraw | Event::Undo => {
                    Answer::Deny { reason: None }
                }
            };
            match pending
                .answer(answer, person(now), now)
                .expect("it was open just now")
                .next
            {
                Settled::Approved(it) => ApprovalRequest::Approved(it),
                Settled::Denied(it) => ApprovalRequest::Denied(it),
            }
        }
        (ApprovalRequest::Pending(pending), Event::Withdraw) => {
            let step = pending
                .withdraw(CancelledBy::Agent, now)
                .expect("it was open just now");
            ApprovalRequest::Cancelled(step.next)
        }
        (ApprovalRequest::Approved(approved), Event::Poll) => {
            ApprovalRequest::Redeemed(approved.redeem(now).expect("it was live just now").next)
        }
        (ApprovalRequest::Approved(approved), Event::Undo) => {
            let step = approved.undo(person(now), now);
            ApprovalRequest::Denied(step.expect("it was live just now").next)
        }
        (request, _) => request,
    }
}

/// The moves of the picture at the top of the module.
fn legal(before: State, after: State) -> bool {
    use State::{Approved, Cancelled, Denied, Expired, Pending, Redeemed};
    before == after
        || matches!(
            (before, after),
            (Pending, Approved | Denied | Expired | Cancelled)
                | (Approved, Redeemed | Expired | Denied)
        )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_keeps_the_promises(events in prop::collection::vec(event(), 0..40)) {
        let opened_at = OffsetDateTime::UNIX_EPOCH;
        let mut now = opened_at;
        let mut request = ApprovalRequest::Pending(Pending::open(question(opened_at)).next);
        let (mut decisions, mut redemptions) = (0, 0);
        for event in &events {
            if let Event::Tick(seconds) = event {
                now += Duration::seconds(*seconds);
            }
            let before = request.clone();
            request = apply(request, event, now);
            prop_assert!(legal(before.state(), request.state()), "{:?} > {:?}", before.state(), request.state());
            if before.decision().is_none() && request.decision().is_some() {
                decisions += 1;
            }
            if before.state() != State::Redeemed && request.state() == State::Redeemed {
                redemptions += 1;
            }
            if let Some(decision) = request.decision() {
                let undone = (before.state(), request.state()) == (State::Approved, State::Denied);
                prop_assert!(undone || before.decision().is_none_or(|earlier| earlier == decision));
                prop_assert!(decision.at < request.question().expires_at);
                let no = decision.answer == Answered::Deny;
                prop_assert!(no || decision.at < request.question().answer_by);
                prop_assert_eq!(no, request.state() == State::Denied);
            }
            if let ApprovalRequest::Redeemed(redeemed) = &request {
                prop_assert!(redeemed.at < redeemed.question.expires_at);
                prop_assert!(redeemed.decision.answer != Answered::Deny);
            }
            prop_assert_eq!(before.question(), request.question());
        }
        prop_assert!(decisions <= 1 && redemptions <= 1);
        let after = request.at(opened_at + Duration::seconds(120));
        prop_assert!(!matches!(after.state(), State::Pending | State::Approved), "left by expiry");
    }
}

#[test]
fn a_yes_after_the_deadline_is_too_late() {
    let opened_at = OffsetDateTime::UNIX_EPOCH;
    let pending = Pending::open(question(opened_at)).next;
    let deadline = pending.question.answer_by;
    assert_eq!(
        pending.clone().answer(
            Answer::Once(Remainder::whole(&Asked::default())),
            person(deadline),
            deadline
        ),
        Err(TooLate)
    );
    assert_eq!(pending.withdraw(CancelledBy::Agent, deadline), Err(TooLate));
}

#[test]
fn an_answer_in_the_last_moment_can_still_be_collected() {
    let opened_at = OffsetDateTime::UNIX_EPOCH;
    let pending = Pending::open(question(opened_at)).next;
    let last = pending.question.answer_by - Duration::milliseconds(1);
    let Settled::Approved(approved) = pending
        .answer(
            Answer::Once(Remainder::whole(&Asked::default())),
            person(last),
            last,
        )
        .unwrap()
        .next
    else {
        panic!("a yes approves");
    };
    let expires_at = approved.question.expires_at;
    assert_eq!(approved.clone().redeem(expires_at), Err(TooLate));
    assert!(
        approved
            .redeem(expires_at - Duration::milliseconds(1))
            .is_ok()
    );
}

#[test]
fn sec_f14_a_standing_grant_disturbs_nobody_and_a_no_grants_nothing() {
    let now = OffsetDateTime::UNIX_EPOCH;
    let covered = Pending::open_covered(question(now), Vec::new(), Assurance::EmailLink, now);
    assert!(
        !covered
            .effects
            .contains(&Effect::TellPerson(covered.next.question.id))
    );
    let pending = Pending::open(question(now)).next;
    let step = pending
        .answer(Answer::Deny { reason: None }, person(now), now)
        .unwrap();
    let Settled::Denied(denied) = step.next else {
        panic!("a no denies")
    };
    assert!(denied.decision.granted.is_empty());
}

#[test]
fn what_a_service_holds_is_not_undone_and_nothing_is_after_its_end() {
    let now = OffsetDateTime::UNIX_EPOCH;
    let approved = |transaction| {
        let mut question = question(now);
        question.asked.transaction = transaction;
        Pending::open_covered(question, Vec::new(), Assurance::EmailLink, now).next
    };
    let held = approved(Some(TransactionId(Uuid::from_u128(9))));
    assert_eq!(held.undo(person(now), now), Err(TooLate));
    let end = approved(None).question.expires_at;
    assert_eq!(approved(None).undo(person(end), end), Err(TooLate));
    let last = end - Duration::MILLISECOND;
    let step = approved(None).undo(person(last), last).unwrap();
    assert_eq!(step.effects, [Effect::WakePolls(step.next.question.id)]);
}
