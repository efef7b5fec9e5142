//! Agents that may not ask for a while.

use sea_orm::entity::prelude::*;

/// Agents that may not ask for a while.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "pauses")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Who is not to be asked; everybody if nobody is named.
    pub user_id: Option<Uuid>,
    /// Which agent may not ask; none may if none is named.
    pub client_id: Option<String>,
    /// What it may not ask for, one permission a line; anything if this is missing.
    #[sea_orm(column_type = "Text", nullable)]
    pub shape: Option<String>,
    /// `operator`, `person`, `denials` or `reported`.
    pub cause: String,
    /// What the operator tells people about it.
    pub why: Option<String>,
    /// When it began.
    pub began_at: i64,
    /// When it ends by itself.
    pub ends_at: Option<i64>,
    /// When it was ended.
    pub ended_at: Option<i64>,
    /// How many requests it has held back.
    pub held_back: i64,
}

/// No relations: queries say their joins.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
