//! A key of ours.

use sea_orm::entity::prelude::*;

/// A key of ours.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "signing_keys")]
pub struct Model {
    /// Its id: the thumbprint of the public half.
    #[sea_orm(primary_key, auto_increment = false)]
    pub kid: String,
    /// `tokens` or `vapid`.
    pub purpose: String,
    /// `ES256`, `PS256`, `RS256` or `EdDSA`.
    pub alg: String,
    /// PKCS#8, sealed.
    pub private: Vec<u8>,
    /// The public JWK.
    #[sea_orm(column_type = "Text")]
    pub public: String,
    /// When it was made.
    pub created_at: i64,
    /// Until when it is published after a rotation; none while it signs.
    pub retires_at: Option<i64>,
}

/// No relations: queries say their joins.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
