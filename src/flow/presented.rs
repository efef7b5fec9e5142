//! An access token of ours comes back: what it carries, and everything it rests on.

use time::OffsetDateTime;

use crate::app::App;
use crate::domain::ciba::approval::{Answered, DecidedBy, Decision, Question};
use crate::domain::consent::StandingGrant;
use crate::domain::id::AccessTokenId;
use crate::domain::token::carried::Carried;
use crate::domain::token::keyring::Kind;
use crate::domain::token::live::{Grant, Live, live};
use crate::domain::token::refresh::Ground;
use crate::flow::Unserved;

/// What a token of ours carries, whether or not it still stands.
pub(super) async fn carried(
    app: &App,
    token: &str,
    now: OffsetDateTime,
) -> Result<Option<Carried>, Unserved> {
    match app.secrets.access_tokens.read(token) {
        Some(id) => Ok(app.store.access_token(AccessTokenId(id)).await?),
        None => Ok(app.keyring.get().read(Kind::AccessToken, token, now)),
    }
}

/// A token that was found, and what it rests on.
pub(super) struct Presented {
    /// What it carries.
    pub(super) carried: Carried,
    /// What it hangs off.
    pub(super) grant: Grant,
    /// What was asked.
    pub(super) question: Question,
    /// What was answered.
    pub(super) decision: Decision,
    rules: Vec<StandingGrant>,
}

impl Presented {
    /// Loads what a token rests on; `None` if it was revoked, or somebody behind it was disabled.
    pub(super) async fn find(app: &App, carried: Carried) -> Result<Option<Self>, Unserved> {
        let Some(grant) = app.store.live_grant(carried.grant_id).await? else {
            return Ok(None);
        };
        let others = carried.act.everyone().filter(|it| *it != grant.client.0);
        let others: Vec<&str> = others.collect();
        if !others.is_empty() && !app.store.all_active(&others).await? {
            return Ok(None);
        }
        let Some(stored) = app.store.request(grant.request).await? else {
            return Ok(None);
        };
        let Some(decision) = stored.request.decision().cloned() else {
            return Ok(None);
        };
        let rules = match decision.answer {
            Answered::Once | Answered::Deny => Vec::new(),
            Answered::Always => {
                let answered = match &decision.by {
                    DecidedBy::StandingGrants { grants, .. } => grants.as_slice(),
                    DecidedBy::Person { .. } => &[],
                };
                let behind = app.store.standing_grants_behind(grant.request, answered);
                behind.await?
            }
        };
        Ok(Some(Self {
            carried,
            grant,
            question: stored.request.question().clone(),
            decision,
            rules,
        }))
    }

    /// What of it still stands.
    pub(super) fn live(&self, app: &App, now: OffsetDateTime) -> Option<Live> {
        let current = app.catalogue.get();
        let ground = Ground {
            question: &self.question,
            decision: &self.decision,
            rules: &self.rules,
            catalogue: &current.catalogue,
        };
        live(&self.carried, &self.grant, ground, now)
    }
}
