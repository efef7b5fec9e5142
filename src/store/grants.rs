//! Grants: what one answer authorised, and the response that may be fetched once more.

use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect,
};
use time::OffsetDateTime;

use entity::{client, grant, redemption};

use super::active::{active_client, active_user};
use super::error::{StoreError, inconsistent};
use super::only::Only as _;
use super::{Store, standing_grants};
use crate::domain::client::confirmation::Confirmation;
use crate::domain::id::{ClientId, GrantId, RequestId, StandingGrantId, UserId};
use crate::domain::timestamp::{from_milliseconds, milliseconds};
use crate::domain::token::granted::GrantedItem;
use crate::domain::token::live::{Grant, Places};

/// A grant as it is written.
#[derive(Clone, Debug)]
pub struct IssuedGrant {
    /// Its id, which is the first access token's `jti`.
    pub id: GrantId,
    /// The request it came from.
    pub request: RequestId,
    /// Whose tokens these are.
    pub client: ClientId,
    /// Who granted it.
    pub user: UserId,
    /// What was granted.
    pub items: Vec<GrantedItem>,
    /// The key its first tokens are bound to.
    pub bound_to: Option<Confirmation>,
    /// When the tokens were issued.
    pub created_at: OffsetDateTime,
    /// When the last of it ends.
    pub ends_at: OffsetDateTime,
}

/// A token response that may be fetched once more.
#[derive(Clone, Debug)]
pub struct KeptRedemption {
    /// SHA-256 of the Idempotency-Key.
    pub key_hash: Vec<u8>,
    /// Sealed.
    pub response: Vec<u8>,
}

/// Items of a grant have their one use.
#[derive(Clone, Debug)]
pub struct SpentItems {
    /// Which grant.
    pub grant: GrantId,
    /// Which of its items.
    pub places: Places,
    /// Each "always" they rest on.
    pub rests_on: Vec<StandingGrantId>,
    /// When.
    pub at: OffsetDateTime,
}

/// A grant must stand for what is done with it.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Which grant.
    pub grant: GrantId,
    /// Who does something with it.
    pub client: ClientId,
    /// Each "always" it rests on.
    pub rests_on: Vec<StandingGrantId>,
    /// When.
    pub at: OffsetDateTime,
}

impl Store {
    /// The grant of that id, if it is not revoked and its person and client may still take part.
    pub async fn live_grant(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        let row = grant::Entity::find_by_id(id.0)
            .filter(grant::Column::RevokedAt.is_null())
            .filter(Expr::exists(active_user("grants")))
            .filter(Expr::exists(active_client("grants")))
            .only(&self.readers)
            .await?;
        row.map(|row| {
            Ok(Grant {
                id,
                request: RequestId(row.request_id),
                client: ClientId(row.client_id),
                user: UserId(row.user_id),
                items: serde_json::from_str(&row.items)
                    .map_err(|_| inconsistent("grants", id, "items"))?,
                spent: Places(row.spent_items),
                created_at: from_milliseconds(row.created_at),
                ends_at: from_milliseconds(row.ends_at),
            })
        })
        .transpose()
    }

    /// What an answer authorised, unless it has been revoked.
    pub async fn grant_of_request(
        &self,
        request: RequestId,
    ) -> Result<Option<GrantId>, StoreError> {
        let row = grant::Entity::find()
            .filter(grant::Column::RequestId.eq(request.0))
            .filter(grant::Column::RevokedAt.is_null())
            .one(&self.readers)
            .await?;
        Ok(row.map(|row| GrantId(row.id)))
    }

    /// What an answer authorised, when that ends, and when it was revoked if it was.
    pub async fn issued_grant_of(
        &self,
        request: RequestId,
    ) -> Result<Option<(GrantId, OffsetDateTime, Option<OffsetDateTime>)>, StoreError> {
        let row = grant::Entity::find()
            .filter(grant::Column::RequestId.eq(request.0))
            .one(&self.readers)
            .await?;
        Ok(row.map(|row| {
            let revoked_at = row.revoked_at.map(from_milliseconds);
            (GrantId(row.id), from_milliseconds(row.ends_at), revoked_at)
        }))
    }

    /// The response kept for a request, if its minute has not passed.
    pub async fn kept_redemption(
        &self,
        request: RequestId,
        now: OffsetDateTime,
    ) -> Result<Option<KeptRedemption>, StoreError> {
        let row = redemption::Entity::find_by_id(request.0)
            .only(&self.readers)
            .await?;
        let row = row.filter(|row| milliseconds(now) < row.until);
        Ok(row.map(|row| KeptRedemption {
            key_hash: row.key_hash,
            response: row.response,
        }))
    }
}

pub(super) fn row(new: &IssuedGrant) -> grant::ActiveModel {
    grant::ActiveModel {
        id: ActiveValue::Set(new.id.0),
        request_id: ActiveValue::Set(new.request.0),
        client_id: ActiveValue::Set(new.client.0.clone()),
        user_id: ActiveValue::Set(new.user.0),
        items: ActiveValue::Set(serde_json::to_string(&new.items).unwrap_or_default()),
        spent_items: ActiveValue::Set(0),
        access_token_id: ActiveValue::Set(new.id.to_string()),
        created_at: ActiveValue::Set(milliseconds(new.created_at)),
        ends_at: ActiveValue::Set(milliseconds(new.ends_at)),
        bound_to: ActiveValue::Set(new.bound_to.and_then(|it| serde_json::to_string(&it).ok())),
        revoked_at: ActiveValue::Set(None),
    }
}

/// Spends items, each for its one use; 0 when one of them was spent before, or the grant does not stand
/// any longer.
pub(super) async fn spend<C: ConnectionTrait>(conn: &C, spent: &SpentItems) -> Result<u64, DbErr> {
    use grant::Column::{EndsAt, Id, RevokedAt, SpentItems as Spent};
    let bits = spent.places.0;
    let mut update = grant::Entity::update_many()
        .filter(Id.eq(spent.grant.0))
        .filter(Expr::col(Spent).bit_and(bits).eq(0))
        .filter(RevokedAt.is_null())
        .filter(EndsAt.gt(milliseconds(spent.at)))
        .filter(Expr::exists(active_user("grants")))
        .filter(Expr::exists(active_client("grants")))
        .col_expr(Spent, Expr::col(Spent).bit_or(bits));
    if !spent.rests_on.is_empty() {
        update = update.filter(Expr::exists(standing_grants::stopped(&spent.rests_on)).not());
    }
    Ok(update.exec(conn).await?.rows_affected)
}

/// 0 when a grant does not stand any longer. Holds it until the commit is done, so that none is
/// revoked in between.
pub(super) async fn stand<C: ConnectionTrait>(conn: &C, it: &Standing) -> Result<u64, DbErr> {
    let by = Query::select()
        .expr(Expr::value(1))
        .from(client::Entity)
        .and_where(Expr::col((client::Entity, client::Column::Id)).eq(it.client.0.as_str()))
        .and_where(Expr::col((client::Entity, client::Column::Status)).eq("active"))
        .to_owned();
    let mut select = grant::Entity::find_by_id(it.grant.0)
        .filter(grant::Column::RevokedAt.is_null())
        .filter(grant::Column::EndsAt.gt(milliseconds(it.at)))
        .filter(Expr::exists(active_user("grants")))
        .filter(Expr::exists(active_client("grants")))
        .filter(Expr::exists(by))
        .lock_shared();
    if !it.rests_on.is_empty() {
        select = select.filter(Expr::exists(standing_grants::stopped(&it.rests_on)).not());
    }
    let found = select.one(conn).await?;
    Ok(u64::from(found.is_some()))
}

/// Revokes a grant; 0 when it was revoked before.
pub(super) async fn revoke<C: ConnectionTrait>(
    conn: &C,
    id: GrantId,
    at: OffsetDateTime,
) -> Result<u64, DbErr> {
    let update = grant::Entity::update_many()
        .filter(grant::Column::Id.eq(id.0))
        .filter(grant::Column::RevokedAt.is_null())
        .col_expr(grant::Column::RevokedAt, Expr::value(milliseconds(at)));
    Ok(update.exec(conn).await?.rows_affected)
}

pub(super) fn redemption_row(
    request: RequestId,
    key_hash: &[u8; 32],
    response: &[u8],
    until: OffsetDateTime,
) -> redemption::ActiveModel {
    redemption::ActiveModel {
        request_id: ActiveValue::Set(request.0),
        key_hash: ActiveValue::Set(key_hash.to_vec()),
        response: ActiveValue::Set(response.to_vec()),
        until: ActiveValue::Set(milliseconds(until)),
    }
}
