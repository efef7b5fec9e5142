//! Grants: what one answer authorised, and the response that may be fetched once more.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter};
use time::OffsetDateTime;

use entity::{grant, redemption};

use super::Store;
use super::error::StoreError;
use crate::domain::id::{ClientId, GrantId, RequestId, UserId};
use crate::domain::timestamp::milliseconds;
use crate::domain::token::granted::GrantedItem;

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

impl Store {
    /// The response kept for a request, if its minute has not passed.
    pub async fn kept_redemption(
        &self,
        request: RequestId,
        now: OffsetDateTime,
    ) -> Result<Option<KeptRedemption>, StoreError> {
        let row = redemption::Entity::find_by_id(request.0)
            .one(&self.readers)
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
        access_token_id: ActiveValue::Set(new.id.to_string()),
        created_at: ActiveValue::Set(milliseconds(new.created_at)),
        ends_at: ActiveValue::Set(milliseconds(new.ends_at)),
        revoked_at: ActiveValue::Set(None),
    }
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
