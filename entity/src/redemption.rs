//! A token response that may be fetched once more, for a minute, by who fetched it.

use sea_orm::entity::prelude::*;

/// A token response that may be fetched once more, for a minute, by who fetched it.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "redemptions")]
pub struct Model {
    /// The request redeemed.
    #[sea_orm(primary_key, auto_increment = false)]
    pub request_id: Uuid,
    /// SHA-256 of the Idempotency-Key.
    pub key_hash: Vec<u8>,
    /// The response, sealed.
    pub response: Vec<u8>,
    /// When it may no longer be fetched.
    pub until: i64,
}

/// No relations: queries say their joins.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
