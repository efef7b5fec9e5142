//! An access token of ours comes back: what it carries, and everything it rests on.

use time::OffsetDateTime;

use crate::app::App;
use crate::domain::action::Catalogue;
use crate::domain::audit::{Actor, AuditEvent, Kind as AuditKind};
use crate::domain::ciba::approval::{Answered, DecidedBy, Decision, Question};
use crate::domain::consent::StandingGrant;
use crate::domain::id::{AccessTokenId, ClientId, GrantId, RequestId, StandingGrantId};
use crate::domain::token::carried::Carried;
use crate::domain::token::keyring::Kind;
use crate::domain::token::live::{Grant, Live, Places, live};
use crate::domain::token::refresh::Ground;
use crate::flow::{Unserved, load};
use crate::store::{Commit, SpentItems, StoreError, Write};

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

/// The rules an answer rests on: those that gave it, or those it made.
pub(super) async fn rules(
    app: &App,
    request: RequestId,
    decision: &Decision,
) -> Result<Vec<StandingGrant>, StoreError> {
    let answered = match (decision.answer, &decision.by) {
        (Answered::Once | Answered::Deny, _) => return Ok(Vec::new()),
        (Answered::Always, DecidedBy::StandingGrants { grants, .. }) => grants.as_slice(),
        (Answered::Always, DecidedBy::Person { .. } | DecidedBy::People { .. }) => &[],
    };
    app.store.standing_grants_behind(request, answered).await
}

/// A grant, and what it rests on.
pub(super) struct Behind {
    /// The grant.
    pub(super) grant: Grant,
    /// What was asked.
    pub(super) question: Question,
    decision: Decision,
    rules: Vec<StandingGrant>,
}

impl Behind {
    /// Loads it; `None` if it was revoked, or somebody behind it was disabled.
    pub(super) async fn find(app: &App, id: GrantId) -> Result<Option<Self>, Unserved> {
        let Some(grant) = app.store.live_grant(id).await? else {
            return Ok(None);
        };
        let Some(stored) = load::answered(app, grant.request).await? else {
            return Ok(None);
        };
        let Some(decision) = stored.request.decision().cloned() else {
            return Ok(None);
        };
        let rules = rules(app, grant.request, &decision).await?;
        Ok(Some(Self {
            grant,
            question: stored.request.question().clone(),
            decision,
            rules,
        }))
    }

    /// What the person had answered.
    pub(super) fn answered(&self) -> Answered {
        self.decision.answer
    }

    /// What is asked of each item again.
    pub(super) fn ground<'a>(&'a self, catalogue: &'a Catalogue) -> Ground<'a> {
        Ground {
            question: &self.question,
            decision: &self.decision,
            rules: &self.rules,
            catalogue,
        }
    }
}

/// Who uses up what is good for one use.
#[derive(Clone, Copy)]
pub(super) enum Consumer<'a> {
    /// A service, at introspection.
    Service(&'a ClientId),
    /// A proxy in front of the service of this identifier.
    Proxy(&'a str),
}

/// What is used up.
pub(super) struct Use {
    /// The token that carries it, if one does.
    pub(super) token: Option<AccessTokenId>,
    /// Which items.
    pub(super) places: Places,
    /// Each "always" they rest on.
    pub(super) rests_on: Vec<StandingGrantId>,
}

/// Uses up what is good for one use. False: somebody was first, or it does not stand any more.
pub(super) async fn consume(
    app: &App,
    behind: &Behind,
    used: Use,
    by: Consumer<'_>,
    from: Option<String>,
    now: OffsetDateTime,
) -> Result<bool, Unserved> {
    let (grant, question) = (&behind.grant, &behind.question);
    let spent = SpentItems {
        grant: grant.id,
        places: used.places,
        rests_on: used.rests_on,
        at: now,
    };
    let event = AuditEvent::new(now, AuditKind::TokenConsumed, Actor::Client)
        .about(question.id, &question.client, question.user)
        .from(from)
        .fact("grant", grant.id.to_string());
    let event = match used.token {
        Some(token) => event.fact("token", token.to_string()),
        None => event,
    };
    let event = match by {
        Consumer::Service(service) => event.fact("service", service.0.as_str()),
        Consumer::Proxy(resource) => event.fact("proxy_of", resource),
    };
    let commit = Commit::of(Write::SpendItems(spent)).event(event);
    Ok(app.store.commit_first(commit).await?)
}

/// A token that was found, and what it rests on.
pub(super) struct Presented {
    /// What it carries.
    pub(super) carried: Carried,
    /// What it hangs off.
    pub(super) behind: Behind,
}

impl Presented {
    /// Loads what a token rests on; `None` if it was revoked, or somebody behind it was disabled.
    pub(super) async fn find(app: &App, carried: Carried) -> Result<Option<Self>, Unserved> {
        let Some(behind) = Behind::find(app, carried.grant_id).await? else {
            return Ok(None);
        };
        let owner = behind.grant.client.0.as_str();
        let others: Vec<&str> = carried.act.everyone().filter(|it| *it != owner).collect();
        if !others.is_empty() && !app.store.all_active(&others).await? {
            return Ok(None);
        }
        Ok(Some(Self { carried, behind }))
    }

    /// What of it still stands.
    pub(super) fn live(&self, app: &App, now: OffsetDateTime) -> Option<Live> {
        let current = app.catalogue.get();
        let ground = self.behind.ground(&current.catalogue);
        live(&self.carried, &self.behind.grant, ground, now)
    }
}
