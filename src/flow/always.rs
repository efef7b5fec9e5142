//! "Always": what is offered, what was asked before, and the rules a person makes of it.

use std::collections::BTreeMap;

use time::{Duration, OffsetDateTime};

use super::answer::{AnswerError, Choice};
use super::show::ShowError;
use crate::app::{App, VersionedCatalogue};
use crate::domain::action::card::Card;
use crate::domain::action::{AskedItem, Permission};
use crate::domain::ciba::approval::{Answered, Question};
use crate::domain::consent::partial::Remainder;
use crate::domain::consent::preview::{LOOKED_AT, Past, PastAnswer, Preview, allowed_before};
use crate::domain::consent::{Bounds, StandingGrant, end_choices};
use crate::domain::id::{ClientId, StandingGrantId, UserId};
use crate::store::StoredRequest;

/// What is older tells little of what an agent does now.
const LOOKED_BACK: Duration = Duration::days(90);

/// What an agent asked a person before a question.
#[derive(Clone, Debug, Default)]
pub struct Before {
    /// The newest first.
    pub past: Vec<Past>,
    /// What of it was allowed.
    pub allowed: Vec<AskedItem>,
}

impl Before {
    /// Whether the person never allowed this agent anything, as far as was looked.
    pub fn is_first_contact(&self) -> bool {
        let allowed = |past: &Past| matches!(past.answer, PastAnswer::Allowed(_));
        !self.past.iter().any(allowed)
    }
}

/// Looks back from a question: one bounded reading.
pub async fn before(app: &App, question: &Question) -> Result<Before, ShowError> {
    let (user, client, opened) = (question.user, &question.client, question.opened_at);
    let stored = looked_back(app, user, client, opened).await?;
    let past: Vec<Past> = stored
        .into_iter()
        .filter(|it| it.request.question().id != question.id)
        .filter_map(|it| past(&it))
        .take(usize::try_from(LOOKED_AT).unwrap_or(usize::MAX))
        .collect();
    let allowed = allowed_before(&past);
    Ok(Before { past, allowed })
}

async fn looked_back(
    app: &App,
    user: UserId,
    client: &ClientId,
    from: OffsetDateTime,
) -> Result<Vec<StoredRequest>, ShowError> {
    let since = from - LOOKED_BACK;
    let found = app.store.asked_lately(user, client, since, LOOKED_AT + 1);
    Ok(found.await?)
}

fn past(stored: &StoredRequest) -> Option<Past> {
    let card: Card = serde_json::from_str(&stored.card).ok()?;
    let answer = match stored.request.decision() {
        None => PastAnswer::None,
        Some(decision) => match decision.answer {
            Answered::Once | Answered::Always => PastAnswer::Allowed(decision.granted.clone()),
            Answered::Deny => PastAnswer::Denied,
        },
    };
    let question = stored.request.question();
    Some(Past {
        id: question.id,
        asked: question.asked.clone(),
        heading: card.heading,
        at: question.opened_at,
        answer,
    })
}

/// The rules an "always" makes, and what the person read; refused when they would have allowed what was denied,
/// unless the person has agreed to that.
pub(super) async fn given(
    app: &App,
    catalogue: &VersionedCatalogue,
    question: &Question,
    choice: &Choice,
    rest: &Remainder,
) -> Result<Vec<(StandingGrant, String)>, AnswerError> {
    let Choice::Always {
        until,
        picks,
        confirmed,
        ..
    } = choice
    else {
        return Ok(Vec::new());
    };
    let before = match before(app, question).await {
        Ok(before) => before,
        Err(ShowError::Store(error)) => return Err(error.into()),
        // None that waits is looked at by its card here.
        Err(ShowError::Card(_)) => Before::default(),
    };
    let made = rules(app, catalogue, question, rest, &before, until, picks)?;
    let preview = would_have(&made, &before, catalogue);
    if preview.to_confirm() != *confirmed && preview.to_confirm().is_some() {
        return Err(AnswerError::TooWide(preview));
    }
    Ok(made)
}

/// What rules would have done before.
pub fn would_have(
    made: &[(StandingGrant, String)],
    before: &Before,
    catalogue: &VersionedCatalogue,
) -> Preview {
    let rules: Vec<StandingGrant> = made.iter().map(|(rule, _)| rule.clone()).collect();
    Preview::of(&rules, &before.past, &catalogue.catalogue)
}

/// The rules of these picks, one for each item that is granted, and what the person reads. Their bounds are drawn
/// around what is granted, not around what was asked.
pub fn rules(
    app: &App,
    catalogue: &VersionedCatalogue,
    question: &Question,
    rest: &Remainder,
    before: &Before,
    until: &str,
    picks: &[BTreeMap<String, String>],
) -> Result<Vec<(StandingGrant, String)>, AnswerError> {
    if question.asked.items.is_empty() || question.asked.transaction.is_some() {
        return Err(AnswerError::AlwaysNotOffered);
    }
    let nothing = BTreeMap::new();
    let mut rules = Vec::new();
    for (at, item) in rest.kept() {
        let permission = catalogue.catalogue.permission(&item.key);
        let (_, permission) = permission.ok_or(AnswerError::AlwaysNotOffered)?;
        let picks = picks.get(*at).unwrap_or(&nothing);
        let rule = rule(app, question, item, permission, before, until, picks)?;
        let sentence = rule.sentence(&catalogue.catalogue);
        rules.push((rule, sentence));
    }
    Ok(rules)
}

fn rule(
    app: &App,
    question: &Question,
    item: &AskedItem,
    permission: &Permission,
    before: &Before,
    until: &str,
    picks: &BTreeMap<String, String>,
) -> Result<StandingGrant, AnswerError> {
    let now = app.clock.now();
    if !permission.offers_always() {
        return Err(AnswerError::AlwaysNotOffered);
    }
    let ends = end_choices(permission.always, before.is_first_contact(), now);
    let end = ends.iter().find(|end| end.key == until);
    let end = end.ok_or_else(|| AnswerError::Bounds("Please choose until when.".into()))?;
    let bounds = Bounds::choose(item, permission, picks, &before.allowed)
        .map_err(|why| AnswerError::Bounds(why.to_string()))?;
    Ok(StandingGrant {
        id: StandingGrantId(app.entropy.id(now)?),
        client: question.client.clone(),
        user: question.user,
        resource: item.resource.clone(),
        key: item.key.clone(),
        bounds,
        created_at: now,
        ends_at: end.ends_at,
        last_used_at: None,
        uses: 0,
        recent: Vec::new(),
        revoked_at: None,
        revoked_by: None,
        from_request: question.id,
    })
}
