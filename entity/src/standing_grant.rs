//! A person's bounded "always".

use sea_orm::entity::prelude::*;

/// A person's bounded "always".
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "standing_grants")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The agent it is for.
    pub client_id: String,
    /// Whose it is.
    pub user_id: Uuid,
    /// The service it is about.
    #[sea_orm(column_type = "Text")]
    pub resource: String,
    /// The permission: `scope …` or `type …`.
    pub permission: String,
    /// How far it reaches, canonical JSON.
    #[sea_orm(column_type = "Text")]
    pub bounds: String,
    /// SHA-256 of the bounds.
    pub bounds_digest: Vec<u8>,
    /// What the person read when they allowed it.
    #[sea_orm(column_type = "Text")]
    pub sentence: String,
    /// The request it was allowed in.
    pub request_id: Uuid,
    /// When it was allowed.
    pub created_at: i64,
    /// When it ends by itself.
    pub ends_at: i64,
    /// When it last answered for the person.
    pub last_used_at: Option<i64>,
    /// How often it has.
    pub uses: i64,
    /// When it lately has, as far as that counts for how often it may: a JSON list of milliseconds.
    #[sea_orm(column_type = "Text", nullable)]
    pub recent_uses: Option<String>,
    /// When it was stopped.
    pub revoked_at: Option<i64>,
    /// By what.
    pub revoked_why: Option<String>,
}

/// No relations: queries say their joins.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
