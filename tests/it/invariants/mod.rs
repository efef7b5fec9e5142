//! What is always true of the database, whatever happened: histories drawn by dice on both engines, then read row
//! by row.
//!
//! The numbers are those of docs/conformance.md. Nothing here asks the server: rows and the audit log are read as
//! they are, after every step and at the end. `INVARIANTS_SEED` draws one other history instead of the usual ones.

mod answers;
mod collecting;
mod history;
mod melee;
mod operating;
mod requests;
mod rows;
mod rules;
mod steps;
mod tokens;

use std::sync::OnceLock;

use crate::world::World;
use history::History;

/// Histories on each engine, and steps in each.
const SQLITE: u64 = 5;
const POSTGRESQL: u64 = 4;
const STEPS: usize = 80;

/// What a check says of a history.
type Holds = Result<(), String>;

/// Fails with what was found, and in which history.
fn always(check: impl Fn(&History) -> Holds) {
    for history in histories() {
        if let Err(why) = check(history) {
            panic!(
                "{}, INVARIANTS_SEED={}: {why}",
                history.engine, history.seed
            );
        }
    }
}

/// All histories, drawn once, whichever test comes first.
fn histories() -> &'static [History] {
    static DRAWN: OnceLock<Vec<History>> = OnceLock::new();
    DRAWN.get_or_init(|| {
        let drawing = std::thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build();
            runtime.expect("a runtime").block_on(draw())
        });
        drawing.join().expect("histories")
    })
}

async fn draw() -> Vec<History> {
    let one = std::env::var("INVARIANTS_SEED").ok();
    let one: Option<u64> = one.map(|seed| seed.parse().expect("a number"));
    let seeds = |usual: u64| one.map_or((1..=usual).collect(), |seed| vec![seed]);
    let sqlite = async {
        let mut drawn: Vec<History> = Vec::new();
        for seed in seeds(SQLITE) {
            let world = World::sqlite_with(history::customs(seed)).await;
            drawn.push(Box::pin(history::of("SQLite", seed, vec![world], STEPS)).await);
        }
        drawn
    };
    let postgresql = async {
        let mut drawn: Vec<History> = Vec::new();
        for seed in seeds(POSTGRESQL) {
            let world = World::postgresql_with(history::customs(seed)).await;
            let worlds = vec![world.another_instance().await, world];
            let worlds = worlds.into_iter().rev().collect();
            drawn.push(Box::pin(history::of("PostgreSQL", seed, worlds, STEPS)).await);
        }
        drawn
    };
    let (mut all, other) = tokio::join!(sqlite, postgresql);
    all.extend(other);
    all
}

#[test]
fn the_histories_hold_everything_that_is_to_be_checked() {
    if std::env::var_os("INVARIANTS_SEED").is_some() {
        return;
    }
    let mut seen = std::collections::BTreeMap::<&str, usize>::new();
    for record in histories().iter().flat_map(|history| &history.audit) {
        *seen.entry(record.kind.as_str()).or_default() += 1;
    }
    for (kind, least) in [
        ("request.opened", 80),
        ("request.approved", 25),
        ("request.allowed_by_your_rule", 3),
        ("request.denied", 5),
        ("request.cancelled", 4),
        ("request.expired", 5),
        ("token.issued", 15),
        ("token.refreshed", 5),
        ("token.exchanged", 2),
        ("token.revoked", 1),
        ("standing_grant.made", 6),
        ("standing_grant.stopped", 1),
        ("person.disabled", 1),
        ("client.disabled", 1),
    ] {
        let times = seen.get(kind).copied().unwrap_or_default();
        assert!(times >= least, "{kind}: {times} times: {seen:?}");
    }
}
