//! What a service sees of its transactions.

use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::own;
use crate::app::App;
use crate::domain::ciba::approval::denial::Reason;
use crate::domain::ciba::approval::{Answered, ApprovalRequest};
use crate::domain::ciba::mode::poll::Pace;
use crate::domain::client::Client;
use crate::domain::held::challenge::challenge;
use crate::domain::held::parking::may_park;
use crate::domain::held::{Ended, HeldTransaction, State};
use crate::domain::id::{ClientId, RequestId, TransactionId, UserId};
use crate::domain::token::access::numeric_date;
use crate::flow::Unserved;
use crate::flow::collect::LONGEST_WAIT;
use crate::signal::Woken;
use crate::store::StoredRequest;

/// Transactions in one page of the list.
const PAGE: u64 = 50;

/// How often a wait looks whether somebody has been asked.
const LOOK: std::time::Duration = std::time::Duration::from_secs(1);

/// One transaction, as its service may see it.
#[derive(Debug, Serialize)]
pub struct Status {
    /// `transaction`.
    pub id: TransactionId,
    /// The word for its state.
    pub state: State,
    /// What to answer the agent with.
    pub www_authenticate: String,
    /// The service it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// What it is about, as scopes.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub scope: String,
    /// What it is about, as typed details.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub authorization_details: Vec<Value>,
    /// The request that asks about it, or did last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval_id: Option<RequestId>,
    /// Who asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<ClientId>,
    /// Who allowed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub: Option<UserId>,
    /// How they had signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<&'static str>,
    /// When they had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// SHA-256 of what they saw.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card_digest: Option<String>,
    /// Why the person said no, in one of our words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deny_reason: Option<&'static str>,
    /// The same in theirs: untrusted text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was parked.
    pub created_at: String,
    /// Until when somebody can answer.
    pub expires_at: String,
    /// When it was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<String>,
    /// When it was released or cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
}

/// A page of transactions.
#[derive(Debug, Serialize)]
pub struct Listing {
    /// The newest first.
    pub transactions: Vec<Status>,
    /// Ask for what is older than this, if there is more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<TransactionId>,
}

/// One transaction of this service; none if it is not known or not theirs. With a wait, answers when there is
/// an answer or the wait is over.
pub async fn status(
    app: &App,
    service: &Client,
    id: TransactionId,
    wait: std::time::Duration,
) -> Result<Option<Status>, Unserved> {
    may_park(service)?;
    let deadline = tokio::time::Instant::now() + wait.min(LONGEST_WAIT);
    loop {
        let Some((held, request)) = own(app, &service.id, id).await? else {
            return Ok(None);
        };
        let state = held.state(request.as_ref().map(|it| &it.request), app.clock.now());
        let over = app.stop.is_cancelled() || tokio::time::Instant::now() >= deadline;
        if !state.waits() || over {
            return Ok(Some(describe(app, &held, request.as_ref())));
        }
        if let Some(pending) = request.filter(|_| state == State::Pending) {
            answered(app, &pending, deadline).await?;
        } else {
            // Nothing rings when somebody is asked.
            let again = deadline.min(tokio::time::Instant::now() + LOOK);
            tokio::time::sleep_until(again).await;
        }
    }
}

/// Waits until there is an answer, or the wait is over.
async fn answered(
    app: &App,
    stored: &StoredRequest,
    deadline: tokio::time::Instant,
) -> Result<(), Unserved> {
    let question = stored.request.question();
    let id = question.id;
    app.signal.about_to_ask(id);
    let again = app.store.request(id).await?;
    let pending = again
        .is_some_and(|it| matches!(it.request.at(app.clock.now()), ApprovalRequest::Pending(_)));
    if !pending {
        app.moved_on(id);
        return Ok(());
    }
    let pace = app.store.pace(id).await?.unwrap_or(question.interval);
    let (client, answer_by) = (&question.client, question.answer_by);
    if app
        .signal
        .found_pending(id, client, answer_by, Pace::new(pace))
        && let Some(woken) = app.signal.watch(id)
    {
        match tokio::time::timeout_at(deadline, woken).await {
            Ok(Ok(Woken::Settled)) | Err(_) => {}
            Ok(Ok(Woken::Superseded) | Err(_)) => tokio::time::sleep(LOOK).await,
        }
    }
    Ok(())
}

/// This service's transactions, the newest first.
pub async fn list(
    app: &App,
    service: &Client,
    before: Option<TransactionId>,
) -> Result<Listing, Unserved> {
    may_park(service)?;
    let found = app
        .store
        .held_transactions_of(&service.id, before, PAGE + 1);
    let mut found = found.await?;
    let more = found.len() as u64 > PAGE;
    found.truncate(usize::try_from(PAGE).unwrap_or(usize::MAX));
    let next = found.last().filter(|_| more).map(|it| it.id);
    let mut transactions = Vec::with_capacity(found.len());
    for held in &found {
        let request = match held.request {
            Some(id) => app.store.request(id).await?,
            None => None,
        };
        transactions.push(describe(app, held, request.as_ref()));
    }
    Ok(Listing { transactions, next })
}

/// A transaction as its service may see it now.
pub(in crate::flow) fn describe(
    app: &App,
    held: &HeldTransaction,
    stored: Option<&StoredRequest>,
) -> Status {
    let now = app.clock.now();
    let request = stored.map(|it| it.request.clone().at(now));
    let state = held.state(request.as_ref(), now);
    let question = request.as_ref().map(ApprovalRequest::question);
    let decision = request.as_ref().and_then(ApprovalRequest::decision);
    let allowed = decision.filter(|it| it.answer != Answered::Deny);
    let sign_in = allowed.map(|decision| decision.by.sign_in());
    let reason = match &request {
        Some(ApprovalRequest::Denied(denied)) => denied.reason.clone(),
        Some(
            ApprovalRequest::Pending(_)
            | ApprovalRequest::Approved(_)
            | ApprovalRequest::Expired(_)
            | ApprovalRequest::Cancelled(_)
            | ApprovalRequest::Redeemed(_),
        )
        | None => None,
    };
    let digest = |digest: [u8; 32]| {
        use base64::Engine as _;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest)
    };
    let details = held.asked.items.iter();
    Status {
        id: held.id,
        state,
        www_authenticate: challenge(held),
        resource: held.asked.resource.clone(),
        scope: held.asked.scopes().join(" "),
        authorization_details: details.filter_map(|item| item.detail.clone()).collect(),
        approval_id: held.request,
        client_id: question.map(|it| it.client.clone()),
        sub: allowed.and(question).map(|it| it.user),
        acr: sign_in.map(|it| it.how.acr()),
        auth_time: sign_in.map(|it| numeric_date(it.at)),
        card_digest: question.map(|it| digest(it.card_digest)),
        deny_reason: reason.as_ref().map(Reason::as_str),
        reason: reason.as_ref().and_then(Reason::text).map(str::to_owned),
        created_at: rfc3339(held.created_at),
        expires_at: rfc3339(held.expires_at),
        answered_at: decision.map(|it| rfc3339(it.at)),
        ended_at: held.ended.map(|ended| match ended {
            Ended::Released(at) | Ended::Cancelled(at) => rfc3339(at),
        }),
    }
}

pub(in crate::flow) fn rfc3339(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}
