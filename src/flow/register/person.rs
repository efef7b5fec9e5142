//! People: those who can be asked.

use super::{MOST_LISTED, RegisterError, unless_already};
use crate::app::App;
use crate::domain::action::text::{CleanText, TextError, display_name};
use crate::domain::audit::{Actor, AuditEvent, Kind};
use crate::domain::ciba::hint::{self, Hint};
use crate::domain::id::UserId;
use crate::domain::user::{User, read_email};
use crate::store::{Commit, StoreError, Write};

/// Letters of a username.
const LONGEST_USERNAME: usize = 64;

/// A person to be added.
#[derive(Clone, Debug)]
pub struct NewPerson {
    /// Where letters go.
    pub email: String,
    /// Another name a hint may use.
    pub username: Option<String>,
    /// What pages call them; without one, the front of the address, or all of it.
    pub name: Option<String>,
}

/// Adds a person.
pub async fn add_person(app: &App, new: NewPerson) -> Result<User, RegisterError> {
    let now = app.clock.now();
    let email = read_email(&new.email)?;
    let username = new.username.as_deref().map(read_username).transpose()?;
    let name = name_of(new.name.as_deref(), &email).map_err(RegisterError::Name)?;
    let user = User {
        id: UserId(app.entropy.id(now)?),
        email,
        username,
        name: name.into_string(),
        active: true,
        created_at: now,
    };
    let event = AuditEvent::new(now, Kind::UserAdded, Actor::Operator).user(user.id);
    let commit = Commit::of(Write::AddUser(Box::new(user.clone()))).event(event);
    match app.store.commit(commit).await {
        Ok(()) => Ok(user),
        Err(StoreError::Overtaken) => Err(RegisterError::Taken(taken(app, &user).await?)),
        Err(error) => Err(error.into()),
    }
}

/// What pages call somebody. The front of `you@example.com` would pass for a word of ours: then it is all of it.
fn name_of(name: Option<&str>, email: &str) -> Result<CleanText, TextError> {
    let front = email.split('@').next().unwrap_or_default();
    match name {
        Some(name) => display_name(name),
        None => display_name(front).or_else(|_| display_name(email)),
    }
}

/// Whoever is meant by an address, a username or an id.
pub async fn person(app: &App, who: &str) -> Result<User, RegisterError> {
    let unknown = || RegisterError::Unknown(format!("person `{}`", who.escape_debug()));
    let hint = hint::login_hint(who, &app.settings.public_url);
    let hint = hint.map_err(|_| unknown())?;
    app.store.user_by_hint(&hint).await?.ok_or_else(unknown)
}

/// Disables a person, or enables them again.
pub async fn set_person_active(app: &App, id: UserId, active: bool) -> Result<User, RegisterError> {
    let found = app.store.user(id).await?;
    let mut user = found.ok_or_else(|| RegisterError::Unknown(format!("person {id}")))?;
    let kind = if active {
        Kind::UserEnabled
    } else {
        Kind::UserDisabled
    };
    let event = AuditEvent::new(app.clock.now(), kind, Actor::Operator).user(id);
    let commit = Commit::of(Write::SetUserActive(id, active)).event(event);
    app.store
        .commit(commit)
        .await
        .map_err(|error| unless_already(error, &user.email, active))?;
    app.people.forget(id);
    user.active = active;
    Ok(user)
}

/// Everybody, by address.
pub async fn people(app: &App) -> Result<Vec<User>, RegisterError> {
    Ok(app.store.users(MOST_LISTED).await?)
}

/// Which of a person's names is somebody else's.
async fn taken(app: &App, user: &User) -> Result<String, StoreError> {
    let by_email = Hint::Email(user.email.clone());
    let taken = match (&user.username, app.store.user_by_hint(&by_email).await?) {
        (Some(username), None) => username,
        (_, Some(_)) | (None, None) => &user.email,
    };
    Ok(taken.clone())
}

/// Reads a username. One that could be taken for an address or an id would never be found again.
fn read_username(text: &str) -> Result<String, RegisterError> {
    let name = text.trim().to_lowercase();
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-_".contains(&b);
    let fits = (1..=LONGEST_USERNAME).contains(&name.len()) && name.bytes().all(plain);
    if fits && name.parse::<UserId>().is_err() {
        Ok(name)
    } else {
        Err(RegisterError::Username)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_username_cannot_pass_for_an_address_or_an_id() {
        assert_eq!(read_username(" Maya.K ").unwrap(), "maya.k");
        for wrong in [
            "",
            "maya@acme.example",
            "0192f0c1a2b37c4d8e5f60718293a4b5",
            "ma ya",
            "{}",
            "máya",
        ] {
            assert!(read_username(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn whoever_has_no_name_is_called_by_the_front_of_the_address() {
        let name = |name, email| name_of(name, email).map(CleanText::into_string);
        assert_eq!(name(Some("Maya"), "m@acme.example"), Ok("Maya".into()));
        assert_eq!(name(None, "maya@acme.example"), Ok("maya".into()));
        assert_eq!(
            name(None, "you@acme.example"),
            Ok("you@acme.example".into())
        );
        assert!(name(Some("You"), "maya@acme.example").is_err());
    }
}
