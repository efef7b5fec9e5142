//! Access tokens that are not JWTs.

use sea_orm::entity::prelude::*;

/// Access tokens that are not JWTs.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "access_tokens")]
pub struct Model {
    /// Its id, which is its `jti`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// What it hangs off.
    pub grant_id: Uuid,
    /// What a JWT would carry: JSON.
    #[sea_orm(column_type = "Text")]
    pub claims: String,
    /// When it ends.
    pub expires_at: i64,
}

/// No relations: queries say their joins.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
