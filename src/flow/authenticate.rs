//! A client proves who it is.

use crate::app::App;
use crate::domain::ciba::refusal::Refusal;
use crate::domain::client::authentication::{Authenticated, Presented};
use crate::flow::Unserved;
use crate::store::{Commit, StoreError, Write};

/// Checks what was presented. An assertion seen before is refused, in this process at once.
pub async fn client(app: &App, presented: Presented) -> Result<Authenticated, Unserved> {
    let refused = Refusal::InvalidClient {
        basic: presented.basic,
    };
    let now = app.clock.now();
    let client = app.clients.find(&app.store, &presented.client).await?;
    let authenticated = presented.verify(client, &app.settings.public_url, now)?;
    if let Some(used) = authenticated.used_assertion()
        && !app
            .assertions
            .first_use(&authenticated.client().id, used, now)
    {
        return Err(refused.into());
    }
    Ok(authenticated)
}

/// Makes an assertion's one use durable, before anything happens because of it.
pub async fn spend(app: &App, by: &Authenticated) -> Result<(), Unserved> {
    let Some(used) = by.used_assertion() else {
        return Ok(());
    };
    let write = Write::UseAssertion(by.client().id.clone(), used.clone());
    match app.store.commit(Commit::of(write)).await {
        Err(StoreError::Overtaken) => Err(Refusal::InvalidClient { basic: false }.into()),
        other => Ok(other?),
    }
}

/// The same for a request without effect (a poll that finds nothing): this process remembers it
/// already, and the row may follow.
pub fn spend_later(app: &App, by: &Authenticated) {
    if let Some(used) = by.used_assertion() {
        let write = Write::UseAssertion(by.client().id.clone(), used.clone());
        app.store.commit_later(Commit::of(write));
    }
}
