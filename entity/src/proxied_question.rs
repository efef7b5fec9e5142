//! What an agent lacked at a proxy, and the request that asks a person for it, or did last.

use sea_orm::entity::prelude::*;

/// What an agent lacked at a proxy, and the request that asks a person for it, or did last.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "proxied_questions")]
pub struct Model {
    /// The agent.
    #[sea_orm(primary_key, auto_increment = false)]
    pub client_id: String,
    /// The person.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: Uuid,
    /// SHA-256 of what it lacked.
    #[sea_orm(primary_key, auto_increment = false)]
    pub item_digest: Vec<u8>,
    /// The request that asks for it, or did last.
    pub request_id: Uuid,
}

/// No relations: queries say their joins.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
