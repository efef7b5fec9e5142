//! Moving requests: every move is one `UPDATE … WHERE id = … AND state = …` that also asks the moment.

use std::collections::HashSet;

use sea_orm::sea_query::{
    Alias, Expr, ExprTrait, IntoIden as _, OnConflict, Query, SelectStatement, TableRef,
    UpdateStatement, ValueTuple,
};
use sea_orm::{ActiveValue, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, Value};

use time::{Duration, OffsetDateTime};

use entity::catalogue;
use entity::request::{Column, Entity};

use super::{NewRequest, is, row, stored_json};
use crate::domain::ciba::approval::denial::{EXPLAINED_WITHIN, Reason};
use crate::domain::ciba::approval::{
    Answered as Answer, Cancelled, Decision, Denied, Expired, Redeemed, State,
};
use crate::domain::id::RequestId;
use crate::domain::timestamp::milliseconds;
use crate::store::active::{active_client, active_user};
use crate::store::{approvers, writer};

/// Inserts a request with an idempotency key; 0 when the key is taken.
pub(in crate::store) async fn open_once<C: ConnectionTrait>(
    conn: &C,
    new: &NewRequest,
) -> Result<u64, DbErr> {
    let insert = Entity::insert_many([row(new)])
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(conn)
        .await;
    let opened = writer::rows(insert)?;
    if opened > 0 {
        writer::insert(conn, approvers::rows(new.request.question()).collect()).await?;
    }
    Ok(opened)
}

/// Counts one more answer beside those that are there: the row decides who was which.
pub(in crate::store) async fn count_vote<C: ConnectionTrait>(
    conn: &C,
    id: RequestId,
    before: i32,
    now: OffsetDateTime,
) -> Result<u64, DbErr> {
    let update = in_state(id, State::Pending)
        .filter(Column::Votes.eq(before))
        .filter(Column::AnswerBy.gt(milliseconds(now)))
        .col_expr(Column::Votes, Expr::value(before + 1));
    Ok(update.exec(conn).await?.rows_affected)
}

/// The start of a move: this row, in this state.
fn in_state(id: RequestId, state: State) -> sea_orm::UpdateMany<Entity> {
    Entity::update_many()
        .filter(Column::Id.eq(id.0))
        .filter(is(state))
}

/// One answer, as the row takes it.
#[derive(Clone, Copy)]
pub(in crate::store) struct Answered<'a> {
    pub(in crate::store) id: RequestId,
    pub(in crate::store) decision: &'a Decision,
    pub(in crate::store) reason: Option<&'a Reason>,
    /// The version of the catalogue it was judged by.
    pub(in crate::store) catalogue: i32,
}

/// Writes answers, each to another request. Returns those that were in time: the request waits, neither
/// its person nor its client is disabled, and no later catalogue has been applied.
pub(in crate::store) async fn answer<C: ConnectionTrait>(
    conn: &C,
    answers: &[Answered<'_>],
) -> Result<HashSet<RequestId>, DbErr> {
    let rows = answers.iter().map(|it| {
        let answer = it.decision.answer;
        let state = if answer == Answer::Deny {
            State::Denied
        } else {
            State::Approved
        };
        [
            Value::from(it.id.0),
            milliseconds(it.decision.at).into(),
            state.as_str().into(),
            answer.as_str().into(),
            stored_json(it.decision).into(),
            it.reason.and_then(Reason::text).map(str::to_owned).into(),
            it.catalogue.into(),
            it.reason.map(|it| it.as_str().to_owned()).into(),
        ]
    });
    let update = Query::update()
        .table(Entity)
        .value(Column::SettledAt, given(2))
        .value(Column::State, given(3))
        .value(Column::Answer, given(4))
        .value(Column::Decision, given(5))
        .value(Column::Reason, given(6))
        .value(Column::DenyReason, given(8))
        .and_where(is(State::Pending))
        .and_where(Expr::col(Column::AnswerBy).gt(given(2)))
        .and_where(Expr::exists(later_catalogue()).not())
        .to_owned();
    moved(conn, update, rows.collect()).await
}

/// Notes that answers were collected, each another request's. Returns those that could be: approved, in
/// time, and neither the person nor the client is disabled.
pub(in crate::store) async fn redeem<C: ConnectionTrait>(
    conn: &C,
    redeemed: &[&Redeemed],
) -> Result<HashSet<RequestId>, DbErr> {
    let rows = redeemed
        .iter()
        .map(|it| [Value::from(it.question.id.0), milliseconds(it.at).into()]);
    let update = Query::update()
        .table(Entity)
        .value(Column::State, State::Redeemed.as_str())
        .value(Column::RedeemedAt, given(2))
        .and_where(is(State::Approved))
        .and_where(Expr::col(Column::ExpiresAt).gt(given(2)))
        .to_owned();
    moved(conn, update, rows.collect()).await
}

/// A catalogue was applied after the one the answer was judged by.
fn later_catalogue() -> SelectStatement {
    let version = (catalogue::Entity, catalogue::Column::Version);
    Query::select()
        .expr(Expr::value(1))
        .from(catalogue::Entity)
        .and_where(Expr::col(version).gt(given(7)))
        .to_owned()
}

/// What a row brings along in that place; the first is always its request's id.
fn given(place: u8) -> Expr {
    Expr::col((Alias::new("given"), Alias::new(format!("column{place}"))))
}

/// Moves one request a row. Returns those that were as the statement wants them.
async fn moved<C: ConnectionTrait, const N: usize>(
    conn: &C,
    mut update: UpdateStatement,
    mut rows: Vec<[Value; N]>,
) -> Result<HashSet<RequestId>, DbErr> {
    // Few different statements, so that each is prepared once: a row twice over changes nothing.
    let Some(last) = rows.last().cloned() else {
        return Ok(HashSet::new());
    };
    rows.resize(rows.len().next_power_of_two(), last);
    let rows = rows
        .into_iter()
        .map(|row| ValueTuple::Many(row.into()))
        .collect();
    update
        .from(TableRef::ValuesList(rows, Alias::new("given").into_iden()))
        .and_where(Expr::col((Entity, Column::Id)).eq(given(1)))
        .and_where(Expr::exists(active_user("requests")))
        .and_where(Expr::exists(active_client("requests")))
        .returning_col(Column::Id);
    let moved = conn.query_all(&update).await?;
    moved
        .iter()
        .map(|row| row.try_get_by_index(0).map(RequestId))
        .collect()
}

/// Makes a no of a yes that nobody has collected.
pub(in crate::store) async fn undo<C: ConnectionTrait>(
    conn: &C,
    to: &Denied,
) -> Result<u64, DbErr> {
    let (question, decision) = (&to.question, &to.decision);
    // It was settled in time, and stays so.
    let last = question.answer_by - Duration::MILLISECOND;
    let settled = std::cmp::min(last, decision.at);
    let update = in_state(question.id, State::Approved)
        .filter(Column::ExpiresAt.gt(milliseconds(decision.at)))
        .col_expr(Column::State, Expr::value(State::Denied.as_str()))
        .col_expr(Column::Answer, Expr::value(decision.answer.as_str()))
        .col_expr(Column::Decision, Expr::value(stored_json(decision)))
        .col_expr(Column::SettledAt, Expr::value(milliseconds(settled)));
    Ok(update.exec(conn).await?.rows_affected)
}

/// Notes why it was a no: once, and not long after it.
pub(in crate::store) async fn explain<C: ConnectionTrait>(
    conn: &C,
    id: RequestId,
    reason: &Reason,
    now: OffsetDateTime,
) -> Result<u64, DbErr> {
    let since = milliseconds(now - EXPLAINED_WITHIN);
    let text = reason.text().map(str::to_owned);
    let update = in_state(id, State::Denied)
        .filter(Column::DenyReason.is_null())
        .filter(Column::SettledAt.gt(since))
        .col_expr(Column::DenyReason, Expr::value(reason.as_str()))
        .col_expr(Column::Reason, Expr::value(text));
    Ok(update.exec(conn).await?.rows_affected)
}

pub(in crate::store) async fn cancel<C: ConnectionTrait>(
    conn: &C,
    to: &Cancelled,
) -> Result<u64, DbErr> {
    let at = milliseconds(to.at);
    let update = in_state(to.question.id, State::Pending)
        .filter(Column::AnswerBy.gt(at))
        .col_expr(Column::State, Expr::value(State::Cancelled.as_str()))
        .col_expr(Column::SettledAt, Expr::value(at))
        .col_expr(Column::CancelledBy, Expr::value(to.by.as_str()))
        .col_expr(
            Column::SupersededBy,
            Expr::value(to.by.superseded_by().map(|it| it.0)),
        );
    Ok(update.exec(conn).await?.rows_affected)
}

pub(in crate::store) async fn expire<C: ConnectionTrait>(
    conn: &C,
    to: &Expired,
) -> Result<u64, DbErr> {
    let update = match &to.decision {
        None => in_state(to.question.id, State::Pending).col_expr(
            Column::SettledAt,
            Expr::value(milliseconds(to.question.answer_by)),
        ),
        Some(_) => in_state(to.question.id, State::Approved),
    };
    let update = update.col_expr(Column::State, Expr::value(State::Expired.as_str()));
    Ok(update.exec(conn).await?.rows_affected)
}

/// Remembers a slower pace; a pace is never made faster.
pub(in crate::store) async fn pace<C: ConnectionTrait>(
    conn: &C,
    id: RequestId,
    interval_s: i32,
) -> Result<u64, DbErr> {
    use entity::pace;
    let row = pace::ActiveModel {
        request_id: ActiveValue::Set(id.0),
        interval_s: ActiveValue::Set(interval_s),
    };
    let insert = pace::Entity::insert_many([row])
        .on_conflict(
            OnConflict::column(pace::Column::RequestId)
                .update_column(pace::Column::IntervalS)
                .to_owned(),
        )
        .exec_without_returning(conn)
        .await;
    writer::rows(insert).map(|_| 1)
}
