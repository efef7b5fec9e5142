//! What agents lacked at proxies. A row says which request asks for it, or did last, so that of two that come at
//! once only one asks.

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue, ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait as _, QueryFilter as _,
};

use entity::proxied_question::{ActiveModel, Column, Entity};

use super::error::StoreError;
use super::only::Only as _;
use super::{Store, writer};
use crate::domain::id::{ClientId, RequestId, UserId};

/// What an agent lacks, for a person.
#[derive(Clone, Debug)]
pub struct Lacked {
    /// The agent.
    pub client: ClientId,
    /// The person.
    pub user: UserId,
    /// SHA-256 of what it lacks.
    pub item: [u8; 32],
}

/// Somebody is asked for it.
#[derive(Clone, Debug)]
pub struct AskForProxy {
    /// What is lacked.
    pub lacked: Lacked,
    /// The request that asked before, if one did.
    pub before: Option<RequestId>,
    /// The request that asks now.
    pub request: RequestId,
}

impl Store {
    /// The request that asks for it, or did last.
    pub async fn asked_for_proxy(&self, lacked: &Lacked) -> Result<Option<RequestId>, StoreError> {
        let key = (lacked.client.0.clone(), lacked.user.0, lacked.item.to_vec());
        let row = Entity::find_by_id(key).only(&self.readers).await?;
        Ok(row.map(|row| RequestId(row.request_id)))
    }
}

/// Notes who asks; 0 when another request does.
pub(super) async fn ask<C: ConnectionTrait>(conn: &C, it: &AskForProxy) -> Result<u64, DbErr> {
    let lacked = &it.lacked;
    if let Some(before) = it.before {
        let update = Entity::update_many()
            .filter(Column::ClientId.eq(lacked.client.0.as_str()))
            .filter(Column::UserId.eq(lacked.user.0))
            .filter(Column::ItemDigest.eq(lacked.item.to_vec()))
            .filter(Column::RequestId.eq(before.0))
            .col_expr(Column::RequestId, Expr::value(it.request.0));
        return Ok(update.exec(conn).await?.rows_affected);
    }
    let row = ActiveModel {
        client_id: ActiveValue::Set(lacked.client.0.clone()),
        user_id: ActiveValue::Set(lacked.user.0),
        item_digest: ActiveValue::Set(lacked.item.to_vec()),
        request_id: ActiveValue::Set(it.request.0),
    };
    let insert = Entity::insert_many([row])
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(conn)
        .await;
    writer::rows(insert)
}
