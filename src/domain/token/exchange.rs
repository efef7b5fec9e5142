//! Token exchange (RFC 8693): a token for a narrower one, for the same agent or for one it names.
//!
//! What comes out is within what went in, as it stands now: scope, details, service, end. Whoever is to
//! get a token that was another's must be named in it (`may_act`), and then acts for the person with
//! the one before inside `act`. What was shown and decided, and the sign-in behind it, stay what they were.

use serde_json::Value;
use time::{Duration, OffsetDateTime};

use super::access::PLAIN_LIFETIME;
use super::acting::Acting;
use super::carried::Carried;
use super::live::Live;
use crate::domain::action::{Catalogue, PermissionKey};
use crate::domain::ciba::refusal::Refusal;
use crate::domain::client::{Client, admits};
use crate::domain::id::ClientId;

/// `grant_type`.
pub const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// The kind of token that goes in and comes out.
pub const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// How many may act for a person one inside the other.
pub const MOST_ACTING: usize = 4;

/// A token that would live shorter than this is not worth giving.
const SHORTEST: Duration = Duration::seconds(1);

/// Who exchanges, and what it may have by its registration.
#[derive(Clone, Copy, Debug)]
pub struct Exchanger<'a> {
    /// Its id.
    pub id: &'a ClientId,
    /// Scopes; empty for all.
    pub scopes: &'a [String],
    /// Types of details; empty for all.
    pub types: &'a [String],
    /// Resources; empty for all.
    pub resources: &'a [String],
}

impl<'a> From<&'a Client> for Exchanger<'a> {
    fn from(client: &'a Client) -> Self {
        Self {
            id: &client.id,
            scopes: &client.scopes,
            types: &client.types,
            resources: &client.resources,
        }
    }
}

/// What a client wants; without a wish it wants all of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted<'a> {
    /// `scope`.
    pub scope: Option<&'a str>,
    /// `authorization_details`.
    pub details: Option<Vec<Value>>,
    /// `resource` and `audience`.
    pub audiences: &'a [&'a str],
    /// `requested_expiry`.
    pub lifetime: Option<Duration>,
}

/// What comes out.
#[derive(Clone, Debug, PartialEq)]
pub struct Narrower {
    /// `scope`.
    pub scope: String,
    /// `authorization_details`.
    pub details: Vec<Value>,
    /// When it ends.
    pub ends_at: OffsetDateTime,
    /// Who acts for the person.
    pub act: Acting<'static>,
}

/// Unknown, over, not this client's, not to be had by it: one answer for all.
pub fn unacceptable() -> Refusal {
    Refusal::InvalidRequest("the subject_token or actor_token is not acceptable")
}

/// Makes a token narrower, or hands it on.
pub fn exchange(
    carried: &Carried,
    live: &Live,
    by: Exchanger<'_>,
    wanted: &Wanted<'_>,
    catalogue: &Catalogue,
    now: OffsetDateTime,
) -> Result<Narrower, Refusal> {
    let act = acting(carried, by.id)?;
    if wanted.audiences.iter().any(|named| *named != carried.aud)
        || !admits(by.resources, &carried.aud)
    {
        return Err(Refusal::InvalidTarget(
            "an exchange is for the resource of the approval only",
        ));
    }
    let scope = scope(live, wanted.scope)?;
    let details = details(live, wanted.details.as_deref())?;
    registered(by, &scope, &details)?;
    let usual = usual_lifetime(&scope, &details, catalogue);
    let lifetime = wanted.lifetime.map_or(usual, |wanted| wanted.min(usual));
    let ends_at = live.ends_at.min(now + lifetime);
    if ends_at - now < SHORTEST {
        return Err(unacceptable());
    }
    Ok(Narrower {
        scope,
        details,
        ends_at,
        act,
    })
}

/// Who acts from now on: the same client, or one the token names.
fn acting(carried: &Carried, by: &ClientId) -> Result<Acting<'static>, Refusal> {
    if carried.client_id == *by {
        return Ok(carried.act.clone());
    }
    let named = carried.may_act.as_ref().map(|it| &it.sub);
    if named != Some(by) || carried.act.depth() >= MOST_ACTING {
        return Err(unacceptable());
    }
    Ok(Acting {
        sub: by.0.clone().into(),
        act: Some(Box::new(carried.act.clone())),
    })
}

/// The scopes of a token that are wanted, and no more than it has.
pub fn scope(live: &Live, wanted: Option<&str>) -> Result<String, Refusal> {
    let words = |scope: &'_ str| -> Vec<String> {
        let words = scope.split(' ').filter(|word| !word.is_empty());
        words.map(str::to_owned).collect()
    };
    let had = words(&live.scope);
    let mut chosen: Vec<String> = Vec::new();
    for word in words(wanted.unwrap_or(&live.scope)) {
        if !had.contains(&word) {
            return Err(Refusal::InvalidScope("an exchange cannot widen the scope"));
        }
        if !chosen.contains(&word) {
            chosen.push(word);
        }
    }
    Ok(chosen.join(" "))
}

fn details(live: &Live, wanted: Option<&[Value]>) -> Result<Vec<Value>, Refusal> {
    let Some(wanted) = wanted else {
        return Ok(live.details.clone());
    };
    let mut left: Vec<&Value> = live.details.iter().collect();
    for detail in wanted {
        // Two equal entries are two: each is found once.
        let at = left.iter().position(|had| *had == detail);
        let at = at.ok_or(Refusal::InvalidAuthorizationDetails(
            "an exchange cannot widen authorization_details".into(),
        ))?;
        left.swap_remove(at);
    }
    Ok(wanted.to_vec())
}

/// What a client gets from another must be what it could have asked for.
fn registered(by: Exchanger<'_>, scope: &str, details: &[Value]) -> Result<(), Refusal> {
    let mut scopes = scope
        .split(' ')
        .filter(|word| !matches!(*word, "" | "openid"));
    if scopes.any(|word| !admits(by.scopes, word)) {
        return Err(Refusal::InvalidScope(
            "this client may not have every scope of it: name fewer",
        ));
    }
    let mut kinds = details.iter().filter_map(kind);
    if kinds.any(|kind| !admits(by.types, kind)) {
        return Err(Refusal::InvalidAuthorizationDetails(
            "this client may not have every type of it: name fewer".into(),
        ));
    }
    Ok(())
}

fn kind(detail: &Value) -> Option<&str> {
    detail.get("type").and_then(Value::as_str)
}

/// As long as the shortest of them lives usually.
fn usual_lifetime(scope: &str, details: &[Value], catalogue: &Catalogue) -> Duration {
    let scopes = scope
        .split(' ')
        .map(|it| PermissionKey::Scope(it.to_owned()));
    let types = details.iter().filter_map(kind);
    let keys = scopes.chain(types.map(|it| PermissionKey::Type(it.to_owned())));
    let known = keys.filter_map(|key| Some(catalogue.permission(&key)?.1.token_lifetime));
    known.min().unwrap_or(PLAIN_LIFETIME)
}
