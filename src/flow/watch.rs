//! Something happened in another process: another instance, or a command at this machine.
//!
//! The database is what all of them share, so it is looked at regularly. Rows are found by the moment
//! their decision carries, which lies a little before the moment they can be seen: whoever looks
//! regularly looks back a little further than the last time.

use time::{Duration, OffsetDateTime};

use super::keys;
use crate::app::{App, VersionedCatalogue};
use crate::store::StoreError;

/// Rows read at once.
const PAGE: u64 = 1000;

/// Why another process's doings could not be noticed.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The keys.
    #[error(transparent)]
    Keys(#[from] keys::KeysError),
}

/// Notices everything: settled requests since that moment, another catalogue, other keys.
pub async fn notice(app: &App, since: OffsetDateTime) -> Result<(), WatchError> {
    settled(app, since).await?;
    replaced(app).await
}

/// Wakes whoever waits for a request that was settled since that moment.
pub async fn settled(app: &App, mut since: OffsetDateTime) -> Result<(), StoreError> {
    loop {
        let page = app.store.settled_since(since, PAGE).await?;
        for (id, _) in &page {
            app.moved_on(*id);
        }
        match page.last() {
            // More than a page in one millisecond: the rest of it waits for the next, wider look.
            Some((_, last)) if page.len() as u64 == PAGE => {
                since = (*last).max(since + Duration::MILLISECOND);
            }
            Some(_) | None => return Ok(()),
        }
    }
}

/// Goes by the time of the database that several instances share: to each of them a deadline is the same moment.
pub async fn time(app: &App) -> Result<(), StoreError> {
    const WORTH_SAYING: Duration = Duration::seconds(2);
    let before = app.clock.now();
    let Some(theirs) = app.store.time().await? else {
        return Ok(());
    };
    let halfway = (app.clock.now() - before) / 2;
    let ahead: Duration = before + halfway - theirs;
    if ahead.abs() >= WORTH_SAYING {
        let seconds = ahead.as_seconds_f64();
        tracing::warn!(
            seconds,
            "this machine's clock is ahead of the database's, whose time counts"
        );
    }
    app.clock.follow(ahead);
    Ok(())
}

/// Takes over the catalogue when another was applied. Says whether one was.
pub async fn catalogue(app: &App) -> Result<bool, StoreError> {
    if app.store.catalogue_version().await? == app.catalogue.get().version {
        return Ok(false);
    }
    let (version, catalogue) = app.store.catalogue().await?;
    app.catalogue.set(VersionedCatalogue { version, catalogue });
    tracing::info!(version, "another catalogue was applied");
    Ok(true)
}

/// Takes over the catalogue and the keys when they were replaced.
pub async fn replaced(app: &App) -> Result<(), WatchError> {
    catalogue(app).await?;
    if keys::reload(app).await? {
        tracing::info!("the keys that sign tokens were changed");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ciba::approval::{ApprovalRequest, CancelledBy};
    use crate::domain::ciba::mode::poll::Pace;
    use crate::flow::fixture::House;
    use crate::signal::Woken;
    use crate::store::{Commit, Write};

    #[tokio::test]
    async fn a_poll_held_here_hears_of_what_was_settled_elsewhere() {
        let house = House::build().await;
        let (app, now) = (&house.app, house.now());
        let question = house.ask(&[], false).await;
        app.signal.about_to_ask(question.id);
        let pace = Pace::new(question.interval);
        assert!(
            app.signal
                .found_pending(question.id, &question.client, question.answer_by, pace)
        );
        let mut held = app.signal.hold(question.id).unwrap();
        notice(app, now).await.unwrap();
        assert!(held.try_recv().is_err());

        let stored = app.store.request(question.id).await.unwrap().unwrap();
        let ApprovalRequest::Pending(pending) = stored.request else {
            panic!("pending")
        };
        let cancelled = pending.withdraw(CancelledBy::Operator, now).unwrap().next;
        house
            .commit(Commit::of(Write::Cancel(Box::new(cancelled))))
            .await;
        notice(app, now).await.unwrap();
        assert_eq!(held.try_recv(), Ok(Woken::Settled));
    }

    #[tokio::test]
    async fn a_catalogue_applied_elsewhere_is_taken_over() {
        let house = House::build().await;
        let document = serde_json::to_string(&crate::domain::action::fixture::catalogue()).unwrap();
        house
            .commit(Commit::of(Write::ApplyCatalogue(1, document, house.now())))
            .await;
        assert_eq!(house.app.catalogue.get().version, 0);
        replaced(&house.app).await.unwrap();
        assert_eq!(house.app.catalogue.get().version, 1);
        assert!(
            house
                .app
                .catalogue
                .get()
                .catalogue
                .scope("payments.read")
                .is_some()
        );
    }
}
