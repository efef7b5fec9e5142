//! What is kept of people's user codes, and how they were tried.

use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict};
use sea_orm::{ActiveValue, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter};

use entity::user_code::{ActiveModel, Column, Entity};

use super::error::{StoreError, inconsistent};
use super::only::Only as _;
use super::{Store, writer};
use crate::domain::id::UserId;
use crate::domain::timestamp::{from_milliseconds, milliseconds};
use crate::domain::user::code::{CodeHash, Tries, UserCode};

/// A code was tried. Does not print what is kept of it.
pub struct TriedCode {
    /// As it was found.
    pub found: UserCode,
    /// How it has been tried from now on.
    pub to: Tries,
}

impl std::fmt::Debug for TriedCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TriedCode")
    }
}

/// What is to be kept of a code. Does not print.
pub struct NewUserCode(pub UserCode);

impl std::fmt::Debug for NewUserCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewUserCode")
    }
}

impl Store {
    /// What is kept of that person's code, if they have one.
    pub async fn user_code(&self, user: UserId) -> Result<Option<UserCode>, StoreError> {
        let Some(row) = Entity::find_by_id(user.0).only(&self.readers).await? else {
            return Ok(None);
        };
        let odd = |column| inconsistent("user_codes", row.user_id.as_simple(), column);
        Ok(Some(UserCode {
            user,
            hash: CodeHash::from_stored(&row.hash).ok_or_else(|| odd("hash"))?,
            tries: Tries {
                wrong: u32::try_from(row.wrong).map_err(|_| odd("wrong"))?,
                locked_until: row.locked_until.map(from_milliseconds),
            },
        }))
    }
}

/// Keeps a code instead of the one before.
pub(super) async fn set<C: ConnectionTrait>(conn: &C, new: &NewUserCode) -> Result<u64, DbErr> {
    let NewUserCode(code) = new;
    let row = ActiveModel {
        user_id: ActiveValue::Set(code.user.0),
        hash: ActiveValue::Set(code.hash.as_stored()),
        wrong: ActiveValue::Set(count(code.tries.wrong)),
        locked_until: ActiveValue::Set(code.tries.locked_until.map(milliseconds)),
    };
    let replaced = [Column::Hash, Column::Wrong, Column::LockedUntil];
    let insert = Entity::insert_many([row])
        .on_conflict(
            OnConflict::column(Column::UserId)
                .update_columns(replaced)
                .to_owned(),
        )
        .exec_without_returning(conn)
        .await;
    writer::rows(insert)
}

/// Forgets a code; 0 when there is none.
pub(super) async fn remove<C: ConnectionTrait>(conn: &C, user: UserId) -> Result<u64, DbErr> {
    let delete = Entity::delete_many().filter(Column::UserId.eq(user.0));
    Ok(delete.exec(conn).await?.rows_affected)
}

/// Notes how it was tried; 0 when it is another by now, or was tried meanwhile.
pub(super) async fn tried<C: ConnectionTrait>(conn: &C, it: &TriedCode) -> Result<u64, DbErr> {
    let update = Entity::update_many()
        .filter(Column::UserId.eq(it.found.user.0))
        .filter(Column::Hash.eq(it.found.hash.as_stored()))
        .filter(Expr::col(Column::Wrong).eq(count(it.found.tries.wrong)))
        .col_expr(Column::Wrong, Expr::value(count(it.to.wrong)))
        .col_expr(
            Column::LockedUntil,
            Expr::value(it.to.locked_until.map(milliseconds)),
        );
    Ok(update.exec(conn).await?.rows_affected)
}

fn count(wrong: u32) -> i32 {
    i32::try_from(wrong).unwrap_or(i32::MAX)
}
