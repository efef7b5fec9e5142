//! Parcels: what was promised, who is trying just now, and what became of it.

use sea_orm::sea_query::{
    CommonTableExpression, Expr, ExprTrait as _, Func, LockBehavior, LockType, Order, Query,
};
use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use time::{Duration, OffsetDateTime};

use entity::parcel::{ActiveModel, Column, Entity, Model};

use super::Store;
use super::commit::{ClaimParcels, Commit, FilledParcel, SettledParcel, Write};
use super::error::{StoreError, inconsistent};
use crate::domain::id::{DeviceId, ParcelId, RequestId, SignInLinkId, UserId};
use crate::domain::parcel::{Address, Channel, Fate, Parcel, ParcelKind, ParcelState, Promise};
use crate::domain::timestamp::{from_milliseconds, milliseconds};

/// How long whoever claims a parcel has it to itself.
pub(super) const LEASE: Duration = Duration::seconds(60);

/// A parcel that is ours to deliver until the lease ends.
#[derive(Clone, Debug)]
pub struct ClaimedParcel {
    /// What was promised.
    pub parcel: Parcel,
    /// How often it was tried before.
    pub attempts: u32,
    /// Whose it is now.
    pub lease: [u8; 16],
    /// What was handed over before, or should have been; sealed.
    pub payload: Option<Vec<u8>>,
}

impl Store {
    /// Claims parcels that are due on one channel. Two claimers never get the same one.
    pub async fn claim_parcels(
        &self,
        claim: ClaimParcels,
    ) -> Result<Vec<ClaimedParcel>, StoreError> {
        self.commit(Commit::of(Write::ClaimParcels(claim))).await?;
        // The claim is the update: whoever's lease is in the row has it. The moment its lease ends
        // is asked for as well because that is what the index holds.
        let rows = Entity::find()
            .filter(waiting())
            .filter(Column::DueAt.eq(milliseconds(claim.now + LEASE)))
            .filter(Column::Lease.eq(claim.lease.to_vec()))
            .all(&self.readers)
            .await?;
        rows.into_iter()
            .map(|mut row| {
                let payload = row.payload.take();
                let attempts = u32::try_from(row.attempts).unwrap_or(0);
                Ok(ClaimedParcel {
                    parcel: read(row)?.parcel,
                    attempts,
                    lease: claim.lease,
                    payload,
                })
            })
            .collect()
    }

    /// What became of everything promised for a request.
    pub async fn parcels_of(&self, request: RequestId) -> Result<Vec<Promise>, StoreError> {
        let rows = Entity::find()
            .filter(Column::RequestId.eq(request.0))
            .order_by_asc(Column::Id)
            .limit(100)
            .all(&self.readers)
            .await?;
        rows.into_iter().map(read).collect()
    }

    /// When the next parcel of a channel is due, if one is by the moment given.
    pub async fn next_parcel_due(
        &self,
        channel: Channel,
        by: OffsetDateTime,
    ) -> Result<Option<OffsetDateTime>, StoreError> {
        let due: Vec<Option<i64>> = Entity::find()
            .select_only()
            .column_as(Column::DueAt.min(), "due_at")
            .filter(waiting())
            .filter(Column::DueAt.lte(milliseconds(by)))
            .filter(Column::Channel.eq(channel.as_str()))
            .into_tuple()
            .all(&self.readers)
            .await?;
        Ok(due.into_iter().flatten().next().map(from_milliseconds))
    }
}

/// Not delivered yet. Said as a constant, because an index holds only these; said with a parameter, the
/// statement would be prepared anew each time, to see whether the index will do.
fn waiting() -> Expr {
    Expr::cust("state = 'waiting'")
}

/// Puts due parcels under a lease, passing over those another instance is just claiming.
pub(super) async fn claim<C: ConnectionTrait>(conn: &C, it: &ClaimParcels) -> Result<u64, DbErr> {
    let now = milliseconds(it.now);
    let due = Query::select()
        .column(Column::Id)
        .from(Entity)
        .and_where(waiting())
        .and_where(Column::DueAt.lte(now))
        .and_where(Column::Channel.eq(it.channel.as_str()))
        .order_by(Column::DueAt, Order::Asc)
        .limit(it.at_most)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .to_owned();
    // Picked once: PostgreSQL may run a plain subquery again and again, each time picking others.
    let mut picked = CommonTableExpression::new();
    picked.query(due).table_name("picked").materialized(true);
    let ids = Query::select().column(Column::Id).from("picked").to_owned();
    let update = Query::update()
        .table(Entity)
        .value(Column::Lease, it.lease.to_vec())
        .value(Column::DueAt, milliseconds(it.now + LEASE))
        .and_where(Column::Id.in_subquery(ids))
        .and_where(waiting())
        .and_where(Column::DueAt.lte(now))
        .with_cte(picked)
        .to_owned();
    conn.execute(&update).await?;
    Ok(1)
}

pub(super) fn row(parcel: &Parcel) -> ActiveModel {
    let device = match parcel.address {
        Address::WebPush(device) => Some(device.0),
        Address::Email | Address::Callback => None,
    };
    let link = match parcel.kind {
        ParcelKind::SignIn(link) => Some(link.0),
        ParcelKind::Asked
        | ParcelKind::Settled
        | ParcelKind::RuleUsed
        | ParcelKind::Ping
        | ParcelKind::Outcome
        | ParcelKind::Webhook => None,
    };
    ActiveModel {
        id: ActiveValue::Set(parcel.id.0),
        request_id: ActiveValue::Set(parcel.request.map(|id| id.0)),
        user_id: ActiveValue::Set(parcel.user.0),
        kind: ActiveValue::Set(parcel.kind.as_str().to_owned()),
        channel: ActiveValue::Set(parcel.address.channel().to_owned()),
        device_id: ActiveValue::Set(device),
        sign_in_link_id: ActiveValue::Set(link),
        state: ActiveValue::Set(ParcelState::Waiting.as_str().to_owned()),
        attempts: ActiveValue::Set(0),
        due_at: ActiveValue::Set(milliseconds(parcel.due_at)),
        worthless_after: ActiveValue::Set(milliseconds(parcel.worthless_after)),
        lease: ActiveValue::Set(None),
        payload: ActiveValue::Set(None),
        why: ActiveValue::Set(None),
        created_at: ActiveValue::Set(milliseconds(parcel.created_at)),
        settled_at: ActiveValue::Set(None),
    }
}

/// Writes what became of a parcel; 0 when the lease has been lost meanwhile.
pub(super) async fn settle<C: ConnectionTrait>(conn: &C, it: &SettledParcel) -> Result<u64, DbErr> {
    let at = milliseconds(it.at);
    let update = Entity::update_many()
        .filter(Column::Id.eq(it.id.0))
        .filter(waiting())
        .filter(Column::Lease.eq(it.lease.to_vec()))
        .col_expr(Column::Lease, Expr::value(Option::<Vec<u8>>::None));
    let counted = |update: sea_orm::UpdateMany<Entity>| {
        update.col_expr(
            Column::Attempts,
            sea_orm::sea_query::ExprTrait::add(Expr::col(Column::Attempts), 1),
        )
    };
    let ended = |update: sea_orm::UpdateMany<Entity>, state: ParcelState| {
        update
            .col_expr(Column::State, Expr::value(state.as_str()))
            .col_expr(Column::SettledAt, Expr::value(at))
            .col_expr(Column::Payload, Expr::value(Option::<Vec<u8>>::None))
    };
    let update = match &it.fate {
        Fate::Delivered => ended(counted(update), ParcelState::Delivered)
            .col_expr(Column::Why, Expr::value(Option::<String>::None)),
        Fate::Retry { at, why } => counted(update)
            .col_expr(Column::DueAt, Expr::value(milliseconds(*at)))
            .col_expr(Column::Why, Expr::value(why.as_str())),
        Fate::Held { until, why } => update
            .col_expr(Column::DueAt, Expr::value(milliseconds(*until)))
            .col_expr(Column::Why, Expr::value(*why)),
        Fate::Failed { why } => ended(counted(update), ParcelState::Failed)
            .col_expr(Column::Why, Expr::value(why.as_str())),
        Fate::TooLate => ended(update, ParcelState::Failed).col_expr(
            Column::Why,
            Func::coalesce([
                Expr::col(Column::Why),
                Expr::value("its time had passed before it could be tried"),
            ])
            .into(),
        ),
        Fate::Dropped => ended(update, ParcelState::Dropped),
    };
    Ok(update.exec(conn).await?.rows_affected)
}

/// Keeps with a parcel what it says, and until when that is worth anything; 0 when the lease has been
/// lost.
pub(super) async fn fill<C: ConnectionTrait>(conn: &C, it: &FilledParcel) -> Result<u64, DbErr> {
    let update = Entity::update_many()
        .filter(Column::Id.eq(it.id.0))
        .filter(Column::State.eq(ParcelState::Waiting.as_str()))
        .filter(Column::Lease.eq(it.lease.to_vec()))
        .filter(Column::Payload.is_null())
        .col_expr(Column::Payload, Expr::value(it.payload.clone()))
        .col_expr(
            Column::WorthlessAfter,
            Expr::value(milliseconds(it.worthless_after)),
        );
    Ok(update.exec(conn).await?.rows_affected)
}

/// Drops what still waits to ask about a request.
pub(super) async fn drop_waiting<C: ConnectionTrait>(
    conn: &C,
    request: RequestId,
    at: OffsetDateTime,
) -> Result<u64, DbErr> {
    Entity::update_many()
        .filter(Column::RequestId.eq(request.0))
        .filter(waiting())
        .filter(Column::Kind.eq(ParcelKind::Asked.as_str()))
        .col_expr(Column::State, Expr::value(ParcelState::Dropped.as_str()))
        .col_expr(Column::Lease, Expr::value(Option::<Vec<u8>>::None))
        .col_expr(Column::SettledAt, Expr::value(milliseconds(at)))
        .exec(conn)
        .await?;
    Ok(1)
}

/// Makes a letter due that was to wait, unless somebody is just delivering it.
pub(super) async fn hurry_letter<C: ConnectionTrait>(
    conn: &C,
    request: RequestId,
    now: OffsetDateTime,
) -> Result<u64, DbErr> {
    let now = milliseconds(now);
    Entity::update_many()
        .filter(Column::RequestId.eq(request.0))
        .filter(waiting())
        .filter(Column::Kind.eq(ParcelKind::Asked.as_str()))
        .filter(Column::Channel.eq(Channel::Email.as_str()))
        .filter(Column::Attempts.eq(0))
        .filter(Column::Lease.is_null())
        .filter(Column::DueAt.gt(now))
        .col_expr(Column::DueAt, Expr::value(now))
        .exec(conn)
        .await?;
    Ok(1)
}

/// Notes that nobody could be reached; 0 when somebody was or may be, or when it is noted. When a
/// parcel that has failed is due means nothing any more, so that is where the note is kept.
pub(super) async fn note_unreachable<C: ConnectionTrait>(
    conn: &C,
    request: RequestId,
) -> Result<u64, DbErr> {
    let hopes = Query::select()
        .expr(Expr::value(1))
        .from_as(Entity, "hopes")
        .and_where(Expr::col(("hopes", Column::RequestId)).eq(request.0))
        .and_where(Expr::col(("hopes", Column::Kind)).eq(ParcelKind::Asked.as_str()))
        .and_where(Expr::col(("hopes", Column::State)).ne(ParcelState::Failed.as_str()))
        .to_owned();
    let update = Entity::update_many()
        .filter(Column::RequestId.eq(request.0))
        .filter(Column::Kind.eq(ParcelKind::Asked.as_str()))
        .filter(Column::DueAt.ne(NOTED))
        .filter(Expr::exists(hopes).not())
        .col_expr(Column::DueAt, Expr::value(NOTED));
    Ok(update.exec(conn).await?.rows_affected)
}

/// When parcels are due of which it is noted that they reached nobody.
const NOTED: i64 = 0;

fn read(row: Model) -> Result<Promise, StoreError> {
    let odd = |column| inconsistent("parcels", row.id.as_simple(), column);
    let address = match (row.channel.as_str(), row.device_id) {
        ("web_push", Some(device)) => Address::WebPush(DeviceId(device)),
        ("email", None) => Address::Email,
        ("callback", None) => Address::Callback,
        _ => return Err(odd("channel")),
    };
    let link = row.sign_in_link_id.map(SignInLinkId);
    let kind = ParcelKind::from_stored(&row.kind, link).ok_or_else(|| odd("kind"))?;
    let state = ParcelState::from_stored(&row.state).ok_or_else(|| odd("state"))?;
    Ok(Promise {
        parcel: Parcel {
            id: ParcelId(row.id),
            request: row.request_id.map(RequestId),
            user: UserId(row.user_id),
            kind,
            address,
            created_at: from_milliseconds(row.created_at),
            due_at: from_milliseconds(row.due_at),
            worthless_after: from_milliseconds(row.worthless_after),
        },
        state,
        attempts: u32::try_from(row.attempts).unwrap_or(0),
        why: row.why,
        settled_at: row.settled_at.map(from_milliseconds),
    })
}
