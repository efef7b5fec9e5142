//! How slowly an agent was told to poll; kept apart so that it can never undo a decision.

use sea_orm::entity::prelude::*;

/// How slowly an agent was told to poll; kept apart so that it can never undo a decision.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "paces")]
pub struct Model {
    /// The request polled.
    #[sea_orm(primary_key, auto_increment = false)]
    pub request_id: Uuid,
    /// Least seconds between polls by now.
    pub interval_s: i32,
}

/// No relations: queries say their joins.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
