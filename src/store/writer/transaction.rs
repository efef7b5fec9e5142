//! One transaction over a batch of commits.
//!
//! The guards of all commits run first, those that answer and collect requests together; commits whose
//! guard failed are dropped. Then come the consequences, and last the new rows of all and the audit
//! chain. Only a commit with several guards needs a savepoint: one that fails has changed nothing.

use std::collections::HashSet;

use sea_orm::{
    ConnectionTrait, DatabaseBackend, DatabaseConnection, DatabaseTransaction, DbErr,
    SqliteTransactionMode, TransactionOptions, TransactionTrait,
};

use super::Waiting;
use super::rows::PlainRows;
use crate::domain::ciba::approval::Redeemed;
use crate::store::commit::{Commit, Write};
use crate::store::requests::moving;
use crate::store::{
    approvers, assertions, audit, catalogues, clients, devices, forget, grants, held_transactions,
    keys, parcels, pauses, proxied_questions, quiet_hours, refresh_tokens, registration_tokens,
    sessions, sign_in_links, standing_grants, user_codes, users,
};

/// One transaction over the whole batch. Returns the places of those that were overtaken.
pub(super) async fn transaction(
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
    answers: Vec<(usize, moving::Answered<'a>)>,
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
        let moved = moving::answer(conn, &answers).await?;
        let late = self
            .answers
            .iter()
            .filter(|(_, it)| !moved.contains(&it.id));
        overtaken.extend(late.map(|(at, _)| at));
        let redeemed: Vec<_> = self.redeemed.iter().map(|(_, it)| *it).collect();
        let moved = moving::redeem(conn, &redeemed).await?;
        let late = self
            .redeemed
            .iter()
            .filter(|(_, it)| !moved.contains(&it.question.id));
        overtaken.extend(late.map(|(at, _)| at));
        Ok(())
    }
}

/// The answer a write would give, if it is one.
fn answered(write: &Write) -> Option<moving::Answered<'_>> {
    if let Write::Approve(to, catalogue) = write {
        Some(moving::Answered {
            id: to.question.id,
            decision: &to.decision,
            reason: None,
            catalogue: *catalogue,
        })
    } else if let Write::Deny(to) = write {
        Some(moving::Answered {
            id: to.question.id,
            decision: &to.decision,
            reason: to.reason.as_ref(),
            // A no stands whatever policy has become.
            catalogue: i32::MAX,
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
pub(super) enum Kind {
    /// First: it decides whether the commit is made at all.
    Guard,
    /// After the guards: it changes what it finds, be that nothing.
    Consequence,
    /// Last, gathered with those of the other commits: it only brings a new id.
    NewRow,
}

impl Kind {
    pub(super) fn of(write: &Write) -> Self {
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
            | Write::StopStandingGrantsFor(..)
            | Write::StopGraver(_)
            | Write::HurryLetter(..)
            | Write::BeginPause(_)
            | Write::HoldBack(_)
            | Write::ForgetExpired(_) => Self::Consequence,
            Write::OpenRequest(_)
            | Write::Approve(..)
            | Write::Deny(_)
            | Write::Undo(_)
            | Write::CountVote(..)
            | Write::CastVote(_)
            | Write::Explain(..)
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
            | Write::EndPauses(..)
            | Write::ParkTransaction(_)
            | Write::AskAbout(_)
            | Write::AskForProxy(_)
            | Write::EndTransaction(_)
            | Write::UseAssertion(..)
            | Write::AddClient(_)
            | Write::ChangeClient(_)
            | Write::SetClientActive(..)
            | Write::RotateSecret(_)
            | Write::AddRegistrationToken(_)
            | Write::UseRegistrationToken(..)
            | Write::AddUser(_)
            | Write::SetUserActive(..)
            | Write::SetUserCode(_)
            | Write::RemoveUserCode(_)
            | Write::SetQuietHours(..)
            | Write::RemoveQuietHours(_)
            | Write::TryUserCode(_)
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
        Write::OpenRequest(new) => moving::open_once(conn, new).await,
        Write::Approve(..) | Write::Deny(_) => {
            let answers: Vec<_> = answered(write).into_iter().collect();
            Ok(moving::answer(conn, &answers).await?.len() as u64)
        }
        Write::Undo(to) => moving::undo(conn, to).await,
        Write::CountVote(id, before, now) => moving::count_vote(conn, *id, *before, *now).await,
        Write::CastVote(it) => approvers::cast(conn, it).await,
        Write::Explain(id, reason, now) => moving::explain(conn, *id, reason, *now).await,
        Write::Cancel(to) => moving::cancel(conn, to).await,
        Write::Expire(to) => moving::expire(conn, to).await,
        Write::Redeem(to) => Ok(moving::redeem(conn, &[to]).await?.len() as u64),
        Write::RevokeGrant(id, at) => grants::revoke(conn, *id, *at).await,
        Write::SpendItems(spent) => grants::spend(conn, spent).await,
        Write::Stand(standing) => grants::stand(conn, standing).await,
        Write::UseRefreshToken(used) => refresh_tokens::use_once(conn, used).await,
        Write::RulesStand(rules, at) => standing_grants::stand(conn, rules, *at).await,
        Write::UseStandingGrant(used) => standing_grants::count_uses(conn, used).await,
        Write::StopStandingGrant(id, user, at) => {
            standing_grants::stop(conn, *id, *user, *at).await
        }
        Write::BeginPause(pause) => pauses::begin(conn, pause).await,
        Write::EndPauses(reach, at) => pauses::end(conn, reach, *at).await,
        Write::HoldBack(pause) => pauses::count(conn, *pause).await,
        Write::ParkTransaction(new) => held_transactions::park(conn, new).await,
        Write::AskAbout(it) => held_transactions::ask_about(conn, it).await,
        Write::AskForProxy(it) => proxied_questions::ask(conn, it).await,
        Write::EndTransaction(to) => held_transactions::end(conn, to).await,
        Write::UseAssertion(client, used) => assertions::remember(conn, client, used).await,
        Write::Pace(id, interval_s) => moving::pace(conn, *id, *interval_s).await,
        Write::AddClient(client) => clients::add(conn, client).await,
        Write::ChangeClient(to) => clients::change(conn, to).await,
        Write::StopGraver(graver) => standing_grants::stop_graver(conn, graver).await,
        Write::StopStandingGrantsFor(client, at) => {
            standing_grants::stop_all(conn, client, *at).await
        }
        Write::AddRegistrationToken(new) => registration_tokens::add(conn, new).await,
        Write::UseRegistrationToken(id, at) => {
            registration_tokens::use_for_one(conn, *id, *at).await
        }
        Write::RotateSecret(rotated) => clients::rotate_secret(conn, rotated).await,
        Write::SetClientActive(id, active) => clients::set_active(conn, id, *active).await,
        Write::AddUser(user) => users::add(conn, user).await,
        Write::SetUserActive(id, active) => users::set_active(conn, *id, *active).await,
        Write::SetUserCode(new) => user_codes::set(conn, new).await,
        Write::RemoveUserCode(user) => user_codes::remove(conn, *user).await,
        Write::SetQuietHours(user, hours) => quiet_hours::set(conn, *user, hours).await,
        Write::RemoveQuietHours(user) => quiet_hours::remove(conn, *user).await,
        Write::TryUserCode(tried) => user_codes::tried(conn, tried).await,
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
