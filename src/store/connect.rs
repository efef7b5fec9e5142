//! Opening the database: which engine, how durable, and whether it is one we can work with.

use std::time::Duration;

use migration::{Migrator, MigratorTrait as _, SchemaManager};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr, EntityTrait as _,
    RuntimeErr, SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait as _,
};

use entity::signing_key;

use super::error::StoreError;

/// Reading connections on SQLite.
const SQLITE_READERS: u32 = 4;

/// Connections of one instance to PostgreSQL, beside the writer's.
const POSTGRESQL_READERS: u32 = 8;

/// What SQLite says when somebody else has the file.
const SQLITE_BUSY: i32 = 5;

/// How often, and how far apart, a new file is tried: five seconds in all.
const TURNS: u32 = 200;
const TURN: Duration = Duration::from_millis(25);

/// SQLite before this can corrupt a database in WAL mode with more than one connection.
const SQLITE_AT_LEAST: i32 = 3_051_003;

/// Opens the pool of readers and the writer's own connection, after migrating.
pub(super) async fn open(
    url: &str,
) -> Result<(DatabaseConnection, DatabaseConnection), StoreError> {
    if url.starts_with("sqlite:") {
        sqlite(url).await
    } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
        postgresql(url).await
    } else {
        Err(StoreError::Unusable(
            "the database URL must begin with sqlite:// or postgres://".into(),
        ))
    }
}

async fn sqlite(url: &str) -> Result<(DatabaseConnection, DatabaseConnection), StoreError> {
    let version = libsqlite3_sys::SQLITE_VERSION_NUMBER;
    if version < SQLITE_AT_LEAST {
        return Err(StoreError::Unusable(format!(
            "SQLite {version} can corrupt WAL databases"
        )));
    }
    let writer = connect_in_turn(sqlite_options(url, 1)).await?;
    migrate_at_once(&writer).await?;
    let readers = connect_in_turn(sqlite_options(url, SQLITE_READERS)).await?;
    check_durability(&writer).await?;
    Ok((readers, writer))
}

/// Connects, waiting its turn. While one connection turns a new file to a write-ahead log, SQLite tells
/// the others at once that it is busy, whatever their patience: two that waited for each other would wait
/// for ever.
async fn connect_in_turn(options: ConnectOptions) -> Result<DatabaseConnection, DbErr> {
    for _ in 0..TURNS {
        match Database::connect(options.clone()).await {
            Err(error) if is_busy(&error) => tokio::time::sleep(TURN).await,
            other => return other,
        }
    }
    Database::connect(options).await
}

fn is_busy(error: &DbErr) -> bool {
    let DbErr::Conn(RuntimeErr::SqlxError(error)) = error else {
        return false;
    };
    let code = error
        .as_database_error()
        .and_then(sea_orm::sqlx::error::DatabaseError::code);
    // The low byte says what, the others say why.
    let what = code
        .and_then(|code| code.parse::<i32>().ok())
        .map(|code| code & 0xFF);
    what == Some(SQLITE_BUSY)
}

/// All of it, or nothing: whoever opens the same file at the same moment waits, and then finds it done,
/// and a start that is killed leaves no half-made tables.
async fn migrate_at_once(writer: &DatabaseConnection) -> Result<(), StoreError> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    let tx = writer.begin_with_options(options).await?;
    Migrator::up(&tx, None).await?;
    Ok(tx.commit().await?)
}

fn sqlite_options(url: &str, connections: u32) -> ConnectOptions {
    use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections)
        .min_connections(1)
        .sqlx_logging(false)
        // The file cannot hang up: a connection to it needs no asking before each use.
        .test_before_acquire(false)
        .acquire_timeout(Duration::from_secs(5))
        .map_sqlx_sqlite_opts(|options| {
            options
                .create_if_missing(true)
                .foreign_keys(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .busy_timeout(Duration::from_secs(5))
                .statement_cache_capacity(256)
        });
    options
}

/// What was asked for is what we got: WAL, and every commit on disk before it is acknowledged.
async fn check_durability(writer: &DatabaseConnection) -> Result<(), StoreError> {
    let read = async |pragma: &str| -> Result<Option<sea_orm::QueryResult>, StoreError> {
        let statement = Statement::from_string(writer.get_database_backend(), pragma);
        Ok(writer.query_one_raw(statement).await?)
    };
    let journal: Option<String> = read("PRAGMA journal_mode")
        .await?
        .map(|row| row.try_get_by_index(0))
        .transpose()?;
    let synchronous: Option<i32> = read("PRAGMA synchronous")
        .await?
        .map(|row| row.try_get_by_index(0))
        .transpose()?;
    if journal.as_deref() != Some("wal") || synchronous != Some(2) {
        return Err(StoreError::Unusable(
            "the database does not keep a write-ahead log: is it on a network file system?".into(),
        ));
    }
    Ok(())
}

async fn postgresql(url: &str) -> Result<(DatabaseConnection, DatabaseConnection), StoreError> {
    let writer = Database::connect(postgresql_options(url, 1)).await?;
    migrate_alone(&writer).await?;
    let readers = Database::connect(postgresql_options(url, POSTGRESQL_READERS)).await?;
    Ok((readers, writer))
}

/// Whether a PostgreSQL database holds keys of ours. Looks, and changes nothing.
pub(super) async fn has_keys(url: &str) -> Result<bool, StoreError> {
    let database = Database::connect(postgresql_options(url, 1)).await?;
    let looked = async {
        let tables = SchemaManager::new(&database);
        Ok(tables.has_table("signing_keys").await?
            && signing_key::Entity::find().one(&database).await?.is_some())
    };
    let found = looked.await;
    let _ = database.close().await;
    found
}

fn postgresql_options(url: &str, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections)
        .min_connections(1)
        .sqlx_logging(false)
        .acquire_timeout(Duration::from_secs(5))
        .connect_timeout(Duration::from_secs(5))
        // Asked whether it still lives only when it has not been used for a while.
        .test_before_acquire_if_idle_for(Duration::from_secs(10))
        .map_sqlx_postgres_opts(|options| {
            options
                .application_name("countersign")
                .options([("statement_timeout", "10000"), ("lock_timeout", "5000")])
                .statement_cache_capacity(256)
        });
    options
}

/// Instances that start together migrate one after the other.
async fn migrate_alone(writer: &DatabaseConnection) -> Result<(), StoreError> {
    const LOCK: &str = "SELECT pg_advisory_lock(7234001)";
    const UNLOCK: &str = "SELECT pg_advisory_unlock(7234001)";
    writer.execute_unprepared(LOCK).await?;
    let migrated = Migrator::up(writer, None).await;
    writer.execute_unprepared(UNLOCK).await?;
    Ok(migrated?)
}

#[cfg(test)]
mod tests {
    use super::super::Store;

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_new_file_may_be_opened_by_several_at_once() {
        for round in 0..5 {
            let name = format!("cs-at-once-{round}-{}", std::process::id());
            let dir = std::env::temp_dir().join(name);
            std::fs::create_dir_all(&dir).unwrap();
            let url = format!("sqlite://{}/db.sqlite", dir.display());
            let mut opening = tokio::task::JoinSet::new();
            for _ in 0..8 {
                let url = url.clone();
                opening.spawn(async move { Store::open(&url).await });
            }
            for store in opening.join_all().await {
                let store = store.unwrap();
                store.ping().await.unwrap();
                store.close().await;
            }
            let _ = std::fs::remove_dir_all(dir);
        }
    }
}
