//! One request: how it moves, by when, what comes of it, and what never changes about it.

use std::collections::{BTreeMap, BTreeSet};

use entity::request::Model as Request;

use super::rows::{Record, Rows, answered_by_rules, decision};
use super::{Holds, always};

/// Moves that there are.
const MOVES: [(&str, &str); 6] = [
    ("pending", "approved"),
    ("pending", "denied"),
    ("pending", "expired"),
    ("pending", "cancelled"),
    ("approved", "redeemed"),
    ("approved", "expired"),
];

/// The records that are moves.
const MOVING: [&str; 7] = [
    "request.opened",
    "request.approved",
    "request.allowed_by_your_rule",
    "request.denied",
    "request.cancelled",
    "request.expired",
    "token.issued",
];

/// Several moves may have happened between two looks.
fn leads(from: &str, to: &str) -> bool {
    let step = |from: &str, to: &str| MOVES.contains(&(from, to));
    from == to || step(from, to) || MOVES.iter().any(|it| it.0 == from && step(it.1, to))
}

/// What the log must say of a request that has come to where it is.
fn path(row: &Request) -> Vec<&'static str> {
    let by_rule = !answered_by_rules(row).is_empty();
    let mut path = vec!["request.opened"];
    if by_rule {
        path.push("request.allowed_by_your_rule");
    }
    match row.answer.as_deref() {
        Some("deny") => path.push("request.denied"),
        Some(_) if !by_rule => path.push("request.approved"),
        Some(_) | None => {}
    }
    match row.state.as_str() {
        "redeemed" => path.push("token.issued"),
        "expired" => path.push("request.expired"),
        "cancelled" => path.push("request.cancelled"),
        _ => {}
    }
    path
}

/// Two looks at the same rows, one after the other.
fn between(looks: &[Rows], check: impl Fn(&Request, &Request) -> Holds) -> Holds {
    for pair in looks.windows(2) {
        let now: BTreeMap<_, _> = pair[1].requests.iter().map(|row| (row.id, row)).collect();
        for before in &pair[0].requests {
            let after = now.get(&before.id);
            let after = after.ok_or_else(|| format!("{} is gone", before.id))?;
            check(before, after)?;
        }
    }
    Ok(())
}

#[test]
fn i_01_requests_move_as_they_may_and_the_log_says_so() {
    always(|history| {
        between(&history.after, |before, after| {
            let (from, to) = (&before.state, &after.state);
            let fine = leads(from, to);
            fine.then_some(())
                .ok_or_else(|| format!("{}: {from} became {to}", before.id))
        })?;
        let mut logged: BTreeMap<_, Vec<&str>> = BTreeMap::new();
        for record in history.records(&MOVING) {
            let request = record.request.ok_or("a move of no request")?;
            logged.entry(request).or_default().push(&record.kind);
        }
        for row in &history.end().requests {
            let (mut said, mut path) = (logged.remove(&row.id).unwrap_or_default(), path(row));
            said.sort_unstable();
            path.sort_unstable();
            if said != path {
                return Err(format!(
                    "{} is {}, and the log says {said:?}",
                    row.id, row.state
                ));
            }
        }
        logged
            .is_empty()
            .then_some(())
            .ok_or_else(|| format!("not stored: {logged:?}"))
    });
}

#[test]
fn i_02_a_request_has_one_outcome() {
    always(|history| {
        let answers = [
            "request.approved",
            "request.denied",
            "request.allowed_by_your_rule",
        ];
        for row in &history.end().requests {
            let decided = decision(row);
            let must = ["approved", "redeemed", "denied"].contains(&row.state.as_str());
            let may = must || row.state == "expired";
            if (must && decided.is_none()) || (!may && decided.is_some()) {
                return Err(format!("{} is {} with {decided:?}", row.id, row.state));
            }
            let said = decided
                .as_ref()
                .map(|it| it["answer"].as_str().unwrap_or_default());
            if said != row.answer.as_deref() {
                return Err(format!(
                    "{}: {said:?} is stored as {:?}",
                    row.id, row.answer
                ));
            }
            let of = |record: &&Record| record.request == Some(row.id);
            let logged = history.records(&answers).filter(of).count();
            if logged != usize::from(decided.is_some()) {
                return Err(format!("{}: answered {logged} times", row.id));
            }
        }
        Ok(())
    });
}

#[test]
fn i_03_the_first_writer_wins_and_the_others_are_told_who() {
    always(|history| {
        let mut won: BTreeMap<&str, usize> = BTreeMap::new();
        for told in &history.said.told {
            let rows = &history.end().requests;
            let row = rows
                .iter()
                .find(|row| row.id.simple().to_string() == told.request);
            let row = row.ok_or("an answer to nothing")?;
            let approved = row.answer.as_deref().is_some_and(|answer| answer != "deny");
            let true_of_it = told.state == row.state || (told.state == "approved" && approved);
            if !true_of_it {
                return Err(format!(
                    "{} is {}, and somebody heard {}",
                    row.id, row.state, told.state
                ));
            }
            *won.entry(&told.request).or_default() += usize::from(told.won);
        }
        let twice: Vec<_> = won.into_iter().filter(|(_, times)| *times > 1).collect();
        twice
            .is_empty()
            .then_some(())
            .ok_or_else(|| format!("answered twice: {twice:?}"))
    });
}

#[test]
fn i_04_nothing_is_decided_or_given_after_its_end() {
    always(|history| {
        for row in &history.end().requests {
            let decided = decision(row).and_then(|it| it["at"].as_i64());
            let late = decided.is_some_and(|at| at >= row.answer_by || at < row.opened_at);
            let given = history.end().grant_of(row.id).map(|grant| grant.created_at);
            let given_late = given.is_some_and(|at| at >= row.expires_at || Some(at) < decided);
            if late || given_late || row.redeemed_at != given {
                return Err(format!(
                    "{}: decided {decided:?}, given {given:?}: {row:?}",
                    row.id
                ));
            }
        }
        Ok(())
    });
}

#[test]
fn i_05_an_answer_gives_tokens_once() {
    always(|history| {
        let mut granted = BTreeSet::new();
        for grant in &history.end().grants {
            let redeemed = history.end().request(grant.request_id);
            let redeemed = redeemed.is_some_and(|row| row.state == "redeemed");
            if !redeemed || !granted.insert(grant.request_id) {
                return Err(format!("{} gave tokens it may not", grant.request_id));
            }
        }
        let redeemed = history
            .end()
            .requests
            .iter()
            .filter(|row| row.state == "redeemed");
        let all = redeemed.count() == granted.len();
        all.then_some(())
            .ok_or_else(|| "redeemed, and nothing was given".to_owned())
    });
}

#[test]
fn i_07_a_no_an_end_and_a_withdrawal_give_nothing() {
    always(|history| {
        for row in &history.end().requests {
            let no = row.answer.as_deref().is_none_or(|answer| answer == "deny");
            let end = history.end();
            let rules = end.rules.iter().any(|rule| rule.request_id == row.id);
            if no && (end.grant_of(row.id).is_some() || rules) {
                return Err(format!("{} is {}, and gave something", row.id, row.state));
            }
        }
        Ok(())
    });
}

#[test]
fn i_09_what_was_asked_never_changes() {
    always(|history| {
        between(&history.after, |before, after| {
            let fixed = Request {
                state: after.state.clone(),
                settled_at: after.settled_at,
                answer: after.answer.clone(),
                decision: after.decision.clone(),
                reason: after.reason.clone(),
                deny_reason: after.deny_reason.clone(),
                cancelled_by: after.cancelled_by.clone(),
                redeemed_at: after.redeemed_at,
                votes: after.votes,
                ..before.clone()
            };
            let decided = before.decision.is_none() || before.decision == after.decision;
            let same = fixed == *after && decided;
            same.then_some(())
                .ok_or_else(|| format!("{} was changed", before.id))
        })
    });
}
