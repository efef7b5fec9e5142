//! User codes (CIBA §7.1.2): a person chooses one, and an agent that registered for it must bring it along.
//!
//! Whoever guesses learns nothing from how long it takes, and few guesses are free: a wrong code is counted in the
//! row before it is refused, and a right one is taken only if the row was not locked or counted meanwhile, so that
//! many guesses at once, at several instances, are no more than a few. Nobody is notified: that would be a way to
//! disturb people.

use secrecy::{ExposeSecret, SecretString};

use crate::app::App;
use crate::domain::audit::{Actor, AuditEvent, Kind};
use crate::domain::ciba::refusal::Refusal;
use crate::domain::client::authentication::Authenticated;
use crate::domain::id::UserId;
use crate::domain::user::code::{self, BadCode, CodeHash, Tries, UserCode};
use crate::entropy::NoEntropy;
use crate::flow::{Fault, Unserved};
use crate::store::{Commit, NewUserCode, StoreError, TriedCode, Write};

/// How often a try is counted anew when another was counted at the same moment.
const TRIES: usize = 16;

/// How soon it makes sense to come back when too many codes are checked at once.
const LATER: time::Duration = time::Duration::seconds(5);

/// Why a code was not kept.
#[derive(Debug, thiserror::Error)]
pub enum CodeError {
    /// It cannot be one.
    #[error(transparent)]
    Bad(#[from] BadCode),
    /// Too many are hashed at once.
    #[error("too much at once: try again in a moment")]
    Busy,
    /// No random bytes.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whether a person has a code.
pub async fn has_one(app: &App, user: UserId) -> Result<bool, StoreError> {
    Ok(app.store.user_code(user).await?.is_some())
}

/// Makes up a code.
pub fn make_up(app: &App) -> Result<SecretString, NoEntropy> {
    Ok(code::make_up(app.entropy.bytes()?).into())
}

/// Keeps a code, instead of the one before. Who sets it is forgiven all wrong ones.
pub async fn set(
    app: &App,
    user: UserId,
    code: &SecretString,
    by: Actor,
    from: Option<String>,
) -> Result<(), CodeError> {
    let keyed = app
        .secrets
        .user_code(user, code::read(code.expose_secret())?);
    let salt = app.entropy.bytes()?;
    let hash = app.user_codes.hash(move || CodeHash::make(&keyed, salt));
    let hash = hash.await.flatten().ok_or(CodeError::Busy)?;
    let code = UserCode {
        user,
        hash,
        tries: Tries::default(),
    };
    let event = AuditEvent::new(app.clock.now(), Kind::UserCodeSet, by)
        .user(user)
        .from(from);
    let write = Write::SetUserCode(Box::new(NewUserCode(code)));
    Ok(app.store.commit(Commit::of(write).event(event)).await?)
}

/// Forgets a code. False if there was none.
pub async fn remove(
    app: &App,
    user: UserId,
    by: Actor,
    from: Option<String>,
) -> Result<bool, StoreError> {
    let event = AuditEvent::new(app.clock.now(), Kind::UserCodeRemoved, by)
        .user(user)
        .from(from);
    let commit = Commit::of(Write::RemoveUserCode(user)).event(event);
    app.store.commit_first(commit).await
}

/// Checks the code an agent has brought for whom its hint names, who may be nobody. Somebody without a code needs
/// none.
pub(super) async fn checked(
    app: &App,
    by: &Authenticated,
    user: Option<UserId>,
    code: Option<&str>,
    from: Option<&str>,
) -> Result<(), Unserved> {
    let kept = match user {
        Some(user) => app.store.user_code(user).await?,
        None => None,
    };
    let Some(code) = code else {
        return match kept {
            Some(_) => Err(Refusal::MissingUserCode.into()),
            None => Ok(()),
        };
    };
    // Somebody without a code, and nobody at all, take as long.
    let hash = kept.as_ref().map(|it| it.hash.clone());
    let hash = hash.unwrap_or_else(CodeHash::of_nobody);
    let nobody = UserId(uuid::Uuid::nil());
    let keyed = app.secrets.user_code(user.unwrap_or(nobody), code.trim());
    let right = app.user_codes.hash(move || hash.matches(&keyed)).await;
    let busy = Refusal::Unavailable { retry_after: LATER };
    let right = right.ok_or_else(|| busy.clone())?;
    let Some(mut found) = kept else {
        return Ok(());
    };
    for _ in 0..TRIES {
        match counted(app, by, &found, right, from).await {
            Ok(()) if right => return Ok(()),
            Ok(()) => return Err(Refusal::InvalidUserCode.into()),
            Err(Unserved::Failed(Fault::Store(StoreError::Overtaken))) => {}
            Err(other) => return Err(other),
        }
        // Somebody tried at the same moment. What was checked must still be the code.
        let now = app.store.user_code(found.user).await?;
        let same = now.filter(|now| now.hash == found.hash);
        found = same.ok_or(Refusal::InvalidUserCode)?;
    }
    Err(busy.into())
}

/// Counts one try, as the row has it.
async fn counted(
    app: &App,
    by: &Authenticated,
    found: &UserCode,
    right: bool,
    from: Option<&str>,
) -> Result<(), Unserved> {
    let now = app.clock.now();
    if found.tries.locked(now) {
        return Err(Refusal::InvalidUserCode.into());
    }
    let to = if right {
        Tries::default()
    } else {
        found.tries.one_wrong(now)
    };
    let tried = TriedCode {
        found: found.clone(),
        to,
    };
    let commit = Commit::of(Write::TryUserCode(Box::new(tried)));
    let commit = if right {
        commit
    } else {
        let event = AuditEvent::new(now, Kind::UserCodeWrong, Actor::Client)
            .client(&by.client().id)
            .user(found.user)
            .from(from.map(str::to_owned))
            .fact("wrong", to.wrong);
        commit.event(match to.locked_until {
            Some(until) => event.fact("locked_until", until.unix_timestamp()),
            None => event,
        })
    };
    Ok(app.store.commit(commit).await?)
}
