//! Finding requests.

use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ColumnTrait, EntityTrait, PaginatorTrait as _, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait as _, Select,
};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use entity::request::{Column, Entity};

use super::{StoredRequest, is, read};
use crate::domain::action::Asked;
use crate::domain::ciba::approval::{DecidedBy, Decision, State};
use crate::domain::consent::attention::{Likeness, Rang};
use crate::domain::consent::denials::Denial;
use crate::domain::consent::pause::Shape;
use crate::domain::id::{ClientId, RequestId, StandingGrantId, UserId};
use crate::domain::timestamp::{from_milliseconds, milliseconds};
use crate::store::error::{StoreError, inconsistent};
use crate::store::only::Only as _;
use crate::store::{Store, approvers};

/// Denials that are looked at.
const MOST_DENIALS: u64 = 200;

/// Requests that are ended with one that was answered.
const MOST_ALIKE: u64 = 200;

/// Interruptions that are looked at.
const MOST_RANG: u64 = 500;

impl Store {
    /// The request of that id.
    pub async fn request(&self, id: RequestId) -> Result<Option<StoredRequest>, StoreError> {
        Entity::find_by_id(id.0)
            .only(&self.readers)
            .await?
            .map(read)
            .transpose()
    }

    /// The request this client asked under this idempotency key.
    pub async fn request_by_key(
        &self,
        client: &ClientId,
        key_hash: &[u8; 32],
    ) -> Result<Option<StoredRequest>, StoreError> {
        Entity::find()
            .filter(Column::ClientId.eq(client.0.as_str()))
            .filter(Column::IdempotencyKey.eq(key_hash.to_vec()))
            .only(&self.readers)
            .await?
            .map(read)
            .transpose()
    }

    /// What waits for this person at `now`, the most pressing first.
    pub async fn waiting_requests(
        &self,
        user: UserId,
        now: OffsetDateTime,
        at_most: u64,
    ) -> Result<Vec<StoredRequest>, StoreError> {
        let theirs = Entity::find()
            .filter(Column::UserId.eq(user.0))
            .filter(Column::Needed.is_null());
        self.most_pressing(theirs, now, at_most).await
    }

    /// What waits at `now` for this person among others and was not answered by them, the most pressing first.
    pub async fn waiting_together(
        &self,
        user: UserId,
        now: OffsetDateTime,
        at_most: u64,
    ) -> Result<Vec<StoredRequest>, StoreError> {
        let among =
            Entity::find().filter(Column::Id.in_subquery(approvers::of_person(user, true, now)));
        self.most_pressing(among, now, at_most).await
    }

    /// How many wait for this person among others at `now`.
    pub async fn waiting_together_count(
        &self,
        user: UserId,
        now: OffsetDateTime,
    ) -> Result<u64, StoreError> {
        let waiting = Entity::find()
            .filter(Column::Id.in_subquery(approvers::of_person(user, true, now)))
            .filter(is(State::Pending))
            .filter(Column::AnswerBy.gt(milliseconds(now)));
        Ok(waiting.count(&self.readers).await?)
    }

    /// How many wait for this person alone at `now`, and how many of them are this client's.
    pub async fn waiting_count(
        &self,
        user: UserId,
        client: &ClientId,
        now: OffsetDateTime,
    ) -> Result<(u64, u64), StoreError> {
        let clients: Vec<String> = Entity::find()
            .select_only()
            .column(Column::ClientId)
            .filter(Column::UserId.eq(user.0))
            .filter(Column::Needed.is_null())
            .filter(is(State::Pending))
            .filter(Column::AnswerBy.gt(milliseconds(now)))
            .limit(1000)
            .into_tuple()
            .all(&self.readers)
            .await?;
        let theirs = clients.iter().filter(|it| **it == client.0).count();
        Ok((clients.len() as u64, theirs as u64))
    }

    /// What waits for this person at `now` and asks just this.
    pub async fn waiting_alike(
        &self,
        user: UserId,
        likeness: Likeness,
        now: OffsetDateTime,
    ) -> Result<Vec<StoredRequest>, StoreError> {
        let rows = Entity::find()
            .filter(Column::UserId.eq(user.0))
            .filter(is(State::Pending))
            .filter(Column::AnswerBy.gt(milliseconds(now)))
            .filter(Column::Likeness.eq(likeness.to_vec()))
            .order_by_asc(Column::AnswerBy)
            .limit(MOST_ALIKE)
            .all(&self.readers)
            .await?;
        rows.into_iter().map(read).collect()
    }

    /// What has rung at this person's since `since`.
    pub async fn rang(&self, user: UserId, since: OffsetDateTime) -> Result<Vec<Rang>, StoreError> {
        type Row = (Uuid, String, Option<Vec<u8>>, i64, i64);
        let rows: Vec<Row> = Entity::find()
            .select_only()
            .column(Column::Id)
            .column(Column::ClientId)
            .column(Column::Likeness)
            .column(Column::OpenedAt)
            .column(Column::AnswerBy)
            .filter(Column::UserId.eq(user.0))
            // As the index has it.
            .filter(Expr::cust("arrival = 'rings'"))
            .filter(Column::OpenedAt.gt(milliseconds(since)))
            .order_by_desc(Column::OpenedAt)
            .limit(MOST_RANG)
            .into_tuple()
            .all(&self.readers)
            .await?;
        let rang = |(id, client, likeness, at, answer_by): Row| {
            let odd = || inconsistent("requests", id.as_simple(), "likeness");
            let likeness = likeness.map(|it| it.try_into().map_err(|_| odd()));
            Ok(Rang {
                request: RequestId(id),
                client: ClientId(client),
                likeness: likeness.transpose()?,
                at: from_milliseconds(at),
                answer_by: from_milliseconds(answer_by),
            })
        };
        rows.into_iter().map(rang).collect()
    }

    /// What this person has denied this client since `since`, and when.
    pub async fn denials(
        &self,
        user: UserId,
        client: &ClientId,
        since: OffsetDateTime,
    ) -> Result<Vec<Denial>, StoreError> {
        let rows: Vec<(Uuid, String, i64)> = Entity::find()
            .select_only()
            .column(Column::Id)
            .column(Column::Asked)
            .column(Column::SettledAt)
            .filter(Column::UserId.eq(user.0))
            .filter(Column::ClientId.eq(client.0.as_str()))
            .filter(is(State::Denied))
            .filter(Column::SettledAt.gt(milliseconds(since)))
            .order_by_desc(Column::SettledAt)
            .limit(MOST_DENIALS)
            .into_tuple()
            .all(&self.readers)
            .await?;
        let denial = |(id, asked, at): (Uuid, String, i64)| {
            let asked: Asked = serde_json::from_str(&asked)
                .map_err(|_| inconsistent("requests", id.as_simple(), "asked"))?;
            Ok(Denial {
                shape: Shape::of(&asked),
                at: from_milliseconds(at),
            })
        };
        rows.into_iter().map(denial).collect()
    }

    /// This person's settled requests, the newest first; older than `before` if one is given.
    pub async fn settled_requests(
        &self,
        user: UserId,
        before: Option<RequestId>,
        now: OffsetDateTime,
        at_most: u64,
    ) -> Result<Vec<StoredRequest>, StoreError> {
        let over = Column::State
            .ne(State::Pending.as_str())
            .or(Column::AnswerBy.lte(milliseconds(now)));
        let alone = Entity::find()
            .filter(Column::UserId.eq(user.0))
            .filter(Column::Needed.is_null())
            .filter(over.clone());
        let together = Entity::find()
            .filter(Column::Id.in_subquery(approvers::of_person(user, false, now)))
            .filter(over);
        let mut both = self.newest(alone, before, at_most).await?;
        both.append(&mut self.newest(together, before, at_most).await?);
        both.sort_by_key(|it| std::cmp::Reverse(it.request.question().id));
        both.truncate(usize::try_from(at_most).unwrap_or(usize::MAX));
        Ok(both)
    }

    /// What this person has allowed this client, the newest first.
    pub async fn allowed_requests(
        &self,
        user: UserId,
        client: &ClientId,
        at_most: u64,
    ) -> Result<Vec<StoredRequest>, StoreError> {
        let allowed = [State::Approved, State::Redeemed].map(State::as_str);
        let theirs = Entity::find()
            .filter(Column::UserId.eq(user.0))
            .filter(Column::Needed.is_null())
            .filter(Column::ClientId.eq(client.0.as_str()))
            .filter(Column::State.is_in(allowed));
        self.newest(theirs, None, at_most).await
    }

    /// The rules that answered this person's requests since `since`, once for each time.
    pub async fn rules_used(
        &self,
        user: UserId,
        since: OffsetDateTime,
        at_most: u64,
    ) -> Result<Vec<StandingGrantId>, StoreError> {
        let decisions: Vec<Option<String>> = Entity::find()
            .select_only()
            .column(Column::Decision)
            .filter(Column::UserId.eq(user.0))
            .filter(Column::Id.gt(RequestId::first_at(since).0))
            .order_by_desc(Column::Id)
            .limit(at_most)
            .into_tuple()
            .all(&self.readers)
            .await?;
        let mut used = Vec::new();
        for decision in decisions.into_iter().flatten() {
            let decision: Decision = serde_json::from_str(&decision)
                .map_err(|_| inconsistent("requests", user.0.as_simple(), "decision"))?;
            match decision.by {
                DecidedBy::StandingGrants { grants, .. } => used.extend(grants),
                DecidedBy::Person { .. } | DecidedBy::People { .. } => {}
            }
        }
        Ok(used)
    }

    /// What this client has asked this person since `since`, the newest first.
    pub async fn asked_lately(
        &self,
        user: UserId,
        client: &ClientId,
        since: OffsetDateTime,
        at_most: u64,
    ) -> Result<Vec<StoredRequest>, StoreError> {
        let theirs = Entity::find()
            .filter(Column::UserId.eq(user.0))
            .filter(Column::ClientId.eq(client.0.as_str()))
            .filter(Column::Id.gt(RequestId::first_at(since).0));
        self.newest(theirs, None, at_most).await
    }

    /// A client's own requests, the newest first; older than `before` if one is given.
    pub async fn requests_of_client(
        &self,
        client: &ClientId,
        before: Option<RequestId>,
        at_most: u64,
    ) -> Result<Vec<StoredRequest>, StoreError> {
        let theirs = Entity::find().filter(Column::ClientId.eq(client.0.as_str()));
        self.newest(theirs, before, at_most).await
    }

    /// What of those waits at `now`, the most pressing first.
    async fn most_pressing(
        &self,
        those: Select<Entity>,
        now: OffsetDateTime,
        at_most: u64,
    ) -> Result<Vec<StoredRequest>, StoreError> {
        let rows = those
            .filter(is(State::Pending))
            .filter(Column::AnswerBy.gt(milliseconds(now)))
            .order_by_asc(Column::AnswerBy)
            .limit(at_most)
            .all(&self.readers)
            .await?;
        rows.into_iter().map(read).collect()
    }

    /// A page of those, the newest first; older than `before` if one is given.
    async fn newest(
        &self,
        those: Select<Entity>,
        before: Option<RequestId>,
        at_most: u64,
    ) -> Result<Vec<StoredRequest>, StoreError> {
        let rows = those
            .apply_if(before, |those, before| {
                those.filter(Column::Id.lt(before.0))
            })
            .order_by_desc(Column::Id)
            .limit(at_most)
            .all(&self.readers)
            .await?;
        rows.into_iter().map(read).collect()
    }

    /// Requests whose moment has passed without anyone noting it: unanswered, or uncollected.
    pub async fn overdue_requests(
        &self,
        now: OffsetDateTime,
        at_most: u64,
    ) -> Result<Vec<StoredRequest>, StoreError> {
        let overdue = async |state: State, deadline: Column| {
            Entity::find()
                .filter(is(state))
                .filter(deadline.lte(milliseconds(now)))
                .order_by_asc(deadline)
                .limit(at_most)
                .all(&self.readers)
                .await
        };
        let mut rows = overdue(State::Pending, Column::AnswerBy).await?;
        rows.append(&mut overdue(State::Approved, Column::ExpiresAt).await?);
        rows.into_iter().map(read).collect()
    }

    /// Ids of requests that were settled at `since` or later, by whichever process.
    pub async fn settled_since(
        &self,
        since: OffsetDateTime,
        at_most: u64,
    ) -> Result<Vec<(RequestId, OffsetDateTime)>, StoreError> {
        let rows: Vec<(Uuid, i64)> = Entity::find()
            .select_only()
            .column(Column::Id)
            .column(Column::SettledAt)
            .filter(Column::SettledAt.is_not_null())
            .filter(Column::SettledAt.gte(milliseconds(since)))
            .order_by_asc(Column::SettledAt)
            .limit(at_most)
            .into_tuple()
            .all(&self.readers)
            .await?;
        Ok(rows
            .into_iter()
            .map(|(id, at)| (RequestId(id), from_milliseconds(at)))
            .collect())
    }

    /// The pace an agent was slowed down to.
    pub async fn pace(&self, id: RequestId) -> Result<Option<Duration>, StoreError> {
        let row = entity::pace::Entity::find_by_id(id.0)
            .only(&self.readers)
            .await?;
        Ok(row.map(|row| Duration::seconds(i64::from(row.interval_s))))
    }
}
