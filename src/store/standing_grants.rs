//! Standing grants: a person's bounded "always".

use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use time::OffsetDateTime;
use uuid::Uuid;

use entity::standing_grant::{ActiveModel, Column, Entity, Model};
use entity::user;

use super::Store;
use super::commit::{GraverPermission, UsedRule};
use super::error::{StoreError, inconsistent};
use super::only::Only as _;
use crate::domain::action::PermissionKey;
use crate::domain::action::json::digest;
use crate::domain::consent::standing::{RevokedBy, StandingGrant};
use crate::domain::id::{ClientId, RequestId, StandingGrantId, UserId};
use crate::domain::timestamp::{from_milliseconds, milliseconds};

/// Standing grants of one person for one agent that are looked at.
const MOST: u64 = 200;

impl Store {
    /// What this person always allows this agent, as far as it has not been stopped or ended.
    pub async fn standing_grants_for(
        &self,
        user: UserId,
        client: &ClientId,
        now: OffsetDateTime,
    ) -> Result<Vec<StandingGrant>, StoreError> {
        let rows = Entity::find()
            .filter(Column::UserId.eq(user.0))
            .filter(Column::ClientId.eq(client.0.as_str()))
            .filter(Column::RevokedAt.is_null())
            .filter(Column::EndsAt.gt(milliseconds(now)))
            .order_by_asc(Column::Id)
            .limit(MOST)
            .all(&self.readers)
            .await?;
        rows.into_iter()
            .map(|row| read(row).map(|(grant, _)| grant))
            .collect()
    }

    /// All of a person's standing grants, the newest first, each with the sentence they read.
    pub async fn standing_grants_of(
        &self,
        user: UserId,
        at_most: u64,
    ) -> Result<Vec<(StandingGrant, String)>, StoreError> {
        let rows = Entity::find()
            .filter(Column::UserId.eq(user.0))
            .order_by_desc(Column::Id)
            .limit(at_most)
            .all(&self.readers)
            .await?;
        rows.into_iter().map(read).collect()
    }

    /// Everybody's standing grants, the newest first, each with the sentence they read.
    pub async fn standing_grants(
        &self,
        at_most: u64,
    ) -> Result<Vec<(StandingGrant, String)>, StoreError> {
        let rows = Entity::find()
            .order_by_desc(Column::Id)
            .limit(at_most)
            .all(&self.readers)
            .await?;
        rows.into_iter().map(read).collect()
    }

    /// Every "always" that gave an answer, or was given with it, stopped or not.
    pub async fn standing_grants_behind(
        &self,
        request: RequestId,
        answered: &[StandingGrantId],
    ) -> Result<Vec<StandingGrant>, StoreError> {
        let mut behind = Column::RequestId.eq(request.0);
        if !answered.is_empty() {
            behind = behind.or(Column::Id.is_in(answered.iter().map(|id| id.0)));
        }
        let rows = Entity::find()
            .filter(behind)
            .order_by_asc(Column::Id)
            .limit(MOST)
            .all(&self.readers)
            .await?;
        rows.into_iter()
            .map(|row| read(row).map(|(grant, _)| grant))
            .collect()
    }

    /// One standing grant.
    pub async fn standing_grant(
        &self,
        id: StandingGrantId,
    ) -> Result<Option<(StandingGrant, String)>, StoreError> {
        Entity::find_by_id(id.0)
            .only(&self.readers)
            .await?
            .map(read)
            .transpose()
    }
}

pub(super) fn row(grant: &StandingGrant, sentence: &str) -> ActiveModel {
    let bounds = serde_json::to_string(&grant.bounds).unwrap_or_default();
    ActiveModel {
        id: ActiveValue::Set(grant.id.0),
        client_id: ActiveValue::Set(grant.client.0.clone()),
        user_id: ActiveValue::Set(grant.user.0),
        resource: ActiveValue::Set(grant.resource.clone()),
        permission: ActiveValue::Set(grant.key.as_stored()),
        bounds_digest: ActiveValue::Set(digest(&bounds).to_vec()),
        bounds: ActiveValue::Set(bounds),
        sentence: ActiveValue::Set(sentence.to_owned()),
        request_id: ActiveValue::Set(grant.from_request.0),
        created_at: ActiveValue::Set(milliseconds(grant.created_at)),
        ends_at: ActiveValue::Set(milliseconds(grant.ends_at)),
        last_used_at: ActiveValue::Set(grant.last_used_at.map(milliseconds)),
        uses: ActiveValue::Set(i64::try_from(grant.uses).unwrap_or(i64::MAX)),
        recent_uses: ActiveValue::Set(recent_text(grant)),
        revoked_at: ActiveValue::Set(grant.revoked_at.map(milliseconds)),
        revoked_why: ActiveValue::Set(grant.revoked_by.map(|why| why.as_str().to_owned())),
    }
}

/// Counts uses; 0 when the grant has been stopped or has ended, has no room for them, or the person is disabled.
pub(super) async fn count_uses<C: ConnectionTrait>(
    conn: &C,
    used: &UsedRule,
) -> Result<u64, DbErr> {
    let at = milliseconds(used.at);
    let active_user = Query::select()
        .expr(Expr::value(1))
        .from(user::Entity)
        .and_where(Expr::col((user::Entity, user::Column::Id)).equals((Entity, Column::UserId)))
        .and_where(Expr::col((user::Entity, user::Column::Status)).eq("active"))
        .to_owned();
    let mut update = Entity::update_many()
        .filter(Column::Id.eq(used.rule.0))
        .filter(Column::RevokedAt.is_null())
        .filter(Column::EndsAt.gt(at))
        .filter(Expr::exists(active_user))
        .col_expr(
            Column::Uses,
            Expr::col(Column::Uses).add(i64::from(used.times)),
        )
        .col_expr(Column::LastUsedAt, Expr::value(at));
    if used.first {
        update = update.filter(Column::Uses.eq(0));
    }
    if used.limited {
        // Held until the commit is done: nobody else counts in between.
        let row = Entity::find_by_id(used.rule.0).lock_exclusive();
        let Some(row) = row.one(conn).await? else {
            return Ok(0);
        };
        let counted = read(row).map_err(|odd| DbErr::Custom(odd.to_string()))?;
        let Some(next) = counted.0.used(used.times, used.at) else {
            return Ok(0);
        };
        update = update.col_expr(Column::RecentUses, Expr::value(recent_text(&next)));
    }
    Ok(update.exec(conn).await?.rows_affected)
}

/// The uses that count for how often it may; none where nobody counts.
fn recent_text(grant: &StandingGrant) -> Option<String> {
    let times: Vec<i64> = grant.recent.iter().map(|at| milliseconds(*at)).collect();
    (!times.is_empty()).then(|| serde_json::to_string(&times).unwrap_or_default())
}

fn recent_uses(text: Option<&str>) -> Option<Vec<OffsetDateTime>> {
    let Some(text) = text else {
        return Some(Vec::new());
    };
    let times: Vec<i64> = serde_json::from_str(text).ok()?;
    Some(times.into_iter().map(from_milliseconds).collect())
}

/// Stops a grant; 0 when it was stopped before, or is somebody else's.
pub(super) async fn stop<C: ConnectionTrait>(
    conn: &C,
    id: StandingGrantId,
    user: Option<UserId>,
    at: OffsetDateTime,
) -> Result<u64, DbErr> {
    let mut update = Entity::update_many()
        .filter(Column::Id.eq(id.0))
        .filter(Column::RevokedAt.is_null())
        .col_expr(Column::RevokedAt, Expr::value(milliseconds(at)))
        .col_expr(Column::RevokedWhy, Expr::value(RevokedBy::Stopped.as_str()));
    if let Some(user) = user {
        update = update.filter(Column::UserId.eq(user.0));
    }
    Ok(update.exec(conn).await?.rows_affected)
}

/// Stops every grant for a client.
pub(super) async fn stop_all<C: ConnectionTrait>(
    conn: &C,
    client: &ClientId,
    at: OffsetDateTime,
) -> Result<u64, DbErr> {
    let update = Entity::update_many()
        .filter(Column::ClientId.eq(client.0.as_str()))
        .filter(Column::RevokedAt.is_null())
        .col_expr(Column::RevokedAt, Expr::value(milliseconds(at)))
        .col_expr(
            Column::RevokedWhy,
            Expr::value(RevokedBy::AgentChanged.as_str()),
        );
    Ok(update.exec(conn).await?.rows_affected)
}

/// Stops every grant for a permission of a service, which has become graver.
pub(super) async fn stop_graver<C: ConnectionTrait>(
    conn: &C,
    graver: &GraverPermission,
) -> Result<u64, DbErr> {
    let update = Entity::update_many()
        .filter(Column::Resource.eq(graver.resource.as_str()))
        .filter(Column::Permission.eq(graver.key.as_stored()))
        .filter(Column::RevokedAt.is_null())
        .col_expr(Column::RevokedAt, Expr::value(milliseconds(graver.at)))
        .col_expr(
            Column::RevokedWhy,
            Expr::value(RevokedBy::TierRaised.as_str()),
        );
    Ok(update.exec(conn).await?.rows_affected)
}

/// 0 when one of these was stopped or is over. Holds them until the commit is done, so that none is stopped
/// in between.
pub(super) async fn stand<C: ConnectionTrait>(
    conn: &C,
    rules: &[StandingGrantId],
    at: OffsetDateTime,
) -> Result<u64, DbErr> {
    let different: std::collections::BTreeSet<_> = rules.iter().map(|rule| rule.0).collect();
    let standing: Vec<Uuid> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Id.is_in(different.iter().copied()))
        .filter(Column::RevokedAt.is_null())
        .filter(Column::EndsAt.gt(milliseconds(at)))
        .order_by_asc(Column::Id)
        .lock_shared()
        .into_tuple()
        .all(conn)
        .await?;
    Ok(u64::from(standing.len() == different.len()))
}

/// Any of these was stopped.
pub(super) fn stopped(rules: &[StandingGrantId]) -> SelectStatement {
    Query::select()
        .expr(Expr::value(1))
        .from(Entity)
        .and_where(Expr::col((Entity, Column::Id)).is_in(rules.iter().map(|rule| rule.0)))
        .and_where(Expr::col((Entity, Column::RevokedAt)).is_not_null())
        .to_owned()
}

fn read(row: Model) -> Result<(StandingGrant, String), StoreError> {
    let odd = |column| inconsistent("standing_grants", row.id.as_simple(), column);
    let revoked_by = match row.revoked_why.as_deref() {
        None => Ok(None),
        Some(word) => RevokedBy::from_stored(word).map(Some).ok_or(()),
    };
    let grant = StandingGrant {
        id: StandingGrantId(row.id),
        client: ClientId(row.client_id.clone()),
        user: UserId(row.user_id),
        resource: row.resource.clone(),
        key: PermissionKey::from_stored(&row.permission).map_err(|_| odd("permission"))?,
        bounds: serde_json::from_str(&row.bounds).map_err(|_| odd("bounds"))?,
        created_at: from_milliseconds(row.created_at),
        ends_at: from_milliseconds(row.ends_at),
        last_used_at: row.last_used_at.map(from_milliseconds),
        uses: u64::try_from(row.uses).map_err(|_| odd("uses"))?,
        recent: recent_uses(row.recent_uses.as_deref()).ok_or_else(|| odd("recent_uses"))?,
        revoked_at: row.revoked_at.map(from_milliseconds),
        revoked_by: revoked_by.map_err(|()| odd("revoked_why"))?,
        from_request: RequestId(row.request_id),
    };
    Ok((grant, row.sentence))
}
