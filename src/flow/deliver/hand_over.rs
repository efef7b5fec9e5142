//! One attempt to hand an agent its tokens, or to tell it why there are none (CIBA §10.3, §12).
//!
//! The first attempt makes the tokens. That they are made, what they say, and which parcel carries them is
//! one commit, under the parcel's lease: whoever is killed before it has made nothing, whoever is killed
//! after it leaves the same words to the next. Tokens nobody took are revoked.

use time::OffsetDateTime;

use super::attempt::{Attempt, active_user, request};
use super::callback::{active_client, call};
use crate::app::App;
use crate::domain::audit::{Actor, AuditEvent, Kind};
use crate::domain::ciba::approval::{Approved, DecidedBy};
use crate::domain::ciba::mode::push::{Failure, Word, word};
use crate::domain::client::Client;
use crate::domain::id::{ParcelId, RequestId};
use crate::domain::parcel::{Delivery, Fate, Parcel};
use crate::domain::token::access::numeric_date;
use crate::flow::collect::first_tokens;
use crate::flow::{Fault, Unserved};
use crate::store::{ClaimedParcel, Commit, FilledParcel, StoreError, StoredRequest, Write};

/// Calls the agent with what there is to tell.
pub(super) async fn hand_over(
    app: &App,
    claimed: &mut ClaimedParcel,
    now: OffsetDateTime,
) -> Result<Attempt, Fault> {
    let Some(stored) = request(app, &claimed.parcel).await? else {
        return Ok(Attempt::NotNeeded);
    };
    if now >= claimed.parcel.worthless_after {
        return Ok(Attempt::TooLate);
    }
    let question = stored.request.question();
    let Some(client) = active_client(app, question).await? else {
        return Ok(Attempt::refused("the agent is disabled"));
    };
    let failed = |failure: Failure| {
        let auth_req_id = app.secrets.auth_req_ids.make(question.id.0);
        failure.body(&auth_req_id)
    };
    let body = match word(stored.request.clone().at(now)) {
        Word::Nothing => return Ok(Attempt::NotNeeded),
        Word::Failure(failure) => failed(failure),
        Word::SameTokens => match same_tokens(app, question.id, claimed).await? {
            Some(body) => body,
            None => {
                return Ok(Attempt::refused(
                    "its tokens were revoked before it took them",
                ));
            }
        },
        Word::Tokens(approved) => {
            match make(app, claimed, &client, &stored, *approved, now).await? {
                Made::Tokens(body) => body,
                Made::Failure(failure) => failed(failure),
                Made::Overtaken => {
                    let why = "something changed while its tokens were made";
                    return Ok(Attempt::Made(Delivery::later(why)));
                }
            }
        }
    };
    let promise = claimed.parcel.id;
    Ok(call(app, promise, &client, &stored, body, now).await)
}

/// What came of making the tokens.
enum Made {
    Tokens(String),
    Failure(Failure),
    Overtaken,
}

/// Makes the tokens, once: the row decides.
async fn make(
    app: &App,
    claimed: &mut ClaimedParcel,
    client: &Client,
    stored: &StoredRequest,
    approved: Approved,
    now: OffsetDateTime,
) -> Result<Made, Fault> {
    if let Some(why) = obstacle(app, &claimed.parcel, &approved, now).await? {
        return Ok(Made::Failure(Failure::TransactionFailed(why)));
    }
    let Ok(step) = approved.redeem(now) else {
        return Ok(Made::Overtaken);
    };
    let redeemed = step.next;
    let (question, decision) = (&redeemed.question, &redeemed.decision);
    let by = (client, question.bound_to);
    let first = match first_tokens(app, by, stored, question, decision, now).await {
        Ok(first) => first,
        Err(Unserved::Failed(Fault::Key) | Unserved::Refused(_)) => {
            let why = "the tokens could not be made";
            return Ok(Made::Failure(Failure::TransactionFailed(why)));
        }
        Err(Unserved::Failed(fault)) => return Err(fault),
    };
    let event = AuditEvent::new(now, Kind::TokenIssued, Actor::Server)
        .about(question.id, &question.client, question.user)
        .fact("grant", first.grant.id.to_string())
        .fact("expires_at", numeric_date(first.token_ends_at));
    let filled = FilledParcel {
        id: claimed.parcel.id,
        lease: claimed.lease,
        payload: sealed(app, claimed.parcel.id, &first.response)?,
        worthless_after: first.ends_at().min(claimed.parcel.worthless_after),
    };
    claimed.parcel.worthless_after = filled.worthless_after;
    let commit = Commit::of(Write::Redeem(Box::new(redeemed)))
        .and(Write::FillParcel(Box::new(filled)))
        .event(event);
    let (commit, response) = first.remember(commit);
    match app.store.commit(commit).await {
        Ok(()) => Ok(Made::Tokens(response)),
        Err(StoreError::Overtaken) => Ok(Made::Overtaken),
        Err(error) => Err(error.into()),
    }
}

/// What has come between a yes and its tokens. (The commit asks again.)
async fn obstacle(
    app: &App,
    parcel: &Parcel,
    approved: &Approved,
    now: OffsetDateTime,
) -> Result<Option<&'static str>, Fault> {
    if active_user(app, parcel).await?.is_none() {
        return Ok(Some("the person has been disabled"));
    }
    if let DecidedBy::StandingGrants { grants, .. } = &approved.decision.by {
        for rule in grants {
            let rule = app.store.standing_grant(*rule).await?;
            if rule.is_none_or(|(rule, _)| rule.revoked_at.is_some() || now >= rule.ends_at) {
                return Ok(Some("what allowed it was stopped"));
            }
        }
    }
    Ok(None)
}

fn sealed(app: &App, parcel: ParcelId, response: &str) -> Result<Vec<u8>, Fault> {
    let nonce = app.entropy.bytes()?;
    let sealer = &app.secrets.payloads;
    let sealed = sealer.seal(response.as_bytes(), parcel.0.as_bytes(), nonce);
    sealed.map_err(|_| Fault::Key)
}

/// What was said before, unless its tokens have been revoked meanwhile.
async fn same_tokens(
    app: &App,
    request: RequestId,
    claimed: &ClaimedParcel,
) -> Result<Option<String>, Fault> {
    let Some(payload) = &claimed.payload else {
        return Ok(None);
    };
    if app.store.grant_of_request(request).await?.is_none() {
        return Ok(None);
    }
    let place = claimed.parcel.id.0.as_bytes();
    let opened = app.secrets.payloads.open(payload, place);
    let opened = opened.map_err(|_| Fault::Key)?;
    Ok(Some(String::from_utf8(opened).map_err(|_| Fault::Key)?))
}

/// The agent has not taken its tokens and is not called again: they are revoked, and that is said.
pub(super) async fn give_up(
    app: &App,
    parcel: &Parcel,
    fate: Fate,
    now: OffsetDateTime,
) -> Result<(Fate, Commit), Fault> {
    let why = match &fate {
        Fate::Delivered | Fate::Retry { .. } | Fate::Held { .. } => {
            return Ok((fate, Commit::default()));
        }
        Fate::Failed { why } => Some(why.clone()),
        Fate::TooLate | Fate::Dropped => None,
    };
    let request = parcel.request;
    let grant = match request {
        Some(request) => app.store.grant_of_request(request).await?,
        None => None,
    };
    let (Some(request), Some(grant)) = (request, grant) else {
        return Ok((fate, Commit::default()));
    };
    let Some(stored) = app.store.request(request).await? else {
        return Ok((fate, Commit::default()));
    };
    let client = &stored.request.question().client;
    let why = match why {
        Some(why) => why,
        None => last_trouble(app, request, parcel.id).await?,
    };
    let event = AuditEvent::new(now, Kind::TokenNotTaken, Actor::Server)
        .about(request, client, parcel.user)
        .fact("grant", grant.to_string())
        .fact("why", why.as_str());
    let why = format!("{why}; its tokens are revoked");
    let commit = Commit::of(Write::RevokeGrant(grant, now)).event(event);
    Ok((Fate::Failed { why }, commit))
}

/// What went wrong the last time it was tried.
async fn last_trouble(app: &App, request: RequestId, parcel: ParcelId) -> Result<String, Fault> {
    let promises = app.store.parcels_of(request).await?;
    let promise = promises.into_iter().find(|it| it.parcel.id == parcel);
    let why = promise.and_then(|promise| promise.why);
    Ok(why.unwrap_or_else(|| "the agent could not be called in time".to_owned()))
}
