//! One-time sign-in links.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter,
};
use time::OffsetDateTime;

use entity::sign_in_link::{ActiveModel, Column, Entity, Model};

use super::Store;
use super::error::{StoreError, inconsistent};
use super::only::Only as _;
use crate::domain::consent::assurance::Assurance;
use crate::domain::id::{SignInLinkId, UserId};
use crate::domain::timestamp::{from_milliseconds, milliseconds};

/// A sign-in link. The link itself is its id and a MAC, which is not stored.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredLink {
    /// Its id.
    pub id: SignInLinkId,
    /// Who it signs in.
    pub user: UserId,
    /// What the sign-in will rest on.
    pub how: Assurance,
    /// Where to go afterwards: a local path.
    pub next: Option<String>,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When it ends.
    pub expires_at: OffsetDateTime,
    /// When it was used.
    pub used_at: Option<OffsetDateTime>,
}

impl Store {
    /// The link of that id.
    pub async fn sign_in_link(&self, id: SignInLinkId) -> Result<Option<StoredLink>, StoreError> {
        Entity::find_by_id(id.0)
            .only(&self.readers)
            .await?
            .map(read)
            .transpose()
    }

    /// How many links were made for this person since then.
    pub async fn sign_in_links_since(
        &self,
        user: UserId,
        since: OffsetDateTime,
    ) -> Result<u64, StoreError> {
        Ok(Entity::find()
            .filter(Column::UserId.eq(user.0))
            .filter(Column::CreatedAt.gte(milliseconds(since)))
            .count(&self.readers)
            .await?)
    }
}

pub(super) fn row(link: &StoredLink) -> ActiveModel {
    ActiveModel {
        id: ActiveValue::Set(link.id.0),
        user_id: ActiveValue::Set(link.user.0),
        how: ActiveValue::Set(link.how.as_str().to_owned()),
        next: ActiveValue::Set(link.next.clone()),
        created_at: ActiveValue::Set(milliseconds(link.created_at)),
        expires_at: ActiveValue::Set(milliseconds(link.expires_at)),
        used_at: ActiveValue::Set(link.used_at.map(milliseconds)),
    }
}

/// Uses a link; 0 when it was used before, or too late.
pub(super) async fn use_once<C: ConnectionTrait>(
    conn: &C,
    id: SignInLinkId,
    at: OffsetDateTime,
) -> Result<u64, DbErr> {
    let update = Entity::update_many()
        .filter(Column::Id.eq(id.0))
        .filter(Column::UsedAt.is_null())
        .filter(Column::ExpiresAt.gt(milliseconds(at)))
        .col_expr(Column::UsedAt, Expr::value(milliseconds(at)));
    Ok(update.exec(conn).await?.rows_affected)
}

fn read(row: Model) -> Result<StoredLink, StoreError> {
    let how = Assurance::from_stored(&row.how)
        .ok_or_else(|| inconsistent("sign_in_links", row.id.as_simple(), "how"))?;
    Ok(StoredLink {
        id: SignInLinkId(row.id),
        user: UserId(row.user_id),
        how,
        next: row.next,
        created_at: from_milliseconds(row.created_at),
        expires_at: from_milliseconds(row.expires_at),
        used_at: row.used_at.map(from_milliseconds),
    })
}
