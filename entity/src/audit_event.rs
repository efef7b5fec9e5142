//! What happened, once and for all.

use sea_orm::entity::prelude::*;

/// What happened, once and for all.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_events")]
pub struct Model {
    /// One chain for each writer at a time.
    #[sea_orm(primary_key, auto_increment = false)]
    pub stream: i32,
    /// 1, 2, 3, … without gaps.
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i64,
    /// When it happened.
    pub at: i64,
    /// What happened.
    pub kind: String,
    /// The request it is about.
    pub request_id: Option<Uuid>,
    /// The client it is about.
    pub client_id: Option<String>,
    /// The person it is about.
    pub user_id: Option<Uuid>,
    /// The canonical record that is hashed.
    #[sea_orm(column_type = "Text")]
    pub content: String,
    /// Hash of the row before.
    pub previous: Vec<u8>,
    /// Hash of the row before and this content.
    pub hash: Vec<u8>,
}

/// No relations: queries say their joins.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
