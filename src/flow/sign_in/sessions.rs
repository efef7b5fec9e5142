//! Sessions: a browser that is signed in, until it ends.

use time::{Duration, OffsetDateTime};

use super::SignInError;
use crate::app::App;
use crate::domain::action::Tier;
use crate::domain::audit::{Actor, AuditEvent, Kind};
use crate::domain::ciba::approval::Question;
use crate::domain::consent::assurance::{Assurance, fresh_enough};
use crate::domain::consent::pause::Pause;
use crate::domain::consent::step_up::{FallsShort, SignIn, enough};
use crate::domain::id::{SessionId, UserId};
use crate::domain::user::User;
use crate::domain::user::browser::browser_name;
use crate::store::{Commit, StoreError, StoredSession, Write};

pub use crate::store::StoredSession as Session;

/// Uses of a session are noted this far apart.
const NOTED_EVERY: Duration = Duration::MINUTE;

/// What the second cookie is made for.
const SAME_SITE: &str = "same-site cookie";

/// Proof that a person is signed in. There is no other way to one than [`session`].
#[derive(Clone, Debug, PartialEq)]
pub struct Present {
    /// Who.
    pub user: User,
    /// How.
    pub session: StoredSession,
    /// What keeps agents from asking them at this moment.
    pub pauses: Vec<Pause>,
    earned: Earned,
}

/// Keeps [`Present`] from being written by hand.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Earned;

/// What a browser must bring from now on.
#[derive(Clone)]
pub struct SignedIn {
    /// For every page: comes along when a link elsewhere is followed.
    pub cookie: String,
    /// For every form: comes along from our own pages only.
    pub same_site_cookie: String,
}

impl Present {
    /// Whether this sign-in is too old to change how the person is protected: as for what is grave.
    pub fn is_stale(&self, now: OffsetDateTime) -> bool {
        fresh_enough(Tier::High, self.session.authenticated_at, now).is_err()
    }

    /// Whether this sign-in may say yes to a question.
    pub fn may_allow(&self, question: &Question, now: OffsetDateTime) -> Result<(), FallsShort> {
        let sign_in = SignIn {
            how: self.session.how,
            at: self.session.authenticated_at,
        };
        let asked_at = question.opened_at;
        enough(question.tier, &question.wanted, sign_in, asked_at, now)
    }
}

/// Who a session cookie stands for, if it still stands for anyone.
pub async fn session(app: &App, cookie: &str) -> Result<Option<Present>, StoreError> {
    let now = app.clock.now();
    let Some(id) = app.secrets.sessions.read(cookie) else {
        return Ok(None);
    };
    let found = app.store.session_and_user(SessionId(id)).await?;
    let Some((session, user)) = found.filter(|(_, user)| user.active) else {
        return Ok(None);
    };
    if !is_live(&session, app.settings.sessions.idle, now) {
        return Ok(None);
    }
    if now - session.last_seen_at >= NOTED_EVERY {
        let touch = Write::TouchSession(session.id, now);
        app.store.commit_later(Commit::of(touch));
    }
    let pauses = app.store.pauses_for(user.id, None, now).await?;
    let earned = Earned;
    Ok(Some(Present {
        user,
        session,
        pauses,
        earned,
    }))
}

fn is_live(session: &StoredSession, idle: Duration, now: OffsetDateTime) -> bool {
    session.ended_at.is_none() && now < session.expires_at && now - session.last_seen_at < idle
}

impl SignedIn {
    /// Whether the second cookie belongs to the first: a form came from one of our own pages.
    pub fn is_same_site_cookie(app: &App, present: &Present, cookie: &str) -> bool {
        app.secrets
            .is_csrf_token(cookie, present.session.id, SAME_SITE)
    }
}

/// The person signs out. Once is enough: a session that has ended has ended.
pub async fn sign_out(app: &App, by: &Present, from: Option<String>) -> Result<(), StoreError> {
    let now = app.clock.now();
    let event = AuditEvent::new(now, Kind::SignedOut, Actor::Person)
        .user(by.user.id)
        .from(from)
        .fact("session", by.session.id.to_string());
    let end = Write::EndSession(by.session.id, now);
    match app.store.commit(Commit::of(end).event(event)).await {
        Ok(()) | Err(StoreError::Overtaken) => Ok(()),
        Err(other) => Err(other),
    }
}

/// A session that begins now.
pub(super) fn begin(
    app: &App,
    user: UserId,
    how: Assurance,
    user_agent: Option<&str>,
    now: OffsetDateTime,
) -> Result<StoredSession, SignInError> {
    Ok(StoredSession {
        id: SessionId(app.entropy.id(now)?),
        user,
        how,
        authenticated_at: now,
        created_at: now,
        last_seen_at: now,
        expires_at: now + app.settings.sessions.longest,
        ended_at: None,
        // In our words: what a browser says of itself is a stranger's text.
        user_agent: user_agent.map(browser_name),
    })
}

/// What the browser of a session must bring.
pub(super) fn cookies(app: &App, id: SessionId) -> SignedIn {
    SignedIn {
        cookie: app.secrets.sessions.make(id.0),
        same_site_cookie: app.secrets.csrf_token(id, SAME_SITE),
    }
}

/// Ends the session that a newer one replaces.
pub(super) async fn end_silently(
    app: &App,
    before: &Present,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    let end = Commit::of(Write::EndSession(before.session.id, now));
    match app.store.commit(end).await {
        Ok(()) | Err(StoreError::Overtaken) => Ok(()),
        Err(other) => Err(other),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const START: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn session() -> StoredSession {
        StoredSession {
            id: SessionId(Uuid::from_u128(1)),
            user: UserId(Uuid::from_u128(2)),
            how: Assurance::EmailLink,
            authenticated_at: START,
            created_at: START,
            last_seen_at: START,
            expires_at: START + Duration::days(30),
            ended_at: None,
            user_agent: None,
        }
    }

    #[test]
    fn sec_c11_a_session_ends_unused_after_a_month_and_when_signed_out() {
        let idle = Duration::hours(12);
        let live = |session: &StoredSession, at| is_live(session, idle, START + at);
        assert!(live(&session(), Duration::hours(11)));
        assert!(!live(&session(), Duration::hours(12)));

        let mut used_daily = session();
        used_daily.last_seen_at = START + Duration::days(30) - Duration::HOUR;
        assert!(live(&used_daily, Duration::days(30) - Duration::MINUTE));
        assert!(!live(&used_daily, Duration::days(30)));

        let mut ended = session();
        ended.ended_at = Some(START);
        assert!(!live(&ended, Duration::ZERO));
    }
}
