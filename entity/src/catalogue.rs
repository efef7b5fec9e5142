//! Every version of the catalogue that was ever applied.

use sea_orm::entity::prelude::*;

/// Every version of the catalogue that was ever applied.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "catalogues")]
pub struct Model {
    /// 1, 2, 3, …
    #[sea_orm(primary_key, auto_increment = false)]
    pub version: i32,
    /// The catalogue, JSON.
    #[sea_orm(column_type = "Text")]
    pub document: String,
    /// When it was applied.
    pub applied_at: i64,
}

/// No relations: queries say their joins.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
