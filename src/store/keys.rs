//! Our own keys, sealed.

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
};
use time::OffsetDateTime;

use entity::signing_key::{ActiveModel, Column, Entity, Model};

use super::error::{StoreError, inconsistent};
use super::{Store, writer};
use crate::domain::timestamp::{from_milliseconds, milliseconds};
use crate::domain::token::keyring::PublicJwk;

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyPurpose {
    /// Signs tokens.
    Tokens,
    /// Signs for us at push services.
    Vapid,
}

impl KeyPurpose {
    /// The stored word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
            Self::Vapid => "vapid",
        }
    }
}

/// A key as stored: the private half sealed.
#[derive(Clone, Debug)]
pub struct StoredKey {
    /// What it is for.
    pub purpose: KeyPurpose,
    /// The public half; its `kid` names the key.
    pub public: PublicJwk,
    /// PKCS#8, sealed.
    pub private: Vec<u8>,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// Until when it is published after a rotation; none while it signs.
    pub retires_at: Option<OffsetDateTime>,
}

impl Store {
    /// All keys for a purpose: the active ones first, then the newest.
    pub async fn keys(&self, purpose: KeyPurpose) -> Result<Vec<StoredKey>, StoreError> {
        let rows = Entity::find()
            .filter(Column::Purpose.eq(purpose.as_str()))
            .order_by_desc(Column::CreatedAt)
            .all(&self.readers)
            .await?;
        let mut keys = rows
            .into_iter()
            .map(|row| read(purpose, row))
            .collect::<Result<Vec<_>, _>>()?;
        keys.sort_by_key(|key| key.retires_at.is_some());
        Ok(keys)
    }
}

/// Adds an active key; 0 when there is one for that purpose and algorithm already.
pub(super) async fn add<C: ConnectionTrait>(conn: &C, key: &StoredKey) -> Result<u64, DbErr> {
    let row = ActiveModel {
        kid: ActiveValue::Set(key.public.kid.clone()),
        purpose: ActiveValue::Set(key.purpose.as_str().to_owned()),
        alg: ActiveValue::Set(key.public.alg.as_str().to_owned()),
        private: ActiveValue::Set(key.private.clone()),
        public: ActiveValue::Set(serde_json::to_string(&key.public).unwrap_or_default()),
        created_at: ActiveValue::Set(milliseconds(key.created_at)),
        retires_at: ActiveValue::Set(None),
    };
    let insert = Entity::insert_many([row])
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(conn)
        .await;
    writer::rows(insert)
}

/// Takes a key out of use; 0 when it already is.
pub(super) async fn retire<C: ConnectionTrait>(
    conn: &C,
    kid: &str,
    until: OffsetDateTime,
) -> Result<u64, DbErr> {
    let update = Entity::update_many()
        .filter(Column::Kid.eq(kid))
        .filter(Column::RetiresAt.is_null())
        .col_expr(Column::RetiresAt, Expr::value(milliseconds(until)));
    Ok(update.exec(conn).await?.rows_affected)
}

fn read(purpose: KeyPurpose, row: Model) -> Result<StoredKey, StoreError> {
    let public = serde_json::from_str(&row.public)
        .map_err(|_| inconsistent("signing_keys", &row.kid, "public"))?;
    Ok(StoredKey {
        purpose,
        public,
        private: row.private,
        created_at: from_milliseconds(row.created_at),
        retires_at: row.retires_at.map(from_milliseconds),
    })
}
