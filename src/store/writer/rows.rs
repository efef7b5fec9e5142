//! New rows, inserted many at a time.

use sea_orm::{ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait};

use super::transaction::Kind;
use crate::domain::ciba::approval::ApprovalRequest;
use crate::store::commit::Write;
use crate::store::{
    access_tokens, approvers, grants, refresh_tokens, requests, sessions, sign_in_links,
    standing_grants,
};

/// The new rows of many commits.
#[derive(Default)]
pub(super) struct PlainRows {
    requests: Vec<entity::request::ActiveModel>,
    approvers: Vec<entity::approver::ActiveModel>,
    grants: Vec<entity::grant::ActiveModel>,
    access_tokens: Vec<entity::access_token::ActiveModel>,
    refresh_tokens: Vec<entity::refresh_token::ActiveModel>,
    kept_refreshes: Vec<entity::kept_refresh::ActiveModel>,
    redemptions: Vec<entity::redemption::ActiveModel>,
    standing_grants: Vec<entity::standing_grant::ActiveModel>,
    sign_in_links: Vec<entity::sign_in_link::ActiveModel>,
    sessions: Vec<entity::session::ActiveModel>,
    pub(super) parcels: Vec<entity::parcel::ActiveModel>,
}

impl PlainRows {
    pub(super) fn gather(&mut self, write: &Write) {
        if Kind::of(write) != Kind::NewRow {
            return;
        }
        if let Write::OpenRequest(new) = write {
            debug_assert!(!matches!(new.request, ApprovalRequest::Redeemed(_)));
            self.requests.push(requests::row(new));
            self.approvers
                .extend(approvers::rows(new.request.question()));
        } else if let Write::IssueGrant(grant) = write {
            self.grants.push(grants::row(grant));
        } else if let Write::AddAccessToken(token) = write {
            self.access_tokens.push(access_tokens::row(token));
        } else if let Write::AddRefreshToken(token) = write {
            self.refresh_tokens.push(refresh_tokens::row(token));
        } else if let Write::KeepRefresh(kept) = write {
            self.kept_refreshes.push(refresh_tokens::kept_row(kept));
        } else if let Write::KeepRedemption {
            request,
            key_hash,
            response,
            until,
        } = write
        {
            self.redemptions
                .push(grants::redemption_row(*request, key_hash, response, *until));
        } else if let Write::MakeStandingGrant(grant, sentence) = write {
            self.standing_grants
                .push(standing_grants::row(grant, sentence));
        } else if let Write::AddSignInLink(link) = write {
            self.sign_in_links.push(sign_in_links::row(link));
        } else if let Write::AddSession(session) = write {
            self.sessions.push(sessions::row(session));
        }
    }

    /// Inserts them, requests first because the others name them.
    pub(super) async fn insert<C: ConnectionTrait>(self, conn: &C) -> Result<(), DbErr> {
        insert(conn, self.requests).await?;
        insert(conn, self.approvers).await?;
        insert(conn, self.grants).await?;
        insert(conn, self.access_tokens).await?;
        insert(conn, self.refresh_tokens).await?;
        insert(conn, self.kept_refreshes).await?;
        insert(conn, self.redemptions).await?;
        insert(conn, self.standing_grants).await?;
        insert(conn, self.sign_in_links).await?;
        insert(conn, self.sessions).await?;
        insert(conn, self.parcels).await
    }
}

/// Inserts rows, sixteen or thirty-two at a time, and the rest: few different statements, so each is
/// prepared once.
pub(in crate::store) async fn insert<A, C>(conn: &C, mut rows: Vec<A>) -> Result<(), DbErr>
where
    A: ActiveModelTrait + Send,
    C: ConnectionTrait,
{
    while !rows.is_empty() {
        let length = match rows.len() {
            few @ ..=16 => few,
            17..=31 => 16,
            32.. => 32,
        };
        let rest = rows.split_off(length);
        <A::Entity as EntityTrait>::insert_many(rows)
            .exec_without_returning(conn)
            .await?;
        rows = rest;
    }
    Ok(())
}

/// Rows inserted by a statement that may have inserted none.
pub(in crate::store) fn rows(inserted: Result<impl Into<Inserted>, DbErr>) -> Result<u64, DbErr> {
    match inserted {
        Ok(inserted) => Ok(inserted.into().0),
        Err(DbErr::RecordNotInserted) => Ok(0),
        Err(error) => Err(error),
    }
}

/// How many rows an insert says it inserted.
pub(in crate::store) struct Inserted(u64);

impl From<u64> for Inserted {
    fn from(rows: u64) -> Self {
        Self(rows)
    }
}

impl From<sea_orm::TryInsertResult<u64>> for Inserted {
    fn from(result: sea_orm::TryInsertResult<u64>) -> Self {
        match result {
            sea_orm::TryInsertResult::Inserted(rows) => Self(rows),
            sea_orm::TryInsertResult::Empty | sea_orm::TryInsertResult::Conflicted => Self(0),
        }
    }
}
