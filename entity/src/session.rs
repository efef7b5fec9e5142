//! A signed-in browser.

use sea_orm::entity::prelude::*;

/// A signed-in browser.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub struct Model {
    /// Its id; the cookie carries a MAC of it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Who is signed in.
    pub user_id: Uuid,
    /// `email_link` or `host_link`.
    pub how: String,
    /// When they proved it was them.
    pub authenticated_at: i64,
    /// When the session began.
    pub created_at: i64,
    /// When it was last used, to the minute.
    pub last_seen_at: i64,
    /// When it ends whatever happens.
    pub expires_at: i64,
    /// When they signed out.
    pub ended_at: Option<i64>,
    /// The browser, for the person to recognise.
    #[sea_orm(column_type = "Text", nullable)]
    pub user_agent: Option<String>,
}

/// No relations: queries say their joins.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
