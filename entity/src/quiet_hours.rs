//! When a person is not to be disturbed.

use sea_orm::entity::prelude::*;

/// When a person is not to be disturbed.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "quiet_hours")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: Uuid,
    /// The IANA name of their time zone.
    pub zone: String,
    /// On which days they begin: a bit each, Monday the lowest.
    pub days: i32,
    /// When they begin, in minutes of the day.
    pub begins: i32,
    /// When they end, in minutes of the day.
    pub ends: i32,
    /// What is important may ring all the same.
    pub urgent_rings: bool,
    /// Agents may know when they end.
    pub tells_agents: bool,
}

/// No relations: queries say their joins.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
