//! Devices: browsers that receive notifications.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use time::OffsetDateTime;

use entity::device::{ActiveModel, Column, Entity, Model};

use super::Store;
use super::commit::NewDevice;
use super::error::StoreError;
use super::only::Only as _;
use crate::domain::id::{DeviceId, UserId};
use crate::domain::timestamp::{from_milliseconds, milliseconds};
use crate::domain::user::Device;

/// Devices one person may have at once.
pub(super) const MOST_DEVICES: u64 = 20;

impl Store {
    /// A person's devices that are still in use, the oldest first.
    pub async fn devices(&self, user: UserId) -> Result<Vec<Device>, StoreError> {
        let rows = Entity::find()
            .filter(Column::UserId.eq(user.0))
            .filter(Column::RetiredAt.is_null())
            .order_by_asc(Column::Id)
            .limit(MOST_DEVICES)
            .all(&self.readers)
            .await?;
        Ok(rows.into_iter().map(|row| read(row).0).collect())
    }

    /// One device and its sealed subscription, whether or not it is still in use.
    pub async fn device(&self, id: DeviceId) -> Result<Option<(Device, Vec<u8>)>, StoreError> {
        Ok(Entity::find_by_id(id.0)
            .only(&self.readers)
            .await?
            .map(read))
    }
}

/// Adds a device, after retiring what the same browser had before.
pub(super) async fn add<C: ConnectionTrait>(conn: &C, new: &NewDevice) -> Result<u64, DbErr> {
    Entity::update_many()
        .filter(Column::EndpointHash.eq(new.endpoint_hash.to_vec()))
        .filter(Column::RetiredAt.is_null())
        .col_expr(Column::RetiredAt, Expr::value(milliseconds(new.created_at)))
        .col_expr(Column::RetiredWhy, Expr::value("replaced"))
        .exec(conn)
        .await?;
    let row = ActiveModel {
        id: ActiveValue::Set(new.id.0),
        user_id: ActiveValue::Set(new.user.0),
        name: ActiveValue::Set(new.name.clone()),
        endpoint_hash: ActiveValue::Set(new.endpoint_hash.to_vec()),
        subscription: ActiveValue::Set(new.subscription.clone()),
        created_at: ActiveValue::Set(milliseconds(new.created_at)),
        last_delivered_at: ActiveValue::Set(None),
        retired_at: ActiveValue::Set(None),
        retired_why: ActiveValue::Set(None),
    };
    Entity::insert_many([row])
        .exec_without_returning(conn)
        .await?;
    Ok(1)
}

/// Retires a device; 0 when it already is, or is somebody else's.
pub(super) async fn retire<C: ConnectionTrait>(
    conn: &C,
    id: DeviceId,
    user: Option<UserId>,
    why: &str,
    at: OffsetDateTime,
) -> Result<u64, DbErr> {
    let mut update = Entity::update_many()
        .filter(Column::Id.eq(id.0))
        .filter(Column::RetiredAt.is_null())
        .col_expr(Column::RetiredAt, Expr::value(milliseconds(at)))
        .col_expr(Column::RetiredWhy, Expr::value(why));
    if let Some(user) = user {
        update = update.filter(Column::UserId.eq(user.0));
    }
    Ok(update.exec(conn).await?.rows_affected)
}

/// Notes that a push service took a message for it.
pub(super) async fn reached<C: ConnectionTrait>(
    conn: &C,
    id: DeviceId,
    at: OffsetDateTime,
) -> Result<u64, DbErr> {
    Entity::update_many()
        .filter(Column::Id.eq(id.0))
        .col_expr(Column::LastDeliveredAt, Expr::value(milliseconds(at)))
        .exec(conn)
        .await?;
    Ok(1)
}

fn read(row: Model) -> (Device, Vec<u8>) {
    let device = Device {
        id: DeviceId(row.id),
        user: UserId(row.user_id),
        name: row.name,
        created_at: from_milliseconds(row.created_at),
        last_delivered_at: row.last_delivered_at.map(from_milliseconds),
        retired_at: row.retired_at.map(from_milliseconds),
    };
    (device, row.subscription)
}
