//! The operator says what may be asked for: a whole catalogue at a time, or nothing.

use crate::app::{App, VersionedCatalogue};
use crate::domain::action::{Catalogue, Change};
use crate::domain::audit::{Actor, AuditEvent, Kind};
use crate::flow::ask::hex;
use crate::store::commit::GraverPermission;
use crate::store::{Commit, StoreError, Write};

/// What applying a catalogue did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It was in force already.
    Nothing,
    /// It is in force now.
    Version(i32, Vec<Change>),
}

/// What would change.
pub async fn plan(app: &App, next: &Catalogue) -> Result<Vec<Change>, StoreError> {
    let (_, current) = app.store.catalogue().await?;
    Ok(current.diff(next))
}

/// Puts a catalogue in force. Doing it twice is doing it once.
///
/// # Errors
///
/// [`StoreError::Overtaken`] when someone else applied another at the same moment: nothing was changed.
pub async fn apply(app: &App, next: Catalogue) -> Result<Applied, StoreError> {
    let (version, current) = app.store.catalogue().await?;
    let changes = current.diff(&next);
    if changes.is_empty() {
        return Ok(Applied::Nothing);
    }
    let version = version + 1;
    let now = app.clock.now();
    let graver = current.graver_in(&next);
    let mut event = AuditEvent::new(now, Kind::CatalogueApplied, Actor::Operator)
        .fact("version", version)
        .fact("digest", hex(&next.digest()))
        .fact("changes", changes.len());
    if !graver.is_empty() {
        let keys: Vec<String> = graver.iter().map(|(_, key)| key.as_stored()).collect();
        event = event.fact("standing_grants_ended_for", keys);
    }
    let write = Write::ApplyCatalogue(version, next.to_json().to_string(), now);
    let mut commit = Commit::of(write).event(event);
    for (resource, key) in graver {
        let at = now;
        commit = commit.and(Write::StopGraver(GraverPermission { resource, key, at }));
    }
    app.store.commit(commit).await?;
    app.catalogue.set(VersionedCatalogue {
        version,
        catalogue: next,
    });
    Ok(Applied::Version(version, changes))
}

/// The catalogue in force, and its version.
pub async fn current(app: &App) -> Result<(i32, Catalogue), StoreError> {
    app.store.catalogue().await
}
