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
    Always, Asked, AskedItem, Bound, Catalogue, Field, Permission, PermissionKey, Rate, facts,
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
    /// When it did, as far as that counts for how often it may.
    pub recent: Vec<OffsetDateTime>,
    /// When it was stopped.
    pub revoked_at: Option<OffsetDateTime>,
    /// By what.
    pub revoked_by: Option<RevokedBy>,
    /// The request it was given with.
    pub from_request: RequestId,
}

/// What stopped an "always".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevokedBy {
    /// The person, or the operator.
    Stopped,
    /// The agent got other keys or another endpoint: it may be somebody else's.
    AgentChanged,
    /// The catalogue says that it is graver than it was when it was given.
    TierRaised,
}

impl RevokedBy {
    /// Reads the stored word.
    pub fn from_stored(word: &str) -> Option<Self> {
        let all = [Self::Stopped, Self::AgentChanged, Self::TierRaised];
        all.into_iter().find(|it| it.as_str() == word)
    }

    /// The stored word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::AgentChanged => "agent_changed",
            Self::TierRaised => "tier_raised",
        }
    }
}

/// Why an "always" is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// It was stopped then, by this.
    Revoked(OffsetDateTime, RevokedBy),
    /// It ended then, as it was to.
    Ended(OffsetDateTime),
    /// Nobody had used it for long then.
    Unused(OffsetDateTime),
    /// It has answered as often as it was to.
    UsedUp,
}

impl StandingGrant {
    /// Whether it could still answer anything, now or later.
    pub fn is_live(&self, now: OffsetDateTime) -> bool {
        self.over(now).is_none()
    }

    /// Why it answers nothing any more; none while it may.
    pub fn over(&self, now: OffsetDateTime) -> Option<Over> {
        let unused = self.over_at();
        if let Some(at) = self.revoked_at {
            Some(Over::Revoked(
                at,
                self.revoked_by.unwrap_or(RevokedBy::Stopped),
            ))
        } else if self.is_used_up() {
            Some(Over::UsedUp)
        } else if now >= self.ends_at && self.ends_at <= unused {
            Some(Over::Ended(self.ends_at))
        } else if now >= unused {
            Some(Over::Unused(unused))
        } else {
            None
        }
    }

    /// Whether it has answered as often as it was to.
    pub fn is_used_up(&self) -> bool {
        let most = self.bounds.often.uses;
        most.is_some_and(|most| self.uses >= u64::from(most))
    }

    /// How often it has answered in the window that counts; none where nobody counts.
    pub fn used_lately(&self, now: OffsetDateTime) -> Option<(u32, Rate)> {
        let rate = self.bounds.often.rate?;
        let since = now.saturating_sub(rate.per.length());
        let lately = self.recent.iter().filter(|at| **at > since).count();
        Some((u32::try_from(lately).unwrap_or(u32::MAX), rate))
    }

    /// Whether it may answer so many times more at this moment.
    pub fn has_room(&self, times: u32, now: OffsetDateTime) -> bool {
        let uses = self.uses.saturating_add(u64::from(times));
        let altogether = self.bounds.often.uses;
        let lately = self.used_lately(now);
        altogether.is_none_or(|most| uses <= u64::from(most))
            && lately.is_none_or(|(used, rate)| used.saturating_add(times) <= rate.times)
    }

    /// The same, having answered so many times more; none if it may not.
    #[must_use]
    pub fn used(&self, times: u32, now: OffsetDateTime) -> Option<Self> {
        if !self.has_room(times, now) {
            return None;
        }
        let mut next = self.clone();
        next.uses = self.uses.saturating_add(u64::from(times));
        next.last_used_at = Some(now);
        if let Some(rate) = self.bounds.often.rate {
            let since = now.saturating_sub(rate.per.length());
            next.recent.retain(|at| *at > since);
            next.recent.extend((0..times).map(|_| now));
        }
        Some(next)
    }

    /// When it is over if nothing happens: at its end, or unused.
    pub fn over_at(&self) -> OffsetDateTime {
        let seen = self.last_used_at.unwrap_or(self.created_at);
        self.ends_at.min(seen.saturating_add(LAPSES_AFTER))
    }

    /// Whether today's catalogue lets it answer: while it does not, the person is asked.
    pub fn is_allowed_by(&self, catalogue: &Catalogue, now: OffsetDateTime) -> bool {
        catalogue
            .permission(&self.key)
            .is_some_and(|(_, permission)| still_allowed(self, permission, now))
    }

    /// What it allows, in one sentence.
    pub fn sentence(&self, catalogue: &Catalogue) -> String {
        match catalogue.permission(&self.key) {
            Some((_, permission)) => sentence(&self.bounds, permission),
            None => self.key.to_string(),
        }
    }
}

/// Whether a standing grant speaks for the person about this. `permission` is as today's catalogue has it. Whether
/// it may do so once more is [`StandingGrant::has_room`].
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
        && grant.revoked_at.is_none()
        && now < grant.over_at()
        && still_allowed(grant, permission, now)
        && within(&grant.bounds, item, permission)
}

/// The standing grants that together answer a request: one for each item, in their order, each with room for all
/// it answers. A
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
    let mut answering: Vec<StandingGrantId> = Vec::with_capacity(asked.items.len());
    for item in &asked.items {
        let (resource, permission) = catalogue.permission(&item.key)?;
        let grant = grants.iter().find(|grant| {
            let before = answering.iter().filter(|id| **id == grant.id).count();
            let times = u32::try_from(before + 1).unwrap_or(u32::MAX);
            covers(grant, client, user, item, permission, now) && grant.has_room(times, now)
        })?;
        if resource.identifier != item.resource {
            return None;
        }
        answering.push(grant.id);
    }
    Some(answering)
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
        && grant.bounds.often.within(permission.often)
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
            (Some(field), Some(limit)) => limit_words(limit, field),
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
    let often = bounds.often.words();
    if besides.is_empty() {
        said + &often
    } else {
        format!("{said} ({}){often}", besides.join(", "))
    }
}

fn limit_words(limit: &Limit, field: &Field) -> String {
    let value = || facts::shown(field, &limit.value);
    match limit.bound {
        Bound::Same => value(),
        Bound::Set => {
            let values = limit.value.as_array().map_or(&[][..], Vec::as_slice);
            let words: Vec<String> = values.iter().map(|it| facts::shown(field, it)).collect();
            match words.split_last() {
                Some((last, [])) => last.clone(),
                Some((last, before)) => format!("{} or {last}", before.join(", ")),
                None => "nothing".to_owned(),
            }
        }
        Bound::AtMost => format!("up to {}", value()),
        Bound::Path => format!("anything in {}", value()),
        Bound::Prefix => format!("anything that starts with {}", value()),
        Bound::Any => format!("any {}", field.label.to_lowercase()),
    }
}
