//! An agent looks at its own requests: state, delivery, outcome (design of the status resource).

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::app::App;
use crate::domain::ciba::approval::denial::Reason;
use crate::domain::ciba::approval::{
    Answered, ApprovalRequest, CancelledBy, DecidedBy, Decision, Question, State,
};
use crate::domain::ciba::mode::poll::Pace;
use crate::domain::consent::attention::Arrival;
use crate::domain::id::{ClientId, RequestId, UserId};
use crate::domain::parcel::Promise;
use crate::domain::token::access::{granted_details, granted_scope, numeric_date};
use crate::flow::collect::LONGEST_WAIT;
use crate::flow::{Fault, Unserved, quiet_hours};
use crate::outbox::{ChannelProgress, Progress};
use crate::signal::Woken;
use crate::store::StoredRequest;

/// Requests in one page of the list.
const PAGE: u64 = 50;

/// One request, as its agent may see it.
#[derive(Debug, Serialize)]
pub struct Status {
    /// `approval_id`.
    pub id: RequestId,
    /// The word for its state.
    pub state: State,
    /// What to collect with, while there is or may be something to collect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_req_id: Option<String>,
    /// What the agent sent along to find its way back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resume_state: Option<String>,
    /// What was allowed of what was asked; left out of the list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub granted: Option<GrantedStatus>,
    /// Why the person said no, in one word of ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deny_reason: Option<&'static str>,
    /// Whether it is of any use to ask again: `never`, `after` or `with_changes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<&'static str>,
    /// Why the person said no, in their words: untrusted text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// `person` or `standing_grant`, once there is an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<&'static str>,
    /// Those who allowed it, when several had to; never who did not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub approved_by: Vec<UserId>,
    /// How many people have to allow it, when one is not enough or it is for others to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approvals_needed: Option<u8>,
    /// `max_age` of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age: Option<u32>,
    /// Those of its `acr_values` that are ours.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub acr_values: Vec<&'static str>,
    /// How the person who allowed it had signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<&'static str>,
    /// When they had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// Who or what ended it, if it was cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancelled_by: Option<&'static str>,
    /// The same question of the same agent that was answered instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<RequestId>,
    /// The code the person sees too.
    pub match_code: String,
    /// How it is reaching the person; left out of the list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery: Option<Vec<ChannelProgress>>,
    /// Nobody could be reached, and nothing more will be tried; left out of the list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreachable: Option<bool>,
    /// Until about when the person is not to be disturbed, if they let agents know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unavailable_until: Option<String>,
    /// When it was asked.
    pub opened_at: String,
    /// Until when the person may answer.
    pub answer_by: String,
    /// Until when the answer may be collected.
    pub expires_at: String,
    /// When it was settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<String>,
}

/// What was allowed, as the token says it.
#[derive(Debug, Serialize)]
pub struct GrantedStatus {
    /// As scopes.
    pub scope: String,
    /// As typed details.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub authorization_details: Vec<serde_json::Value>,
    /// Whether that is less than was asked.
    pub in_part: bool,
}

/// A page of requests.
#[derive(Debug, Serialize)]
pub struct Listing {
    /// The newest first.
    pub approvals: Vec<Status>,
    /// Ask for what is older than this, if there is more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<RequestId>,
}

/// One request of this client; none if it is not known or not theirs. With a wait, answers when it is
/// settled or the wait is over.
pub async fn status(
    app: &App,
    client: &ClientId,
    id: RequestId,
    wait: std::time::Duration,
) -> Result<Option<Status>, Unserved> {
    let deadline = tokio::time::Instant::now() + wait.min(LONGEST_WAIT);
    loop {
        app.signal.about_to_ask(id);
        let stored = app.store.request(id).await?;
        let stored = stored.filter(|it| it.request.question().client == *client);
        let Some(stored) = stored else {
            app.moved_on(id);
            return Ok(None);
        };
        let now = app.clock.now();
        let pending = matches!(stored.request.clone().at(now), ApprovalRequest::Pending(_));
        if !pending {
            app.moved_on(id);
        } else if tokio::time::Instant::now() < deadline {
            let question = stored.request.question();
            let interval = app.store.pace(id).await?.unwrap_or(question.interval);
            if !app
                .signal
                .found_pending(id, client, question.answer_by, Pace::new(interval))
            {
                continue;
            }
            if let Some(woken) = app.signal.watch(id)
                && let Ok(Ok(Woken::Settled)) = tokio::time::timeout_at(deadline, woken).await
            {
                continue;
            }
        }
        let promises = app.store.parcels_of(id).await?;
        let mut status = describe(app, &stored, Some(&promises))?;
        if pending {
            let until = quiet_hours::told_to_agents(app, &stored, now).await?;
            status.unavailable_until = until.map(rfc3339);
        }
        return Ok(Some(status));
    }
}

/// This client's requests, the newest first.
pub async fn list(
    app: &App,
    client: &ClientId,
    before: Option<RequestId>,
) -> Result<Listing, Unserved> {
    let mut found = app
        .store
        .requests_of_client(client, before, PAGE + 1)
        .await?;
    let more = found.len() as u64 > PAGE;
    found.truncate(usize::try_from(PAGE).unwrap_or(usize::MAX));
    let next = found
        .last()
        .filter(|_| more)
        .map(|it| it.request.question().id);
    let approvals = found
        .iter()
        .map(|it| describe(app, it, None))
        .collect::<Result<_, _>>()?;
    Ok(Listing { approvals, next })
}

/// A stored request as its agent may see it now.
pub(super) fn describe(
    app: &App,
    stored: &StoredRequest,
    promises: Option<&[Promise]>,
) -> Result<Status, Unserved> {
    let request = stored.request.clone().at(app.clock.now());
    let question = request.question();
    let state = request.state();
    let (denied, cancelled) = match &request {
        ApprovalRequest::Denied(denied) => (Some(denied), None),
        ApprovalRequest::Cancelled(cancelled) => (None, Some(cancelled.by)),
        ApprovalRequest::Pending(_)
        | ApprovalRequest::Approved(_)
        | ApprovalRequest::Expired(_)
        | ApprovalRequest::Redeemed(_) => (None, None),
    };
    let decided_by = request.decision().map(|decision| match decision.by {
        DecidedBy::Person { .. } => "person",
        DecidedBy::People { .. } => "people",
        DecidedBy::StandingGrants { .. } => "standing_grant",
    });
    let allowed = request.decision().filter(|it| it.answer != Answered::Deny);
    let (acr, auth_time) = allowed
        .map(|decision| decision.by.sign_in())
        .map(|it| (it.how.acr(), numeric_date(it.at)))
        .unzip();
    let silence = stored.arrival.and_then(Arrival::silence);
    let progress =
        promises.map(|promises| Progress::of(&request, promises, silence, app.clock.now()));
    let (delivery, unreachable) = progress.map(|it| (it.channels, it.unreachable)).unzip();
    let reason = denied.and_then(|denied| denied.reason.as_ref());
    let collectable = matches!(state, State::Pending | State::Approved);
    Ok(Status {
        id: question.id,
        state,
        auth_req_id: collectable.then(|| app.secrets.auth_req_ids.make(question.id.0)),
        resume_state: resume_state(app, stored)?,
        granted: allowed
            .filter(|_| promises.is_some())
            .map(|decision| granted(question, decision)),
        deny_reason: reason.map(Reason::as_str),
        retry: denied.map(|denied| denied.retry().as_str()),
        reason: reason.and_then(Reason::text).map(str::to_owned),
        decided_by,
        approved_by: allowed
            .map(|it| it.by.people().map(|one| one.user).collect())
            .unwrap_or_default(),
        approvals_needed: question.quorum.as_ref().map(|quorum| quorum.count),
        max_age: question.wanted.max_age,
        acr_values: question.wanted.acr_words(),
        acr,
        auth_time,
        cancelled_by: cancelled.map(CancelledBy::as_str),
        superseded_by: cancelled.and_then(CancelledBy::superseded_by),
        match_code: stored.match_code.clone(),
        delivery,
        unreachable,
        unavailable_until: None,
        opened_at: rfc3339(question.opened_at),
        answer_by: rfc3339(question.answer_by),
        expires_at: rfc3339(question.expires_at),
        settled_at: stored.settled_at.map(rfc3339),
    })
}

fn granted(question: &Question, decision: &Decision) -> GrantedStatus {
    let details = granted_details(&decision.granted);
    GrantedStatus {
        scope: granted_scope(&question.scope, &decision.granted),
        authorization_details: details.into_iter().cloned().collect(),
        in_part: decision.is_in_part(&question.asked),
    }
}

/// The agent's own words to itself, opened.
pub(super) fn resume_state(app: &App, stored: &StoredRequest) -> Result<Option<String>, Unserved> {
    let Some(sealed) = &stored.resume_state else {
        return Ok(None);
    };
    let place = stored.request.question().id.0;
    let plain = app
        .secrets
        .resume_states
        .open(sealed, place.as_bytes())
        .map_err(|_| Fault::Key)?;
    Ok(Some(String::from_utf8(plain).map_err(|_| Fault::Key)?))
}

fn rfc3339(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}
