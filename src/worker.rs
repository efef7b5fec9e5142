//! What runs beside the requests: keeping promises, noting what has run out, noticing other processes.
//!
//! A few loops, whatever waits: ten thousand waiting requests cost no timer and no task. Each loop
//! looks when it is rung or about once a second, stops with the server, and outlives every error: it
//! says what went wrong once, waits longer each time, and says when it is over.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::app::App;
use crate::domain::parcel::Channel;
use crate::flow::{Fault, deliver, expire, watch};
use crate::store::{Engine, StoreError};

/// How often the deadlines are looked at, and the outbox when nothing rings.
const TICK: Duration = Duration::from_secs(1);

/// The least pause between two looks at an outbox that says something is due.
const BREATH: Duration = Duration::from_millis(20);

/// What is on its way when the server stops has this long to arrive. What does not is tried again when
/// its lease ends.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// How far back each look for settled requests goes, and how often one goes further: a decision
/// carries the moment it was made, and is seen when it is committed.
const LOOK_BACK: time::Duration = time::Duration::seconds(2);
const LOOK_FAR_BACK: time::Duration = time::Duration::seconds(60);
const FAR_LOOK_EVERY: Duration = Duration::from_secs(10);

/// The longest pause after errors.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Starts everything, on `app.tasks`, until `app.stop`.
pub fn start(app: &App) {
    app.tasks.spawn(deliver(app.clone()));
    app.tasks.spawn(expire(app.clone()));
    app.tasks.spawn(notice(app.clone()));
    app.tasks.spawn(reload(app.clone()));
    app.tasks.spawn(forget(app.clone()));
}

/// Claims what is due as long as there is room for it, and sees it off.
async fn deliver(app: App) {
    let mut trouble = Trouble::new("promises cannot be kept");
    let mut under_way = JoinSet::new();
    let room = Channel::ALL.map(|channel| {
        let at_once = deliver::at_once(channel);
        (channel, Arc::new(Semaphore::new(at_once)))
    });
    while !app.stop.is_cancelled() {
        let pause = match take_off(&app, &mut under_way, &room).await {
            Ok(pause) => {
                trouble.over();
                pause
            }
            Err(error) => trouble.with(&error),
        };
        tokio::select! {
            () = app.stop.cancelled() => break,
            () = app.outbox.heard() => {}
            Some(landed) = under_way.join_next() => land(landed),
            () = sleep(pause) => {}
        }
        while let Some(landed) = under_way.try_join_next() {
            land(landed);
        }
    }
    let _ = timeout(LAST_WORDS, async {
        while let Some(landed) = under_way.join_next().await {
            land(landed);
        }
    })
    .await;
}

/// Claims and starts what there is room for. Says how long nothing more is due.
async fn take_off(
    app: &App,
    under_way: &mut JoinSet<Result<(), Fault>>,
    room: &[(Channel, Arc<Semaphore>)],
) -> Result<Duration, Fault> {
    let mut pause = TICK;
    for (channel, room) in room {
        // Without room, whatever lands next makes some.
        if room.available_permits() == 0 {
            continue;
        }
        let now = app.clock.now();
        let Some(next) = app.store.next_parcel_due(*channel, now + TICK).await? else {
            continue;
        };
        if next > now {
            pause = pause.min((next - now).unsigned_abs());
            continue;
        }
        let at_most = room.available_permits() as u64;
        for parcel in deliver::claim(app, *channel, at_most, now).await? {
            let app = app.clone();
            let place = Arc::clone(room).try_acquire_owned();
            under_way.spawn(async move {
                let _place = place;
                deliver::keep(&app, parcel).await
            });
        }
        pause = BREATH;
    }
    Ok(pause.max(BREATH))
}

fn land(landed: Result<Result<(), Fault>, JoinError>) {
    match landed {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "a parcel is left to its lease"),
        Err(error) => tracing::error!(%error, "delivering a parcel failed"),
    }
}

/// Notes what has run out, and forgets the polls of it.
async fn expire(app: App) {
    let mut trouble = Trouble::new("what has run out cannot be noted");
    let mut pause = TICK;
    while resting(&app, pause).await {
        let now = app.clock.now();
        app.signal.sweep(now);
        pause = match expire::expire_due(&app, now).await {
            Ok(noted) => {
                trouble.over();
                // A full round is followed by the next at once.
                let more = u64::try_from(noted).unwrap_or(u64::MAX) >= expire::AT_ONCE;
                if more { BREATH } else { TICK }
            }
            Err(error) => trouble.with(&error),
        };
    }
}

/// Wakes polls whose request another process settled.
async fn notice(app: App) {
    let every = match app.store.engine() {
        Engine::Sqlite => TICK,
        Engine::PostgreSql => Duration::from_millis(250),
    };
    let mut trouble = Trouble::new("what other processes settled cannot be seen");
    let mut far_look = interval(FAR_LOOK_EVERY);
    far_look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut seen = app.clock.now();
    let mut pause = every;
    loop {
        let back = tokio::select! {
            () = app.stop.cancelled() => return,
            _ = far_look.tick() => LOOK_FAR_BACK,
            () = sleep(pause) => LOOK_BACK,
        };
        pause = match look(&app, &mut seen, back).await {
            Ok(()) => {
                trouble.over();
                every
            }
            Err(error) => trouble.with(&error),
        };
    }
}

/// One look at what was settled, so far back; a far one sets the clock by the database's first.
async fn look(
    app: &App,
    seen: &mut OffsetDateTime,
    back: time::Duration,
) -> Result<(), StoreError> {
    if back >= LOOK_FAR_BACK {
        watch::time(app).await?;
    }
    let now = app.clock.now();
    watch::settled(app, *seen - back).await?;
    *seen = now;
    Ok(())
}

/// Takes over a catalogue or keys that another process replaced.
async fn reload(app: App) {
    let mut trouble = Trouble::new("the catalogue and the keys cannot be read anew");
    let mut pause = TICK;
    while resting(&app, pause).await {
        pause = match watch::replaced(&app).await {
            Ok(()) => {
                trouble.over();
                TICK
            }
            Err(error) => trouble.with(&error),
        };
    }
}

/// Deletes what can be of no use any more.
async fn forget(app: App) {
    const EVERY: Duration = Duration::from_mins(1);
    let mut trouble = Trouble::new("what is of no use cannot be deleted");
    let mut pause = EVERY;
    while resting(&app, pause).await {
        pause = match app.store.forget_expired(app.clock.now()).await {
            Ok(more) => {
                trouble.over();
                if more { TICK } else { EVERY }
            }
            Err(error) => trouble.with(&error),
        };
    }
}

/// Rests; false when the server stops.
async fn resting(app: &App, pause: Duration) -> bool {
    tokio::select! {
        () = app.stop.cancelled() => false,
        () = sleep(pause) => true,
    }
}

/// What goes wrong again and again, and is said once.
struct Trouble {
    what: &'static str,
    said: Option<String>,
    pause: Duration,
}

impl Trouble {
    fn new(what: &'static str) -> Self {
        Self {
            what,
            said: None,
            pause: TICK,
        }
    }

    /// It went wrong: how long to wait.
    fn with(&mut self, error: &impl fmt::Display) -> Duration {
        let error = error.to_string();
        if self.said.as_ref() != Some(&error) {
            tracing::error!(%error, "{}", self.what);
            self.said = Some(error);
        }
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST_PAUSE);
        pause
    }

    /// It went well.
    fn over(&mut self) {
        if self.said.take().is_some() {
            tracing::info!("over: {}", self.what);
            self.pause = TICK;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::domain::parcel::ParcelState;
    use crate::flow::fixture::House;

    #[test]
    fn trouble_waits_longer_each_time_and_starts_anew_when_it_is_over() {
        let mut trouble = Trouble::new("it does not work");
        let pauses: Vec<_> = (0..7).map(|_| trouble.with(&"no").as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
        trouble.over();
        assert_eq!(trouble.with(&"no"), TICK);
    }

    #[tokio::test]
    async fn a_ring_brings_a_promise_on_its_way_and_a_stop_ends_every_loop() {
        let house = House::build().await;
        let phone = house.phone().await;
        start(&house.app);
        let question = house.ask(&[phone], false).await;
        house.app.outbox.ring();
        let patience = Instant::now() + Duration::from_secs(5);
        loop {
            let promises = house.app.store.parcels_of(question.id).await.unwrap();
            if promises[0].state == ParcelState::Delivered {
                break;
            }
            assert!(Instant::now() < patience, "{promises:?}");
            sleep(Duration::from_millis(5)).await;
        }
        house.app.stop.cancel();
        house.app.tasks.close();
        timeout(Duration::from_secs(5), house.app.tasks.wait())
            .await
            .expect("every loop has ended");
    }
}
