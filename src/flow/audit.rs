//! The operator asks for proof: that nothing in the history was changed, and a copy of it.

use serde_json::json;
use serde_json::value::RawValue;

use crate::app::App;
use crate::domain::audit::{Actor, AuditEvent, Broken, Kind, Link, Row, check};
use crate::flow::ask::hex;
use crate::store::{Commit, StoreError};

/// Rows read at once.
const PAGE: u64 = 1000;

/// A history that holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// How many entries there are.
    pub entries: u64,
    /// The last place of each stream: write it down elsewhere, and a shortened history shows too.
    pub heads: Vec<(i32, Link)>,
}

/// Why a history was not verified or copied.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The first entry that does not fit.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The copy could not be written.
    #[error("the copy cannot be written: {0}")]
    Copy(#[from] std::io::Error),
}

/// Checks every entry of every stream, in order.
///
/// # Errors
///
/// [`AuditError::Broken`] names the first entry that does not fit.
pub async fn verify(app: &App) -> Result<Verified, AuditError> {
    let mut verified = Verified::default();
    for stream in app.store.audit_streams().await? {
        let mut link = Link::START;
        loop {
            let rows = app.store.audit_rows(stream, link.seq, PAGE).await?;
            if rows.is_empty() {
                break;
            }
            for row in &rows {
                link = check(stream, link, row)?;
                verified.entries += 1;
            }
        }
        verified.heads.push((stream, link));
    }
    Ok(verified)
}

/// Copies every entry as one JSON object a line, and returns how many. That it was copied is written
/// down first, and so is in the copy.
pub async fn export(
    app: &App,
    mut line: impl FnMut(&str) -> std::io::Result<()>,
) -> Result<u64, AuditError> {
    let event = AuditEvent::new(app.clock.now(), Kind::AuditExported, Actor::Operator);
    app.store.commit(Commit::default().event(event)).await?;
    let mut entries = 0;
    for stream in app.store.audit_streams().await? {
        let mut after = 0;
        loop {
            let rows = app.store.audit_rows(stream, after, PAGE).await?;
            let Some(last) = rows.last() else {
                break;
            };
            after = last.seq;
            for row in &rows {
                line(&written(stream, row))?;
                entries += 1;
            }
        }
    }
    Ok(entries)
}

/// An entry with its record exactly as it was hashed. A record that is not JSON any more is given as
/// text: the copy shows what there is.
fn written(stream: i32, row: &Row) -> String {
    let record = match RawValue::from_string(row.content.clone()) {
        Ok(record) => record.get().to_owned(),
        Err(_) => json!(row.content).to_string(),
    };
    let (seq, hash, previous) = (row.seq, hex(&row.hash), hex(&row.previous));
    format!(
        r#"{{"stream":{stream},"seq":{seq},"hash":"{hash}","previous":"{previous}","record":{record}}}"#
    )
}
