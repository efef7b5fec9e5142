//! A client is something else than before: the change is made to what was read, or not at all, and what people
//! always allow it ends when it may be in other hands.

use crate::app::App;
use crate::domain::audit::{Actor, AuditEvent, Kind};
use crate::domain::client::Client;
use crate::domain::client::change::Change;
use crate::store::{Commit, StoreError, Write};

/// Puts a client into the place of the one that was read. Nothing is noted when nothing is different.
pub(super) async fn change(
    app: &App,
    before: &Client,
    to: Client,
    by: Actor,
    from: Option<String>,
) -> Result<Client, StoreError> {
    let now = app.clock.now();
    let to = Client {
        id: before.id.clone(),
        active: before.active,
        created_at: before.created_at,
        revision: before.revision.saturating_add(1),
        ..to
    };
    let change = Change::between(before, &to);
    let mut commit = Commit::of(Write::ChangeClient(Box::new(to.clone())));
    if change.other_hands {
        commit = commit.and(Write::StopStandingGrantsFor(to.id.clone(), now));
    }
    if !change.is_none() {
        let event = AuditEvent::new(now, Kind::ClientChanged, by)
            .client(&to.id)
            .from(from)
            .fact("changed", change.parts.as_slice())
            .fact("standing_grants_ended", change.other_hands);
        commit = commit.event(event);
    }
    app.store.commit(commit).await?;
    app.clients.forget(&to.id);
    Ok(to)
}
