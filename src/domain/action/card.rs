//! The card: what the person is shown, what is hashed and signed, what the token says.
//!
//! It is drawn from typed values through the catalogue's sentences. The agent's own words are in
//! it as a quotation and reach neither heading nor facts.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Tier;
use super::asked::{Asked, AskedItem};
use super::catalogue::{Catalogue, Consequence, PermissionKey};
use super::facts::{facts, heading};
use super::json;
use super::text::{CleanText, visible};
use crate::domain::id::RequestId;

/// What the person is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// Of this format: a digest is of one format only.
    pub version: u32,
    /// The sentence on top.
    pub heading: String,
    /// What the sentence is about, when one thing is asked; else each item has its own.
    pub facts: Vec<Fact>,
    /// What is asked, each on its own.
    pub items: Vec<CardItem>,
    /// The highest tier among the items.
    pub tier: Tier,
    /// The gravest consequence among the items.
    pub consequence: Option<Consequence>,
    /// Who asks.
    pub agent: Party,
    /// Who is asked.
    pub person: Party,
    /// The service it is about.
    pub resource: Option<CardResource>,
    /// The agent's own words, to be shown as a quotation.
    pub said: Option<String>,
    /// The code that is also where this was started.
    pub match_code: String,
    /// The request this is the card of.
    pub request: RequestId,
}

/// One thing asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CardItem {
    /// Its sentence.
    pub heading: String,
    /// What the agent asked for it by.
    pub key: PermissionKey,
    /// Its tier.
    pub tier: Tier,
    /// What happens if the yes was wrong.
    pub consequence: Option<Consequence>,
    /// What the sentence is about.
    pub facts: Vec<Fact>,
    /// The typed details, word for word as a token will carry them.
    pub detail: Option<Value>,
}

/// A label and a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What the value is.
    pub label: String,
    /// The value, with everything hidden made visible.
    pub value: String,
    /// Whether a mistake here is the expensive one.
    pub critical: bool,
}

/// An agent or a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// The id.
    pub id: String,
    /// What people call it.
    pub name: String,
}

/// A service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardResource {
    /// Its identifier.
    pub identifier: String,
    /// What people call it.
    pub name: String,
}

impl Card {
    /// Draws the card of a request.
    pub fn draw(
        asked: &Asked,
        catalogue: &Catalogue,
        agent: Party,
        person: Party,
        said: Option<CleanText>,
        match_code: String,
        request: RequestId,
    ) -> Self {
        let items: Vec<CardItem> = asked
            .items
            .iter()
            .map(|item| draw_item(item, catalogue))
            .collect();
        let resource = asked.resource.as_deref().map(|identifier| CardResource {
            identifier: identifier.to_owned(),
            name: catalogue
                .resource(identifier)
                .map_or_else(|| visible(identifier), |resource| resource.name.clone()),
        });
        let (heading, facts) = match items.as_slice() {
            [] => (
                format!("Confirm it is you for {}", visible(&agent.name)),
                Vec::new(),
            ),
            [only] => (only.heading.clone(), only.facts.clone()),
            several => (count_words(several.len(), resource.as_ref()), Vec::new()),
        };
        Self {
            version: 1,
            heading,
            facts,
            tier: items
                .iter()
                .map(|item| item.tier)
                .max()
                .unwrap_or(Tier::Low),
            consequence: items.iter().filter_map(|item| item.consequence).max(),
            items,
            agent,
            person,
            resource,
            said: said.map(CleanText::into_string),
            match_code,
            request,
        }
    }

    /// The card in its one form (RFC 8785).
    pub fn canonical(&self) -> String {
        json::canonical(&serde_json::to_value(self).unwrap_or_default())
    }

    /// SHA-256 of [`canonical`](Self::canonical): what a decision is about.
    pub fn digest(&self) -> [u8; 32] {
        json::digest(&self.canonical())
    }
}

fn count_words(count: usize, resource: Option<&CardResource>) -> String {
    match resource {
        Some(resource) => format!("{count} things for {}", resource.name),
        None => format!("{count} things"),
    }
}

fn draw_item(item: &AskedItem, catalogue: &Catalogue) -> CardItem {
    let detail = item.detail.clone();
    match catalogue.permission(&item.key) {
        Some((_, permission)) => CardItem {
            heading: heading(permission, item.detail.as_ref()),
            key: item.key.clone(),
            tier: permission.tier,
            consequence: permission.consequence,
            facts: facts(permission, item.detail.as_ref()),
            detail,
        },
        // Nobody vouches for it any more: show what it is called, and treat it as the worst.
        None => CardItem {
            heading: visible(&format!("Allow {}", item.key)),
            key: item.key.clone(),
            tier: Tier::Critical,
            consequence: None,
            facts: Vec::new(),
            detail,
        },
    }
}
