//! A person is not to be disturbed at certain hours: they or the operator say when; and what comes of it for what is
//! asked then.

use time::OffsetDateTime;

use crate::app::App;
use crate::domain::audit::{Actor, AuditEvent, Kind};
use crate::domain::ciba::approval::Question;
use crate::domain::consent::attention::{Arrival, Silence};
use crate::domain::id::UserId;
use crate::domain::parcel::Parcel;
use crate::domain::user::quiet_hours::QuietHours;
use crate::store::{Commit, StoreError, StoredRequest, Write};

/// Requests of one night that are looked at.
const MOST: u64 = 200;

/// When a person is not to be disturbed, if there is such a time.
pub async fn of(app: &App, user: UserId) -> Result<Option<QuietHours>, StoreError> {
    app.store.quiet_hours(user).await
}

/// Sets them, instead of those before.
pub async fn set(
    app: &App,
    user: UserId,
    hours: QuietHours,
    by: Actor,
    from: Option<String>,
) -> Result<(), StoreError> {
    let (begins, ends) = hours.times();
    let days: Vec<&str> = hours.days().names().collect();
    let event = AuditEvent::new(app.clock.now(), Kind::QuietHoursSet, by)
        .user(user)
        .from(from)
        .fact("from", begins)
        .fact("to", ends)
        .fact("days", days)
        .fact("zone", hours.zone())
        .fact("urgent_rings", hours.urgent_rings)
        .fact("tells_agents", hours.tells_agents);
    let write = Write::SetQuietHours(user, Box::new(hours));
    app.store.commit(Commit::of(write).event(event)).await?;
    app.people.forget(user);
    Ok(())
}

/// Takes them away. False if there were none.
pub async fn remove(
    app: &App,
    user: UserId,
    by: Actor,
    from: Option<String>,
) -> Result<bool, StoreError> {
    let event = AuditEvent::new(app.clock.now(), Kind::QuietHoursRemoved, by)
        .user(user)
        .from(from);
    let commit = Commit::of(Write::RemoveQuietHours(user)).event(event);
    let removed = app.store.commit_first(commit).await?;
    app.people.forget(user);
    Ok(removed)
}

/// Until when nothing is sent about a question that is asked or told now.
pub(super) fn hold(
    app: &App,
    hours: Option<&QuietHours>,
    question: &Question,
    now: OffsetDateTime,
) -> Option<OffsetDateTime> {
    hours?.hold(question.tier, app.settings.quiet_hours_ring, now)
}

/// What would have been sent at once is sent when the quiet hours end, if it is worth anything then.
pub(super) fn put_off(
    parcels: Vec<Parcel>,
    until: OffsetDateTime,
    now: OffsetDateTime,
) -> Vec<Parcel> {
    let later = |parcel: Parcel| Parcel {
        due_at: until + (parcel.due_at - now),
        ..parcel
    };
    let parcels = parcels.into_iter().map(later);
    parcels
        .filter(|it| it.due_at < it.worthless_after)
        .collect()
}

/// Whether another question of the same quiet hours is told of in its stead: of all that were asked then and wait,
/// the first one rings.
pub(super) async fn is_told_of_already(
    app: &App,
    stored: &StoredRequest,
    now: OffsetDateTime,
) -> Result<bool, StoreError> {
    let was_quiet = |it: &StoredRequest| it.arrival == Some(Arrival::Silent(Silence::QuietHours));
    if !was_quiet(stored) {
        return Ok(false);
    }
    let question = stored.request.question();
    let order = |it: &Question| (it.opened_at, it.id);
    let waiting = app.store.waiting_requests(question.user, now, MOST).await?;
    let mut others = waiting.iter().filter(|it| was_quiet(it));
    Ok(others.any(|it| order(it.request.question()) < order(question)))
}

/// Until about when a person is not to be disturbed, if agents may know it.
pub(super) async fn told_to_agents(
    app: &App,
    stored: &StoredRequest,
    now: OffsetDateTime,
) -> Result<Option<OffsetDateTime>, StoreError> {
    if stored.arrival != Some(Arrival::Silent(Silence::QuietHours)) {
        return Ok(None);
    }
    let hours = of(app, stored.request.question().user).await?;
    Ok(hours
        .filter(|it| it.tells_agents)
        .and_then(|it| it.until(now)))
}
