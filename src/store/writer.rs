//! The one writer: commits queue up, and whatever waits is written in one database transaction.
//!
//! Durable writing costs an fsync whether it carries one row or fifty, so the writer takes all that
//! waits (up to [`MOST_AT_ONCE`]), runs every commit's guards (those of one kind together), drops the commits whose guard
//! failed, inserts the new rows of the rest together, extends the audit chain, commits, and only then
//! answers. Only a commit with several guards needs a savepoint: one that fails has changed nothing. Should the transaction fail as a whole,
//! each commit is tried again alone, so that one bad commit cannot take others with it.

use std::collections::HashSet;
use std::sync::Arc;

use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DatabaseBackend, DatabaseConnection, DatabaseTransaction,
    DbErr, EntityTrait, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::commit::{Commit, Write};
use super::error::StoreError;
use super::{
    access_tokens, assertions, audit, catalogues, clients, devices, forget, grants, keys, parcels,
    refresh_tokens, registration_tokens, requests, sessions, sign_in_links, standing_grants, users,
};
use crate::domain::ciba::approval::{ApprovalRequest, Redeemed};

/// Commits that may wait; beyond it a writer is told to come back.
const QUEUE: usize = 4096;

/// Commits written in one transaction.
const MOST_AT_ONCE: usize = 64;

/// Hands commits to the writing task.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Job>,
    task: Arc<tokio::sync::Mutex<Option<JoinHandle<()>>>>,
}

#[derive(Debug)]
enum Job {
    Commit(Box<Commit>, Option<oneshot::Sender<Result<(), StoreError>>>),
    Close,
}

impl Writer {
    /// Starts the task that owns the writing connection.
    pub(super) fn start(connection: DatabaseConnection) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE);
        #[expect(
            clippy::disallowed_methods,
            reason = "the store waits for its writer in close()"
        )]
        let task = tokio::spawn(run(connection, jobs));
        Self {
            queue,
            task: Arc::new(tokio::sync::Mutex::new(Some(task))),
        }
    }

    pub(super) async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        let job = Job::Commit(Box::new(commit), Some(answer));
        match self.queue.try_send(job) {
            Ok(()) => answered.await.map_err(|_| StoreError::Closed)?,
            Err(mpsc::error::TrySendError::Full(_)) => Err(StoreError::Overloaded),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(StoreError::Closed),
        }
    }

    pub(super) fn commit_later(&self, commit: Commit) {
        // Bookkeeping that finds no room is not worth holding anyone up.
        let _ = self.queue.try_send(Job::Commit(Box::new(commit), None));
    }

    pub(super) async fn close(&self) {
        let task = self.task.lock().await.take();
        if let Some(task) = task {
            let _ = self.queue.send(Job::Close).await;
            let _ = task.await;
        }
    }
}

/// One commit and whoever waits for it.
struct Waiting {
    commit: Box<Commit>,
    answer: Option<oneshot::Sender<Result<(), StoreError>>>,
}

impl Waiting {
    fn tell(self, outcome: Result<(), StoreError>) {
        match self.answer {
            // Whoever asked may have gone: what is written stays written.
            Some(answer) => drop(answer.send(outcome)),
            None => {
                if let Err(error @ (StoreError::Database(_) | StoreError::Inconsistent { .. })) =
                    outcome
                {
                    tracing::warn!(%error, "bookkeeping was not written");
                }
            }
        }
    }
}

async fn run(connection: DatabaseConnection, mut jobs: mpsc::Receiver<Job>) {
    let mut batch = Vec::with_capacity(MOST_AT_ONCE);
    let mut closing = false;
    while !closing {
        let Some(first) = jobs.recv().await else {
            break;
        };
        let mut next = Some(first);
        while let Some(job) = next {
            match job {
                Job::Commit(commit, answer) => batch.push(Waiting { commit, answer }),
                Job::Close => closing = true,
            }
            next = if batch.len() < MOST_AT_ONCE {
                jobs.try_recv().ok()
            } else {
                None
            };
        }
        write(&connection, &mut batch).await;
    }
    let _ = connection.close().await;
}

/// Writes a batch, and tells everyone.
async fn write(connection: &DatabaseConnection, batch: &mut Vec<Waiting>) {
    match transaction(connection, batch).await {
        Ok(overtaken) => {
            for (at, waiting) in batch.drain(..).enumerate() {
                let outcome = if overtaken.contains(&at) {
                    Err(StoreError::Overtaken)
                } else {
                    Ok(())
                };
                waiting.tell(outcome);
            }
        }
        Err(error) if batch.len() == 1 => batch.drain(..).for_each(|waiting| {
            tracing::error!(%error, "a write failed");
            waiting.tell(Err(StoreError::Database(error.clone())));
        }),
        Err(_) => {
            for waiting in std::mem::take(batch) {
                let mut alone = vec![waiting];
                Box::pin(write(connection, &mut alone)).await;
            }
        }
    }
}

/// One transaction over the whole batch. Returns the places of those that were overtaken.
async fn transaction(
    connection: &DatabaseConnection,
    batch: &[Waiting],
) -> Result<Vec<usize>, DbErr> {
    let options = TransactionOptions {
        sqlite_transaction_mode: (connection.get_database_backend() == DatabaseBackend::Sqlite)
            .then_some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    let tx = connection.begin_with_options(options).await?;
    let mut overtaken = Vec::new();
    let moves = Moves::gather(batch);
    moves.apply(&tx, &mut overtaken).await?;
    for (at, waiting) in batch.iter().enumerate() {
        if overtaken.contains(&at) {
            continue;
        }
        if !moves.includes(at) && !guards_hold(&tx, &waiting.commit).await? {
            overtaken.push(at);
            continue;
        }
        for write in of_kind(&waiting.commit, Kind::Consequence) {
            apply(&tx, write).await?;
        }
    }
    let mut rows = PlainRows::default();
    let mut events = Vec::new();
    for (at, waiting) in batch.iter().enumerate() {
        if !overtaken.contains(&at) {
            waiting
                .commit
                .writes
                .iter()
                .for_each(|write| rows.gather(write));
            rows.parcels
                .extend(waiting.commit.parcels.iter().map(parcels::row));
            events.extend(&waiting.commit.events);
        }
    }
    rows.insert(&tx).await?;
    audit::append(&tx, &events).await?;
    tx.commit().await?;
    Ok(overtaken)
}

/// The commits whose one guard answers or collects a request: most of what a server does. They are
/// written with one statement for all of them.
struct Moves<'a> {
    answers: Vec<(usize, requests::Answered<'a>)>,
    redeemed: Vec<(usize, &'a Redeemed)>,
}

impl<'a> Moves<'a> {
    fn gather(batch: &'a [Waiting]) -> Self {
        let mut it = Self {
            answers: Vec::new(),
            redeemed: Vec::new(),
        };
        let mut taken = HashSet::new();
        for (at, waiting) in batch.iter().enumerate() {
            let mut guards = of_kind(&waiting.commit, Kind::Guard);
            let (Some(guard), None) = (guards.next(), guards.next()) else {
                continue;
            };
            // Of two that would move the same request, the later one is judged by itself.
            if let Some(answered) = answered(guard) {
                if taken.insert(answered.id) {
                    it.answers.push((at, answered));
                }
            } else if let Write::Redeem(redeemed) = guard
                && taken.insert(redeemed.question.id)
            {
                it.redeemed.push((at, redeemed));
            }
        }
        it
    }

    fn includes(&self, place: usize) -> bool {
        self.answers.iter().any(|(at, _)| *at == place)
            || self.redeemed.iter().any(|(at, _)| *at == place)
    }

    async fn apply<C: ConnectionTrait>(
        &self,
        conn: &C,
        overtaken: &mut Vec<usize>,
    ) -> Result<(), DbErr> {
        let answers: Vec<_> = self.answers.iter().map(|(_, it)| *it).collect();
        let moved = requests::answer(conn, &answers).await?;
        let late = self
            .answers
            .iter()
            .filter(|(_, it)| !moved.contains(&it.id));
        overtaken.extend(late.map(|(at, _)| at));
        let redeemed: Vec<_> = self.redeemed.iter().map(|(_, it)| *it).collect();
        let moved = requests::redeem(conn, &redeemed).await?;
        let late = self
            .redeemed
            .iter()
            .filter(|(_, it)| !moved.contains(&it.question.id));
        overtaken.extend(late.map(|(at, _)| at));
        Ok(())
    }
}

/// The answer a write would give, if it is one.
fn answered(write: &Write) -> Option<requests::Answered<'_>> {
    if let Write::Approve(to) = write {
        Some(requests::Answered {
            id: to.question.id,
            decision: &to.decision,
            reason: None,
        })
    } else if let Write::Deny(to) = write {
        Some(requests::Answered {
            id: to.question.id,
            decision: &to.decision,
            reason: to.reason.as_deref(),
        })
    } else {
        None
    }
}

/// The writes of one kind.
fn of_kind(commit: &Commit, kind: Kind) -> impl Iterator<Item = &Write> + Clone {
    commit.writes.iter().filter(move |it| Kind::of(it) == kind)
}

/// Runs a commit's guards; false, with nothing changed, when one of them fails.
async fn guards_hold(tx: &DatabaseTransaction, commit: &Commit) -> Result<bool, DbErr> {
    let guards = of_kind(commit, Kind::Guard);
    if guards.clone().count() > 1 {
        let savepoint = tx.begin().await?;
        for guard in guards {
            if apply(&savepoint, guard).await? == 0 {
                savepoint.rollback().await?;
                return Ok(false);
            }
        }
        savepoint.commit().await?;
    } else {
        for guard in guards {
            if apply(tx, guard).await? == 0 {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// When a write is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// First: it decides whether the commit is made at all.
    Guard,
    /// After the guards: it changes what it finds, be that nothing.
    Consequence,
    /// Last, gathered with those of the other commits: it only brings a new id.
    NewRow,
}

impl Kind {
    fn of(write: &Write) -> Self {
        match write {
            Write::OpenRequest(new) if new.idempotency.is_none() => Self::NewRow,
            Write::IssueGrant(_)
            | Write::AddAccessToken(_)
            | Write::AddRefreshToken(_)
            | Write::KeepRefresh(_)
            | Write::KeepRedemption { .. }
            | Write::MakeStandingGrant(..)
            | Write::AddSignInLink(_)
            | Write::AddSession(_) => Self::NewRow,
            Write::Pace(..)
            | Write::TouchSession(..)
            | Write::DeviceReached(..)
            | Write::ClaimParcels(_)
            | Write::DropParcels(..)
            | Write::HurryLetter(..)
            | Write::ForgetExpired(_) => Self::Consequence,
            Write::OpenRequest(_)
            | Write::Approve(_)
            | Write::Deny(_)
            | Write::Cancel(_)
            | Write::Expire(_)
            | Write::Redeem(_)
            | Write::RevokeGrant(..)
            | Write::SpendItems(_)
            | Write::Stand(_)
            | Write::UseRefreshToken(_)
            | Write::UseStandingGrant(..)
            | Write::RulesStand(..)
            | Write::StopStandingGrant(..)
            | Write::UseAssertion(..)
            | Write::AddClient(_)
            | Write::SetClientActive(..)
            | Write::RotateSecret(_)
            | Write::AddRegistrationToken(_)
            | Write::UseRegistrationToken(..)
            | Write::AddUser(_)
            | Write::SetUserActive(..)
            | Write::UseSignInLink(..)
            | Write::EndSession(..)
            | Write::AddDevice(_)
            | Write::RetireDevice(..)
            | Write::FillParcel(_)
            | Write::SettleParcel(_)
            | Write::NoteUnreachable(_)
            | Write::ApplyCatalogue(..)
            | Write::AddKey(_)
            | Write::RetireKey(..) => Self::Guard,
        }
    }
}

/// Applies one guard (or one write that is not a plain insert). Zero means: overtaken.
async fn apply<C: ConnectionTrait>(conn: &C, write: &Write) -> Result<u64, DbErr> {
    match write {
        Write::OpenRequest(new) => requests::open_once(conn, new).await,
        Write::Approve(_) | Write::Deny(_) => {
            let answers: Vec<_> = answered(write).into_iter().collect();
            Ok(requests::answer(conn, &answers).await?.len() as u64)
        }
        Write::Cancel(to) => requests::cancel(conn, to).await,
        Write::Expire(to) => requests::expire(conn, to).await,
        Write::Redeem(to) => Ok(requests::redeem(conn, &[to]).await?.len() as u64),
        Write::RevokeGrant(id, at) => grants::revoke(conn, *id, *at).await,
        Write::SpendItems(spent) => grants::spend(conn, spent).await,
        Write::Stand(standing) => grants::stand(conn, standing).await,
        Write::UseRefreshToken(used) => refresh_tokens::use_once(conn, used).await,
        Write::RulesStand(rules, at) => standing_grants::stand(conn, rules, *at).await,
        Write::UseStandingGrant(id, at) => standing_grants::count_use(conn, *id, *at).await,
        Write::StopStandingGrant(id, user, at) => {
            standing_grants::stop(conn, *id, *user, *at).await
        }
        Write::UseAssertion(client, used) => assertions::remember(conn, client, used).await,
        Write::Pace(id, interval_s) => requests::pace(conn, *id, *interval_s).await,
        Write::AddClient(client) => clients::add(conn, client).await,
        Write::AddRegistrationToken(new) => registration_tokens::add(conn, new).await,
        Write::UseRegistrationToken(id, at) => {
            registration_tokens::use_for_one(conn, *id, *at).await
        }
        Write::RotateSecret(rotated) => clients::rotate_secret(conn, rotated).await,
        Write::SetClientActive(id, active) => clients::set_active(conn, id, *active).await,
        Write::AddUser(user) => users::add(conn, user).await,
        Write::SetUserActive(id, active) => users::set_active(conn, *id, *active).await,
        Write::UseSignInLink(id, at) => sign_in_links::use_once(conn, *id, *at).await,
        Write::TouchSession(id, at) => sessions::touch(conn, *id, *at).await,
        Write::EndSession(id, at) => sessions::end(conn, *id, *at).await,
        Write::AddDevice(device) => devices::add(conn, device).await,
        Write::RetireDevice(id, user, why, at) => devices::retire(conn, *id, *user, why, *at).await,
        Write::DeviceReached(id, at) => devices::reached(conn, *id, *at).await,
        Write::ClaimParcels(claim) => parcels::claim(conn, claim).await,
        Write::FillParcel(filled) => parcels::fill(conn, filled).await,
        Write::SettleParcel(settled) => parcels::settle(conn, settled).await,
        Write::DropParcels(request, at) => parcels::drop_waiting(conn, *request, *at).await,
        Write::HurryLetter(request, now) => parcels::hurry_letter(conn, *request, *now).await,
        Write::NoteUnreachable(request) => parcels::note_unreachable(conn, *request).await,
        Write::ApplyCatalogue(version, document, at) => {
            catalogues::apply(conn, *version, document, *at).await
        }
        Write::AddKey(key) => keys::add(conn, key).await,
        Write::RetireKey(kid, until) => keys::retire(conn, kid, *until).await,
        Write::ForgetExpired(now) => forget::expired(conn, *now).await,
        // Plain inserts are gathered; there is nothing here for them to fail.
        Write::IssueGrant(_)
        | Write::AddAccessToken(_)
        | Write::AddRefreshToken(_)
        | Write::KeepRefresh(_)
        | Write::KeepRedemption { .. }
        | Write::MakeStandingGrant(..)
        | Write::AddSignInLink(_)
        | Write::AddSession(_) => Ok(1),
    }
}

/// The new rows of many commits.
#[derive(Default)]
struct PlainRows {
    requests: Vec<entity::request::ActiveModel>,
    grants: Vec<entity::grant::ActiveModel>,
    access_tokens: Vec<entity::access_token::ActiveModel>,
    refresh_tokens: Vec<entity::refresh_token::ActiveModel>,
    kept_refreshes: Vec<entity::kept_refresh::ActiveModel>,
    redemptions: Vec<entity::redemption::ActiveModel>,
    standing_grants: Vec<entity::standing_grant::ActiveModel>,
    sign_in_links: Vec<entity::sign_in_link::ActiveModel>,
    sessions: Vec<entity::session::ActiveModel>,
    parcels: Vec<entity::parcel::ActiveModel>,
}

impl PlainRows {
    fn gather(&mut self, write: &Write) {
        if Kind::of(write) != Kind::NewRow {
            return;
        }
        if let Write::OpenRequest(new) = write {
            debug_assert!(!matches!(new.request, ApprovalRequest::Redeemed(_)));
            self.requests.push(requests::row(new));
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
    async fn insert<C: ConnectionTrait>(self, conn: &C) -> Result<(), DbErr> {
        insert(conn, self.requests).await?;
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
pub(super) async fn insert<A, C>(conn: &C, mut rows: Vec<A>) -> Result<(), DbErr>
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
pub(super) fn rows(inserted: Result<impl Into<Inserted>, DbErr>) -> Result<u64, DbErr> {
    match inserted {
        Ok(inserted) => Ok(inserted.into().0),
        Err(DbErr::RecordNotInserted) => Ok(0),
        Err(error) => Err(error),
    }
}

/// How many rows an insert says it inserted.
pub(super) struct Inserted(u64);

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
