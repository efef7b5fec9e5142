//! When people are not to be disturbed.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter};

use entity::quiet_hours::{ActiveModel, Column, Entity};

use super::error::{StoreError, inconsistent};
use super::only::Only as _;
use super::{Store, writer};
use crate::domain::id::UserId;
use crate::domain::user::quiet_hours::QuietHours;

impl Store {
    /// That person's quiet hours, if they have some.
    pub async fn quiet_hours(&self, user: UserId) -> Result<Option<QuietHours>, StoreError> {
        let Some(row) = Entity::find_by_id(user.0).only(&self.readers).await? else {
            return Ok(None);
        };
        let odd = || inconsistent("quiet_hours", row.user_id.as_simple(), "zone");
        let hours = QuietHours::from_stored(&row.zone, row.days, row.begins, row.ends);
        let hours = hours.ok_or_else(odd)?;
        Ok(Some(hours.with(row.urgent_rings, row.tells_agents)))
    }
}

/// Keeps them instead of those before.
pub(super) async fn set<C: ConnectionTrait>(
    conn: &C,
    user: UserId,
    hours: &QuietHours,
) -> Result<u64, DbErr> {
    let (begins, ends) = hours.minutes();
    let row = ActiveModel {
        user_id: ActiveValue::Set(user.0),
        zone: ActiveValue::Set(hours.zone().to_owned()),
        days: ActiveValue::Set(hours.days().as_stored()),
        begins: ActiveValue::Set(begins.into()),
        ends: ActiveValue::Set(ends.into()),
        urgent_rings: ActiveValue::Set(hours.urgent_rings),
        tells_agents: ActiveValue::Set(hours.tells_agents),
    };
    let replaced = [
        Column::Zone,
        Column::Days,
        Column::Begins,
        Column::Ends,
        Column::UrgentRings,
        Column::TellsAgents,
    ];
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

/// Forgets them; 0 when there are none.
pub(super) async fn remove<C: ConnectionTrait>(conn: &C, user: UserId) -> Result<u64, DbErr> {
    let delete = Entity::delete_many().filter(Column::UserId.eq(user.0));
    Ok(delete.exec(conn).await?.rows_affected)
}
