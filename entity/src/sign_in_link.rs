//! A one-time sign-in link.

use sea_orm::entity::prelude::*;

/// A one-time sign-in link.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sign_in_links")]
pub struct Model {
    /// Its id; the link carries a MAC of it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Who it signs in.
    pub user_id: Uuid,
    /// `email_link` or `host_link`.
    pub how: String,
    /// Where to go afterwards: a local path.
    #[sea_orm(column_type = "Text", nullable)]
    pub next: Option<String>,
    /// When it was made.
    pub created_at: i64,
    /// When it ends.
    pub expires_at: i64,
    /// When it was used.
    pub used_at: Option<i64>,
}

/// No relations: queries say their joins.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
