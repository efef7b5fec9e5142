//! What can go wrong when remembering.

use sea_orm::DbErr;

/// Why something was not read or not written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Someone else was first: the row is not in the state this decision was made on. An outcome, not
    /// a fault: load again and say what happened instead. Nothing was written.
    #[error("the row was changed by someone else first")]
    Overtaken,
    /// A row that cannot be.
    #[error("{table} {row}: {column} cannot be read")]
    Inconsistent {
        /// Where.
        table: &'static str,
        /// Which row.
        row: String,
        /// What of it.
        column: &'static str,
    },
    /// The queue of writes is full: try again shortly.
    #[error("too many writes are waiting")]
    Overloaded,
    /// The server is stopping.
    #[error("the store is closed")]
    Closed,
    /// The database refused.
    #[error("database: {0}")]
    Database(#[from] DbErr),
    /// The database is not one we can work with.
    #[error("{0}")]
    Unusable(String),
}

/// Names a row that cannot be read.
pub(crate) fn inconsistent(
    table: &'static str,
    row: impl std::fmt::Display,
    column: &'static str,
) -> StoreError {
    StoreError::Inconsistent {
        table,
        row: row.to_string(),
        column,
    }
}
