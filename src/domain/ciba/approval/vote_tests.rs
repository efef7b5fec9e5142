//! Several people answer one question, in any order, several times: it is settled once, and by enough of them.

use std::collections::BTreeSet;

use proptest::prelude::*;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::denial::Reason;
use super::*;
use crate::domain::action::fixture::{asked, catalogue, small_payment};
use crate::domain::action::{Tier, json};
use crate::domain::ciba::mode::Mode;
use crate::domain::consent::assurance::Assurance;
use crate::domain::consent::partial::{Lowered, Remainder, Trim};
use crate::domain::consent::quorum::{Member, Quorum};
use crate::domain::consent::step_up::Wanted;
use crate::domain::effect::Effect;
use crate::domain::id::{ClientId, RequestId, SessionId, UserId};

const START: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

fn user(n: u8) -> UserId {
    UserId(Uuid::from_u128(n.into()))
}

fn put_to(count: u8, people: &[u8]) -> Pending {
    let member = |n: &u8| Member {
        user: user(*n),
        email: format!("{n}@x.org"),
    };
    let question = Question {
        id: RequestId(Uuid::from_u128(1)),
        client: ClientId("agent".into()),
        user: user(99),
        mode: Mode::Poll,
        opened_at: START,
        answer_by: START + Duration::MINUTE,
        expires_at: START + Duration::MINUTE,
        interval: Duration::seconds(5),
        scope: "openid payments.read".into(),
        asked: asked(
            &["payments.read"],
            &serde_json::json!([small_payment("240.00", "EUR", "Hanna")]),
        ),
        tier: Tier::Critical,
        card_digest: json::digest("card"),
        bound_to: None,
        quorum: Some(Quorum {
            count,
            from: people.iter().map(member).collect(),
        }),
        wanted: Wanted::default(),
    };
    Pending { question }
}

fn by(n: u8, at: OffsetDateTime) -> Answerer {
    Answerer {
        user: user(n),
        session: SessionId(Uuid::from_u128(n.into())),
        assurance: if n == 2 {
            Assurance::EmailLink
        } else {
            Assurance::HostLink
        },
        authenticated_at: START - Duration::minutes(n.into()),
        at,
    }
}

fn whole() -> Answer {
    Answer::Once(Remainder::whole(&put_to(1, &[1]).question.asked))
}

fn less(amount: &str) -> Remainder {
    let mut trim = Trim::default();
    trim.lowered
        .insert((1, "amount".into()), Lowered::To(amount.into()));
    Remainder::of(&put_to(1, &[1]).question.asked, &trim, &catalogue()).unwrap()
}

fn yes(n: u8, left: Remainder) -> Vote {
    Vote {
        by: by(n, START),
        left: Some(left),
    }
}

fn count(pending: Pending, given: &[Vote], answer: Answer, n: u8) -> Result<Counted, NotCounted> {
    let counted = pending.count(given, answer, by(n, START), &catalogue(), START);
    counted.map(|step| step.next)
}

#[test]
fn two_allow_it_and_what_is_granted_is_the_least_of_both() {
    let pending = put_to(2, &[1, 2, 3]);
    let first = count(pending.clone(), &[], Answer::Once(less("100")), 1);
    assert_eq!(first, Ok(Counted::Waiting(pending.clone())));
    let given = [yes(1, less("100"))];
    let counted = count(pending, &given, Answer::Once(less("50.00")), 2);
    let Ok(Counted::Settled(Settled::Approved(approved))) = counted else {
        panic!("{counted:?}")
    };
    let detail = approved.decision.granted[1].detail.as_ref().unwrap();
    assert_eq!(detail["instructedAmount"]["amount"], "50.00");
    let people: Vec<UserId> = approved.decision.by.people().map(|one| one.user).collect();
    assert_eq!(people, [user(1), user(2)]);
    // No more is said of the sign-in than holds for each: the weaker one, and the older one.
    let sign_in = approved.decision.by.sign_in();
    assert_eq!(
        (sign_in.how, sign_in.at),
        (Assurance::EmailLink, START - Duration::minutes(2))
    );
}

#[test]
fn the_first_no_ends_it_and_nobody_says_always_for_others() {
    let pending = put_to(2, &[1, 2, 3]);
    let given = [yes(1, less("100"))];
    // Whoever has allowed it may still say no.
    for n in [1, 2] {
        let counted = count(pending.clone(), &given, Answer::Deny { reason: None }, n);
        let Ok(Counted::Settled(Settled::Denied(denied))) = counted else {
            panic!("{counted:?}")
        };
        assert_eq!(denied.decision.by.settled_by(user(99)), user(n));
    }
    let counted = count(pending.clone(), &given, whole(), 1);
    assert_eq!(counted, Err(NotCounted::Already));
    let rest = Remainder::whole(&pending.question.asked);
    let counted = count(pending.clone(), &given, Answer::Always(rest), 3);
    let Ok(Counted::Settled(Settled::Approved(approved))) = counted else {
        panic!("{counted:?}")
    };
    assert_eq!(approved.decision.answer, Answered::Once);
    // What nobody else left is nothing.
    let mut trim = Trim::default();
    trim.left_out.extend([0]);
    let one = Remainder::of(&pending.question.asked, &trim, &catalogue()).unwrap();
    trim.left_out = BTreeSet::from([1]);
    let other = Remainder::of(&pending.question.asked, &trim, &catalogue()).unwrap();
    let counted = count(pending.clone(), &[yes(1, one)], Answer::Once(other), 2);
    let Ok(Counted::Settled(Settled::Denied(denied))) = counted else {
        panic!("{counted:?}")
    };
    assert_eq!(denied.reason, Some(Reason::NothingLeft));
    // Whoever was not asked has no say, and one person's question is not voted on.
    assert_eq!(
        count(pending.clone(), &[], whole(), 99),
        Err(NotCounted::NoSay)
    );
    let alone = Pending {
        question: Question {
            quorum: None,
            ..pending.question.clone()
        },
    };
    assert_eq!(count(alone, &[], whole(), 99), Err(NotCounted::NoSay));
    let late = pending.count(
        &[],
        whole(),
        by(1, START),
        &catalogue(),
        START + Duration::MINUTE,
    );
    assert_eq!(late, Err(NotCounted::TooLate));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_is_allowed_by_enough_different_people_who_have_a_say_or_by_nobody(
        needed in 1_u8..4, answers in prop::collection::vec((0_u8..7, any::<bool>()), 0..12)
    ) {
        let mut pending = put_to(needed, &[1, 2, 3, 4]);
        let mut given = Vec::new();
        let mut allowed = BTreeSet::new();
        for (n, no) in answers {
            let no = no && n % 3 == 0;
            let answer = if no { Answer::Deny { reason: None } } else { whole() };
            let has_a_say = (1..=4).contains(&n);
            let counted = pending.clone().count(&given, answer, by(n, START), &catalogue(), START);
            match counted.map(|step| (step.next, step.effects)) {
                Err(why) => {
                    let twice = !no && allowed.contains(&n);
                    prop_assert_eq!(why, if has_a_say { NotCounted::Already } else { NotCounted::NoSay });
                    prop_assert!(!has_a_say || twice);
                }
                Ok((Counted::Waiting(same), effects)) => {
                    prop_assert!(has_a_say && !no && allowed.insert(n));
                    prop_assert!(allowed.len() < usize::from(needed) && effects.is_empty());
                    given.push(yes(n, Remainder::whole(&same.question.asked)));
                    pending = same;
                }
                Ok((Counted::Settled(settled), effects)) => {
                    prop_assert!(has_a_say);
                    prop_assert!(effects.contains(&Effect::WakePolls(pending.question.id)));
                    match settled {
                        Settled::Denied(_) => prop_assert!(no),
                        Settled::Approved(approved) => {
                            prop_assert!(allowed.insert(n));
                            let people: BTreeSet<_> = approved.decision.by.people().map(|it| it.user).collect();
                            prop_assert_eq!(people.len(), usize::from(needed));
                            prop_assert_eq!(people, allowed.iter().map(|n| user(*n)).collect());
                        }
                    }
                    return Ok(());
                }
            }
        }
    }
}
