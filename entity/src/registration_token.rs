//! A token that lets clients register.

use sea_orm::entity::prelude::*;

/// A token that lets clients register.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "registration_tokens")]
pub struct Model {
    /// Its id; the token carries a MAC of it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// How many more clients it is good for.
    pub uses_left: i32,
    /// The profile of these clients: `ciba-core` or `fapi-ciba`.
    pub profile: String,
    /// When it was made.
    pub created_at: i64,
    /// When it ends.
    pub expires_at: i64,
}

/// No relations: queries say their joins.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
