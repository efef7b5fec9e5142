//! Maya: what she wants, and how long it takes her.

use std::collections::BTreeMap;

use serde_json::Value;
use time::Duration;

use super::dice::Dice;

/// Her day, from midnight.
pub const GETS_UP: Duration = Duration::minutes(7 * 60 + 30);
pub const GOES_TO_BED: Duration = Duration::minutes(22 * 60 + 30);

/// Those whom she pays without a thought, up to that many cents.
const KNOWN: [&str; 4] = [
    "Nordic Power",
    "City Telecom",
    "Baker and Sons",
    "Lindgren Cleaning",
];
const WITHOUT_A_THOUGHT: u64 = 50_000;

/// What she thinks of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No.
    No,
    /// Yes, and she wants to be asked each time.
    Yes,
    /// Yes, and always, within these picks.
    Always(BTreeMap<String, String>),
}

/// How long it takes until she has seen what was asked then: minutes, or until she is up.
pub fn sees_after(asked: Duration, dice: &mut Dice) -> Duration {
    let after = Duration::seconds(i64::try_from(30 + dice.below(20 * 60)).expect("some seconds"));
    let since_midnight = asked - Duration::DAY * i32::try_from(asked.whole_days()).expect("days");
    if since_midnight < GETS_UP {
        GETS_UP - since_midnight + after
    } else if since_midnight + after > GOES_TO_BED {
        GETS_UP + Duration::DAY - since_midnight + after
    } else {
        after
    }
}

/// What she thinks of what is asked: all items, as they are stored, of the agent of that name.
pub fn verdict(items: &Value) -> Verdict {
    let verdicts = items.as_array().into_iter().flatten().map(about);
    verdicts.reduce(least).unwrap_or(Verdict::No)
}

fn least(one: Verdict, other: Verdict) -> Verdict {
    match (one, other) {
        (Verdict::No, _) | (_, Verdict::No) => Verdict::No,
        (Verdict::Always(one), Verdict::Always(_)) => Verdict::Always(one),
        (Verdict::Yes | Verdict::Always(_), _) => Verdict::Yes,
    }
}

fn about(item: &Value) -> Verdict {
    let picks = |pairs: &[(&str, &str)]| {
        let owned = pairs
            .iter()
            .map(|(name, pick)| ((*name).to_owned(), (*pick).to_owned()));
        Verdict::Always(owned.collect())
    };
    let detail = &item["detail"];
    match item["key"].as_str() {
        Some("scope:calendar.read") => picks(&[]),
        Some("type:payment_small") => {
            let known = detail["creditor"]
                .as_str()
                .is_some_and(|it| KNOWN.contains(&it));
            let cents = cents(
                detail["instructedAmount"]["amount"]
                    .as_str()
                    .unwrap_or_default(),
            );
            match (known, cents <= WITHOUT_A_THOUGHT) {
                (true, true) => picks(&[("amount", "at-most"), ("amount.value", "500.00")]),
                (true, false) => Verdict::Yes,
                (false, _) => Verdict::No,
            }
        }
        Some("type:deploy") => {
            let staging = detail["environment"]
                .as_str()
                .is_some_and(|it| it.starts_with("staging/"));
            if staging {
                picks(&[
                    ("version", "any"),
                    ("environment", "prefix"),
                    ("environment.value", "staging/"),
                ])
            } else {
                Verdict::Yes
            }
        }
        // Nobody needs to read her files every ten minutes, or her payments at night.
        _ => Verdict::No,
    }
}

fn cents(amount: &str) -> u64 {
    let (whole, part) = amount.split_once('.').unwrap_or((amount, "00"));
    format!("{whole}{part:0<2}").parse().unwrap_or(u64::MAX)
}
