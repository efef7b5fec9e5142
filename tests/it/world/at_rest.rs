//! What somebody has who steals the database, and nothing else.

use std::fmt::Write as _;

use countersign::store::Engine;
use sea_orm::{ConnectionTrait, Database, DatabaseBackend, Statement};

use super::World;

/// Everything that is stored.
pub struct Loot(Vec<u8>);

impl Loot {
    /// Whether these bytes are in it, as they are or in hexadecimal.
    pub fn holds(&self, needle: &[u8]) -> bool {
        assert!(needle.len() >= 8, "too short to be looked for");
        let hex = needle.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        let holds = |needle: &[u8]| self.0.windows(needle.len()).any(|window| window == needle);
        holds(needle) || holds(hex.as_bytes())
    }
}

impl World {
    /// Every byte of SQLite's files, or every column of every row of PostgreSQL's tables.
    pub async fn loot(&self) -> Loot {
        match self.store().engine() {
            Engine::Sqlite => self.files(),
            Engine::PostgreSql => self.dump().await,
        }
    }

    fn files(&self) -> Loot {
        let mut bytes = Vec::new();
        let mut names = Vec::new();
        for entry in std::fs::read_dir(self.folder()).expect("a folder") {
            let path = entry.expect("a file").path();
            if path.is_file() {
                bytes.extend(std::fs::read(&path).expect("a file"));
                names.push(path.file_name().expect("a name").to_owned());
            }
        }
        assert!(
            names.iter().any(|name| name == "countersign.db-wal"),
            "the newest rows are in the write-ahead log: {names:?}"
        );
        Loot(bytes)
    }

    async fn dump(&self) -> Loot {
        let database = Database::connect(self.database.url()).await;
        let database = database.expect("the database");
        let query = |sql: String| Statement::from_string(DatabaseBackend::Postgres, sql);
        let tables = "SELECT tablename::text AS it FROM pg_tables WHERE schemaname = 'public'";
        let mut bytes = Vec::new();
        for table in database
            .query_all_raw(query(tables.to_owned()))
            .await
            .expect("tables")
        {
            let table: String = table.try_get("", "it").expect("a name");
            let rows = format!("SELECT it::text AS it FROM \"{table}\" it");
            for row in database.query_all_raw(query(rows)).await.expect("rows") {
                let row: String = row.try_get("", "it").expect("a row");
                bytes.extend(row.into_bytes());
                bytes.push(b'\n');
            }
        }
        database.close().await.expect("closed");
        Loot(bytes)
    }
}
