//! Access tokens that are not JWTs: what they carry is kept here.

use sea_orm::{ActiveValue, EntityTrait};
use time::OffsetDateTime;

use entity::access_token::{ActiveModel, Entity};

use super::Store;
use super::error::{StoreError, inconsistent};
use crate::domain::id::{AccessTokenId, GrantId};
use crate::domain::timestamp::milliseconds;
use crate::domain::token::carried::Carried;

/// An opaque access token as it is written.
#[derive(Clone, Debug)]
pub struct NewAccessToken {
    /// Its id, which is its `jti`.
    pub id: AccessTokenId,
    /// What it hangs off.
    pub grant: GrantId,
    /// What a JWT would carry, as JSON.
    pub claims: String,
    /// When it ends.
    pub expires_at: OffsetDateTime,
}

impl Store {
    /// What an opaque access token carries.
    pub async fn access_token(&self, id: AccessTokenId) -> Result<Option<Carried>, StoreError> {
        let row = Entity::find_by_id(id.0).one(&self.readers).await?;
        let read = |row: entity::access_token::Model| {
            serde_json::from_str(&row.claims)
                .map_err(|_| inconsistent("access_tokens", id, "claims"))
        };
        row.map(read).transpose()
    }
}

pub(super) fn row(new: &NewAccessToken) -> ActiveModel {
    ActiveModel {
        id: ActiveValue::Set(new.id.0),
        grant_id: ActiveValue::Set(new.grant.0),
        claims: ActiveValue::Set(new.claims.clone()),
        expires_at: ActiveValue::Set(milliseconds(new.expires_at)),
    }
}
