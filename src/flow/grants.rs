//! A client looks at what one answer granted it, and gives it back (Grant Management for OAuth 2.0).

use serde::Serialize;
use serde_json::Value;

use crate::app::App;
use crate::domain::audit::{Actor, AuditEvent, Kind};
use crate::domain::client::authentication::Authenticated;
use crate::domain::id::GrantId;
use crate::domain::token::access::numeric_date;
use crate::domain::token::live::whole;
use crate::flow::presented::Behind;
use crate::flow::{Unserved, revoke};

/// What one answer granted, as far as it still stands.
#[derive(Debug, Serialize)]
pub struct Holding {
    scopes: Vec<Scopes>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authorization_details: Vec<Value>,
    created_at: i64,
    last_updated: i64,
    expires_at: i64,
}

#[derive(Debug, Serialize)]
struct Scopes {
    scope: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resource: Vec<String>,
}

/// What this client holds under that id; `None` if it is not known, over, or another's.
pub async fn query(
    app: &App,
    by: &Authenticated,
    id: GrantId,
) -> Result<Option<Holding>, Unserved> {
    let now = app.clock.now();
    let Some(behind) = held(app, by, id).await? else {
        return Ok(None);
    };
    let current = app.catalogue.get();
    let ground = behind.ground(&current.catalogue);
    let Some(live) = whole(&behind.grant, ground, now) else {
        return Ok(None);
    };
    let created_at = numeric_date(behind.grant.created_at);
    Ok(Some(Holding {
        scopes: vec![Scopes {
            scope: live.scope,
            resource: behind.question.asked.resource.iter().cloned().collect(),
        }],
        authorization_details: live.details,
        created_at,
        last_updated: created_at,
        expires_at: numeric_date(behind.grant.ends_at),
    }))
}

/// Gives it back: every token of it is dead. False if there was nothing to give back.
pub async fn give_back(
    app: &App,
    by: &Authenticated,
    id: GrantId,
    from: Option<String>,
) -> Result<bool, Unserved> {
    let now = app.clock.now();
    let Some(behind) = held(app, by, id).await? else {
        return Ok(false);
    };
    let question = &behind.question;
    let event = AuditEvent::new(now, Kind::TokenRevoked, Actor::Client)
        .about(question.id, &question.client, question.user)
        .from(from)
        .fact("grant", id.to_string());
    revoke::commit(app, id, event, now).await?;
    Ok(true)
}

async fn held(app: &App, by: &Authenticated, id: GrantId) -> Result<Option<Behind>, Unserved> {
    let found = Behind::find(app, id).await?;
    Ok(found.filter(|behind| behind.grant.client == by.client().id))
}
