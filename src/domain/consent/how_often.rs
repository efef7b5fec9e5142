//! How often an "always" may answer: what a person can choose, and what they typed.
//!
//! It goes through the same form as the fields, under names that no field can have.

use std::collections::BTreeMap;

use super::bounds::BoundsError;
use super::choice::{FieldChoice, FieldChoices};
use crate::domain::action::{Often, Period, Rate};

const HOW_OFTEN: &str = "how-often";
const HOW_OFTEN_LABEL: &str = "How often";
const IN_ALL: &str = "altogether";
const IN_ALL_LABEL: &str = "Altogether";

/// Proposed where the catalogue has no number.
const USUAL_TIMES: u32 = 5;
const USUAL_USES: u32 = 10;

/// Whether a pick of this name is about how often.
pub(super) fn is_name(name: &str) -> bool {
    name == HOW_OFTEN || name == IN_ALL
}

/// What a person can choose.
pub(super) fn choices(widest: Often) -> [FieldChoices; 2] {
    let choices = |name: &str, label: &str, options| FieldChoices {
        name: name.to_owned(),
        label: label.to_owned(),
        asked: String::new(),
        options,
    };
    [
        choices(HOW_OFTEN, HOW_OFTEN_LABEL, rates(widest)),
        choices(IN_ALL, IN_ALL_LABEL, uses(widest)),
    ]
}

fn rates(widest: Often) -> Vec<FieldChoice> {
    match widest.rate {
        Some(rate) => vec![FieldChoice::Times(rate.times, rate.per)],
        None => vec![
            FieldChoice::Freely,
            FieldChoice::Times(USUAL_TIMES, Period::Day),
        ],
    }
}

fn uses(widest: Often) -> Vec<FieldChoice> {
    match widest.uses {
        Some(uses) => vec![FieldChoice::InAll(uses)],
        None => vec![FieldChoice::UntilTheEnd, FieldChoice::InAll(USUAL_USES)],
    }
}

/// How often a person picked, never more often than `widest`.
pub(super) fn picked(
    widest: Often,
    picks: &BTreeMap<String, String>,
) -> Result<Often, BoundsError> {
    let rate = pick(HOW_OFTEN, HOW_OFTEN_LABEL, &rates(widest), picks)?;
    let rate = if let FieldChoice::Times(usual, per) = rate {
        let most = Often::MOST_IN_A_WINDOW;
        let times = number(HOW_OFTEN, HOW_OFTEN_LABEL, usual, most, picks)?;
        Some(Rate { times, per })
    } else {
        None
    };
    let uses = pick(IN_ALL, IN_ALL_LABEL, &uses(widest), picks)?;
    let uses = if let FieldChoice::InAll(usual) = uses {
        let most = Often::MOST_USES;
        Some(number(IN_ALL, IN_ALL_LABEL, usual, most, picks)?)
    } else {
        None
    };
    let by_rate = |rate| Often { rate, uses: None };
    if !by_rate(rate).within(by_rate(widest.rate)) {
        return Err(BoundsError::TooWide(HOW_OFTEN_LABEL.to_owned()));
    }
    let often = Often { rate, uses };
    if !often.within(widest) {
        return Err(BoundsError::TooWide(IN_ALL_LABEL.to_owned()));
    }
    Ok(often)
}

fn pick(
    name: &str,
    label: &str,
    options: &[FieldChoice],
    picks: &BTreeMap<String, String>,
) -> Result<FieldChoice, BoundsError> {
    let found = match picks.get(name) {
        None => options.first(),
        Some(key) => options.iter().find(|option| option.key() == key),
    };
    found
        .cloned()
        .ok_or_else(|| BoundsError::TooWide(label.to_owned()))
}

fn number(
    name: &str,
    label: &str,
    usual: u32,
    most: u32,
    picks: &BTreeMap<String, String>,
) -> Result<u32, BoundsError> {
    let typed = picks.get(&format!("{name}.value")).map(|text| text.trim());
    let Some(typed) = typed.filter(|text| !text.is_empty()) else {
        return Ok(usual);
    };
    let plain = typed.bytes().all(|byte| byte.is_ascii_digit());
    let number = typed
        .parse()
        .ok()
        .filter(|number| plain && (1..=most).contains(number));
    number.ok_or_else(|| BoundsError::NotAValue(label.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pick(widest: Often, picks: &[(&str, &str)]) -> Result<Often, BoundsError> {
        let picks = picks
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        picked(widest, &picks.collect())
    }

    fn daily(times: u32) -> Rate {
        let per = Period::Day;
        Rate { times, per }
    }

    #[test]
    fn where_the_catalogue_says_nothing_a_person_may() {
        let free = Often::default();
        assert_eq!(pick(free, &[]), Ok(free));
        let typed = [("how-often", "per_day"), ("how-often.value", " 3 ")];
        assert_eq!(pick(free, &typed).map(|it| it.rate), Ok(Some(daily(3))));
        let usual = [("how-often", "per_day"), ("altogether", "in-all")];
        let often = Often {
            rate: Some(daily(5)),
            uses: Some(10),
        };
        assert_eq!(pick(free, &usual), Ok(often));
        for typed in ["0", "-1", "+3", "3.5", "1e2", "501", "lots"] {
            let picks = [("how-often", "per_day"), ("how-often.value", typed)];
            let refused = Err(BoundsError::NotAValue("How often".into()));
            assert_eq!(pick(free, &picks), refused, "{typed}");
        }
    }

    #[test]
    fn where_the_catalogue_says_how_often_a_person_may_choose_less() {
        let widest = Often {
            rate: Some(daily(5)),
            uses: Some(20),
        };
        assert_eq!(pick(widest, &[]), Ok(widest));
        let less = [("how-often.value", "2"), ("altogether.value", "20")];
        assert_eq!(pick(widest, &less).map(|it| it.rate), Ok(Some(daily(2))));
        for (picks, label) in [
            ([("how-often", "free")], "How often"),
            ([("how-often", "per_hour")], "How often"),
            ([("how-often.value", "6")], "How often"),
            ([("altogether", "free")], "Altogether"),
            ([("altogether.value", "21")], "Altogether"),
        ] {
            let refused = Err(BoundsError::TooWide(label.into()));
            assert_eq!(pick(widest, &picks), refused, "{picks:?}");
        }
    }
}
