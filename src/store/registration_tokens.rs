//! Tokens that let clients register.

use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{ActiveValue, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter};
use time::OffsetDateTime;

use entity::registration_token::{ActiveModel, Column, Entity};

use super::error::{StoreError, inconsistent};
use super::only::Only as _;
use super::{Store, writer};
use crate::domain::client::profile::Profile;
use crate::domain::id::RegistrationTokenId;
use crate::domain::timestamp::milliseconds;

/// A token as it is written. The token itself is its id and a MAC, which is not stored.
#[derive(Clone, Copy, Debug)]
pub struct NewRegistrationToken {
    /// Its id.
    pub id: RegistrationTokenId,
    /// How many clients it is good for.
    pub uses: u32,
    /// The profile of these clients.
    pub profile: Profile,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When it ends.
    pub expires_at: OffsetDateTime,
}

impl Store {
    /// The profile of the clients a token lets in, if there is such a token.
    pub async fn registration_profile(
        &self,
        id: RegistrationTokenId,
    ) -> Result<Option<Profile>, StoreError> {
        let row = Entity::find_by_id(id.0).only(&self.readers).await?;
        let profile = row.map(|row| {
            let odd = || inconsistent("registration_tokens", row.id, "profile");
            Profile::from_word(&row.profile).ok_or_else(odd)
        });
        profile.transpose()
    }
}

pub(super) async fn add<C: ConnectionTrait>(
    conn: &C,
    new: &NewRegistrationToken,
) -> Result<u64, DbErr> {
    let row = ActiveModel {
        id: ActiveValue::Set(new.id.0),
        uses_left: ActiveValue::Set(i32::try_from(new.uses).unwrap_or(i32::MAX)),
        profile: ActiveValue::Set(new.profile.as_str().to_owned()),
        created_at: ActiveValue::Set(milliseconds(new.created_at)),
        expires_at: ActiveValue::Set(milliseconds(new.expires_at)),
    };
    let insert = Entity::insert_many([row])
        .exec_without_returning(conn)
        .await;
    writer::rows(insert)
}

/// Uses it for one client; 0 when it is used up, over, or unknown.
pub(super) async fn use_for_one<C: ConnectionTrait>(
    conn: &C,
    id: RegistrationTokenId,
    at: OffsetDateTime,
) -> Result<u64, DbErr> {
    let update = Entity::update_many()
        .filter(Column::Id.eq(id.0))
        .filter(Column::UsesLeft.gt(0))
        .filter(Column::ExpiresAt.gt(milliseconds(at)))
        .col_expr(Column::UsesLeft, Expr::col(Column::UsesLeft).sub(1));
    Ok(update.exec(conn).await?.rows_affected)
}
