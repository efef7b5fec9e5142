//! Client assertions that had their one effect.

use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict, Query};
use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect,
};
use time::OffsetDateTime;

use entity::redemption;
use entity::used_assertion::{ActiveModel, Column, Entity};

use super::commit::{Commit, Write};
use super::error::StoreError;
use super::{Store, refresh_tokens, writer};
use crate::domain::client::assertion::UsedAssertion;
use crate::domain::id::ClientId;
use crate::domain::timestamp::milliseconds;

/// Rows forgotten in one statement: the writer is shared, and the rest is forgotten next time.
const MOST_FORGOTTEN: u64 = 2000;

impl Store {
    /// Forgets assertions that could no longer be replayed anyway, and token responses that may no
    /// longer be fetched. True if there may be more.
    pub async fn forget_expired(&self, now: OffsetDateTime) -> Result<bool, StoreError> {
        let assertion = Entity::find()
            .select_only()
            .column(Column::ExpiresAt)
            .filter(Column::ExpiresAt.lt(milliseconds(now)))
            .limit(1)
            .into_tuple::<i64>()
            .one(&self.readers)
            .await?;
        let redemption = redemption::Entity::find()
            .select_only()
            .column(redemption::Column::Until)
            .filter(redemption::Column::Until.lt(milliseconds(now)))
            .limit(1)
            .into_tuple::<i64>()
            .one(&self.readers)
            .await?;
        let any = assertion.is_some()
            || redemption.is_some()
            || self.any_kept_refresh_expired(now).await?;
        if any {
            self.commit(Commit::of(Write::ForgetExpired(now))).await?;
        }
        Ok(any)
    }
}

/// Deletes what has run out, a bounded number of rows at a time.
pub(super) async fn forget_expired<C: ConnectionTrait>(
    conn: &C,
    now: OffsetDateTime,
) -> Result<u64, DbErr> {
    let assertions = Query::select()
        .columns([Column::ClientId, Column::JtiHash])
        .from(Entity)
        .and_where(Column::ExpiresAt.lt(milliseconds(now)))
        .limit(MOST_FORGOTTEN)
        .to_owned();
    let key = Expr::tuple([Expr::col(Column::ClientId), Expr::col(Column::JtiHash)]);
    Entity::delete_many()
        .filter(key.in_subquery(assertions))
        .exec(conn)
        .await?;
    let redemptions = Query::select()
        .column(redemption::Column::RequestId)
        .from(redemption::Entity)
        .and_where(redemption::Column::Until.lt(milliseconds(now)))
        .limit(MOST_FORGOTTEN)
        .to_owned();
    redemption::Entity::delete_many()
        .filter(redemption::Column::RequestId.in_subquery(redemptions))
        .exec(conn)
        .await?;
    refresh_tokens::forget_kept(conn, now).await?;
    Ok(1)
}

/// Remembers an assertion; 0 when it was used before.
pub(super) async fn remember<C: ConnectionTrait>(
    conn: &C,
    client: &ClientId,
    used: &UsedAssertion,
) -> Result<u64, DbErr> {
    let row = ActiveModel {
        client_id: ActiveValue::Set(client.0.clone()),
        jti_hash: ActiveValue::Set(used.jti_hash.to_vec()),
        expires_at: ActiveValue::Set(milliseconds(used.expires_at)),
    };
    let insert = Entity::insert_many([row])
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(conn)
        .await;
    writer::rows(insert)
}
