//! Actions that services have parked.

use sea_orm::entity::prelude::*;

/// An action that a service has parked.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "held_transactions")]
pub struct Model {
    /// `transaction`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The service that holds it.
    #[sea_orm(column_type = "Text")]
    pub service_id: String,
    /// Who is to release it, if named.
    pub user_id: Option<Uuid>,
    /// The agent that may ask about it, if named.
    #[sea_orm(column_type = "Text", nullable)]
    pub agent_id: Option<String>,
    /// What it is about, JSON.
    #[sea_orm(column_type = "Text")]
    pub asked: String,
    /// Where the service is called when there is an answer.
    #[sea_orm(column_type = "Text", nullable)]
    pub webhook: Option<String>,
    /// When it was parked.
    pub created_at: i64,
    /// Nobody answers for it after this.
    pub expires_at: i64,
    /// The request that asks about it, or did last.
    pub request_id: Option<Uuid>,
    /// When the service was told to go on.
    pub released_at: Option<i64>,
    /// When the service gave it up.
    pub cancelled_at: Option<i64>,
    /// SHA-256 of the Idempotency-Key.
    pub idempotency_key: Option<Vec<u8>>,
    /// SHA-256 of what came with it.
    pub request_digest: Option<Vec<u8>>,
}

/// No relations: queries say their joins.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
