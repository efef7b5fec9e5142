//! A person.

use sea_orm::entity::prelude::*;

/// A person.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    /// The `sub` of every token about them.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Lower-cased; where letters go.
    pub email: String,
    /// Another name a hint may use, lower-cased.
    pub username: Option<String>,
    /// What pages call them.
    pub name: String,
    /// `active` or `disabled`.
    pub status: String,
    /// When they were added.
    pub created_at: i64,
}

/// No relations: queries say their joins.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
