//! Pauses: agents that may not ask for a while.

use sea_orm::sea_query::{Condition, Expr, ExprTrait as _};
use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QueryTrait as _, Select, UpdateMany,
};
use time::OffsetDateTime;

use entity::pause::{ActiveModel, Column, Entity, Model};

use super::Store;
use super::error::{StoreError, inconsistent};
use crate::domain::consent::pause::{Cause, Pause, Reach, Shape};
use crate::domain::id::{ClientId, PauseId, UserId};
use crate::domain::timestamp::{from_milliseconds, milliseconds};

impl Store {
    /// What keeps agents from asking this person at `now`; what keeps one of them, if one is named.
    pub async fn pauses_for(
        &self,
        user: UserId,
        client: Option<&ClientId>,
        now: OffsetDateTime,
    ) -> Result<Vec<Pause>, StoreError> {
        let theirs = Condition::any()
            .add(Column::UserId.eq(user.0))
            .add(Column::UserId.is_null());
        let found = live(now).filter(theirs).apply_if(client, |found, client| {
            found.filter(
                Condition::any()
                    .add(Column::ClientId.eq(client.0.as_str()))
                    .add(Column::ClientId.is_null()),
            )
        });
        let rows = found.order_by_desc(Column::Id).all(&self.readers).await?;
        rows.into_iter().map(read).collect()
    }

    /// What keeps every agent from asking anybody at `now`.
    pub async fn pauses_of_everyone(&self, now: OffsetDateTime) -> Result<Vec<Pause>, StoreError> {
        let rows = live(now)
            .filter(Column::UserId.is_null())
            .order_by_desc(Column::Id)
            .all(&self.readers)
            .await?;
        rows.into_iter().map(read).collect()
    }
}

fn live(now: OffsetDateTime) -> Select<Entity> {
    Entity::find()
        .filter(Column::EndedAt.is_null())
        .filter(not_over(now))
}

fn not_over(now: OffsetDateTime) -> Condition {
    Condition::any()
        .add(Column::EndsAt.is_null())
        .add(Column::EndsAt.gt(milliseconds(now)))
}

/// Begins one, instead of those about the same.
pub(super) async fn begin<C: ConnectionTrait>(conn: &C, pause: &Pause) -> Result<u64, DbErr> {
    end(conn, &pause.reach, pause.began_at).await?;
    Entity::insert(row(pause))
        .exec_without_returning(conn)
        .await?;
    Ok(1)
}

/// Ends those about exactly that; 0 when there were none.
pub(super) async fn end<C: ConnectionTrait>(
    conn: &C,
    reach: &Reach,
    at: OffsetDateTime,
) -> Result<u64, DbErr> {
    let update = Entity::update_many()
        .filter(Column::EndedAt.is_null())
        .filter(not_over(at));
    let update = about(update, reach).col_expr(Column::EndedAt, Expr::value(milliseconds(at)));
    Ok(update.exec(conn).await?.rows_affected)
}

fn about(update: UpdateMany<Entity>, reach: &Reach) -> UpdateMany<Entity> {
    let update = match reach.user() {
        Some(user) => update.filter(Column::UserId.eq(user.0)),
        None => update.filter(Column::UserId.is_null()),
    };
    let update = match reach.client() {
        Some(client) => update.filter(Column::ClientId.eq(client.0.as_str())),
        None => update.filter(Column::ClientId.is_null()),
    };
    match reach.shape() {
        Some(shape) => update.filter(Column::Shape.eq(shape.as_stored())),
        None => update.filter(Column::Shape.is_null()),
    }
}

/// Counts a request that was held back.
pub(super) async fn count<C: ConnectionTrait>(conn: &C, id: PauseId) -> Result<u64, DbErr> {
    let update = Entity::update_many()
        .filter(Column::Id.eq(id.0))
        .col_expr(Column::HeldBack, Expr::col(Column::HeldBack).add(1));
    Ok(update.exec(conn).await?.rows_affected)
}

fn row(pause: &Pause) -> ActiveModel {
    let reach = &pause.reach;
    ActiveModel {
        id: ActiveValue::Set(pause.id.0),
        user_id: ActiveValue::Set(reach.user().map(|user| user.0)),
        client_id: ActiveValue::Set(reach.client().map(|client| client.0.clone())),
        shape: ActiveValue::Set(reach.shape().map(Shape::as_stored)),
        cause: ActiveValue::Set(pause.cause.as_str().to_owned()),
        why: ActiveValue::Set(pause.why.clone()),
        began_at: ActiveValue::Set(milliseconds(pause.began_at)),
        ends_at: ActiveValue::Set(pause.ends_at.map(milliseconds)),
        ended_at: ActiveValue::Set(pause.ended_at.map(milliseconds)),
        held_back: ActiveValue::Set(i64::try_from(pause.held_back).unwrap_or(i64::MAX)),
    }
}

fn read(row: Model) -> Result<Pause, StoreError> {
    let odd = |column| inconsistent("pauses", row.id.as_simple(), column);
    let shape = row.shape.as_deref().map(Shape::from_stored);
    let reach = match (
        row.user_id.map(UserId),
        row.client_id.clone().map(ClientId),
        shape,
    ) {
        (None, None, None) => Reach::Everyone,
        (Some(user), None, None) => Reach::Person(user),
        (Some(user), Some(client), None) => Reach::Agent(user, client),
        (Some(user), Some(client), Some(Some(shape))) => Reach::Shape(user, client, shape),
        _ => return Err(odd("shape")),
    };
    Ok(Pause {
        id: PauseId(row.id),
        reach,
        cause: Cause::from_stored(&row.cause).ok_or_else(|| odd("cause"))?,
        began_at: from_milliseconds(row.began_at),
        ends_at: row.ends_at.map(from_milliseconds),
        ended_at: row.ended_at.map(from_milliseconds),
        held_back: u64::try_from(row.held_back).map_err(|_| odd("held_back"))?,
        why: row.why,
    })
}
