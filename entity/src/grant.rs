//! What one answer authorised; tokens hang off it.

use sea_orm::entity::prelude::*;

/// What one answer authorised; tokens hang off it.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "grants")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The request it came from.
    pub request_id: Uuid,
    /// Whose tokens these are.
    pub client_id: String,
    /// Who granted it.
    pub user_id: Uuid,
    /// What was granted, each with its own end: JSON.
    #[sea_orm(column_type = "Text")]
    pub items: String,
    /// Which of them had their one use: a bit each.
    pub spent_items: i64,
    /// `jti` of the access token.
    pub access_token_id: String,
    /// When the tokens were issued.
    pub created_at: i64,
    /// When the last of it ends.
    pub ends_at: i64,
    /// The key its first tokens are bound to, as `cnf`: JSON.
    #[sea_orm(column_type = "Text", nullable)]
    pub bound_to: Option<String>,
    /// When it was revoked.
    pub revoked_at: Option<i64>,
}

/// No relations: queries say their joins.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
