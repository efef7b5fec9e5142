//! Somebody who has a say in a request that several people answer.

use sea_orm::entity::prelude::*;

/// Somebody who has a say in a request that several people answer.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "approvers")]
pub struct Model {
    /// The request.
    #[sea_orm(primary_key, auto_increment = false)]
    pub request_id: Uuid,
    /// Who.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: Uuid,
    /// `once` or `deny`, once they have answered.
    pub answer: Option<String>,
    /// When they did.
    pub answered_at: Option<i64>,
    /// How surely it was them, and what they left of it: JSON.
    #[sea_orm(column_type = "Text", nullable)]
    pub vote: Option<String>,
    /// SHA-256 of the card they were shown.
    pub card_digest: Option<Vec<u8>>,
}

/// No relations: queries say their joins.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
