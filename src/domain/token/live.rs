//! What of an access token still stands, when a service asks.
//!
//! A token says what was granted when it was made. Since then an item may have ended, its "always" may
//! have been stopped, its one use may be spent, or the catalogue may have changed. What is left is what
//! the token is good for now; when nothing is left, it is not active.

use serde_json::Value;
use time::OffsetDateTime;

use super::access::numeric_date;
use super::carried::Carried;
use super::granted::GrantedItem;
use super::refresh::{Ground, behind};
use crate::domain::action::PermissionKey;
use crate::domain::id::{ClientId, GrantId, RequestId, StandingGrantId, UserId};

/// A grant that is not revoked, of a person and a client who may still take part.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    /// Its id.
    pub id: GrantId,
    /// The request it came from.
    pub request: RequestId,
    /// Whose it is.
    pub client: ClientId,
    /// Who granted it.
    pub user: UserId,
    /// What was granted.
    pub items: Vec<GrantedItem>,
    /// Which of them had their one use.
    pub spent: Places,
    /// When it was granted.
    pub created_at: OffsetDateTime,
    /// When the last of it ends.
    pub ends_at: OffsetDateTime,
}

/// Places in a grant's list of items, a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Places(pub i64);

impl Places {
    /// Places there are: one that is good for a single use further down the list is good for none.
    pub const MOST: usize = 62;

    /// One place; none if there is no bit for it.
    pub fn only(place: usize) -> Self {
        Self::default().with(place).unwrap_or_default()
    }

    /// These, and one more; `None` if there is no bit for it.
    fn with(self, place: usize) -> Option<Self> {
        (place < Self::MOST).then(|| Self(self.0 | 1 << place))
    }

    /// Whether it is among them.
    pub fn has(self, place: usize) -> bool {
        place < Self::MOST && self.0 & (1 << place) != 0
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// What of a token still stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Live {
    /// Places of the items, in the grant's list.
    pub places: Vec<usize>,
    /// `scope`.
    pub scope: String,
    /// `authorization_details`.
    pub details: Vec<Value>,
    /// When the first of it ends.
    pub ends_at: OffsetDateTime,
    /// Each "always" it rests on.
    pub rests_on: Vec<StandingGrantId>,
    /// What of it is good for one use, and not used.
    pub usable_once: Places,
    /// Whether something in it had its one use.
    pub spent: bool,
}

/// What still stands; `None` when the token is no longer good for anything.
pub fn live(
    carried: &Carried,
    grant: &Grant,
    ground: Ground<'_>,
    now: OffsetDateTime,
) -> Option<Live> {
    let ends_at = OffsetDateTime::from_unix_timestamp(carried.exp).ok()?;
    if carried.grant_id != grant.id || now >= ends_at {
        return None;
    }
    let mut live = Live::until(ends_at);
    let mut scopes = Vec::new();
    let mut carried_any = false;
    for scope in carried.scope.split(' ').filter(|scope| !scope.is_empty()) {
        let named = |granted: &GrantedItem| match &granted.item.key {
            PermissionKey::Scope(key) => key == scope,
            PermissionKey::Type(_) => false,
        };
        let found = grant.items.iter().position(named);
        carried_any |= scope != "openid";
        if scope == "openid" || found.is_some_and(|at| live.add(at, grant, ground, now)) {
            scopes.push(scope);
        }
    }
    live.scope = scopes.join(" ");
    let mut taken = vec![false; grant.items.len()];
    for detail in &carried.authorization_details {
        carried_any = true;
        // Two equal entries are two.
        let same = |(at, granted): &(usize, &GrantedItem)| {
            !taken[*at] && granted.item.detail.as_ref() == Some(detail)
        };
        let found = grant.items.iter().enumerate().find(same).map(|(at, _)| at);
        if let Some(at) = found {
            taken[at] = true;
            if live.add(at, grant, ground, now) {
                live.details.push(detail.clone());
            }
        }
    }
    live.rests_on.sort_unstable();
    live.rests_on.dedup();
    (!carried_any || !live.places.is_empty()).then_some(live)
}

/// Everything of a grant that still stands; `None` when nothing does.
pub fn whole(grant: &Grant, ground: Ground<'_>, now: OffsetDateTime) -> Option<Live> {
    if now >= grant.ends_at {
        return None;
    }
    let mut live = Live::until(grant.ends_at);
    let stand: Vec<bool> = (0..grant.items.len())
        .map(|at| live.add(at, grant, ground, now))
        .collect();
    let stands = |scope: &str| {
        grant.items.iter().zip(&stand).any(|(granted, stands)| {
            *stands && granted.item.key == PermissionKey::Scope(scope.to_owned())
        })
    };
    let scopes = ground.question.scope.split(' ');
    let scopes: Vec<&str> = scopes.filter(|it| *it == "openid" || stands(it)).collect();
    live.scope = scopes.join(" ");
    let details = grant
        .items
        .iter()
        .zip(&stand)
        .filter(|(_, stands)| **stands);
    live.details = details
        .filter_map(|(granted, _)| granted.item.detail.clone())
        .collect();
    (grant.items.is_empty() || !live.places.is_empty()).then_some(live)
}

impl Live {
    fn until(ends_at: OffsetDateTime) -> Self {
        Self {
            places: Vec::new(),
            scope: String::new(),
            details: Vec::new(),
            ends_at,
            rests_on: Vec::new(),
            usable_once: Places::default(),
            spent: false,
        }
    }

    /// When it ends, as JWTs have it.
    pub fn exp(&self) -> i64 {
        numeric_date(self.ends_at)
    }

    /// Adds an item, if it still stands.
    fn add(&mut self, at: usize, grant: &Grant, ground: Ground<'_>, now: OffsetDateTime) -> bool {
        let Some(granted) = grant.items.get(at) else {
            return false;
        };
        let known = ground.catalogue.permission(&granted.item.key);
        let known = known.filter(|(resource, _)| resource.identifier == granted.item.resource);
        let Some((_, permission)) = known else {
            return false;
        };
        if grant.spent.has(at) {
            self.spent = true;
            return false;
        }
        let Some((ends_at, rests_on)) = behind(&granted.item, granted.ends_at, ground, now) else {
            return false;
        };
        if now >= ends_at {
            return false;
        }
        if permission.single_use {
            match self.usable_once.with(at) {
                Some(more) => self.usable_once = more,
                None => return false,
            }
        }
        self.places.push(at);
        self.ends_at = self.ends_at.min(ends_at);
        self.rests_on.extend(rests_on);
        true
    }
}
