//! The same days, once for each way of sparing a person.

pub mod dice;
pub mod figures;
mod house;
mod person;
mod traffic;
pub mod ways;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use countersign::domain::id::RequestId;
use time::Duration;
use tokio::task::JoinSet;

use dice::Dice;
use figures::Figures;
use house::House;
use traffic::Question;
use ways::Way;

/// What happens next.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// An agent asks.
    Ask(Question),
    /// The person has seen it.
    Look(RequestId),
    /// She goes to bed, or gets up.
    Bed,
    Up,
    /// What has run out is noted.
    Sweep,
}

/// Runs all ways, side by side.
pub async fn run(ways: &[Way], days: usize, seed: u64) -> Vec<(Way, Figures)> {
    let mut running = JoinSet::new();
    for (place, way) in ways.iter().copied().enumerate() {
        running.spawn(async move { (place, way, Box::pin(month(way, days, seed)).await) });
    }
    let mut done = running.join_all().await;
    done.sort_by_key(|(place, ..)| *place);
    done.into_iter().map(|(_, way, it)| (way, it)).collect()
}

/// One month, or however long.
async fn month(way: Way, days: usize, seed: u64) -> Figures {
    let mut house = House::build(way).await;
    let mut person = Dice(seed ^ 0x6D61_7961);
    // In the order of time, and of what was planned first.
    let mut ahead = BinaryHeap::new();
    let mut planned = 0_usize;
    let mut plan = |ahead: &mut BinaryHeap<_>, at: Duration, event: Event| {
        planned += 1;
        ahead.push(Reverse((at, planned, event)));
    };
    for (at, question) in traffic::of(days, &mut Dice(seed)) {
        plan(&mut ahead, at, Event::Ask(question));
    }
    // It begins at midnight, and she sleeps.
    plan(&mut ahead, Duration::ZERO, Event::Bed);
    for day in 0..days {
        let day = Duration::DAY * i32::try_from(day).expect("a few days");
        plan(&mut ahead, day + person::GETS_UP, Event::Up);
        plan(&mut ahead, day + person::GOES_TO_BED, Event::Bed);
        plan(&mut ahead, day + Duration::hours(12), Event::Sweep);
    }
    plan(
        &mut ahead,
        Duration::DAY * i32::try_from(days + 1).expect("a few days"),
        Event::Sweep,
    );
    while let Some(Reverse((at, _, event))) = ahead.pop() {
        house.at(at).await;
        match event {
            Event::Ask(question) => {
                // Drawn for every question, so that she is the same person whatever was refused.
                let after = person::sees_after(at, &mut person);
                if let Some(id) = house.ask(&question).await {
                    plan(&mut ahead, at + after, Event::Look(id));
                }
            }
            Event::Look(id) => house.look(id, at).await,
            Event::Bed => house.pause().await,
            Event::Up => house.resume().await,
            Event::Sweep => house.sweep().await,
        }
    }
    house.count().await
}
