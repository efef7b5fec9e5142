//! The audit log: append-only, one hash chain a stream.
//!
//! On SQLite there is one stream, extended inside the writing transaction, which no other process can
//! share. On PostgreSQL every writer takes a free stream for the length of its transaction (an advisory
//! lock), so that instances do not queue on one row.

use sea_orm::sea_query::Query;
use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, DatabaseBackend, DbErr, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect, Statement,
};

use entity::audit_event::{ActiveModel, Column, Entity, Model};

use super::error::StoreError;
use super::{Store, writer};
use crate::domain::audit::{AuditEvent, Index, Link, Row};
use crate::domain::id::{RequestId, UserId};
use crate::domain::timestamp::milliseconds;

/// Streams on PostgreSQL: more instances than this would wait for each other.
const STREAMS: i32 = 64;

/// The class of our advisory locks for streams.
const LOCK_CLASS: i32 = 7_234_002;

/// Appends events, in order, to a stream nobody else is writing.
pub(super) async fn append<C: ConnectionTrait>(
    conn: &C,
    events: &[&AuditEvent],
) -> Result<(), DbErr> {
    if events.is_empty() {
        return Ok(());
    }
    let stream = own_stream(conn).await?;
    let mut link = head(conn, stream).await?;
    let mut rows = Vec::new();
    for event in events {
        let content = event.canonical();
        let next = link.next(stream, &content);
        rows.push(ActiveModel {
            stream: ActiveValue::Set(stream),
            seq: ActiveValue::Set(next.seq),
            at: ActiveValue::Set(milliseconds(event.at)),
            kind: ActiveValue::Set(event.kind.as_str().to_owned()),
            request_id: ActiveValue::Set(event.request.map(|id| id.0)),
            client_id: ActiveValue::Set(event.client.as_ref().map(|id| id.0.clone())),
            user_id: ActiveValue::Set(event.user.map(|id| id.0)),
            content: ActiveValue::Set(content),
            previous: ActiveValue::Set(link.hash.to_vec()),
            hash: ActiveValue::Set(next.hash.to_vec()),
        });
        link = next;
    }
    writer::insert(conn, rows).await
}

/// A stream that is ours until the transaction ends.
async fn own_stream<C: ConnectionTrait>(conn: &C) -> Result<i32, DbErr> {
    if conn.get_database_backend() != DatabaseBackend::Postgres {
        return Ok(0);
    }
    let lock = |function: &str, stream: i32| {
        let sql = format!("SELECT {function}({LOCK_CLASS}, {stream})");
        Statement::from_string(DatabaseBackend::Postgres, sql)
    };
    for stream in 0..STREAMS {
        let row = conn
            .query_one_raw(lock("pg_try_advisory_xact_lock", stream))
            .await?;
        if row.map(|row| row.try_get_by_index::<bool>(0)).transpose()? == Some(true) {
            return Ok(stream);
        }
    }
    conn.query_one_raw(lock("pg_advisory_xact_lock", 0)).await?;
    Ok(0)
}

/// The last place of a stream.
async fn head<C: ConnectionTrait>(conn: &C, stream: i32) -> Result<Link, DbErr> {
    let newest = Query::select()
        .expr(Column::Seq.max())
        .from(Entity)
        .and_where(Column::Stream.eq(stream))
        .to_owned();
    let last: Vec<(i64, Vec<u8>)> = Entity::find()
        .select_only()
        .column(Column::Seq)
        .column(Column::Hash)
        .filter(Column::Stream.eq(stream))
        .filter(Column::Seq.in_subquery(newest))
        .into_tuple()
        .all(conn)
        .await?;
    match last.into_iter().next() {
        None => Ok(Link::START),
        Some((seq, hash)) => {
            let hash = hash
                .try_into()
                .map_err(|_| DbErr::Custom("an audit hash is not 32 bytes".into()))?;
            Ok(Link { seq, hash })
        }
    }
}

impl Store {
    /// The streams there are.
    pub async fn audit_streams(&self) -> Result<Vec<i32>, StoreError> {
        Ok(Entity::find()
            .select_only()
            .column(Column::Stream)
            .distinct()
            .order_by_asc(Column::Stream)
            .into_tuple()
            .all(&self.readers)
            .await?)
    }

    /// Rows of a stream after `seq`, in order.
    pub async fn audit_rows(
        &self,
        stream: i32,
        after: i64,
        at_most: u64,
    ) -> Result<Vec<Row>, StoreError> {
        let rows = Entity::find()
            .filter(Column::Stream.eq(stream))
            .filter(Column::Seq.gt(after))
            .order_by_asc(Column::Seq)
            .limit(at_most)
            .all(&self.readers)
            .await?;
        Ok(rows.into_iter().map(read).collect())
    }
}

fn read(row: Model) -> Row {
    Row {
        seq: row.seq,
        content: row.content,
        index: Index {
            at: row.at,
            kind: row.kind,
            request: row.request_id.map(|id| RequestId(id).to_string()),
            client: row.client_id,
            user: row.user_id.map(|id| UserId(id).to_string()),
        },
        previous: row.previous,
        hash: row.hash,
    }
}
