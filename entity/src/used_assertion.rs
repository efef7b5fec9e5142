//! A client assertion that had its one effect.

use sea_orm::entity::prelude::*;

/// A client assertion that had its one effect.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "used_assertions")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub client_id: String,
    /// SHA-256 of its `jti`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub jti_hash: Vec<u8>,
    /// When it could no longer be replayed anyway.
    pub expires_at: i64,
}

/// No relations: queries say their joins.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
