//! What five agents ask in a month.

use serde_json::json;
use time::Duration;

use super::dice::Dice;

/// The agents.
pub const AGENTS: [&str; 5] = [
    "Calendar Assistant",
    "Invoice Bot",
    "Deploy Bot",
    "File Tidier",
    "Report Agent",
];

/// One question.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    /// Which of the agents asks.
    pub agent: usize,
    /// `scope`.
    pub scope: Option<&'static str>,
    /// `authorization_details`.
    pub details: Option<String>,
    /// For how long it waits.
    pub expires: Duration,
}

fn scope(agent: usize, scope: &'static str, expires: Duration) -> Question {
    Question {
        agent,
        scope: Some(scope),
        details: None,
        expires,
    }
}

/// Everything that is asked, each with its moment since the first midnight.
pub fn of(days: usize, dice: &mut Dice) -> Vec<(Duration, Question)> {
    let mut all = Vec::new();
    for day in 0..days {
        let midnight = Duration::DAY * i32::try_from(day).expect("a few days");
        calendar(midnight, dice, &mut all);
        invoices(midnight, dice, &mut all);
        if day % 7 < 5 {
            deployments(midnight, dice, &mut all);
        }
        if dice.one_in(4) {
            tidying(midnight, dice, &mut all);
        }
        reports(midnight, dice, &mut all);
    }
    all
}

fn minutes(dice: &mut Dice, below: usize) -> Duration {
    Duration::minutes(i64::try_from(dice.below(below)).expect("a few minutes"))
}

/// Reads the calendar about once an hour in the daytime.
fn calendar(midnight: Duration, dice: &mut Dice, all: &mut Vec<(Duration, Question)>) {
    for hour in 8..19 {
        let at = midnight + Duration::hours(hour) + minutes(dice, 55);
        all.push((at, scope(0, "openid calendar.read", Duration::hours(1))));
    }
}

/// Pays what comes in: mostly the same few, seldom much, now and then somebody nobody has heard of.
fn invoices(midnight: Duration, dice: &mut Dice, all: &mut Vec<(Duration, Question)>) {
    for _ in 0..=dice.below(4) {
        let payee = match dice.below(12) {
            0 => "Quick Cash Ltd",
            1..4 => "Nordic Power",
            4..7 => "City Telecom",
            7..10 => "Baker and Sons",
            _ => "Lindgren Cleaning",
        };
        let much = dice.one_in(9);
        let euros = if much {
            900 + dice.below(4_000)
        } else {
            20 + dice.below(400)
        };
        let details = json!([{
            "type": "payment_small",
            "instructedAmount": {"amount": format!("{euros}.{:02}", dice.below(100)), "currency": "EUR"},
            "creditor": payee,
        }]);
        let question = Question {
            agent: 1,
            scope: None,
            details: Some(details.to_string()),
            expires: Duration::hours(8),
        };
        let at = midnight + Duration::hours(9) + minutes(dice, 8 * 60);
        all.push((at, question));
    }
}

/// Deploys each build to staging, and seldom to production.
fn deployments(midnight: Duration, dice: &mut Dice, all: &mut Vec<(Duration, Question)>) {
    for nth in 0..2 + dice.below(5) {
        let environment = dice.pick(&["prod/web", "staging/web", "staging/web", "staging/api"]);
        let version = format!("1.{}.{nth}", midnight.whole_days());
        let details = json!([{"type": "deploy", "environment": environment, "version": version}]);
        let question = Question {
            agent: 2,
            scope: None,
            details: Some(details.to_string()),
            expires: Duration::hours(2),
        };
        let at = midnight + Duration::hours(9) + minutes(dice, 9 * 60);
        all.push((at, question));
    }
}

/// Is stuck: asks the same every ten minutes for four hours.
fn tidying(midnight: Duration, dice: &mut Dice, all: &mut Vec<(Duration, Question)>) {
    let begins = midnight + Duration::hours(10) + minutes(dice, 6 * 60);
    for nth in 0..24 {
        let at = begins + Duration::minutes(10) * nth;
        all.push((at, scope(3, "openid files.read", Duration::minutes(30))));
    }
}

/// Asks through the night, every twenty minutes, for what it does not need, and waits until she is up.
fn reports(midnight: Duration, dice: &mut Dice, all: &mut Vec<(Duration, Question)>) {
    let begins = midnight + Duration::hours(1) + minutes(dice, 20);
    for nth in 0..12 {
        let at = begins + Duration::minutes(20) * nth;
        all.push((at, scope(4, "openid payments.read", Duration::hours(8))));
    }
}
