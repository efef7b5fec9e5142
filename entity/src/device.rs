//! A browser that receives notifications.

use sea_orm::entity::prelude::*;

/// A browser that receives notifications.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "devices")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Whose it is.
    pub user_id: Uuid,
    /// What the person sees it called.
    pub name: String,
    /// Keyed hash of the endpoint: the same browser is the same row.
    pub endpoint_hash: Vec<u8>,
    /// The push subscription, sealed.
    pub subscription: Vec<u8>,
    /// When it was added.
    pub created_at: i64,
    /// When a push service last took a message for it.
    pub last_delivered_at: Option<i64>,
    /// When it was removed or found gone.
    pub retired_at: Option<i64>,
    /// `removed`, `gone` or `replaced`.
    pub retired_why: Option<String>,
}

/// No relations: queries say their joins.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
