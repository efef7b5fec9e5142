//! A refresh token: one link of the chain that carries a grant on.

use sea_orm::entity::prelude::*;

/// A refresh token: one link of the chain that carries a grant on.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "refresh_tokens")]
pub struct Model {
    /// Its id; the token is derived from it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The grant it carries on.
    pub grant_id: Uuid,
    /// The token it was given for, which may be forgotten by now; none for the first.
    pub parent_id: Option<Uuid>,
    /// `active` or `used`.
    pub state: String,
    /// When it was given.
    pub created_at: i64,
    /// When the last of what it carries on ends.
    pub expires_at: i64,
    /// When it was used.
    pub used_at: Option<i64>,
}

/// No relations: queries say their joins.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
