//! The catalogue: every version that was ever applied; the last one counts.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue, ConnectionTrait, DbErr, EntityTrait, QueryOrder, QuerySelect};
use time::OffsetDateTime;

use entity::catalogue::{ActiveModel, Column, Entity};

use super::error::{StoreError, inconsistent};
use super::{Store, writer};
use crate::domain::action::Catalogue;
use crate::domain::timestamp::milliseconds;

impl Store {
    /// The version that counts; 0 before any was applied.
    pub async fn catalogue_version(&self) -> Result<i32, StoreError> {
        let version: Option<i32> = Entity::find()
            .select_only()
            .column(Column::Version)
            .order_by_desc(Column::Version)
            .limit(1)
            .into_tuple()
            .one(&self.readers)
            .await?;
        Ok(version.unwrap_or(0))
    }

    /// The catalogue that counts, and its version; an empty one before any was applied.
    pub async fn catalogue(&self) -> Result<(i32, Catalogue), StoreError> {
        let row = Entity::find()
            .order_by_desc(Column::Version)
            .one(&self.readers)
            .await?;
        match row {
            None => Ok((0, Catalogue::default())),
            Some(row) => {
                let catalogue = serde_json::from_str(&row.document)
                    .map_err(|_| inconsistent("catalogues", row.version, "document"))?;
                Ok((row.version, catalogue))
            }
        }
    }
}

/// Applies a version; 0 when someone else applied that version first.
pub(super) async fn apply<C: ConnectionTrait>(
    conn: &C,
    version: i32,
    document: &str,
    at: OffsetDateTime,
) -> Result<u64, DbErr> {
    let row = ActiveModel {
        version: ActiveValue::Set(version),
        document: ActiveValue::Set(document.to_owned()),
        applied_at: ActiveValue::Set(milliseconds(at)),
    };
    let insert = Entity::insert_many([row])
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(conn)
        .await;
    writer::rows(insert)
}
