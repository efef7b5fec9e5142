//! Forgetting: what is of no use any more is deleted, a bounded number of rows at a time.
//!
//! Each kind is found by an index, and only where no other row names it: what names it is over earlier
//! or at the same moment, and goes first. Requests, grants and the audit log are not touched.

use sea_orm::sea_query::{
    CommonTableExpression, Condition, DeleteStatement, Expr, ExprTrait as _, LockBehavior,
    LockType, Query, SelectStatement,
};
use sea_orm::{ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use entity::{
    access_token, held_transaction, kept_refresh, pace, parcel, pause, proxied_question,
    redemption, refresh_token, session, sign_in_link, used_assertion,
};

use super::Store;
use super::commit::{Commit, Write};
use super::error::StoreError;
use crate::domain::retention::KEPT;
use crate::domain::timestamp::milliseconds;

/// Rows of one kind forgotten in one commit: the writer is shared, and the rest is forgotten next time.
const MOST: u64 = 500;

/// Longer than any request lives.
pub(super) const LONGEST_REQUEST: Duration = Duration::days(31);

impl Store {
    /// Forgets what can be of no use by this moment. True if there may be more.
    pub async fn forget_expired(&self, now: OffsetDateTime) -> Result<bool, StoreError> {
        for mut old in everything(now) {
            let any = old.select.reset_limit().limit(1);
            if self.readers.query_one(any).await?.is_some() {
                self.commit(Commit::of(Write::ForgetExpired(now))).await?;
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Deletes what is of no use by this moment: of each kind a bounded number of rows.
pub(super) async fn expired<C: ConnectionTrait>(
    conn: &C,
    now: OffsetDateTime,
) -> Result<u64, DbErr> {
    for old in everything(now) {
        conn.execute(&old.delete()).await?;
    }
    Ok(1)
}

/// Rows of one table that may go.
struct Old {
    /// Their keys, a bounded number of them.
    select: SelectStatement,
    all: DeleteStatement,
    key: Vec<Expr>,
}

impl Old {
    fn of<E: EntityTrait>(table: E, key: &[E::Column], past: Condition) -> Self {
        Self {
            select: Query::select()
                .columns(key.iter().copied())
                .from(table)
                .cond_where(past)
                .limit(MOST)
                .to_owned(),
            all: Query::delete().from_table(table).to_owned(),
            key: key.iter().map(|column| Expr::col(*column)).collect(),
        }
    }

    /// Deletes those that no other instance is just deleting.
    fn delete(mut self) -> DeleteStatement {
        self.select
            .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
        // Picked once: PostgreSQL may run a plain subquery again and again.
        let mut old = CommonTableExpression::new();
        old.query(self.select).table_name("old").materialized(true);
        let picked = Query::select().expr(Expr::cust("*")).from("old").to_owned();
        self.all
            .and_where(Expr::tuple(self.key).in_subquery(picked))
            .with_cte(old)
            .to_owned()
    }
}

/// Everything that may go, in the order in which it may.
fn everything(now: OffsetDateTime) -> Vec<Old> {
    let at = milliseconds(now);
    let kept = milliseconds(now - KEPT);
    vec![
        Old::of(
            used_assertion::Entity,
            &[
                used_assertion::Column::ClientId,
                used_assertion::Column::JtiHash,
            ],
            Condition::all().add(used_assertion::Column::ExpiresAt.lt(at)),
        ),
        Old::of(
            redemption::Entity,
            &[redemption::Column::RequestId],
            Condition::all().add(redemption::Column::Until.lt(at)),
        ),
        Old::of(
            kept_refresh::Entity,
            &[kept_refresh::Column::RefreshTokenId],
            Condition::all().add(kept_refresh::Column::Until.lt(at)),
        ),
        Old::of(
            access_token::Entity,
            &[access_token::Column::Id],
            Condition::all().add(access_token::Column::ExpiresAt.lt(at)),
        ),
        Old::of(
            refresh_token::Entity,
            &[refresh_token::Column::Id],
            Condition::all()
                .add(refresh_token::Column::ExpiresAt.lt(kept))
                .add(Expr::exists(its_response()).not()),
        ),
        Old::of(
            parcel::Entity,
            &[parcel::Column::Id],
            Condition::all()
                .add(parcel::Column::WorthlessAfter.lt(kept))
                .add(parcel::Column::SettledAt.is_not_null()),
        ),
        Old::of(
            sign_in_link::Entity,
            &[sign_in_link::Column::Id],
            Condition::all()
                .add(sign_in_link::Column::ExpiresAt.lt(kept))
                .add(Expr::exists(its_letter()).not()),
        ),
        Old::of(
            session::Entity,
            &[session::Column::Id],
            Condition::all().add(session::Column::ExpiresAt.lt(kept)),
        ),
        Old::of(
            session::Entity,
            &[session::Column::Id],
            Condition::all().add(session::Column::EndedAt.lt(kept)),
        ),
        Old::of(
            pause::Entity,
            &[pause::Column::Id],
            Condition::all().add(pause::Column::EndedAt.lt(kept)),
        ),
        Old::of(
            pause::Entity,
            &[pause::Column::Id],
            Condition::all().add(pause::Column::EndsAt.lt(kept)),
        ),
        Old::of(
            pace::Entity,
            &[pace::Column::RequestId],
            Condition::all()
                .add(pace::Column::RequestId.lt(first_id(now - LONGEST_REQUEST - KEPT))),
        ),
        Old::of(
            proxied_question::Entity,
            &[proxied_question::Column::RequestId],
            Condition::all().add(
                proxied_question::Column::RequestId.lt(first_id(now - LONGEST_REQUEST - KEPT)),
            ),
        ),
        Old::of(
            held_transaction::Entity,
            &[held_transaction::Column::Id],
            Condition::all()
                .add(held_transaction::Column::RequestId.is_null())
                .add(held_transaction::Column::ExpiresAt.lt(kept)),
        ),
    ]
}

/// The response kept for a refresh token.
fn its_response() -> SelectStatement {
    let kept = kept_refresh::Column::RefreshTokenId;
    Query::select()
        .expr(Expr::value(1))
        .from(kept_refresh::Entity)
        .and_where(
            Expr::col((kept_refresh::Entity, kept))
                .equals((refresh_token::Entity, refresh_token::Column::Id)),
        )
        .to_owned()
}

/// The letter that brings a sign-in link.
fn its_letter() -> SelectStatement {
    let link = parcel::Column::SignInLinkId;
    Query::select()
        .expr(Expr::value(1))
        .from(parcel::Entity)
        .and_where(
            Expr::col((parcel::Entity, link))
                .equals((sign_in_link::Entity, sign_in_link::Column::Id)),
        )
        .to_owned()
}

/// The least id made at that moment: ids are in order of time.
pub(super) fn first_id(at: OffsetDateTime) -> Uuid {
    let at = u64::try_from(milliseconds(at)).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(at, &[0; 10]).into_uuid()
}

#[cfg(test)]
mod tests {
    use sea_orm::sea_query::SqliteQueryBuilder;
    use sea_orm::{DatabaseBackend, Statement};
    use time::macros::datetime;

    use super::*;
    use crate::domain::consent::assurance::Assurance;
    use crate::domain::id::{SessionId, UserId};
    use crate::domain::user::User;
    use crate::store::StoredSession;

    const NOW: OffsetDateTime = datetime!(2026-11-22 09:00 UTC);

    async fn open(name: &str) -> (std::path::PathBuf, Store) {
        let dir = std::env::temp_dir().join(format!("cs-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let url = format!("sqlite://{}/db.sqlite", dir.display());
        (dir, Store::open(&url).await.unwrap())
    }

    #[tokio::test]
    async fn what_is_old_is_found_by_an_index_however_much_there_is() {
        let (dir, store) = open("old").await;
        for old in everything(NOW) {
            let (sql, values) = old.select.build(SqliteQueryBuilder);
            let plan = format!("EXPLAIN QUERY PLAN {sql}");
            let plan = Statement::from_sql_and_values(DatabaseBackend::Sqlite, plan, values);
            for step in store.readers.query_all_raw(plan).await.unwrap() {
                let step: String = step.try_get("", "detail").unwrap();
                let read = step.starts_with("SCAN");
                assert!(!read, "{step}: {sql}");
            }
        }
        store.close().await;
        let _ = std::fs::remove_dir_all(dir);
    }

    #[tokio::test]
    async fn a_round_is_bounded_and_the_next_goes_on() {
        let (dir, store) = open("rounds").await;
        let user = User {
            id: UserId(Uuid::from_u128(1)),
            email: "maya@example.com".into(),
            username: None,
            name: "Maya".into(),
            active: true,
            created_at: NOW,
        };
        let session = |n: u64| StoredSession {
            id: SessionId(Uuid::from_u128(n.into())),
            user: user.id,
            how: Assurance::EmailLink,
            authenticated_at: NOW,
            created_at: NOW,
            last_seen_at: NOW,
            expires_at: NOW + Duration::HOUR,
            ended_at: None,
            user_agent: None,
        };
        let sessions: Vec<_> = (0..=2 * MOST).map(session).collect();
        let mut commit = Commit::default();
        for session in sessions {
            commit = commit.and(Write::AddSession(Box::new(session)));
        }
        let add = Commit::of(Write::AddUser(Box::new(user)));
        store.commit(add).await.unwrap();
        store.commit(commit).await.unwrap();

        let over = NOW + Duration::HOUR + KEPT;
        assert!(!store.forget_expired(over).await.unwrap());
        let over = over + Duration::MILLISECOND;
        let mut rounds = 0;
        while store.forget_expired(over).await.unwrap() {
            rounds += 1;
        }
        assert_eq!(rounds, 3);
        let last = SessionId(Uuid::from_u128(u128::from(2 * MOST)));
        assert_eq!(store.session(last).await.unwrap(), None);
        store.close().await;
        let _ = std::fs::remove_dir_all(dir);
    }
}
