//! "Always": what a person has allowed one agent, within bounds, until an end.
//!
//! The question here has one answer by default, *no*. A standing grant covers a request when
//! agent, person, service and permission are the same, it is neither stopped nor over nor
//! forgotten, today's catalogue would still allow it, and every part of the details is either
//! inside a limit or exactly what it was.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::{Duration, OffsetDateTime};

use super::bounds::{Bounds, Limit};
use super::limit::{leave_out, same};
use crate::domain::action::{
    Always, Asked, AskedItem, Bound, Catalogue, Permission, PermissionKey, facts,
};
use crate::domain::id::{ClientId, RequestId, StandingGrantId, UserId};

/// What nobody has used for so long has been forgotten, and is asked again.
pub const LAPSES_AFTER: Duration = Duration::days(30);

/// An "always".
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StandingGrant {
    /// Its id.
    pub id: StandingGrantId,
    /// The one agent it is for.
    pub client: ClientId,
    /// Who allowed it.
    pub user: UserId,
    /// The service it is about.
    pub resource: String,
    /// The permission it is about.
    pub key: PermissionKey,
    /// How far it goes.
    pub bounds: Bounds,
    /// When it was given.
    pub created_at: OffsetDateTime,
    /// When it ends.
    pub ends_at: OffsetDateTime,
    /// When it last answered for the person.
    pub last_used_at: Option<OffsetDateTime>,
    /// How often it did.
    pub uses: u64,
    /// When it was stopped.
    pub revoked_at: Option<OffsetDateTime>,
    /// The request it was given with.
    pub from_request: RequestId,
}

impl StandingGrant {
    /// Whether it could answer anything at this moment.
    pub fn is_live(&self, now: OffsetDateTime) -> bool {
        self.revoked_at.is_none() && now < self.over_at()
    }

    /// When it is over if nothing happens: at its end, or unused.
    pub fn over_at(&self) -> OffsetDateTime {
        let seen = self.last_used_at.unwrap_or(self.created_at);
        self.ends_at.min(seen.saturating_add(LAPSES_AFTER))
    }

    /// What it allows, in one sentence.
    pub fn sentence(&self, catalogue: &Catalogue) -> String {
        match catalogue.permission(&self.key) {
            Some((_, permission)) => sentence(&self.bounds, permission),
            None => self.key.to_string(),
        }
    }
}

/// Whether a standing grant answers for the person. `permission` is as today's catalogue has it.
pub fn covers(
    grant: &StandingGrant,
    client: &ClientId,
    user: UserId,
    item: &AskedItem,
    permission: &Permission,
    now: OffsetDateTime,
) -> bool {
    grant.client == *client
        && grant.user == user
        && grant.resource == item.resource
        && grant.key == item.key
        && permission.key == item.key
        && grant.is_live(now)
        && still_allowed(grant, permission, now)
        && within(&grant.bounds, item, permission)
}

/// The standing grants that together answer a request: one for each item, in their order. A
/// request without items asks for the person, and no rule is the person.
pub fn covering(
    grants: &[StandingGrant],
    asked: &Asked,
    catalogue: &Catalogue,
    client: &ClientId,
    user: UserId,
    now: OffsetDateTime,
) -> Option<Vec<StandingGrantId>> {
    if asked.items.is_empty() {
        return None;
    }
    let one_for = |item: &AskedItem| {
        let (resource, permission) = catalogue.permission(&item.key)?;
        let grant = grants
            .iter()
            .find(|grant| covers(grant, client, user, item, permission, now))?;
        (resource.identifier == item.resource).then_some(grant.id)
    };
    asked.items.iter().map(one_for).collect()
}

/// Whether today's catalogue would let this be given: a policy that was tightened binds what was
/// given before.
fn still_allowed(grant: &StandingGrant, permission: &Permission, now: OffsetDateTime) -> bool {
    let longest = match permission.always {
        Always::Never => return false,
        Always::Within(longest) => longest,
    };
    let bound_allowed = |limit: &Limit| {
        let field = permission
            .field(&limit.name)
            .filter(|field| field.pointer == limit.pointer);
        let widest = field.and_then(|field| field.bound).unwrap_or(Bound::Same);
        limit.bound.within(widest)
    };
    permission.offers_always()
        && permission.tier <= grant.bounds.tier
        && now < grant.created_at.saturating_add(longest)
        && grant.bounds.limits.iter().all(bound_allowed)
}

fn within(bounds: &Bounds, item: &AskedItem, permission: &Permission) -> bool {
    let (Some(allowed), Some(asked)) = (&bounds.detail, &item.detail) else {
        return bounds.detail.is_none() && item.detail.is_none() && bounds.limits.is_empty();
    };
    let mut rest = asked.clone();
    for limit in &bounds.limits {
        let Some(value) = asked.pointer(&limit.pointer) else {
            return false;
        };
        let kind = permission
            .field(&limit.name)
            .map(|field| field.kind)
            .unwrap_or_default();
        if !limit.admits(kind, value) {
            return false;
        }
        leave_out(&mut rest, &limit.pointer);
    }
    same(allowed, &rest)
}

fn sentence(bounds: &Bounds, permission: &Permission) -> String {
    let words = |name: &str| {
        let limit = bounds.limits.iter().find(|limit| limit.name == name);
        let field = permission.field(name);
        match (field, limit) {
            (Some(field), Some(limit)) => {
                let value = facts::shown(field, &limit.value);
                limit_words(limit.bound, &value, &field.label)
            }
            (Some(field), None) => bounds
                .detail
                .as_ref()
                .and_then(|detail| detail.pointer(&field.pointer))
                .map_or_else(
                    || "…".to_owned(),
                    |value: &Value| facts::shown(field, value),
                ),
            (None, _) => "…".to_owned(),
        }
    };
    let named: Vec<&str> = permission.title.fields().collect();
    let said = permission.title.fill(words);
    let besides = bounds
        .limits
        .iter()
        .filter(|limit| !named.contains(&limit.name.as_str()));
    let besides: Vec<String> = besides
        .filter_map(|limit| permission.field(&limit.name))
        .map(|field| format!("{}: {}", field.label, words(&field.name)))
        .collect();
    if besides.is_empty() {
        said
    } else {
        format!("{said} ({})", besides.join(", "))
    }
}

fn limit_words(bound: Bound, value: &str, label: &str) -> String {
    match bound {
        Bound::Same => value.to_owned(),
        Bound::AtMost => format!("up to {value}"),
        Bound::Prefix => format!("anything that starts with {value}"),
        Bound::Any => format!("any {}", label.to_lowercase()),
    }
}
