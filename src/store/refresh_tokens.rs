//! Refresh tokens: the chain that carries a grant on, and the response to the last link's use.
//!
//! A token is used in one statement that asks everything a refresh rests on once more: that it is
//! unused, its grant not revoked, the person and the client active, and no "always" behind it stopped.

use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{ActiveValue, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter};
use time::OffsetDateTime;

use entity::refresh_token::{ActiveModel, Column, Entity};
use entity::{client, grant, kept_refresh, user};

use super::error::{StoreError, inconsistent};
use super::only::Only as _;
use super::{Store, standing_grants};
use crate::domain::id::{ClientId, GrantId, RefreshTokenId, RequestId, StandingGrantId};
use crate::domain::timestamp::{from_milliseconds, milliseconds};
use crate::domain::token::refresh::RefreshToken;

/// A refresh token as it is written.
#[derive(Clone, Copy, Debug)]
pub struct NewRefreshToken {
    /// Its id.
    pub id: RefreshTokenId,
    /// The grant it carries on.
    pub grant: GrantId,
    /// The token it is given for; none for the first.
    pub parent: Option<RefreshTokenId>,
    /// When it is given.
    pub created_at: OffsetDateTime,
    /// When the last of what it carries on ends.
    pub expires_at: OffsetDateTime,
}

/// One use of a refresh token.
#[derive(Clone, Debug)]
pub struct UsedRefreshToken {
    /// Which.
    pub id: RefreshTokenId,
    /// When.
    pub at: OffsetDateTime,
    /// Each "always" it rests on.
    pub rests_on: Vec<StandingGrantId>,
    /// The token given for it.
    pub next: NewRefreshToken,
}

/// The response to a refresh, kept for a moment.
#[derive(Clone, Debug)]
pub struct KeptRefresh {
    /// The token that was used.
    pub token: RefreshTokenId,
    /// SHA-256 of the Idempotency-Key.
    pub key_hash: Option<[u8; 32]>,
    /// Sealed.
    pub response: Vec<u8>,
    /// When it may no longer be fetched.
    pub until: OffsetDateTime,
}

impl Store {
    /// A refresh token and the grant it carries on.
    pub async fn refresh_token(
        &self,
        id: RefreshTokenId,
    ) -> Result<Option<RefreshToken>, StoreError> {
        let Some(token) = Entity::find_by_id(id.0).only(&self.readers).await? else {
            return Ok(None);
        };
        let odd = |column| inconsistent("refresh_tokens", id, column);
        let grant = grant::Entity::find_by_id(token.grant_id)
            .only(&self.readers)
            .await?
            .ok_or_else(|| odd("grant_id"))?;
        let active_user = user::Entity::find_by_id(grant.user_id)
            .filter(user::Column::Status.eq("active"))
            .only(&self.readers)
            .await?;
        let active_client = client::Entity::find_by_id(grant.client_id.clone())
            .filter(client::Column::Status.eq("active"))
            .only(&self.readers)
            .await?;
        Ok(Some(RefreshToken {
            id,
            used_at: token.used_at.map(from_milliseconds),
            expires_at: from_milliseconds(token.expires_at),
            grant: GrantId(grant.id),
            request: RequestId(grant.request_id),
            client: ClientId(grant.client_id),
            items: serde_json::from_str(&grant.items)
                .map_err(|_| inconsistent("grants", grant.id.as_simple(), "items"))?,
            bound_to: grant
                .bound_to
                .as_deref()
                .map(serde_json::from_str)
                .transpose()
                .map_err(|_| inconsistent("grants", grant.id.as_simple(), "bound_to"))?,
            granted_at: from_milliseconds(grant.created_at),
            revoked: grant.revoked_at.is_some(),
            active: active_user.is_some() && active_client.is_some(),
        }))
    }

    /// The response a token's use got, if it is kept still.
    pub async fn kept_refresh(
        &self,
        token: RefreshTokenId,
        now: OffsetDateTime,
    ) -> Result<Option<KeptRefresh>, StoreError> {
        let row = kept_refresh::Entity::find_by_id(token.0)
            .only(&self.readers)
            .await?;
        let row = row.filter(|row| milliseconds(now) < row.until);
        Ok(row.map(|row| KeptRefresh {
            token,
            key_hash: row.key_hash.and_then(|hash| hash.try_into().ok()),
            response: row.response,
            until: from_milliseconds(row.until),
        }))
    }
}

pub(super) fn row(new: &NewRefreshToken) -> ActiveModel {
    ActiveModel {
        id: ActiveValue::Set(new.id.0),
        grant_id: ActiveValue::Set(new.grant.0),
        parent_id: ActiveValue::Set(new.parent.map(|parent| parent.0)),
        state: ActiveValue::Set("active".to_owned()),
        created_at: ActiveValue::Set(milliseconds(new.created_at)),
        expires_at: ActiveValue::Set(milliseconds(new.expires_at)),
        used_at: ActiveValue::Set(None),
    }
}

pub(super) fn kept_row(kept: &KeptRefresh) -> kept_refresh::ActiveModel {
    kept_refresh::ActiveModel {
        refresh_token_id: ActiveValue::Set(kept.token.0),
        key_hash: ActiveValue::Set(kept.key_hash.map(|hash| hash.to_vec())),
        response: ActiveValue::Set(kept.response.clone()),
        until: ActiveValue::Set(milliseconds(kept.until)),
    }
}

/// Uses a token and gives the next; 0 when it was used before or may not be used any more.
pub(super) async fn use_once<C: ConnectionTrait>(
    conn: &C,
    used: &UsedRefreshToken,
) -> Result<u64, DbErr> {
    let at = milliseconds(used.at);
    let mut update = Entity::update_many()
        .filter(Column::Id.eq(used.id.0))
        .filter(Expr::cust("state = 'active'"))
        .filter(Column::ExpiresAt.gt(at))
        .filter(Expr::exists(live_grant()))
        .col_expr(Column::State, Expr::value("used"))
        .col_expr(Column::UsedAt, Expr::value(at));
    if !used.rests_on.is_empty() {
        update = update.filter(Expr::exists(standing_grants::stopped(&used.rests_on)).not());
    }
    let moved = update.exec(conn).await?.rows_affected;
    if moved > 0 {
        Entity::insert(row(&used.next))
            .exec_without_returning(conn)
            .await?;
    }
    Ok(moved)
}

/// The token's grant is not revoked, and its person and client are active.
fn live_grant() -> SelectStatement {
    Query::select()
        .expr(Expr::value(1))
        .from(grant::Entity)
        .inner_join(
            user::Entity,
            Expr::col((user::Entity, user::Column::Id))
                .equals((grant::Entity, grant::Column::UserId)),
        )
        .inner_join(
            client::Entity,
            Expr::col((client::Entity, client::Column::Id))
                .equals((grant::Entity, grant::Column::ClientId)),
        )
        .and_where(Expr::col((grant::Entity, grant::Column::Id)).equals((Entity, Column::GrantId)))
        .and_where(Expr::col((grant::Entity, grant::Column::RevokedAt)).is_null())
        .and_where(Expr::col((user::Entity, user::Column::Status)).eq("active"))
        .and_where(Expr::col((client::Entity, client::Column::Status)).eq("active"))
        .to_owned()
}
