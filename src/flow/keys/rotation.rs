//! Putting a new key in the place of one that signs tokens.

use time::{Duration, OffsetDateTime};

use super::{KeyPurpose, KeysError, making, reload};
use crate::app::App;
use crate::domain::action::Catalogue;
use crate::domain::audit::{Actor, AuditEvent, Kind};
use crate::domain::token::access::PLAIN_LIFETIME;
use crate::domain::token::algorithm::Algorithm;
#[cfg(doc)]
use crate::store::StoreError;
use crate::store::{Commit, Write};

/// How long a key that no longer signs is published beyond the last token it can have signed:
/// whoever checks tokens may keep the published set for a day.
pub(super) const MARGIN: Duration = Duration::hours(24);

/// What a rotation did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// Signs from now on.
    pub new: String,
    /// What signed before, if anything did.
    pub replaces: Option<Replaced>,
}

/// A key that signs no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// Its name.
    pub kid: String,
    /// Until when it is published.
    pub published_until: OffsetDateTime,
}

/// Puts a new key in the place of the one that signs tokens with that algorithm, or makes the first. The old
/// one stays published until nothing it signed is good any more, and a day longer.
///
/// # Errors
///
/// [`StoreError::Overtaken`] when someone else rotated at the same moment: nothing was changed.
pub async fn rotate(app: &App, algorithm: Algorithm) -> Result<Rotated, KeysError> {
    let tools = app.tools();
    let now = app.clock.now();
    let stored = app.store.keys(KeyPurpose::Tokens).await?;
    let old = stored
        .into_iter()
        .find(|key| key.retires_at.is_none() && key.public.alg == algorithm);
    let key = making::signing_key(tools, algorithm).await?;
    let new = key.public.kid.clone();
    let (_, catalogue) = app.store.catalogue().await?;
    let published_until = now + longest_token(&catalogue) + MARGIN;

    let event = |kind| {
        AuditEvent::new(now, kind, Actor::Operator)
            .fact("kid", new.as_str())
            .fact("alg", algorithm.as_str())
    };
    let add = Write::AddKey(Box::new(key));
    let commit = match &old {
        Some(old) => {
            let replaced = old.public.kid.as_str();
            Commit::of(Write::RetireKey(replaced.to_owned(), published_until))
                .and(add)
                .event(event(Kind::KeyRotated).fact("replaces", replaced))
        }
        None => {
            Commit::of(add).event(event(Kind::KeyMade).fact("for", KeyPurpose::Tokens.as_str()))
        }
    };
    app.store.commit(commit).await?;

    reload(app).await?;
    Ok(Rotated {
        new,
        replaces: old.map(|old| Replaced {
            kid: old.public.kid,
            published_until,
        }),
    })
}

/// The longest that anything signed now can be good.
fn longest_token(catalogue: &Catalogue) -> Duration {
    catalogue
        .permissions()
        .map(|(_, permission)| permission.token_lifetime)
        .max()
        .map_or(PLAIN_LIFETIME, |longest| longest.max(PLAIN_LIFETIME))
}
