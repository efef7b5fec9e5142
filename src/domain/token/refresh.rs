//! Refreshing: how one answer goes on giving short tokens until the end of what was granted.
//!
//! The tokens of a grant are a chain: each is used once and gives the next. One that is used again, later
//! than a lost response explains, is in two hands, and the whole grant is revoked. A refresh carries on
//! what still stands and no more: an item that has ended, that the catalogue would not give any
//! longer, or whose "always" was stopped, is left out.
//!
//! Who was first when two refresh at once is not decided here but by the row
//! (`store/refresh_tokens.rs`).

use time::{Duration, OffsetDateTime};

use super::access::granted_scope;
use super::granted::{GrantedItem, refreshable_until, token_lifetime};
use super::narrowing::Narrowing;
use crate::domain::action::{AskedItem, Catalogue};
use crate::domain::ciba::approval::{DecidedBy, Decision, Question};
use crate::domain::ciba::refusal::Refusal;
use crate::domain::client::confirmation::Confirmation;
use crate::domain::consent::{StandingGrant, covers};
use crate::domain::id::{ClientId, GrantId, RefreshTokenId, RequestId, StandingGrantId};

/// `grant_type`.
pub const GRANT_TYPE: &str = "refresh_token";

/// How long a token that was used still gets the response it got: parallel refreshes are one.
pub const GRACE: Duration = Duration::seconds(10);

/// A token that would live shorter than this is not worth giving.
const SHORTEST: Duration = Duration::seconds(1);

/// A refresh token, and the grant it carries on.
#[derive(Clone, Debug, PartialEq)]
pub struct RefreshToken {
    /// Its id.
    pub id: RefreshTokenId,
    /// When it was used, if it was.
    pub used_at: Option<OffsetDateTime>,
    /// When the last of what it carries on ends.
    pub expires_at: OffsetDateTime,
    /// The grant.
    pub grant: GrantId,
    /// The request the grant came from.
    pub request: RequestId,
    /// Whose it is.
    pub client: ClientId,
    /// The key its first tokens were bound to.
    pub bound_to: Option<Confirmation>,
    /// What was granted.
    pub items: Vec<GrantedItem>,
    /// When it was granted.
    pub granted_at: OffsetDateTime,
    /// Whether the grant was revoked.
    pub revoked: bool,
    /// Whether the person and the client may still take part.
    pub active: bool,
}

/// What a token that is presented may get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presented {
    /// The next tokens.
    Fresh,
    /// The response it got before.
    Again,
    /// Nothing, and its whole chain is revoked: two hold it.
    Reused,
}

/// Judges a token that is presented. `same_key`: under the Idempotency-Key it was used with, while
/// that response is kept.
pub fn present(
    token: &RefreshToken,
    client: &ClientId,
    same_key: bool,
    now: OffsetDateTime,
) -> Result<Presented, Refusal> {
    if token.client != *client {
        return Err(unknown());
    }
    if token.revoked {
        return Err(Refusal::InvalidGrant("the grant has been revoked"));
    }
    if now >= token.expires_at {
        return Err(ended());
    }
    match token.used_at {
        Some(at) if now >= at + GRACE && !same_key => Ok(Presented::Reused),
        Some(_) | None if !token.active => Err(Refusal::InvalidGrant(
            "the person or this client has been disabled",
        )),
        Some(_) => Ok(Presented::Again),
        None => Ok(Presented::Fresh),
    }
}

/// Unknown, malformed, or somebody else's: one answer for all three.
pub fn unknown() -> Refusal {
    Refusal::InvalidGrant("the refresh token is not known")
}

/// A token outside its grace was used again.
pub fn reused() -> Refusal {
    Refusal::InvalidGrant("the refresh token was used before, so the grant has been revoked")
}

fn ended() -> Refusal {
    Refusal::InvalidGrant("what was granted has ended")
}

/// What a grant stands on.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'a> {
    /// What was asked.
    pub question: &'a Question,
    /// What was answered.
    pub decision: &'a Decision,
    /// Every "always" that gave the answer, or was given with it.
    pub rules: &'a [StandingGrant],
    /// What may be given today.
    pub catalogue: &'a Catalogue,
}

/// What the next tokens are good for.
#[derive(Clone, Debug, PartialEq)]
pub struct Renewal {
    /// The items.
    pub items: Vec<AskedItem>,
    /// `scope`.
    pub scope: String,
    /// When the access token ends: never later than any item.
    pub token_ends_at: OffsetDateTime,
    /// Each "always" it rests on: none of them may be stopped before this is committed.
    pub rests_on: Vec<StandingGrantId>,
}

/// One item that still stands.
struct Standing<'a> {
    item: &'a AskedItem,
    ends_at: OffsetDateTime,
    rests_on: Vec<StandingGrantId>,
}

/// Carries on what still stands, as far as the client wants it.
pub fn renew(
    token: &RefreshToken,
    ground: Ground<'_>,
    narrowing: &Narrowing<'_>,
    now: OffsetDateTime,
) -> Result<Renewal, Refusal> {
    let wanted = narrowing.wanted(&token.items, ground.question)?;
    let mut standing: Vec<(Standing<'_>, bool)> = token
        .items
        .iter()
        .zip(wanted)
        .filter_map(|(granted, wanted)| Some((standing(token, granted, ground, now)?, wanted)))
        .collect();
    let all_end = standing.iter().map(|(it, _)| it.ends_at).max();
    let all_end = all_end.ok_or_else(ended)?;
    standing.retain(|(_, wanted)| *wanted);
    if standing.is_empty() && !narrowing.only_the_person() {
        return Err(ended());
    }
    let items: Vec<AskedItem> = standing.iter().map(|(it, _)| it.item.clone()).collect();
    let lifetime = token_lifetime(&items, ground.catalogue);
    let first_end = standing.iter().map(|(it, _)| it.ends_at).min();
    let latest = first_end.unwrap_or(all_end);
    let scope = granted_scope(&ground.question.scope, &items);
    let mut rests_on: Vec<_> = standing
        .into_iter()
        .flat_map(|(it, _)| it.rests_on)
        .collect();
    rests_on.sort_unstable();
    rests_on.dedup();
    Ok(Renewal {
        items,
        scope: narrowing.narrow(&scope),
        token_ends_at: latest.min(now + lifetime),
        rests_on,
    })
}

/// Whether an item still stands, until when, and on what.
fn standing<'a>(
    token: &RefreshToken,
    granted: &'a GrantedItem,
    ground: Ground<'_>,
    now: OffsetDateTime,
) -> Option<Standing<'a>> {
    let item = &granted.item;
    if !granted.refreshable {
        return None;
    }
    // A policy that was tightened binds what was given before.
    let allowed = refreshable_until(item, ground.catalogue, token.granted_at);
    let (ends_at, rests_on) = behind(item, granted.ends_at.min(allowed), ground, now)?;
    (ends_at - now >= SHORTEST).then_some(Standing {
        item,
        ends_at,
        rests_on,
    })
}

/// Until when an item stands that ends at `ends_at` by itself, and on which "always"; `None` when one
/// behind it was stopped or would not answer any longer.
pub(super) fn behind(
    item: &AskedItem,
    ends_at: OffsetDateTime,
    ground: Ground<'_>,
    now: OffsetDateTime,
) -> Option<(OffsetDateTime, Vec<StandingGrantId>)> {
    match &ground.decision.by {
        DecidedBy::StandingGrants { grants, .. } => {
            let rule = covering(item, grants, ground, now)?;
            Some((ends_at.min(rule.over_at()), vec![rule.id]))
        }
        DecidedBy::Person { .. } | DecidedBy::People { .. } => {
            Some((ends_at, given_with(item, ground)?))
        }
    }
}

/// The "always" that answered for an item, if it still would.
fn covering<'a>(
    item: &AskedItem,
    answered: &[StandingGrantId],
    ground: Ground<'a>,
    now: OffsetDateTime,
) -> Option<&'a StandingGrant> {
    let (_, permission) = ground.catalogue.permission(&item.key)?;
    let question = ground.question;
    ground.rules.iter().find(|rule| {
        answered.contains(&rule.id)
            && covers(rule, &question.client, question.user, item, permission, now)
    })
}

/// Whatever "always" was given together with an item: who stops it means this, too.
fn given_with(item: &AskedItem, ground: Ground<'_>) -> Option<Vec<StandingGrantId>> {
    let rules = ground.rules.iter().filter(|rule| {
        rule.from_request == ground.question.id
            && rule.key == item.key
            && rule.resource == item.resource
    });
    rules
        .map(|rule| rule.revoked_at.is_none().then_some(rule.id))
        .collect()
}
