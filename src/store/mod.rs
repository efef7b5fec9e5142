//! What is remembered: SQLite or PostgreSQL, by way of SeaORM. The only place that says `entity::`.
//!
//! Reading goes through a pool. **A write is data**: a flow hands one [`Commit`] to the single
//! [`writer`], which gathers whatever is waiting into one database transaction and answers when that
//! is durable. A write that finds its row changed answers [`StoreError::Overtaken`], and nothing of its
//! commit is written. The two engines run the same statements.

mod access_tokens;
mod active;
mod approvers;
mod assertions;
mod audit;
mod catalogues;
mod clients;
pub mod commit;
mod connect;
mod devices;
mod error;
mod forget;
mod grants;
mod held_transactions;
mod keys;
mod only;
mod parcels;
#[cfg(test)]
mod parcels_tests;
mod pauses;
mod proxied_questions;
mod quiet_hours;
mod refresh_tokens;
mod registration_tokens;
mod requests;
mod sessions;
mod sign_in_links;
mod standing_grants;
mod user_codes;
mod users;
mod writer;

use sea_orm::{ConnectionTrait as _, DatabaseBackend, DatabaseConnection, Statement};
use time::OffsetDateTime;

use crate::domain::timestamp::from_milliseconds;

pub use access_tokens::NewAccessToken;
pub use approvers::{Approver, CastVote};
pub use commit::{ClaimParcels, Commit, FilledParcel, SettledParcel, Write};
pub use error::StoreError;
pub use grants::{IssuedGrant, SpentItems, Standing};
pub use held_transactions::{AskAbout, EndTransaction, NewTransaction};
pub use keys::{KeyPurpose, StoredKey};
pub use parcels::ClaimedParcel;
pub use proxied_questions::{AskForProxy, Lacked};
pub use refresh_tokens::{KeptRefresh, NewRefreshToken, UsedRefreshToken};
pub use registration_tokens::NewRegistrationToken;
pub use requests::{NewRequest, StoredRequest};
pub use sessions::StoredSession;
pub use sign_in_links::StoredLink;
pub use user_codes::{NewUserCode, TriedCode};

/// The database: many readers, one writer.
#[derive(Clone, Debug)]
pub struct Store {
    readers: DatabaseConnection,
    writer: writer::Writer,
}

/// Which engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Embedded.
    Sqlite,
    /// A server, for several equal instances.
    PostgreSql,
}

impl Store {
    /// Opens the database, brings its tables up to date and starts the writer.
    ///
    /// `url` is `sqlite://…` or `postgres://…`.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let (readers, writing) = connect::open(url).await?;
        Ok(Self {
            writer: writer::Writer::start(writing),
            readers,
        })
    }

    /// What time the database says it is, in milliseconds: None for one that is part of this process.
    pub async fn time(&self) -> Result<Option<OffsetDateTime>, StoreError> {
        match self.engine() {
            Engine::Sqlite => return Ok(None),
            Engine::PostgreSql => {}
        }
        let sql = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) AS ms";
        let statement = Statement::from_string(DatabaseBackend::Postgres, sql);
        let row = self.readers.query_one_raw(statement).await?;
        let row = row.ok_or_else(|| StoreError::Unusable("there is no time".to_owned()))?;
        Ok(Some(from_milliseconds(row.try_get("", "ms")?)))
    }

    /// Whether a PostgreSQL database that is not opened yet holds keys, which some master key has sealed.
    pub async fn has_keys(url: &str) -> Result<bool, StoreError> {
        connect::has_keys(url).await
    }

    /// Which engine this is.
    pub fn engine(&self) -> Engine {
        if self.readers.get_database_backend() == sea_orm::DatabaseBackend::Postgres {
            Engine::PostgreSql
        } else {
            Engine::Sqlite
        }
    }

    /// Writes all of a commit, or nothing: durable when this returns.
    ///
    /// # Errors
    ///
    /// [`StoreError::Overtaken`] when any of its guards finds its row changed.
    pub async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.writer.commit(commit).await
    }

    /// The same for whoever only wants to know whether they were first: false when they were overtaken.
    pub async fn commit_first(&self, commit: Commit) -> Result<bool, StoreError> {
        match self.commit(commit).await {
            Ok(()) => Ok(true),
            Err(StoreError::Overtaken) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Hands over a commit that nobody waits for: bookkeeping. It is dropped if the queue is full.
    pub fn commit_later(&self, commit: Commit) {
        self.writer.commit_later(commit);
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        Ok(self.readers.ping().await?)
    }

    /// Finishes what is queued and closes the connections.
    pub async fn close(&self) {
        self.writer.close().await;
        let _ = self.readers.clone().close().await;
    }
}
