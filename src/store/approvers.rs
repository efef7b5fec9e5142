//! Whoever has a say in a request that several people answer, and what they have said.
//!
//! Each has one row, written when the request is opened and answered once. Who was last is decided by the request's
//! own row, which counts the answers ([`moving::count_vote`](super::requests::moving::count_vote)).

use sea_orm::sea_query::{Expr, ExprTrait as _, Query, SelectStatement};
use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
};
use time::OffsetDateTime;
use uuid::Uuid;

use entity::approver::{ActiveModel, Column, Entity, Model};
use entity::user;

use super::Store;
use super::active::active_user;
use super::error::{StoreError, inconsistent};
use super::forget::{LONGEST_REQUEST, first_id};
use crate::domain::ciba::approval::{Answered, Question, Vote};
use crate::domain::id::{RequestId, UserId};
use crate::domain::timestamp::milliseconds;

/// Somebody who has a say.
#[derive(Clone, Debug, PartialEq)]
pub struct Approver {
    /// Who.
    pub user: UserId,
    /// What people call them.
    pub name: String,
    /// What somebody has said who is disabled by now does not count.
    pub active: bool,
    /// What they have said, if they have.
    pub vote: Option<Vote>,
}

/// One person's answer.
#[derive(Clone, Debug)]
pub struct CastVote {
    /// To which request.
    pub request: RequestId,
    /// SHA-256 of the card they were shown.
    pub card_digest: [u8; 32],
    /// What they said.
    pub vote: Vote,
}

impl Store {
    /// Everybody who has a say in a request, by name.
    pub async fn approvers_of(&self, request: RequestId) -> Result<Vec<Approver>, StoreError> {
        let rows = Entity::find()
            .filter(Column::RequestId.eq(request.0))
            .all(&self.readers)
            .await?;
        let people: Vec<Uuid> = rows.iter().map(|row| row.user_id).collect();
        let people = user::Entity::find()
            .filter(user::Column::Id.is_in(people))
            .order_by_asc(user::Column::Name)
            .all(&self.readers)
            .await?;
        let of = |person: user::Model| {
            let row = rows.iter().find(|row| row.user_id == person.id)?;
            Some(read(row, person))
        };
        people.into_iter().filter_map(of).collect()
    }
}

/// The requests of about the last month that somebody has a say in; only those they have not answered, if wanted.
pub(super) fn of_person(user: UserId, unanswered: bool, now: OffsetDateTime) -> SelectStatement {
    let mut theirs = Query::select()
        .column(Column::RequestId)
        .from(Entity)
        .and_where(Column::UserId.eq(user.0))
        .to_owned();
    if unanswered {
        theirs
            .and_where(Column::RequestId.gt(first_id(now - LONGEST_REQUEST)))
            .and_where(Column::Answer.is_null());
    }
    theirs
}

fn read(row: &Model, person: user::Model) -> Result<Approver, StoreError> {
    let odd = || inconsistent("approvers", row.request_id.as_simple(), "vote");
    let vote = row.vote.as_deref();
    let vote = vote.map(|json| serde_json::from_str(json).map_err(|_| odd()));
    Ok(Approver {
        user: UserId(row.user_id),
        name: person.name,
        active: person.status == "active",
        vote: vote.transpose()?,
    })
}

/// The rows of a new request.
pub(super) fn rows(question: &Question) -> impl Iterator<Item = ActiveModel> {
    let members = question.quorum.iter().flat_map(|quorum| &quorum.from);
    members.map(|member| ActiveModel {
        request_id: ActiveValue::Set(question.id.0),
        user_id: ActiveValue::Set(member.user.0),
        answer: ActiveValue::Set(None),
        answered_at: ActiveValue::Set(None),
        vote: ActiveValue::Set(None),
        card_digest: ActiveValue::Set(None),
    })
}

/// Writes down what somebody says: once, but that a no may follow a yes; 0 when it cannot be.
pub(super) async fn cast<C: ConnectionTrait>(conn: &C, it: &CastVote) -> Result<u64, DbErr> {
    let answer = match it.vote.left {
        Some(_) => Answered::Once,
        None => Answered::Deny,
    };
    let vote = serde_json::to_string(&it.vote).unwrap_or_default();
    let unanswered = match answer {
        Answered::Once | Answered::Always => Column::Answer.is_null(),
        Answered::Deny => Column::Answer
            .is_null()
            .or(Column::Answer.eq(Answered::Once.as_str())),
    };
    let update = Entity::update_many()
        .filter(Column::RequestId.eq(it.request.0))
        .filter(Column::UserId.eq(it.vote.by.user.0))
        .filter(unanswered)
        .filter(Expr::exists(active_user("approvers")))
        .col_expr(Column::Answer, Expr::value(answer.as_str()))
        .col_expr(Column::AnsweredAt, Expr::value(milliseconds(it.vote.by.at)))
        .col_expr(Column::Vote, Expr::value(vote))
        .col_expr(Column::CardDigest, Expr::value(it.card_digest.to_vec()));
    Ok(update.exec(conn).await?.rows_affected)
}
