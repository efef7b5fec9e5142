//! Actions that services have parked. A row is written once; what changes is the request that asks about it,
//! and its end.

use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict, Query, SelectStatement};
use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder as _,
    QuerySelect as _, QueryTrait as _, UpdateMany,
};
use time::OffsetDateTime;

use entity::held_transaction::{ActiveModel, Column, Entity, Model};
use entity::{grant, request};

use super::active::{active_client, active_user};
use super::error::{StoreError, inconsistent};
use super::only::Only as _;
use super::{Store, writer};
use crate::domain::ciba::approval::State;
use crate::domain::held::{Ended, HeldTransaction};
use crate::domain::id::{ClientId, RequestId, TransactionId, UserId};
use crate::domain::timestamp::{from_milliseconds, milliseconds};

/// A transaction as it is written the first time.
#[derive(Debug)]
pub struct NewTransaction {
    /// The transaction, of which nobody has been asked.
    pub held: HeldTransaction,
    /// SHA-256 of the Idempotency-Key and of what came with it.
    pub idempotency: Option<([u8; 32], [u8; 32])>,
}

/// Somebody is asked about a transaction.
#[derive(Clone, Copy, Debug)]
pub struct AskAbout {
    /// Which.
    pub transaction: TransactionId,
    /// The request that asked before, if one did: it is over, and nobody answered.
    pub before: Option<RequestId>,
    /// The request that asks now.
    pub request: RequestId,
    /// When.
    pub at: OffsetDateTime,
}

/// A transaction ends, as it was found.
#[derive(Clone, Copy, Debug)]
pub struct EndTransaction {
    /// Which.
    pub transaction: TransactionId,
    /// The request that asks about it, or did last.
    pub request: Option<RequestId>,
    /// How.
    pub ended: Ended,
}

impl Store {
    /// The transaction of that id.
    pub async fn held_transaction(
        &self,
        id: TransactionId,
    ) -> Result<Option<HeldTransaction>, StoreError> {
        let row = Entity::find_by_id(id.0).only(&self.readers).await?;
        row.as_ref().map(read).transpose()
    }

    /// The transaction that service parked under this key, and the digest of what came with it.
    pub async fn held_transaction_by_key(
        &self,
        service: &ClientId,
        key_hash: &[u8; 32],
    ) -> Result<Option<(HeldTransaction, Vec<u8>)>, StoreError> {
        let row = Entity::find()
            .filter(Column::ServiceId.eq(service.0.as_str()))
            .filter(Column::IdempotencyKey.eq(key_hash.to_vec()))
            .only(&self.readers)
            .await?;
        let with_digest = |row: Model| {
            let digest = row.request_digest.clone().unwrap_or_default();
            read(&row).map(|held| (held, digest))
        };
        row.map(with_digest).transpose()
    }

    /// A service's transactions, the newest first; older than `before` if one is given.
    pub async fn held_transactions_of(
        &self,
        service: &ClientId,
        before: Option<TransactionId>,
        at_most: u64,
    ) -> Result<Vec<HeldTransaction>, StoreError> {
        let rows = Entity::find()
            .filter(Column::ServiceId.eq(service.0.as_str()))
            .apply_if(before, |those, before| {
                those.filter(Column::Id.lt(before.0))
            })
            .order_by_desc(Column::Id)
            .limit(at_most)
            .all(&self.readers)
            .await?;
        rows.iter().map(read).collect()
    }

    /// How many a service holds that nobody has been asked about, up to a bound.
    pub async fn held_count(
        &self,
        service: &ClientId,
        now: OffsetDateTime,
        at_most: u64,
    ) -> Result<u64, StoreError> {
        let found: Vec<uuid::Uuid> = Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::ServiceId.eq(service.0.as_str()))
            .filter(Column::RequestId.is_null())
            .filter(Column::CancelledAt.is_null())
            .filter(Column::ExpiresAt.gt(milliseconds(now)))
            .limit(at_most)
            .into_tuple()
            .all(&self.readers)
            .await?;
        Ok(found.len() as u64)
    }
}

/// Parks it; 0 when the key is taken.
pub(super) async fn park<C: ConnectionTrait>(conn: &C, new: &NewTransaction) -> Result<u64, DbErr> {
    let held = &new.held;
    let row = ActiveModel {
        id: ActiveValue::Set(held.id.0),
        service_id: ActiveValue::Set(held.service.0.clone()),
        user_id: ActiveValue::Set(held.person.map(|it| it.0)),
        agent_id: ActiveValue::Set(held.agent.as_ref().map(|it| it.0.clone())),
        webhook: ActiveValue::Set(held.webhook.clone()),
        asked: ActiveValue::Set(serde_json::to_string(&held.asked).unwrap_or_default()),
        created_at: ActiveValue::Set(milliseconds(held.created_at)),
        expires_at: ActiveValue::Set(milliseconds(held.expires_at)),
        request_id: ActiveValue::Set(None),
        released_at: ActiveValue::Set(None),
        cancelled_at: ActiveValue::Set(None),
        idempotency_key: ActiveValue::Set(new.idempotency.map(|(key, _)| key.to_vec())),
        request_digest: ActiveValue::Set(new.idempotency.map(|(_, digest)| digest.to_vec())),
    };
    let insert = Entity::insert_many([row])
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(conn)
        .await;
    writer::rows(insert)
}

/// Notes who asks about it; 0 when somebody else does, or it is over.
pub(super) async fn ask_about<C: ConnectionTrait>(conn: &C, it: &AskAbout) -> Result<u64, DbErr> {
    let update = open(it.transaction, it.before)
        .filter(Column::ExpiresAt.gt(milliseconds(it.at)))
        .col_expr(Column::RequestId, Expr::value(it.request.0));
    Ok(update.exec(conn).await?.rows_affected)
}

/// Ends it, once. Released is only what was approved: an answer that is in time or a token that stands.
pub(super) async fn end<C: ConnectionTrait>(conn: &C, to: &EndTransaction) -> Result<u64, DbErr> {
    let update = open(to.transaction, to.request);
    let update = match (to.ended, to.request) {
        (Ended::Cancelled(at), _) => {
            update.col_expr(Column::CancelledAt, Expr::value(milliseconds(at)))
        }
        (Ended::Released(at), Some(request)) => update
            .filter(Expr::exists(approved(request, milliseconds(at))))
            .col_expr(Column::ReleasedAt, Expr::value(milliseconds(at))),
        (Ended::Released(_), None) => return Ok(0),
    };
    Ok(update.exec(conn).await?.rows_affected)
}

/// The start of a change: this row, not ended, with that request.
fn open(id: TransactionId, request: Option<RequestId>) -> UpdateMany<Entity> {
    let update = Entity::update_many()
        .filter(Column::Id.eq(id.0))
        .filter(Column::ReleasedAt.is_null())
        .filter(Column::CancelledAt.is_null());
    match request {
        Some(request) => update.filter(Column::RequestId.eq(request.0)),
        None => update.filter(Column::RequestId.is_null()),
    }
}

/// The request has a yes that can be collected, or was collected as a grant that stands; neither its person
/// nor its client is disabled.
fn approved(id: RequestId, at: i64) -> SelectStatement {
    let column = |column: request::Column| Expr::col((request::Entity, column));
    let stands = Query::select()
        .expr(Expr::value(1))
        .from(grant::Entity)
        .and_where(Expr::col((grant::Entity, grant::Column::RequestId)).eq(id.0))
        .and_where(Expr::col((grant::Entity, grant::Column::RevokedAt)).is_null())
        .and_where(Expr::col((grant::Entity, grant::Column::EndsAt)).gt(at))
        .to_owned();
    let waits = column(request::Column::State)
        .eq(State::Approved.as_str())
        .and(column(request::Column::ExpiresAt).gt(at));
    let collected = column(request::Column::State)
        .eq(State::Redeemed.as_str())
        .and(Expr::exists(stands));
    Query::select()
        .expr(Expr::value(1))
        .from(request::Entity)
        .and_where(column(request::Column::Id).eq(id.0))
        .and_where(waits.or(collected))
        .and_where(Expr::exists(active_user("requests")))
        .and_where(Expr::exists(active_client("requests")))
        .to_owned()
}

fn read(row: &Model) -> Result<HeldTransaction, StoreError> {
    let odd = |column| inconsistent("held_transactions", row.id.as_simple(), column);
    let ended = match (row.released_at, row.cancelled_at) {
        (None, None) => None,
        (Some(at), None) => Some(Ended::Released(from_milliseconds(at))),
        (None, Some(at)) => Some(Ended::Cancelled(from_milliseconds(at))),
        (Some(_), Some(_)) => return Err(odd("cancelled_at")),
    };
    Ok(HeldTransaction {
        id: TransactionId(row.id),
        service: ClientId(row.service_id.clone()),
        asked: serde_json::from_str(&row.asked).map_err(|_| odd("asked"))?,
        person: row.user_id.map(UserId),
        agent: row.agent_id.clone().map(ClientId),
        webhook: row.webhook.clone(),
        created_at: from_milliseconds(row.created_at),
        expires_at: from_milliseconds(row.expires_at),
        request: row.request_id.map(RequestId),
        ended,
    })
}
