//! Thirty days of five agents that ask one person, once for each way of sparing her: how often is she asked?
//!
//! The traffic is drawn by dice and is the same each time; so is the person, who answers by simple rules, some
//! minutes later, when she is awake. Everything goes through the real flows, on a temporary SQLite database,
//! with a clock that is moved by hand. Every figure is counted in the database's rows when the month is over.
//! `docs/explanation/fewer-questions.md` has the table, and says what it shows.
//!
//! ```sh
//! cargo run --example thirty_days            # or with another seed: … -- 7
//! ```

#![expect(unreachable_pub, reason = "the tests use the same modules")]
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "an example says where it broke"
)]
#![expect(clippy::print_stdout, reason = "the table is what it is for")]

mod simulation;

use simulation::figures::table;
use simulation::ways::WAYS;

const DAYS: usize = 30;

#[tokio::main]
async fn main() {
    let seed = std::env::args().nth(1);
    let seed = seed.and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let months = simulation::run(&WAYS, DAYS, seed).await;
    println!("{DAYS} days, seed {seed}\n\n{}", table(&months));
}
