//! A client exchanges a token for a narrower one, or gets the one it was named in (RFC 8693).

use serde::Serialize;
use serde_json::Value;
use time::{Duration, OffsetDateTime};

use crate::app::App;
use crate::domain::action::read_details;
use crate::domain::audit::{Actor, AuditEvent, Kind};
use crate::domain::ciba::refusal::Refusal;
use crate::domain::client::authentication::Authenticated;
use crate::domain::client::confirmation::{self, Confirmation};
use crate::domain::id::{AccessTokenId, ClientId, GrantId, RequestId};
use crate::domain::token::access::{AccessTokenClaims, numeric_date};
use crate::domain::token::acting::MayAct;
use crate::domain::token::exchange::{ACCESS_TOKEN, Narrower, Wanted, exchange, unacceptable};
use crate::domain::token::live::Live;
use crate::domain::token::transaction;
use crate::flow::issue::form;
use crate::flow::presented::{Presented, carried};
use crate::flow::{Fault, Unserved, authenticate};
use crate::store::{Commit, Standing, StoreError, Write};

/// A request to exchange.
#[derive(Debug)]
pub struct Exchanging<'a> {
    /// Who exchanges.
    pub by: &'a Authenticated,
    /// `subject_token`, and its type.
    pub subject: (Option<&'a str>, Option<&'a str>),
    /// `actor_token`, and its type.
    pub actor: (Option<&'a str>, Option<&'a str>),
    /// `requested_token_type`.
    pub requested: Option<&'a str>,
    /// `scope`.
    pub scope: Option<&'a str>,
    /// `authorization_details`.
    pub authorization_details: Option<&'a str>,
    /// `resource` and `audience`.
    pub audiences: &'a [&'a str],
    /// `requested_expiry`: how many seconds it is to live at most.
    pub requested_expiry: Option<&'a str>,
    /// `may_act`: the client that may exchange it next.
    pub may_act: Option<&'a str>,
    /// `request_context`, of a transaction token.
    pub request_context: Option<&'a str>,
    /// `request_details`, of a transaction token.
    pub request_details: Option<&'a str>,
    /// The peer's address.
    pub from: Option<String>,
}

#[derive(Serialize)]
struct ExchangeResponse<'a> {
    access_token: &'a str,
    issued_token_type: &'static str,
    token_type: &'static str,
    expires_in: i64,
    scope: &'a str,
    #[serde(skip_serializing_if = "<[Value]>::is_empty")]
    authorization_details: &'a [Value],
    approval_id: RequestId,
    grant_id: GrantId,
}

/// The response's JSON, or why there is none.
pub async fn run(app: &App, it: Exchanging<'_>) -> Result<String, Unserved> {
    let subject =
        token_of(it.subject)?.ok_or(Refusal::InvalidRequest("subject_token is missing"))?;
    let actor = token_of(it.actor)?;
    if it.requested == Some(transaction::TYPE) && actor.is_none() {
        return crate::flow::transaction::run(app, &it, subject).await;
    }
    if it.requested.is_some_and(|kind| kind != ACCESS_TOKEN) {
        return Err(
            Refusal::InvalidRequest("requested_token_type is not one of this server").into(),
        );
    }
    let details = details(app, it.authorization_details)?;
    let wanted = Wanted {
        scope: it.scope,
        details,
        audiences: it.audiences,
        lifetime: it.requested_expiry.map(seconds).transpose()?,
    };
    let may_act = it.may_act.map(named).transpose()?;
    authenticate::spend(app, it.by).await?;
    let now = app.clock.now();
    let (subject, live) = acceptable(app, subject, now).await?;
    if let Some(actor) = actor {
        // Who acts has proved it already; a token that says so besides must be its own.
        let (actor, _) = acceptable(app, actor, now).await?;
        if actor.carried.client_id != it.by.client().id {
            return Err(unacceptable().into());
        }
    }
    confirmation::at_refreshing(subject.carried.cnf, it.by.bound_to())?;
    let catalogue = app.catalogue.get();
    let by = it.by.client();
    let narrower = exchange(
        &subject.carried,
        &live,
        by.into(),
        &wanted,
        &catalogue.catalogue,
        now,
    )?;
    issue(app, &it, &subject, &live, &narrower, may_act, now).await
}

/// One of ours that stands, with everything behind it.
pub(super) async fn acceptable(
    app: &App,
    token: &str,
    now: OffsetDateTime,
) -> Result<(Presented, Live), Unserved> {
    let ours = carried(app, token, now).await?.ok_or_else(unacceptable)?;
    let presented = Presented::find(app, ours).await?.ok_or_else(unacceptable)?;
    let live = presented.live(app, now).ok_or_else(unacceptable)?;
    Ok((presented, live))
}

async fn issue(
    app: &App,
    it: &Exchanging<'_>,
    subject: &Presented,
    live: &Live,
    narrower: &Narrower,
    may_act: Option<MayAct>,
    now: OffsetDateTime,
) -> Result<String, Unserved> {
    let (had, client) = (&subject.carried, &it.by.client().id);
    let claims = AccessTokenClaims {
        iss: &app.settings.public_url,
        sub: had.sub,
        aud: &had.aud,
        client_id: &client.0,
        iat: numeric_date(now),
        exp: numeric_date(narrower.ends_at),
        jti: AccessTokenId(app.entropy.id(now)?),
        scope: narrower.scope.clone(),
        authorization_details: narrower.details.iter().collect(),
        auth_time: had.auth_time,
        acr: &had.acr,
        approved_by: had.approved_by.clone(),
        act: narrower.act.clone(),
        may_act,
        cnf: it.by.bound_to(),
        approval_id: had.approval_id,
        grant_id: had.grant_id,
        card_digest: had.card_digest.clone(),
        txn: had.txn,
    };
    let (token, kept) = form(app, &claims, narrower.ends_at)?;
    let response = ExchangeResponse {
        access_token: &token,
        issued_token_type: ACCESS_TOKEN,
        token_type: Confirmation::token_type(it.by.bound_to()),
        expires_in: (narrower.ends_at - now).whole_seconds(),
        scope: &narrower.scope,
        authorization_details: &narrower.details,
        approval_id: had.approval_id,
        grant_id: had.grant_id,
    };
    let response = serde_json::to_string(&response).map_err(|_| Fault::Key)?;
    let event = AuditEvent::new(now, Kind::TokenExchanged, Actor::Client)
        .about(had.approval_id, client, had.sub)
        .from(it.from.clone())
        .fact("grant", had.grant_id.to_string())
        .fact("token", claims.jti.to_string())
        .fact("subject", had.jti.to_string())
        .fact("scope", narrower.scope.as_str())
        .fact("expires_at", claims.exp);
    let standing = Standing {
        grant: had.grant_id,
        client: client.clone(),
        rests_on: live.rests_on.clone(),
        at: now,
    };
    let mut commit = Commit::of(Write::Stand(standing)).event(event);
    if let Some(kept) = kept {
        commit = commit.and(kept);
    }
    match app.store.commit(commit).await {
        Ok(()) => Ok(response),
        // Revoked, stopped or disabled since it was looked at.
        Err(StoreError::Overtaken) => Err(unacceptable().into()),
        Err(error) => Err(error.into()),
    }
}

/// A token and its type: both, or neither.
fn token_of<'a>(
    (token, kind): (Option<&'a str>, Option<&'a str>),
) -> Result<Option<&'a str>, Refusal> {
    match (token, kind) {
        (None, None) => Ok(None),
        (Some(token), Some(ACCESS_TOKEN)) => Ok(Some(token)),
        (Some(_), Some(_)) => Err(Refusal::InvalidRequest(
            "only access tokens can be exchanged",
        )),
        (Some(_), None) | (None, Some(_)) => Err(Refusal::InvalidRequest(
            "a token and its type belong together",
        )),
    }
}

fn details(app: &App, json: Option<&str>) -> Result<Option<Vec<Value>>, Refusal> {
    let Some(json) = json else {
        return Ok(None);
    };
    let current = app.catalogue.get();
    let read = read_details(json, &current.catalogue)
        .map_err(|why| Refusal::InvalidAuthorizationDetails(why.to_string().into()))?;
    Ok(Some(read.into_iter().map(|detail| detail.value).collect()))
}

fn seconds(text: &str) -> Result<Duration, Refusal> {
    let plain = text.len() <= 9 && text.bytes().all(|b| b.is_ascii_digit());
    let seconds = text
        .parse::<i64>()
        .ok()
        .filter(|seconds| plain && *seconds > 0);
    seconds
        .map(Duration::seconds)
        .ok_or(Refusal::InvalidRequest(
            "requested_expiry must be a positive integer",
        ))
}

fn named(text: &str) -> Result<MayAct, Refusal> {
    let fits = text.len() <= 255 && text.bytes().all(|b| (0x20..=0x7E).contains(&b));
    let sub = ClientId(text.to_owned());
    fits.then_some(MayAct { sub })
        .ok_or(Refusal::InvalidRequest("may_act must be a client_id"))
}
