//! People.

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};

use entity::user::{ActiveModel, Column, Entity, Model};

use super::clients::status;
use super::error::StoreError;
use super::only::Only as _;
use super::{Store, writer};
use crate::domain::ciba::hint::Hint;
use crate::domain::id::UserId;
use crate::domain::timestamp::{from_milliseconds, milliseconds};
use crate::domain::user::User;

impl Store {
    /// The person of that id.
    pub async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        Ok(Entity::find_by_id(id.0)
            .only(&self.readers)
            .await?
            .map(read))
    }

    /// Whoever a hint names.
    pub async fn user_by_hint(&self, hint: &Hint) -> Result<Option<User>, StoreError> {
        let query = match hint {
            Hint::Subject(id) => return self.user(*id).await,
            Hint::Email(email) => Entity::find().filter(Column::Email.eq(email.as_str())),
            Hint::Username(name) => Entity::find().filter(Column::Username.eq(name.as_str())),
            Hint::Token(_) | Hint::Foreign => return Ok(None),
        };
        Ok(query.only(&self.readers).await?.map(read))
    }

    /// Everybody, by address.
    pub async fn users(&self, at_most: u64) -> Result<Vec<User>, StoreError> {
        let rows = Entity::find()
            .order_by_asc(Column::Email)
            .limit(at_most)
            .all(&self.readers)
            .await?;
        Ok(rows.into_iter().map(read).collect())
    }
}

/// Adds a person; 0 when the address or username is taken.
pub(super) async fn add<C: ConnectionTrait>(conn: &C, user: &User) -> Result<u64, DbErr> {
    let row = ActiveModel {
        id: ActiveValue::Set(user.id.0),
        email: ActiveValue::Set(user.email.clone()),
        username: ActiveValue::Set(user.username.clone()),
        name: ActiveValue::Set(user.name.clone()),
        status: ActiveValue::Set(status(user.active).to_owned()),
        created_at: ActiveValue::Set(milliseconds(user.created_at)),
    };
    let insert = Entity::insert_many([row])
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(conn)
        .await;
    writer::rows(insert)
}

/// Disables or enables a person; 0 when they already are.
pub(super) async fn set_active<C: ConnectionTrait>(
    conn: &C,
    id: UserId,
    active: bool,
) -> Result<u64, DbErr> {
    let update = Entity::update_many()
        .filter(Column::Id.eq(id.0))
        .filter(Column::Status.eq(status(!active)))
        .col_expr(Column::Status, Expr::value(status(active)));
    Ok(update.exec(conn).await?.rows_affected)
}

pub(super) fn read(row: Model) -> User {
    User {
        id: UserId(row.id),
        email: row.email,
        username: row.username,
        name: row.name,
        active: row.status == "active",
        created_at: from_milliseconds(row.created_at),
    }
}
