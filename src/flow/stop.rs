//! A person, or the operator, stops an "always": from now on the agent asks again.

use super::sign_in::Present;
use crate::app::App;
use crate::domain::audit::{Actor, AuditEvent, Kind};
use crate::domain::consent::standing::StandingGrant;
use crate::domain::id::{StandingGrantId, UserId};
use crate::store::{Commit, StoreError, Write};

/// Grants an operator's list shows at most.
const MOST_LISTED: u64 = 10_000;

/// Stops it. `None` if there is no such grant of this person's; stopping twice is stopping.
pub async fn stop(
    app: &App,
    id: StandingGrantId,
    by: &Present,
    from: Option<String>,
) -> Result<Option<StandingGrant>, StoreError> {
    let now = app.clock.now();
    let found = app.store.standing_grant(id).await?;
    let Some((grant, _)) = found.filter(|(grant, _)| grant.user == by.user.id) else {
        return Ok(None);
    };
    let event = AuditEvent::new(now, Kind::StandingGrantStopped, Actor::Person)
        .user(by.user.id)
        .client(&grant.client)
        .from(from)
        .fact("standing_grant", id.to_string())
        .fact("session", by.session.id.to_string());
    let stop = Write::StopStandingGrant(id, Some(by.user.id), now);
    match app.store.commit(Commit::of(stop).event(event)).await {
        Ok(()) | Err(StoreError::Overtaken) => Ok(Some(grant)),
        Err(other) => Err(other),
    }
}

/// The operator stops it, whosever it is. `None` if there is no such grant; stopping twice is stopping.
pub async fn stop_by_operator(
    app: &App,
    id: StandingGrantId,
) -> Result<Option<StandingGrant>, StoreError> {
    let now = app.clock.now();
    let Some((grant, _)) = app.store.standing_grant(id).await? else {
        return Ok(None);
    };
    let event = AuditEvent::new(now, Kind::StandingGrantStopped, Actor::Operator)
        .user(grant.user)
        .client(&grant.client)
        .fact("standing_grant", id.to_string());
    let stop = Write::StopStandingGrant(id, None, now);
    match app.store.commit(Commit::of(stop).event(event)).await {
        Ok(()) | Err(StoreError::Overtaken) => Ok(Some(grant)),
        Err(other) => Err(other),
    }
}

/// Everything that is or was always allowed, the newest first, each with the sentence the person read.
pub async fn list(
    app: &App,
    user: Option<UserId>,
) -> Result<Vec<(StandingGrant, String)>, StoreError> {
    match user {
        Some(user) => app.store.standing_grants_of(user, MOST_LISTED).await,
        None => app.store.standing_grants(MOST_LISTED).await,
    }
}
