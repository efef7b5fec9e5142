//! How the disk got there: one file per change, never edited after a release.
//!
//! The tables are written in SQL, because the constraints are the point: what a state may have is a
//! CHECK, which move is legal is a trigger. Two words differ between the engines and are substituted.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{DatabaseBackend, DbErr};

mod m20261122_000001_create_tables;

pub use sea_orm_migration::{MigratorTrait, SchemaManager};

/// Every change, oldest first.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m20261122_000001_create_tables::Migration)]
    }
}

/// Runs statements written once for both engines: `{uuid}` and `{bytes}` become the engine's types.
async fn run(manager: &SchemaManager<'_>, statements: &[&str]) -> Result<(), DbErr> {
    let (uuid, bytes) = if manager.get_database_backend() == DatabaseBackend::Postgres {
        ("UUID", "BYTEA")
    } else {
        ("BLOB", "BLOB")
    };
    for statement in statements {
        let statement = statement.replace("{uuid}", uuid).replace("{bytes}", bytes);
        manager
            .get_connection()
            .execute_unprepared(&statement)
            .await?;
    }
    Ok(())
}
