//! A client gives back what it holds (RFC 7009): the whole grant, whichever of its tokens is shown.
//!
//! Whose token it is not is not told: unknown, ended and somebody else's are all the same to it.

use time::OffsetDateTime;

use crate::app::App;
use crate::domain::audit::{Actor, AuditEvent, Kind};
use crate::domain::ciba::refusal::Refusal;
use crate::domain::client::authentication::Authenticated;
use crate::domain::id::{GrantId, RefreshTokenId, RequestId, UserId};
use crate::flow::presented::carried;
use crate::flow::refresh::find;
use crate::flow::{Unserved, authenticate};
use crate::store::{Commit, StoreError, Write};

/// A token that is given back.
#[derive(Debug)]
pub struct Revoking<'a> {
    /// Who gives it back.
    pub by: &'a Authenticated,
    /// `token`.
    pub token: &'a str,
    /// The peer's address.
    pub from: Option<String>,
}

/// What a token hangs off.
struct Held {
    grant: GrantId,
    request: RequestId,
    user: UserId,
}

/// Revokes the grant behind a token of this client's; anything else is left alone.
pub async fn revoke(app: &App, it: Revoking<'_>) -> Result<(), Unserved> {
    authenticate::spend(app, it.by).await?;
    let now = app.clock.now();
    match held(app, &it, now).await? {
        Some(held) => {
            let event = AuditEvent::new(now, Kind::TokenRevoked, Actor::Client)
                .about(held.request, &it.by.client().id, held.user)
                .from(it.from.clone())
                .fact("grant", held.grant.to_string());
            commit(app, held.grant, event, now).await
        }
        None => Ok(()),
    }
}

/// Revokes a grant, if nobody has.
pub(super) async fn commit(
    app: &App,
    grant: GrantId,
    event: AuditEvent,
    now: OffsetDateTime,
) -> Result<(), Unserved> {
    let revoke = Commit::of(Write::RevokeGrant(grant, now)).event(event);
    match app.store.commit(revoke).await {
        Ok(()) | Err(StoreError::Overtaken) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// What this client's token hangs off.
async fn held(app: &App, it: &Revoking<'_>, now: OffsetDateTime) -> Result<Option<Held>, Unserved> {
    let client = &it.by.client().id;
    let (owner, held) = if let Some(id) = app.secrets.refresh_tokens.read(it.token) {
        let Some(found) = find(app, RefreshTokenId(id)).await? else {
            return Ok(None);
        };
        let held = Held {
            grant: found.token.grant,
            request: found.token.request,
            user: found.question.user,
        };
        (found.token.client, held)
    } else {
        let Some(carried) = carried(app, it.token, now).await? else {
            return Ok(None);
        };
        if carried.client_id == *client && carried.act.act.is_some() {
            return Err(Refusal::UnsupportedTokenType.into());
        }
        let held = Held {
            grant: carried.grant_id,
            request: carried.approval_id,
            user: carried.sub,
        };
        (carried.client_id, held)
    };
    if owner != *client {
        tracing::warn!(%client, %owner, "a client gave back another client's token; nothing was done");
        return Ok(None);
    }
    Ok(Some(held))
}
