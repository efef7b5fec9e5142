//! Links that sign one person in, once.
//!
//! Looking at a link changes nothing: mail scanners and previews do that. Only its button uses it.

use std::time::Duration as StdDuration;

use time::{Duration, OffsetDateTime};

use super::SignInError;
use super::sessions::{self, Present, SignedIn};
use crate::app::App;
use crate::channel::email::Mailer;
use crate::domain::audit::{Actor, AuditEvent, Kind};
use crate::domain::ciba::hint::Hint;
use crate::domain::consent::assurance::Assurance;
use crate::domain::id::{ParcelId, SignInLinkId};
use crate::domain::parcel::{Address, Parcel, ParcelKind};
use crate::domain::user::{User, read_email};
use crate::store::{Commit, StoreError, StoredLink, Write};

/// How long asking for a letter takes, whoever asks for whom: longer than the work does, so that the
/// time says nothing about which addresses are known.
pub const SAME_TIME: StdDuration = StdDuration::from_millis(120);

/// A link that would work now.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// Who it signs in.
    pub user: User,
    /// Where they want to go.
    pub next: Option<String>,
}

/// Why a link signs nobody in.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// Not a link of ours, used before, too old, or somebody's who is disabled: all alike to who holds it.
    #[error("the link does not work, or not any more")]
    Over,
    /// Nothing was found out.
    #[error(transparent)]
    Failed(#[from] SignInError),
}

impl From<StoreError> for LinkError {
    fn from(error: StoreError) -> Self {
        if matches!(error, StoreError::Overtaken) {
            Self::Over
        } else {
            Self::Failed(error.into())
        }
    }
}

/// The address of a link. It is a secret until it has been used.
pub fn url_of(app: &App, link: SignInLinkId) -> String {
    let handle = app.secrets.sign_in_links.make(link.0);
    format!(
        "{}{}",
        app.settings.public_url,
        crate::paths::sign_in_link(&handle)
    )
}

/// Whether letters can be sent at all.
pub fn can_send(app: &App) -> bool {
    match app.channels.mailer {
        Mailer::Smtp(_) | Mailer::Folder(_) => true,
        Mailer::Off => false,
    }
}

/// Makes a link to be handed over by whoever asks for it.
pub async fn make_link(
    app: &App,
    user: &User,
    how: Assurance,
    next: Option<String>,
) -> Result<String, SignInError> {
    let now = app.clock.now();
    let link = new_link(app, user, how, next, now)?;
    let by = match how {
        Assurance::HostLink => Actor::Operator,
        Assurance::EmailLink => Actor::Person,
    };
    let id = link.id;
    app.store.commit(made(link, by, None, now)).await?;
    Ok(url_of(app, id))
}

/// Sends a link to an address, if somebody of that address may sign in and has not had too many. The
/// answer is the same in any case, and takes as long.
pub async fn send_link(
    app: &App,
    email: &str,
    next: Option<String>,
    from: Option<String>,
) -> Result<(), SignInError> {
    let (sent, ()) = tokio::join!(
        send_to_the_known(app, email, next, from),
        tokio::time::sleep(SAME_TIME)
    );
    sent
}

async fn send_to_the_known(
    app: &App,
    email: &str,
    next: Option<String>,
    from: Option<String>,
) -> Result<(), SignInError> {
    let now = app.clock.now();
    let Ok(email) = read_email(email) else {
        return Ok(());
    };
    let Some(user) = app.store.user_by_hint(&Hint::Email(email)).await? else {
        return Ok(());
    };
    if !user.active || has_had_too_many(app, &user, now).await? {
        return Ok(());
    }
    let link = new_link(app, &user, Assurance::EmailLink, next, now)?;
    let letter = Parcel {
        id: ParcelId(app.entropy.id(now)?),
        request: None,
        user: user.id,
        kind: ParcelKind::SignIn(link.id),
        address: Address::Email,
        created_at: now,
        due_at: now,
        worthless_after: link.expires_at,
    };
    let commit = made(link, Actor::Person, from, now).parcels([letter]);
    app.commit(commit).await?;
    Ok(())
}

async fn has_had_too_many(
    app: &App,
    user: &User,
    now: OffsetDateTime,
) -> Result<bool, SignInError> {
    let most = app.settings.limits.sign_in_links_per_hour;
    let since = now - Duration::HOUR;
    Ok(most > 0 && app.store.sign_in_links_since(user.id, since).await? >= most)
}

fn new_link(
    app: &App,
    user: &User,
    how: Assurance,
    next: Option<String>,
    now: OffsetDateTime,
) -> Result<StoredLink, SignInError> {
    Ok(StoredLink {
        id: SignInLinkId(app.entropy.id(now)?),
        user: user.id,
        how,
        next,
        created_at: now,
        expires_at: now + app.settings.sign_in_link_life,
        used_at: None,
    })
}

fn made(link: StoredLink, by: Actor, from: Option<String>, now: OffsetDateTime) -> Commit {
    let event = AuditEvent::new(now, Kind::SignInLinkMade, by)
        .user(link.user)
        .from(from)
        .fact("how", link.how.as_str());
    Commit::of(Write::AddSignInLink(Box::new(link))).event(event)
}

/// What a link would do. Changes nothing.
pub async fn look_at_link(app: &App, handle: &str) -> Result<Link, LinkError> {
    let (link, user) = load(app, handle, app.clock.now()).await?;
    let next = link.next;
    Ok(Link { user, next })
}

/// Uses a link: a new session begins, and the one this browser had before ends.
pub async fn use_link(
    app: &App,
    handle: &str,
    before: Option<&Present>,
    user_agent: Option<&str>,
    from: Option<String>,
) -> Result<(SignedIn, Option<String>), LinkError> {
    let now = app.clock.now();
    let (link, _) = load(app, handle, now).await?;
    let session = sessions::begin(app, link.user, link.how, user_agent, now)?;
    let id = session.id;
    let event = AuditEvent::new(now, Kind::SignedIn, Actor::Person)
        .user(link.user)
        .from(from)
        .fact("how", link.how.as_str())
        .fact("session", id.to_string());
    let commit = Commit::of(Write::UseSignInLink(link.id, now))
        .and(Write::AddSession(Box::new(session)))
        .event(event);
    app.store.commit(commit).await?;
    if let Some(before) = before {
        sessions::end_silently(app, before, now).await?;
    }
    Ok((sessions::cookies(app, id), link.next))
}

/// A link that would work, and whose it is.
async fn load(
    app: &App,
    handle: &str,
    now: OffsetDateTime,
) -> Result<(StoredLink, User), LinkError> {
    let id = app
        .secrets
        .sign_in_links
        .read(handle)
        .ok_or(LinkError::Over)?;
    let link = app.store.sign_in_link(SignInLinkId(id)).await?;
    let link = link
        .filter(|link| link.used_at.is_none() && now < link.expires_at)
        .ok_or(LinkError::Over)?;
    let user = app.store.user(link.user).await?;
    let user = user.filter(|user| user.active).ok_or(LinkError::Over)?;
    Ok((link, user))
}
