//! What is kept of a person's user code.

use sea_orm::entity::prelude::*;

/// What is kept of a person's user code.
#[derive(Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "user_codes")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: Uuid,
    /// Argon2id over its keyed hash, in PHC form.
    #[sea_orm(column_type = "Text")]
    pub hash: String,
    /// Wrong ones in a row.
    pub wrong: i32,
    /// No code is right until then.
    pub locked_until: Option<i64>,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("user_code::Model")
    }
}

/// No relations: queries say their joins.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
