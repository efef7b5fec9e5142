//! The response to a refresh, kept for a moment for the client that may have lost it.

use sea_orm::entity::prelude::*;

/// The response to a refresh, kept for a moment for the client that may have lost it.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "kept_refreshes")]
pub struct Model {
    /// The token that was used.
    #[sea_orm(primary_key, auto_increment = false)]
    pub refresh_token_id: Uuid,
    /// SHA-256 of the Idempotency-Key, if one was sent.
    pub key_hash: Option<Vec<u8>>,
    /// The response, sealed.
    pub response: Vec<u8>,
    /// When it may no longer be fetched.
    pub until: i64,
}

/// No relations: queries say their joins.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
