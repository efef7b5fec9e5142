//! The simulation of `examples/thirty_days`, small.

#[path = "../../examples/thirty_days/simulation/mod.rs"]
pub mod simulation;

use simulation::figures::table;
use simulation::ways::{NOTHING, RULES, WAYS};

/// Long enough for rules to be made and used, and for every agent to ask.
const DAYS: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_spare_a_person_questions_and_allow_nothing_she_would_deny() {
    let months = Box::pin(simulation::run(&WAYS, DAYS, 1)).await;
    let table = table(&months);
    let of = |name: &str| {
        let found = months.iter().find(|(way, _)| way.name == name);
        found.expect("a way").1
    };
    let (nothing, rules, all) = (of(NOTHING.name), of(RULES.name), of("all of it"));
    for (_, figures) in &months {
        assert_eq!(figures.asked, nothing.asked, "the same traffic\n{table}");
        assert_eq!(figures.against_her_will, 0, "{table}");
        let answered = figures.allowed + figures.denied + figures.unanswered;
        assert_eq!(answered, figures.questions, "{table}");
        assert_eq!(
            figures.questions + figures.by_rule + figures.refused,
            figures.asked,
            "{table}"
        );
    }
    assert_eq!(
        (nothing.by_rule, nothing.refused, nothing.questions),
        (0, 0, nothing.asked),
        "{table}"
    );
    assert!(
        rules.by_rule > 0 && rules.questions < nothing.questions,
        "{table}"
    );
    assert!(rules.interruptions < nothing.interruptions, "{table}");
    assert!(
        all.questions < rules.questions && all.at_night == 0,
        "{table}"
    );
}
