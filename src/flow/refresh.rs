//! An agent refreshes: the same answer gives the next short tokens, as far as it still stands.
//!
//! Parallel refreshes with one token are one: whoever comes second within [`GRACE`] gets the response
//! the first one got, which is kept sealed for so long. Later than that, the token is in two hands, and the
//! grant is revoked.

use time::OffsetDateTime;

use crate::app::App;
use crate::domain::action::Catalogue;
use crate::domain::action::json::digest;
use crate::domain::audit::{Actor, AuditEvent, Kind};
use crate::domain::ciba::approval::{Decision, Question};
use crate::domain::ciba::refusal::Refusal;
use crate::domain::client::authentication::Authenticated;
use crate::domain::client::confirmation::{self, Confirmation};
use crate::domain::consent::StandingGrant;
use crate::domain::id::{AccessTokenId, RefreshTokenId};
use crate::domain::token::access::numeric_date;
use crate::domain::token::narrowing::Narrowing;
use crate::domain::token::refresh::{
    GRACE, Ground, Presented, RefreshToken, Renewal, present, renew, reused, unknown,
};
use crate::flow::issue::{Issue, Issued, issue};
use crate::flow::{Fault, Unserved, authenticate, collect, keys, load, presented};
use crate::store::{Commit, KeptRefresh, NewRefreshToken, StoreError, UsedRefreshToken, Write};

/// How often a refresh looks again when something changed under it.
const TRIES: usize = 4;

/// A request to refresh.
#[derive(Debug)]
pub struct Refreshing<'a> {
    /// Who refreshes.
    pub by: &'a Authenticated,
    /// `refresh_token`.
    pub refresh_token: &'a str,
    /// `scope`.
    pub scope: Option<&'a str>,
    /// `authorization_details`.
    pub authorization_details: Option<&'a str>,
    /// `resource`.
    pub resource: &'a [&'a str],
    /// The `Idempotency-Key` header.
    pub idempotency_key: Option<&'a str>,
    /// The peer's address.
    pub from: Option<String>,
}

/// A token that was found, and everything it rests on.
pub(super) struct Found {
    /// The token.
    pub(super) token: RefreshToken,
    /// What was asked.
    pub(super) question: Question,
    decision: Decision,
    rules: Vec<StandingGrant>,
}

/// The token response's JSON, or why there is none.
pub async fn refresh(app: &App, refreshing: Refreshing<'_>) -> Result<String, Unserved> {
    let read = app.secrets.refresh_tokens.read(refreshing.refresh_token);
    let id = read.map(RefreshTokenId).ok_or_else(unknown)?;
    let key = collect::key_hash(refreshing.idempotency_key)?;
    authenticate::spend(app, refreshing.by).await?;
    keys::at_hand(app, refreshing.by.client().id_token_alg).await?;
    for _ in 0..TRIES {
        let now = app.clock.now();
        let found = find(app, id).await?.ok_or_else(unknown)?;
        let kept = match found.token.used_at {
            Some(_) => app.store.kept_refresh(id, now).await?,
            None => None,
        };
        let same_key = key.is_some() && kept.as_ref().is_some_and(|it| it.key_hash == key);
        confirmation::at_refreshing(found.token.bound_to, refreshing.by.bound_to())?;
        let presented = present(&found.token, &refreshing.by.client().id, same_key, now)?;
        if presented == Presented::Reused {
            return Err(revoke(app, &refreshing, &found, now).await);
        }
        let renewal = renewal(app, &refreshing, &found, now)?;
        if presented == Presented::Again {
            return again(app, &refreshing, id, kept);
        }
        let mut next = next_tokens(app, &refreshing, &found, renewal, now)?;
        let commit = commit(app, &refreshing, &found, &mut next, key, now)?;
        match app.store.commit(commit).await {
            Ok(()) => return Ok(next.response),
            // Somebody was first, or something it rests on is gone: the next look says which.
            Err(StoreError::Overtaken) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(unknown().into())
}

/// Loads a token and everything it rests on.
pub(super) async fn find(app: &App, id: RefreshTokenId) -> Result<Option<Found>, Unserved> {
    let Some(token) = app.store.refresh_token(id).await? else {
        return Ok(None);
    };
    let Some(stored) = load::answered(app, token.request).await? else {
        return Ok(None);
    };
    let Some(decision) = stored.request.decision().cloned() else {
        return Ok(None);
    };
    let rules = presented::rules(app, token.request, &decision).await?;
    Ok(Some(Found {
        token,
        question: stored.request.question().clone(),
        decision,
        rules,
    }))
}

/// What a refresh of all of it would give.
pub(super) fn renewable(app: &App, found: &Found, now: OffsetDateTime) -> Result<Renewal, Refusal> {
    let current = app.catalogue.get();
    renew(
        &found.token,
        found.ground(&current.catalogue),
        &Narrowing::default(),
        now,
    )
}

impl Found {
    fn ground<'a>(&'a self, catalogue: &'a Catalogue) -> Ground<'a> {
        Ground {
            question: &self.question,
            decision: &self.decision,
            rules: &self.rules,
            catalogue,
        }
    }
}

fn renewal(
    app: &App,
    refreshing: &Refreshing<'_>,
    found: &Found,
    now: OffsetDateTime,
) -> Result<Renewal, Refusal> {
    let current = app.catalogue.get();
    let catalogue = &current.catalogue;
    let narrowing = Narrowing::read(
        refreshing.scope,
        refreshing.authorization_details,
        refreshing.resource.iter().copied(),
        catalogue,
    )?;
    renew(&found.token, found.ground(catalogue), &narrowing, now)
}

/// The next tokens, and what must hold for them to be given.
struct Next {
    token: NewRefreshToken,
    renewal: Renewal,
    kept: Option<Write>,
    response: String,
}

fn next_tokens(
    app: &App,
    refreshing: &Refreshing<'_>,
    found: &Found,
    renewal: Renewal,
    now: OffsetDateTime,
) -> Result<Next, Unserved> {
    let token = NewRefreshToken {
        id: RefreshTokenId(app.entropy.id(now)?),
        grant: found.token.grant,
        parent: Some(found.token.id),
        created_at: now,
        expires_at: found.token.expires_at,
    };
    let it = Issue {
        question: &found.question,
        decision: &found.decision,
        items: &renewal.items,
        scope: &renewal.scope,
        grant: found.token.grant,
        jti: AccessTokenId(token.id.0),
        ends_at: renewal.token_ends_at,
        refresh_token: Some(app.secrets.refresh_tokens.make(token.id.0)),
        bound_to: refreshing.by.bound_to(),
        id_token_alg: refreshing.by.client().id_token_alg,
        resume_state: None,
        pushed: None,
    };
    let Issued { response, kept } = issue(app, it, now)?;
    Ok(Next {
        token,
        renewal,
        kept,
        response,
    })
}

fn commit(
    app: &App,
    refreshing: &Refreshing<'_>,
    found: &Found,
    next: &mut Next,
    key_hash: Option<[u8; 32]>,
    now: OffsetDateTime,
) -> Result<Commit, Unserved> {
    let (id, question) = (found.token.id, &found.question);
    let place = place(id, refreshing);
    let sealer = &app.secrets.redemptions;
    let response = sealer
        .seal(next.response.as_bytes(), &place, app.entropy.bytes()?)
        .map_err(|_| Fault::Key)?;
    let kept = KeptRefresh {
        token: id,
        key_hash,
        response,
        until: now + key_hash.map_or(GRACE, |_| collect::FETCH_AGAIN),
    };
    let used = UsedRefreshToken {
        id,
        at: now,
        rests_on: next.renewal.rests_on.clone(),
        next: next.token,
    };
    let event = AuditEvent::new(now, Kind::TokenRefreshed, Actor::Client)
        .about(question.id, &question.client, question.user)
        .from(refreshing.from.clone())
        .fact("grant", found.token.grant.to_string())
        .fact("token", next.token.id.to_string())
        .fact("scope", next.renewal.scope.as_str())
        .fact("expires_at", numeric_date(next.renewal.token_ends_at));
    let commit = Commit::of(Write::UseRefreshToken(Box::new(used))).event(event);
    let commit = commit.and(Write::KeepRefresh(Box::new(kept)));
    Ok(match next.kept.take() {
        Some(kept) => commit.and(kept),
        None => commit,
    })
}

/// Where a response is kept: with the token that was used, what was wanted of it and the key it was given
/// to, so that it opens for no other question and nobody else.
fn place(id: RefreshTokenId, refreshing: &Refreshing<'_>) -> Vec<u8> {
    let mut place = id.0.as_bytes().to_vec();
    for parameter in [refreshing.scope, refreshing.authorization_details] {
        place.extend_from_slice(&digest(parameter.unwrap_or_default()));
    }
    let key = refreshing.by.bound_to();
    place.extend(key.into_iter().flat_map(Confirmation::bytes));
    place
}

/// The response the token's use got.
fn again(
    app: &App,
    refreshing: &Refreshing<'_>,
    id: RefreshTokenId,
    kept: Option<KeptRefresh>,
) -> Result<String, Unserved> {
    let opened = kept.and_then(|kept| {
        let sealer = &app.secrets.redemptions;
        sealer.open(&kept.response, &place(id, refreshing)).ok()
    });
    let response = opened.and_then(|bytes| String::from_utf8(bytes).ok());
    response.ok_or_else(|| {
        Refusal::InvalidGrant("the refresh token has just been used for another refresh").into()
    })
}

/// The token is in two hands: nobody gets anything from this grant any more.
async fn revoke(
    app: &App,
    refreshing: &Refreshing<'_>,
    found: &Found,
    now: OffsetDateTime,
) -> Unserved {
    let (question, grant) = (&found.question, found.token.grant);
    let event = AuditEvent::new(now, Kind::TokenReuseDetected, Actor::Client)
        .about(question.id, &question.client, question.user)
        .from(refreshing.from.clone())
        .fact("grant", grant.to_string())
        .fact("token", found.token.id.to_string());
    let revoke = Write::RevokeGrant(grant, now);
    match app.store.commit(Commit::of(revoke).event(event)).await {
        Ok(()) => {
            tracing::warn!(client = %question.client, %grant, "a refresh token was used twice; its grant is revoked");
            reused().into()
        }
        // It was noticed twice at once.
        Err(StoreError::Overtaken) => reused().into(),
        Err(error) => error.into(),
    }
}
