//! An agent collects (CIBA §10.1): it polls until there is an answer, and redeems it once.
//!
//! A pending poll touches no disk: [`Signal`](crate::signal::Signal) knows the request. A held one is
//! woken when the answer is durable, and then asks the row like any other.

use time::{Duration, OffsetDateTime};

use crate::app::App;
use crate::domain::action::json::digest;
use crate::domain::audit::{Actor, AuditEvent, Kind};
use crate::domain::ciba::approval::{ApprovalRequest, Approved, DecidedBy, Decision, Question};
use crate::domain::ciba::mode::poll::{Pace, Verdict};
use crate::domain::ciba::refusal::Refusal;
use crate::domain::ciba::token_request::{Found, judge, unknown};
use crate::domain::client::Client;
use crate::domain::client::authentication::Authenticated;
use crate::domain::client::confirmation::{self, Confirmation};
use crate::domain::id::{AccessTokenId, GrantId, RefreshTokenId, RequestId};
use crate::domain::token::access::{granted_scope, numeric_date};
use crate::domain::token::granted::Granted;
use crate::domain::token::refresh;
use crate::flow::issue::{Issue, Issued, Pushed, issue};
use crate::flow::{Fault, Unserved, authenticate, keys, load};
use crate::signal::{Known, Woken};
use crate::store::{Commit, IssuedGrant, NewRefreshToken, StoreError, StoredRequest, Write};

/// Longest a poll is held (CIBA §7.3).
pub const LONGEST_WAIT: std::time::Duration = std::time::Duration::from_secs(30);

/// How long the same response may be fetched again under the same key.
pub(super) const FETCH_AGAIN: Duration = Duration::seconds(60);

/// How often a poll looks again when something changed under it.
const TRIES: usize = 4;

/// A token request, judged so far as it can be without looking the request up.
///
/// It owns what little it needs: ten thousand held polls must not pin ten thousand request buffers.
#[derive(Debug)]
pub struct Collection {
    /// Who collects.
    pub by: Authenticated,
    /// `auth_req_id`.
    pub auth_req_id: String,
    /// The `Idempotency-Key` header.
    pub idempotency_key: Option<String>,
    /// How long to hold the poll, if there is no answer yet.
    pub wait: std::time::Duration,
    /// The peer's address.
    pub from: Option<String>,
}

/// The token response's JSON, or why there is none.
pub async fn collect(app: &App, collection: Collection) -> Result<String, Unserved> {
    let id = app
        .secrets
        .auth_req_ids
        .read(&collection.auth_req_id)
        .map(RequestId);
    let id = id.ok_or_else(unknown)?;
    let key = key_hash(collection.idempotency_key.as_deref())?;
    let client = &collection.by.client().id;
    let deadline = tokio::time::Instant::now() + collection.wait.min(LONGEST_WAIT);
    match app.signal.poll(id, client, app.clock.now()) {
        Known::NotYours => return Err(unknown().into()),
        Known::Pending(verdict, pace) => {
            pending(app, &collection, id, verdict, pace)?;
            held(app, id, deadline).await?;
        }
        Known::Nothing => {}
    }
    for _ in 0..TRIES {
        // Boxed: a held poll is no larger than what it waits for.
        match Box::pin(look(app, &collection, id, key.as_ref())).await? {
            Look::Response(response) => return Ok(response),
            Look::Again => {}
            Look::Waiting(verdict, pace) => {
                pending(app, &collection, id, verdict, pace)?;
                held(app, id, deadline).await?;
            }
        }
    }
    Err(Refusal::AuthorizationPending.into())
}

/// Looks at the row, and redeems what can be.
async fn look(
    app: &App,
    collection: &Collection,
    id: RequestId,
    key: Option<&[u8; 32]>,
) -> Result<Look, Unserved> {
    let client = &collection.by.client().id;
    app.signal.about_to_ask(id);
    let Some(stored) = load::to_collect(app, id).await? else {
        app.moved_on(id);
        return Err(unknown().into());
    };
    if stored.request.question().client != *client {
        return Err(unknown().into());
    }
    found(app, collection, key, &stored, app.clock.now()).await
}

/// How fast this request may be polled. One that was asked here a moment ago has not been slowed down.
async fn pace(app: &App, question: &Question) -> Result<Pace, StoreError> {
    let slower = match app.requests.recall(question.id) {
        Some(_) => None,
        None => app.store.pace(question.id).await?,
    };
    Ok(Pace::new(slower.unwrap_or(question.interval)))
}

/// SHA-256 of an `Idempotency-Key`.
pub(super) fn key_hash(key: Option<&str>) -> Result<Option<[u8; 32]>, Refusal> {
    match key {
        None => Ok(None),
        Some(key) if (1..=255).contains(&key.len()) => Ok(Some(digest(key))),
        Some(_) => Err(Refusal::InvalidRequest(
            "Idempotency-Key must have 1 to 255 characters",
        )),
    }
}

/// What a look at the row shows.
enum Look {
    Response(String),
    Waiting(Verdict, Pace),
    Again,
}

async fn found(
    app: &App,
    collection: &Collection,
    key: Option<&[u8; 32]>,
    stored: &StoredRequest,
    now: OffsetDateTime,
) -> Result<Look, Unserved> {
    let id = stored.request.question().id;
    let request = stored.request.clone().at(now);
    if let (ApprovalRequest::Redeemed(redeemed), Some(key)) = (&request, key)
        && redeemed.question.client == collection.by.client().id
        && let Some(response) = fetched_again(app, collection, id, key, now).await?
    {
        authenticate::spend_later(app, &collection.by);
        return Ok(Look::Response(response));
    }
    match judge(request, &collection.by.client().id) {
        Ok(Found::Waiting(pending)) => waiting(app, &pending.question, now).await,
        Ok(Found::Ready(approved)) => {
            app.signal.settled(id);
            confirmation::at_collecting(approved.question.bound_to, collection.by.bound_to())?;
            redeem(app, collection, key, stored, approved).await
        }
        Err(refusal) => {
            app.moved_on(id);
            authenticate::spend_later(app, &collection.by);
            Err(refusal.into())
        }
    }
}

/// There is no answer yet, unless one came while this was found out.
async fn waiting(app: &App, question: &Question, now: OffsetDateTime) -> Result<Look, Unserved> {
    let mut pace = pace(app, question).await?;
    let verdict = pace.poll(now);
    let (id, client) = (question.id, &question.client);
    if app
        .signal
        .found_pending(id, client, question.answer_by, pace)
    {
        Ok(Look::Waiting(verdict, pace))
    } else {
        Ok(Look::Again)
    }
}

/// What a poll that finds nothing is told, unless it may be held.
fn pending(
    app: &App,
    collection: &Collection,
    id: RequestId,
    verdict: Verdict,
    pace: Pace,
) -> Result<(), Unserved> {
    match verdict {
        Verdict::SlowDown => {
            authenticate::spend_later(app, &collection.by);
            let interval = i32::try_from(pace.interval.whole_seconds()).unwrap_or(i32::MAX);
            app.store
                .commit_later(Commit::of(Write::Pace(id, interval)));
            Err(Refusal::SlowDown.into())
        }
        Verdict::Pending if collection.wait.is_zero() => {
            authenticate::spend_later(app, &collection.by);
            Err(Refusal::AuthorizationPending.into())
        }
        Verdict::Pending => Ok(()),
    }
}

/// Holds a poll. Returns when the row should be looked at again.
async fn held(app: &App, id: RequestId, deadline: tokio::time::Instant) -> Result<(), Unserved> {
    let Some(woken) = app.signal.hold(id) else {
        return Ok(());
    };
    match tokio::time::timeout_at(deadline, woken).await {
        Ok(Ok(Woken::Settled)) => Ok(()),
        Ok(Ok(Woken::Superseded) | Err(_)) | Err(_) => Err(Refusal::AuthorizationPending.into()),
    }
}

/// The response that was lost on its way, for whoever fetched it under the same key.
async fn fetched_again(
    app: &App,
    collection: &Collection,
    id: RequestId,
    key: &[u8; 32],
    now: OffsetDateTime,
) -> Result<Option<String>, Unserved> {
    let Some(kept) = app.store.kept_redemption(id, now).await? else {
        return Ok(None);
    };
    if kept.key_hash != key {
        return Ok(None);
    }
    let response = app
        .secrets
        .redemptions
        .open(&kept.response, &place(id, collection.by.bound_to()))
        .ok();
    Ok(response.and_then(|bytes| String::from_utf8(bytes).ok()))
}

/// Where a response is kept: with its request and the key it was given to, so that it opens for no other.
fn place(id: RequestId, bound_to: Option<Confirmation>) -> Vec<u8> {
    let mut place = id.0.as_bytes().to_vec();
    place.extend(bound_to.into_iter().flat_map(Confirmation::bytes));
    place
}

/// Redeems, once: the row decides who.
async fn redeem(
    app: &App,
    collection: &Collection,
    key: Option<&[u8; 32]>,
    stored: &StoredRequest,
    approved: Approved,
) -> Result<Look, Unserved> {
    authenticate::spend(app, &collection.by).await?;
    let now = app.clock.now();
    let Ok(step) = approved.redeem(now) else {
        return Ok(Look::Again);
    };
    let redeemed = step.next;
    let (question, decision) = (&redeemed.question, &redeemed.decision);
    let by = (collection.by.client(), collection.by.bound_to());
    let first = first_tokens(app, by, stored, question, decision, now).await?;
    let event = AuditEvent::new(now, Kind::TokenIssued, Actor::Client)
        .about(question.id, &question.client, question.user)
        .from(collection.from.clone())
        .fact("grant", first.grant.id.to_string())
        .fact("expires_at", numeric_date(first.token_ends_at));
    let id = question.id;
    let commit = Commit::of(Write::Redeem(Box::new(redeemed))).event(event);
    let (mut commit, response) = first.remember(commit);
    if let Some(key) = key {
        let sealed = app
            .secrets
            .redemptions
            .seal(
                response.as_bytes(),
                &place(id, collection.by.bound_to()),
                app.entropy.bytes()?,
            )
            .map_err(|_| Fault::Key)?;
        let until = now + FETCH_AGAIN;
        commit = commit.and(Write::KeepRedemption {
            request: id,
            key_hash: *key,
            response: sealed,
            until,
        });
    }
    match app.store.commit(commit).await {
        Ok(()) => {
            app.requests.forget(id);
            Ok(Look::Response(response))
        }
        Err(StoreError::Overtaken) => overtaken(app, id).await,
        Err(error) => Err(error.into()),
    }
}

/// Somebody else redeemed it, or the person or the client was disabled meanwhile.
async fn overtaken(app: &App, id: RequestId) -> Result<Look, Unserved> {
    app.requests.forget(id);
    let still_approved =
        app.store.request(id).await?.is_some_and(|it| {
            matches!(it.request.at(app.clock.now()), ApprovalRequest::Approved(_))
        });
    if still_approved {
        let why = "the person or this client has been disabled, or what allowed it was stopped";
        return Err(Refusal::InvalidGrant(why).into());
    }
    Ok(Look::Again)
}

/// What the answer authorised, and the tokens that say so.
pub(super) struct First {
    pub(super) grant: IssuedGrant,
    pub(super) token_ends_at: OffsetDateTime,
    pub(super) response: String,
    refresh_token: Option<NewRefreshToken>,
    kept: Option<Write>,
    rules: Option<Write>,
}

impl First {
    /// Adds what must be remembered of them to the redemption's commit.
    pub(super) fn remember(self, commit: Commit) -> (Commit, String) {
        let refresh_token = self.refresh_token.map(Write::AddRefreshToken);
        let issued = commit.and(Write::IssueGrant(Box::new(self.grant)));
        let writes = refresh_token.into_iter().chain(self.kept);
        let writes = writes.chain(self.rules);
        (writes.fold(issued, Commit::and), self.response)
    }

    /// When the last of it is good for nothing any more.
    pub(super) fn ends_at(&self) -> OffsetDateTime {
        ends_at(self.refresh_token.as_ref(), self.token_ends_at)
    }
}

fn ends_at(
    refresh_token: Option<&NewRefreshToken>,
    token_ends_at: OffsetDateTime,
) -> OffsetDateTime {
    refresh_token.map_or(token_ends_at, |it| it.expires_at.max(token_ends_at))
}

/// What was allowed by rules is given only while none of them is stopped.
pub(super) fn rules_behind(decision: &Decision, now: OffsetDateTime) -> Option<Write> {
    match &decision.by {
        DecidedBy::StandingGrants { grants, .. } => Some(Write::RulesStand(grants.clone(), now)),
        DecidedBy::Person { .. } | DecidedBy::People { .. } => None,
    }
}

/// The first tokens of an answer, for a client and bound to its key.
pub(super) async fn first_tokens(
    app: &App,
    (client, bound_to): (&Client, Option<Confirmation>),
    stored: &StoredRequest,
    question: &Question,
    decision: &Decision,
    now: OffsetDateTime,
) -> Result<First, Unserved> {
    keys::at_hand(app, client.id_token_alg).await?;
    let granted = Granted::new(&decision.granted, &app.catalogue.get().catalogue, now);
    let id = GrantId(app.entropy.id(now)?);
    let refresh_token = match granted.refreshable_until() {
        // What was approved of a parked action is good for that action, and not renewed.
        Some(_) if question.asked.transaction.is_some() => None,
        Some(expires_at) if client.may_use(refresh::GRANT_TYPE) => Some(NewRefreshToken {
            id: RefreshTokenId(app.entropy.id(now)?),
            grant: id,
            parent: None,
            created_at: now,
            expires_at,
        }),
        Some(_) | None => None,
    };
    let handle = |token: &NewRefreshToken| app.secrets.refresh_tokens.make(token.id.0);
    let it = Issue {
        question,
        decision,
        items: &decision.granted,
        scope: &granted_scope(&question.scope, &decision.granted),
        grant: id,
        jti: AccessTokenId(id.0),
        ends_at: granted.token_ends_at,
        refresh_token: refresh_token.as_ref().map(handle),
        bound_to,
        id_token_alg: client.id_token_alg,
        resume_state: super::status::resume_state(app, stored)?,
        pushed: (!question.mode.collects()).then(|| Pushed {
            auth_req_id: app.secrets.auth_req_ids.make(question.id.0),
            until: ends_at(refresh_token.as_ref(), granted.token_ends_at).min(question.expires_at),
        }),
    };
    let Issued { response, kept } = issue(app, it, now)?;
    Ok(First {
        token_ends_at: granted.token_ends_at,
        grant: IssuedGrant {
            id,
            request: question.id,
            client: question.client.clone(),
            user: question.user,
            created_at: now,
            ends_at: granted.ends_at(),
            items: granted.items,
            bound_to,
        },
        refresh_token,
        kept,
        rules: rules_behind(decision, now),
        response,
    })
}
