//! Requests: the rows behind [`ApprovalRequest`].
//!
//! Every move is one `UPDATE … WHERE id = … AND state = …` that also asks the moment; a row is never
//! written back whole, so no bookkeeping can undo a decision.

use std::collections::HashSet;

use sea_orm::sea_query::{
    Alias, Expr, ExprTrait, IntoIden as _, OnConflict, Query, TableRef, UpdateStatement, ValueTuple,
};
use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, Value,
};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use entity::request::{ActiveModel, Column, Entity, Model};
use entity::{client, user};

use super::error::{StoreError, inconsistent};
use super::only::Only as _;
use super::{Store, writer};
use crate::domain::action::Tier;
use crate::domain::ciba::approval::{
    self as domain, ApprovalRequest, Approved, Cancelled, CancelledBy, Decision, Denied, Expired,
    Pending, Question, Redeemed, State,
};
use crate::domain::ciba::mode::Mode;
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
            nobody_told,
        }
    }
}

impl Store {
    /// The request of that id.
    pub async fn request(&self, id: RequestId) -> Result<Option<StoredRequest>, StoreError> {
        Entity::find_by_id(id.0)
            .only(&self.readers)
            .await?
            .map(read)
            .transpose()
    }

    /// The request this client asked under this idempotency key.
    pub async fn request_by_key(
        &self,
        client: &ClientId,
        key_hash: &[u8; 32],
    ) -> Result<Option<StoredRequest>, StoreError> {
        Entity::find()
            .filter(Column::ClientId.eq(client.0.as_str()))
            .filter(Column::IdempotencyKey.eq(key_hash.to_vec()))
            .only(&self.readers)
            .await?
            .map(read)
            .transpose()
    }

    /// What waits for this person at `now`, the most pressing first.
    pub async fn waiting_requests(
        &self,
        user: UserId,
        now: OffsetDateTime,
        at_most: u64,
    ) -> Result<Vec<StoredRequest>, StoreError> {
        let rows = Entity::find()
            .filter(Column::UserId.eq(user.0))
            .filter(is(State::Pending))
            .filter(Column::AnswerBy.gt(milliseconds(now)))
            .order_by_asc(Column::AnswerBy)
            .limit(at_most)
            .all(&self.readers)
            .await?;
        rows.into_iter().map(read).collect()
    }

    /// How many wait for this person at `now`, and how many of them are this client's.
    pub async fn waiting_count(
        &self,
        user: UserId,
        client: &ClientId,
        now: OffsetDateTime,
    ) -> Result<(u64, u64), StoreError> {
        let clients: Vec<String> = Entity::find()
            .select_only()
            .column(Column::ClientId)
            .filter(Column::UserId.eq(user.0))
            .filter(is(State::Pending))
            .filter(Column::AnswerBy.gt(milliseconds(now)))
            .limit(1000)
            .into_tuple()
            .all(&self.readers)
            .await?;
        let theirs = clients.iter().filter(|it| **it == client.0).count();
        Ok((clients.len() as u64, theirs as u64))
    }

    /// This person's settled requests, the newest first; older than `before` if one is given.
    pub async fn settled_requests(
        &self,
        user: UserId,
        before: Option<RequestId>,
        now: OffsetDateTime,
        at_most: u64,
    ) -> Result<Vec<StoredRequest>, StoreError> {
        let mut query = Entity::find().filter(Column::UserId.eq(user.0)).filter(
            Column::State
                .ne(State::Pending.as_str())
                .or(Column::AnswerBy.lte(milliseconds(now))),
        );
        if let Some(before) = before {
            query = query.filter(Column::Id.lt(before.0));
        }
        let rows = query
            .order_by_desc(Column::Id)
            .limit(at_most)
            .all(&self.readers)
            .await?;
        rows.into_iter().map(read).collect()
    }

    /// A client's own requests, the newest first; older than `before` if one is given.
    pub async fn requests_of_client(
        &self,
        client: &ClientId,
        before: Option<RequestId>,
        at_most: u64,
    ) -> Result<Vec<StoredRequest>, StoreError> {
        let mut query = Entity::find().filter(Column::ClientId.eq(client.0.as_str()));
        if let Some(before) = before {
            query = query.filter(Column::Id.lt(before.0));
        }
        let rows = query
            .order_by_desc(Column::Id)
            .limit(at_most)
            .all(&self.readers)
            .await?;
        rows.into_iter().map(read).collect()
    }

    /// Requests whose moment has passed without anyone noting it: unanswered, or uncollected.
    pub async fn overdue_requests(
        &self,
        now: OffsetDateTime,
        at_most: u64,
    ) -> Result<Vec<StoredRequest>, StoreError> {
        let overdue = async |state: State, deadline: Column| {
            Entity::find()
                .filter(is(state))
                .filter(deadline.lte(milliseconds(now)))
                .order_by_asc(deadline)
                .limit(at_most)
                .all(&self.readers)
                .await
        };
        let mut rows = overdue(State::Pending, Column::AnswerBy).await?;
        rows.append(&mut overdue(State::Approved, Column::ExpiresAt).await?);
        rows.into_iter().map(read).collect()
    }

    /// Ids of requests that were settled at `since` or later, by whichever process.
    pub async fn settled_since(
        &self,
        since: OffsetDateTime,
        at_most: u64,
    ) -> Result<Vec<(RequestId, OffsetDateTime)>, StoreError> {
        let rows: Vec<(Uuid, i64)> = Entity::find()
            .select_only()
            .column(Column::Id)
            .column(Column::SettledAt)
            .filter(Column::SettledAt.is_not_null())
            .filter(Column::SettledAt.gte(milliseconds(since)))
            .order_by_asc(Column::SettledAt)
            .limit(at_most)
            .into_tuple()
            .all(&self.readers)
            .await?;
        Ok(rows
            .into_iter()
            .map(|(id, at)| (RequestId(id), from_milliseconds(at)))
            .collect())
    }

    /// The pace an agent was slowed down to.
    pub async fn pace(&self, id: RequestId) -> Result<Option<Duration>, StoreError> {
        let row = entity::pace::Entity::find_by_id(id.0)
            .only(&self.readers)
            .await?;
        Ok(row.map(|row| Duration::seconds(i64::from(row.interval_s))))
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
        cancelled_by: ActiveValue::Set(None),
        redeemed_at: ActiveValue::Set(None),
        bound_to: ActiveValue::Set(question.bound_to.as_ref().map(stored_json)),
    }
}

/// Serialises a value of ours; our values always can be.
fn stored_json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Inserts a request with an idempotency key; 0 when the key is taken.
pub(super) async fn open_once<C: ConnectionTrait>(
    conn: &C,
    new: &NewRequest,
) -> Result<u64, DbErr> {
    let insert = Entity::insert_many([row(new)])
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(conn)
        .await;
    writer::rows(insert)
}

/// In that state. Said as a constant, because some indexes hold only these; said with a parameter, the
/// statement would be prepared anew each time, to see whether one of them will do.
fn is(state: State) -> Expr {
    Expr::cust(format!("state = '{}'", state.as_str()))
}

/// The start of a move: this row, in this state.
fn in_state(id: RequestId, state: State) -> sea_orm::UpdateMany<Entity> {
    Entity::update_many()
        .filter(Column::Id.eq(id.0))
        .filter(is(state))
}

/// One answer, as the row takes it.
#[derive(Clone, Copy)]
pub(super) struct Answered<'a> {
    pub(super) id: RequestId,
    pub(super) decision: &'a Decision,
    pub(super) reason: Option<&'a str>,
}

/// Writes answers, each to another request. Returns those that were in time: the request waits, and
/// neither its person nor its client is disabled.
pub(super) async fn answer<C: ConnectionTrait>(
    conn: &C,
    answers: &[Answered<'_>],
) -> Result<HashSet<RequestId>, DbErr> {
    let rows = answers.iter().map(|it| {
        let answer = it.decision.answer;
        let state = if answer == domain::Answered::Deny {
            State::Denied
        } else {
            State::Approved
        };
        [
            Value::from(it.id.0),
            milliseconds(it.decision.at).into(),
            state.as_str().into(),
            answer.as_str().into(),
            stored_json(it.decision).into(),
            it.reason.map(str::to_owned).into(),
        ]
    });
    let update = Query::update()
        .table(Entity)
        .value(Column::SettledAt, given(2))
        .value(Column::State, given(3))
        .value(Column::Answer, given(4))
        .value(Column::Decision, given(5))
        .value(Column::Reason, given(6))
        .and_where(is(State::Pending))
        .and_where(Expr::col(Column::AnswerBy).gt(given(2)))
        .to_owned();
    moved(conn, update, rows.collect()).await
}

/// Notes that answers were collected, each another request's. Returns those that could be: approved, in
/// time, and neither the person nor the client is disabled.
pub(super) async fn redeem<C: ConnectionTrait>(
    conn: &C,
    redeemed: &[&Redeemed],
) -> Result<HashSet<RequestId>, DbErr> {
    let rows = redeemed
        .iter()
        .map(|it| [Value::from(it.question.id.0), milliseconds(it.at).into()]);
    let update = Query::update()
        .table(Entity)
        .value(Column::State, State::Redeemed.as_str())
        .value(Column::RedeemedAt, given(2))
        .and_where(is(State::Approved))
        .and_where(Expr::col(Column::ExpiresAt).gt(given(2)))
        .to_owned();
    moved(conn, update, rows.collect()).await
}

/// What a row brings along in that place; the first is always its request's id.
fn given(place: u8) -> Expr {
    Expr::col((Alias::new("given"), Alias::new(format!("column{place}"))))
}

/// Moves one request a row. Returns those that were as the statement wants them.
async fn moved<C: ConnectionTrait, const N: usize>(
    conn: &C,
    mut update: UpdateStatement,
    mut rows: Vec<[Value; N]>,
) -> Result<HashSet<RequestId>, DbErr> {
    // Few different statements, so that each is prepared once: a row twice over changes nothing.
    let Some(last) = rows.last().cloned() else {
        return Ok(HashSet::new());
    };
    rows.resize(rows.len().next_power_of_two(), last);
    let rows = rows
        .into_iter()
        .map(|row| ValueTuple::Many(row.into()))
        .collect();
    update
        .from(TableRef::ValuesList(rows, Alias::new("given").into_iden()))
        .and_where(Expr::col((Entity, Column::Id)).eq(given(1)))
        .and_where(Expr::exists(active_user()))
        .and_where(Expr::exists(active_client()))
        .returning_col(Column::Id);
    let moved = conn.query_all(&update).await?;
    moved
        .iter()
        .map(|row| row.try_get_by_index(0).map(RequestId))
        .collect()
}

pub(super) async fn cancel<C: ConnectionTrait>(conn: &C, to: &Cancelled) -> Result<u64, DbErr> {
    let at = milliseconds(to.at);
    let update = in_state(to.question.id, State::Pending)
        .filter(Column::AnswerBy.gt(at))
        .col_expr(Column::State, Expr::value(State::Cancelled.as_str()))
        .col_expr(Column::SettledAt, Expr::value(at))
        .col_expr(Column::CancelledBy, Expr::value(to.by.as_str()));
    Ok(update.exec(conn).await?.rows_affected)
}

pub(super) async fn expire<C: ConnectionTrait>(conn: &C, to: &Expired) -> Result<u64, DbErr> {
    let update = match &to.decision {
        None => in_state(to.question.id, State::Pending).col_expr(
            Column::SettledAt,
            Expr::value(milliseconds(to.question.answer_by)),
        ),
        Some(_) => in_state(to.question.id, State::Approved),
    };
    let update = update.col_expr(Column::State, Expr::value(State::Expired.as_str()));
    Ok(update.exec(conn).await?.rows_affected)
}

/// The request's person is still active, asked in the moving statement itself.
fn active_user() -> sea_orm::sea_query::SelectStatement {
    Query::select()
        .expr(Expr::value(1))
        .from(user::Entity)
        .and_where(
            Expr::col((user::Entity, user::Column::Id))
                .equals((Alias::new("requests"), Column::UserId)),
        )
        .and_where(Expr::col((user::Entity, user::Column::Status)).eq("active"))
        .to_owned()
}

/// The request's client is still active.
fn active_client() -> sea_orm::sea_query::SelectStatement {
    Query::select()
        .expr(Expr::value(1))
        .from(client::Entity)
        .and_where(
            Expr::col((client::Entity, client::Column::Id))
                .equals((Alias::new("requests"), Column::ClientId)),
        )
        .and_where(Expr::col((client::Entity, client::Column::Status)).eq("active"))
        .to_owned()
}

/// Remembers a slower pace; a pace is never made faster.
pub(super) async fn pace<C: ConnectionTrait>(
    conn: &C,
    id: RequestId,
    interval_s: i32,
) -> Result<u64, DbErr> {
    use entity::pace;
    let row = pace::ActiveModel {
        request_id: ActiveValue::Set(id.0),
        interval_s: ActiveValue::Set(interval_s),
    };
    let insert = pace::Entity::insert_many([row])
        .on_conflict(
            OnConflict::column(pace::Column::RequestId)
                .update_column(pace::Column::IntervalS)
                .to_owned(),
        )
        .exec_without_returning(conn)
        .await;
    writer::rows(insert).map(|_| 1)
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
    };
    let request = match (row.state.as_str(), decision, row.settled_at) {
        ("pending", None, None) => ApprovalRequest::Pending(Pending { question }),
        ("approved", Some(decision), Some(_)) => {
            ApprovalRequest::Approved(Approved { question, decision })
        }
        ("denied", Some(decision), Some(_)) => ApprovalRequest::Denied(Denied {
            question,
            decision,
            reason: row.reason.clone(),
        }),
        ("expired", decision, Some(_)) => ApprovalRequest::Expired(Expired { question, decision }),
        ("cancelled", None, Some(at)) => {
            let by = match row.cancelled_by.as_deref() {
                Some("agent") => CancelledBy::Agent,
                Some("operator") => CancelledBy::Operator,
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
        nobody_told: false,
    })
}
