//! Sessions: signed-in browsers.

use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryTrait,
};
use time::OffsetDateTime;

use entity::session::{ActiveModel, Column, Entity, Model};
use entity::user;

use super::error::{StoreError, inconsistent};
use super::only::Only as _;
use super::{Store, users};
use crate::domain::consent::assurance::Assurance;
use crate::domain::id::{SessionId, UserId};
use crate::domain::timestamp::{from_milliseconds, milliseconds};
use crate::domain::user::User;

/// A session, live or not: whether it may still be used is the flow's to say.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredSession {
    /// Its id.
    pub id: SessionId,
    /// Who is signed in.
    pub user: UserId,
    /// What the sign-in rested on.
    pub how: Assurance,
    /// When they proved it was them.
    pub authenticated_at: OffsetDateTime,
    /// When it began.
    pub created_at: OffsetDateTime,
    /// When it was last used, to the minute.
    pub last_seen_at: OffsetDateTime,
    /// When it ends whatever happens.
    pub expires_at: OffsetDateTime,
    /// When they signed out.
    pub ended_at: Option<OffsetDateTime>,
    /// The browser.
    pub user_agent: Option<String>,
}

impl Store {
    /// The session of that id, and whose it is.
    pub async fn session_and_user(
        &self,
        id: SessionId,
    ) -> Result<Option<(StoredSession, User)>, StoreError> {
        let whose = Expr::col((Entity, Column::UserId)).equals((user::Entity, user::Column::Id));
        let mut select = Entity::find_by_id(id.0).select_also(user::Entity);
        QueryTrait::query(&mut select).inner_join(user::Entity, whose);
        let Some((session, Some(user))) = select.only(&self.readers).await? else {
            return Ok(None);
        };
        Ok(Some((read(session)?, users::read(user))))
    }

    /// The session of that id.
    pub async fn session(&self, id: SessionId) -> Result<Option<StoredSession>, StoreError> {
        Entity::find_by_id(id.0)
            .only(&self.readers)
            .await?
            .map(read)
            .transpose()
    }
}

pub(super) fn row(session: &StoredSession) -> ActiveModel {
    ActiveModel {
        id: ActiveValue::Set(session.id.0),
        user_id: ActiveValue::Set(session.user.0),
        how: ActiveValue::Set(session.how.as_str().to_owned()),
        authenticated_at: ActiveValue::Set(milliseconds(session.authenticated_at)),
        created_at: ActiveValue::Set(milliseconds(session.created_at)),
        last_seen_at: ActiveValue::Set(milliseconds(session.last_seen_at)),
        expires_at: ActiveValue::Set(milliseconds(session.expires_at)),
        ended_at: ActiveValue::Set(session.ended_at.map(milliseconds)),
        user_agent: ActiveValue::Set(session.user_agent.clone()),
    }
}

/// Notes that it was used.
pub(super) async fn touch<C: ConnectionTrait>(
    conn: &C,
    id: SessionId,
    at: OffsetDateTime,
) -> Result<u64, DbErr> {
    Entity::update_many()
        .filter(Column::Id.eq(id.0))
        .filter(Column::EndedAt.is_null())
        .col_expr(Column::LastSeenAt, Expr::value(milliseconds(at)))
        .exec(conn)
        .await?;
    Ok(1)
}

/// Ends it; 0 when it already has.
pub(super) async fn end<C: ConnectionTrait>(
    conn: &C,
    id: SessionId,
    at: OffsetDateTime,
) -> Result<u64, DbErr> {
    let update = Entity::update_many()
        .filter(Column::Id.eq(id.0))
        .filter(Column::EndedAt.is_null())
        .col_expr(Column::EndedAt, Expr::value(milliseconds(at)));
    Ok(update.exec(conn).await?.rows_affected)
}

fn read(row: Model) -> Result<StoredSession, StoreError> {
    let how = Assurance::from_stored(&row.how)
        .ok_or_else(|| inconsistent("sessions", row.id.as_simple(), "how"))?;
    Ok(StoredSession {
        id: SessionId(row.id),
        user: UserId(row.user_id),
        how,
        authenticated_at: from_milliseconds(row.authenticated_at),
        created_at: from_milliseconds(row.created_at),
        last_seen_at: from_milliseconds(row.last_seen_at),
        expires_at: from_milliseconds(row.expires_at),
        ended_at: row.ended_at.map(from_milliseconds),
        user_agent: row.user_agent,
    })
}
