//! Requests: the rows behind [`ApprovalRequest`].
//!
//! A row is written when a request is opened ([`row`]), read whole ([`reading`]), and moved from state to
//! state ([`moving`]). It is never written back whole, so no bookkeeping can undo a decision.

pub(super) mod moving;
mod reading;

use sea_orm::ActiveValue;
use sea_orm::sea_query::Expr;
use time::{Duration, OffsetDateTime};

use entity::request::{ActiveModel, Model};

use super::error::{StoreError, inconsistent};
use crate::domain::action::Tier;
use crate::domain::ciba::approval::denial::Reason;
use crate::domain::ciba::approval::{
    ApprovalRequest, Approved, Cancelled, CancelledBy, Decision, Denied, Expired, Pending,
    Question, Redeemed, State,
};
use crate::domain::ciba::mode::Mode;
use crate::domain::consent::attention::{Arrival, Likeness};
use crate::domain::id::{ClientId, RequestId, UserId};
use crate::domain::timestamp::{from_milliseconds, milliseconds};

/// A request as it is written the first time.
#[derive(Clone, Debug)]
pub struct NewRequest {
    /// Pending, or approved at once.
    pub request: ApprovalRequest,
    /// The card, canonical JSON.
    pub card: String,
    /// The match code.
    pub match_code: String,
    /// Which catalogue the card was drawn from.
    pub catalogue_version: i32,
    /// Sealed.
    pub resume_state: Option<Vec<u8>>,
    /// Sealed.
    pub notification_token: Option<Vec<u8>>,
    /// SHA-256 of the Idempotency-Key and of the request that carried it.
    pub idempotency: Option<([u8; 32], [u8; 32])>,
    /// What it is to its person, if it can be asked again.
    pub likeness: Option<Likeness>,
    /// How it arrives, if anybody is to be told.
    pub arrival: Option<Arrival>,
}

/// A request as it is found.
#[derive(Clone, Debug)]
pub struct StoredRequest {
    /// The request, in its stored state: ask [`ApprovalRequest::at`] for the present one.
    pub request: ApprovalRequest,
    /// The card, canonical JSON.
    pub card: String,
    /// The match code.
    pub match_code: String,
    /// Sealed.
    pub resume_state: Option<Vec<u8>>,
    /// Sealed.
    pub notification_token: Option<Vec<u8>>,
    /// SHA-256 of the request that carried the Idempotency-Key.
    pub request_digest: Option<Vec<u8>>,
    /// When it was settled.
    pub settled_at: Option<OffsetDateTime>,
    /// What it is to its person, if it can be asked again.
    pub likeness: Option<Likeness>,
    /// How it arrived, if anybody was to be told.
    pub arrival: Option<Arrival>,
    /// That no parcel about it was ever promised; only who has just opened it can say so.
    pub nobody_told: bool,
}

impl NewRequest {
    /// The request as it will be found.
    pub fn stored(&self, nobody_told: bool) -> StoredRequest {
        StoredRequest {
            request: self.request.clone(),
            card: self.card.clone(),
            match_code: self.match_code.clone(),
            resume_state: self.resume_state.clone(),
            notification_token: self.notification_token.clone(),
            request_digest: self.idempotency.map(|(_, digest)| digest.to_vec()),
            settled_at: self.request.decision().map(|decision| decision.at),
            likeness: self.likeness,
            arrival: self.arrival,
            nobody_told,
        }
    }
}

/// The row of a new request.
pub(super) fn row(new: &NewRequest) -> ActiveModel {
    let question = new.request.question();
    let decision = new.request.decision();
    ActiveModel {
        id: ActiveValue::Set(question.id.0),
        client_id: ActiveValue::Set(question.client.0.clone()),
        user_id: ActiveValue::Set(question.user.0),
        state: ActiveValue::Set(new.request.state().as_str().to_owned()),
        mode: ActiveValue::Set(question.mode.as_str().to_owned()),
        opened_at: ActiveValue::Set(milliseconds(question.opened_at)),
        answer_by: ActiveValue::Set(milliseconds(question.answer_by)),
        expires_at: ActiveValue::Set(milliseconds(question.expires_at)),
        interval_s: ActiveValue::Set(
            i32::try_from(question.interval.whole_seconds()).unwrap_or(i32::MAX),
        ),
        scope: ActiveValue::Set(question.scope.clone()),
        asked: ActiveValue::Set(stored_json(&question.asked)),
        resource: ActiveValue::Set(question.asked.resource.clone()),
        tier: ActiveValue::Set(question.tier.as_str().to_owned()),
        card: ActiveValue::Set(new.card.clone()),
        card_digest: ActiveValue::Set(question.card_digest.to_vec()),
        match_code: ActiveValue::Set(new.match_code.clone()),
        catalogue_version: ActiveValue::Set(new.catalogue_version),
        resume_state: ActiveValue::Set(new.resume_state.clone()),
        notification_token: ActiveValue::Set(new.notification_token.clone()),
        idempotency_key: ActiveValue::Set(new.idempotency.map(|(key, _)| key.to_vec())),
        request_digest: ActiveValue::Set(new.idempotency.map(|(_, digest)| digest.to_vec())),
        settled_at: ActiveValue::Set(decision.map(|decision| milliseconds(decision.at))),
        answer: ActiveValue::Set(decision.map(|decision| decision.answer.as_str().to_owned())),
        decision: ActiveValue::Set(decision.map(stored_json)),
        reason: ActiveValue::Set(None),
        deny_reason: ActiveValue::Set(None),
        cancelled_by: ActiveValue::Set(None),
        redeemed_at: ActiveValue::Set(None),
        bound_to: ActiveValue::Set(question.bound_to.as_ref().map(stored_json)),
        quorum: ActiveValue::Set(question.quorum.as_ref().map(stored_json)),
        needed: ActiveValue::Set(question.quorum.as_ref().map(|quorum| quorum.count.into())),
        votes: ActiveValue::Set(0),
        wanted: ActiveValue::Set(
            (!question.wanted.is_nothing()).then(|| stored_json(&question.wanted)),
        ),
        likeness: ActiveValue::Set(new.likeness.map(|it| it.to_vec())),
        arrival: ActiveValue::Set(new.arrival.map(|it| it.as_str().to_owned())),
        superseded_by: ActiveValue::Set(None),
    }
}

/// Serialises a value of ours; our values always can be.
fn stored_json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// In that state. Said as a constant, because some indexes hold only these; said with a parameter, the
/// statement would be prepared anew each time, to see whether one of them will do.
fn is(state: State) -> Expr {
    Expr::cust(format!("state = '{}'", state.as_str()))
}

/// One row becomes one state, or is named as impossible.
fn read(row: Model) -> Result<StoredRequest, StoreError> {
    let odd = |column| inconsistent("requests", row.id.as_simple(), column);
    let decision: Option<Decision> = row
        .decision
        .as_deref()
        .map(|json| serde_json::from_str(json).map_err(|_| odd("decision")))
        .transpose()?;
    let question = Question {
        id: RequestId(row.id),
        client: ClientId(row.client_id.clone()),
        user: UserId(row.user_id),
        mode: Mode::from_word(&row.mode).ok_or_else(|| odd("mode"))?,
        opened_at: from_milliseconds(row.opened_at),
        answer_by: from_milliseconds(row.answer_by),
        expires_at: from_milliseconds(row.expires_at),
        interval: Duration::seconds(i64::from(row.interval_s)),
        scope: row.scope.clone(),
        asked: serde_json::from_str(&row.asked).map_err(|_| odd("asked"))?,
        tier: row.tier.parse::<Tier>().map_err(|_| odd("tier"))?,
        card_digest: row
            .card_digest
            .as_slice()
            .try_into()
            .map_err(|_| odd("card_digest"))?,
        bound_to: row
            .bound_to
            .as_deref()
            .map(|json| serde_json::from_str(json).map_err(|_| odd("bound_to")))
            .transpose()?,
        quorum: row
            .quorum
            .as_deref()
            .map(|json| serde_json::from_str(json).map_err(|_| odd("quorum")))
            .transpose()?,
        wanted: row
            .wanted
            .as_deref()
            .map(|json| serde_json::from_str(json).map_err(|_| odd("wanted")))
            .transpose()?
            .unwrap_or_default(),
    };
    let request = match (row.state.as_str(), decision, row.settled_at) {
        ("pending", None, None) => ApprovalRequest::Pending(Pending { question }),
        ("approved", Some(decision), Some(_)) => {
            ApprovalRequest::Approved(Approved { question, decision })
        }
        ("denied", Some(decision), Some(_)) => ApprovalRequest::Denied(Denied {
            question,
            decision,
            reason: match &row.deny_reason {
                Some(word) => {
                    Some(Reason::read(word, row.reason.clone()).ok_or_else(|| odd("deny_reason"))?)
                }
                None => None,
            },
        }),
        ("expired", decision, Some(_)) => ApprovalRequest::Expired(Expired { question, decision }),
        ("cancelled", None, Some(at)) => {
            let by = match (row.cancelled_by.as_deref(), row.superseded_by) {
                (Some("agent"), None) => CancelledBy::Agent,
                (Some("operator"), None) => CancelledBy::Operator,
                (Some("service"), None) => CancelledBy::Service,
                (Some("answer"), Some(id)) => CancelledBy::Answer(RequestId(id)),
                _ => return Err(odd("cancelled_by")),
            };
            ApprovalRequest::Cancelled(Cancelled {
                question,
                by,
                at: from_milliseconds(at),
            })
        }
        ("redeemed", Some(decision), Some(_)) => {
            let at = row.redeemed_at.ok_or_else(|| odd("redeemed_at"))?;
            ApprovalRequest::Redeemed(Redeemed {
                question,
                decision,
                at: from_milliseconds(at),
            })
        }
        _ => return Err(odd("state")),
    };
    Ok(StoredRequest {
        request,
        card: row.card,
        match_code: row.match_code,
        resume_state: row.resume_state,
        notification_token: row.notification_token,
        request_digest: row.request_digest,
        settled_at: row.settled_at.map(from_milliseconds),
        likeness: row
            .likeness
            .as_deref()
            .map(|it| it.try_into().map_err(|_| odd("likeness")))
            .transpose()?,
        arrival: row
            .arrival
            .as_deref()
            .map(|word| Arrival::from_stored(word).ok_or_else(|| odd("arrival")))
            .transpose()?,
        nobody_told: false,
    })
}
