//! A promise: something that is to leave.

use sea_orm::entity::prelude::*;

/// A promise: something that is to leave.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "parcels")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The request it is about.
    pub request_id: Option<Uuid>,
    /// Who is to be told, or who it is about.
    pub user_id: Uuid,
    /// What it says.
    pub kind: String,
    /// `web_push`, `email` or `callback`.
    pub channel: String,
    /// The device, for web push.
    pub device_id: Option<Uuid>,
    /// The link it carries, for a sign-in letter.
    pub sign_in_link_id: Option<Uuid>,
    /// `waiting`, `delivered`, `failed` or `dropped`.
    pub state: String,
    /// How often it was tried.
    pub attempts: i32,
    /// When to try (again); while leased, when the lease ends.
    pub due_at: i64,
    /// When trying makes no sense any more.
    pub worthless_after: i64,
    /// Who is trying just now.
    pub lease: Option<Vec<u8>>,
    /// What an agent is handed (CIBA §10.3), sealed, once it is made and until it is settled.
    pub payload: Option<Vec<u8>>,
    /// What went wrong last.
    #[sea_orm(column_type = "Text", nullable)]
    pub why: Option<String>,
    /// When it was promised.
    pub created_at: i64,
    /// When it was delivered or given up.
    pub settled_at: Option<i64>,
}

/// No relations: queries say their joins.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
