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
use crate::domain::client::document;
use crate::domain::id::{RequestId, TransactionId};

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
    /// The service that holds the action until it is answered, and whose words these are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<HeldBy>,
}

/// Who has parked an action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldBy {
    /// The action.
    pub transaction: TransactionId,
    /// The service.
    pub service: Party,
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

impl Party {
    /// What people call it, with the host that vouches for it when nobody here does.
    pub fn called(&self) -> String {
        match document::host(&self.id) {
            Some(host) => format!("{} ({host})", self.name),
            None => self.name.clone(),
        }
    }
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
            held: None,
        }
    }

    /// The same, of an action that a service has parked.
    #[must_use]
    pub fn held_by(self, held: Option<HeldBy>) -> Self {
        Self { held, ..self }
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

/// One thing asked for, as the catalogue puts it.
pub(crate) fn draw_item(item: &AskedItem, catalogue: &Catalogue) -> CardItem {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::domain::action::fixture::{asked, catalogue, deploy, payment, small_payment};
    use crate::domain::action::text::agent_text;

    fn draw(asked: &Asked, said: Option<&str>) -> Card {
        let party = |id: &str, name: &str| Party {
            id: id.to_owned(),
            name: name.to_owned(),
        };
        let said = said.map(|words| agent_text(words, 200).unwrap());
        Card::draw(
            asked,
            &catalogue(),
            party("billing", "Billing Agent"),
            party("7f", "Maya"),
            said,
            "KITE-4711".to_owned(),
            RequestId(Uuid::from_u128(1)),
        )
    }

    fn rows(facts: &[Fact]) -> Vec<(&str, &str)> {
        facts
            .iter()
            .map(|fact| (fact.label.as_str(), fact.value.as_str()))
            .collect()
    }

    #[test]
    fn one_thing_is_one_sentence_with_its_facts() {
        let card = draw(&asked(&[], &json!([payment("240", "Hanna Herwitz")])), None);
        assert_eq!(card.heading, "Pay €240.00 to Hanna Herwitz");
        assert_eq!(
            rows(&card.facts),
            [
                ("Amount", "€240.00"),
                ("To", "Hanna Herwitz"),
                ("Account", "DE02120300000000202051")
            ]
        );
        assert!(card.facts[0].critical && !card.facts[2].critical);
        assert_eq!(
            (card.tier, card.consequence),
            (Tier::High, Some(Consequence::CannotBeUndone))
        );
        assert_eq!(card.resource.unwrap().name, "Payments");
        assert_eq!(card.items[0].facts, card.facts);
    }

    #[test]
    fn several_things_are_counted_and_the_worst_sets_the_tier() {
        let many = asked(
            &["payments.read"],
            &json!([small_payment("1", "CHF", "A"), payment("2", "B")]),
        );
        let card = draw(&many, None);
        assert_eq!(card.heading, "3 things for Payments");
        assert!(card.facts.is_empty());
        let headings: Vec<_> = card
            .items
            .iter()
            .map(|item| item.heading.as_str())
            .collect();
        assert_eq!(
            headings,
            ["See your payments", "Pay 1.00 CHF to A", "Pay €2.00 to B"]
        );
        assert_eq!(card.tier, Tier::High);
    }

    #[test]
    fn asking_for_nothing_else_asks_whether_it_is_you() {
        let card = draw(&Asked::default(), None);
        assert_eq!(card.heading, "Confirm it is you for Billing Agent");
        assert_eq!(
            (card.tier, card.items.len(), card.resource),
            (Tier::Low, 0, None)
        );
    }

    #[test]
    fn sec_a10_the_words_of_the_agent_reach_neither_heading_nor_facts() {
        let request = asked(&[], &json!([payment("9000", "Mallory")]));
        let silent = draw(&request, None);
        let smooth = draw(&request, Some("Just reading your calendar, nothing to see"));
        assert_eq!(
            smooth.said.as_deref(),
            Some("Just reading your calendar, nothing to see")
        );
        assert_ne!(silent.digest(), smooth.digest());
        assert_eq!(
            Card {
                said: None,
                ..smooth
            },
            silent
        );
        assert_eq!(silent.heading, "Pay €9,000.00 to Mallory");
    }

    #[test]
    fn sec_a10_a_single_altered_byte_is_another_digest() {
        let card = draw(
            &asked(&[], &json!([payment("240", "Hanna")])),
            Some("Invoice 1042"),
        );
        let mut altered = card.clone();
        altered.items[0].detail.as_mut().unwrap()["instructedAmount"]["amount"] = json!("241");
        assert_ne!(card.digest(), altered.digest());
        let stored: Card = serde_json::from_str(&serde_json::to_string(&card).unwrap()).unwrap();
        assert_eq!(stored.digest(), card.digest());
        assert_eq!(stored.canonical(), card.canonical());
    }

    #[test]
    fn sec_a05_hidden_characters_in_a_value_are_shown() {
        let card = draw(
            &asked(&[], &json!([payment("1", "moc.live\u{202e}\u{200b}")])),
            None,
        );
        assert_eq!(card.heading, "Pay €1.00 to moc.live⟦U+202E⟧⟦U+200B⟧");
        assert_eq!(card.facts[1].value, "moc.live⟦U+202E⟧⟦U+200B⟧");
    }

    #[test]
    fn sec_a05_a_name_from_right_to_left_does_not_pull_the_amount_along() {
        let card = draw(&asked(&[], &json!([payment("240", "שלום 9")])), None);
        assert_eq!(card.heading, "Pay €240.00 to \u{2068}שלום 9\u{2069}");
        assert_eq!(card.facts[1].value, "שלום 9");
    }

    #[test]
    fn sec_a09_a_long_name_is_whole_in_the_heading_and_a_wall_of_text_is_not() {
        let name = "Very Long Name of a Company that Goes On and On until the Last Letter";
        let mut pay = payment("999999999999.99", name);
        pay["reference"] = json!("x".repeat(140));
        let card = draw(&asked(&[], &json!([pay])), None);
        assert_eq!(card.heading, format!("Pay €999,999,999,999.99 to {name}"));
        assert_eq!(card.facts[1].value, name);

        let source = "[[resource]]\nidentifier = \"https://a.example\"\nname = \"A\"\n\
             [[resource.permission]]\ntype = \"t\"\ntitle = \"Do {what}\"\n\
             schema = '''{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\
             \"what\":{\"type\":\"string\"}}}'''\n\
             [[resource.permission.field]]\nname = \"what\"\npointer = \"/what\"\nlabel = \"What\"\n";
        let catalogue = Catalogue::read(source).unwrap();
        let wall = "word ".repeat(400) + "end";
        let text = json!([{"type": "t", "what": wall}]).to_string();
        let details = crate::domain::action::read_details(&text, &catalogue).unwrap();
        let asked = Asked::read(&[], &details, &[], &catalogue).unwrap();
        let item = draw_item(&asked.items[0], &catalogue);
        assert!(item.heading.ends_with('…') && item.heading.chars().count() < 250);
        assert_eq!(item.facts[0].value, wall);
    }

    #[test]
    fn sec_a11_what_no_field_declares_is_a_fact_all_the_same() {
        let source = "[[resource]]\nidentifier = \"https://a.example\"\nname = \"A\"\n\
             [[resource.permission]]\ntype = \"t\"\ntitle = \"Do {what}\"\n\
             schema = '''{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\
             \"what\":{\"type\":\"string\"},\"z\":{\"type\":\"integer\"},\"in\":{\"type\":\"object\",\
             \"additionalProperties\":false,\"properties\":{\"a\":{\"type\":\"string\"},\"b\":{\"type\":\"null\"}}}}}'''\n\
             [[resource.permission.field]]\nname = \"what\"\npointer = \"/what\"\nlabel = \"What\"\n";
        let catalogue = Catalogue::read(source).unwrap();
        let text = r#"[{"type":"t","what":"it","z":5000,"in":{"a":"x","b":null}}]"#;
        let details = crate::domain::action::read_details(text, &catalogue).unwrap();
        let asked = Asked::read(&[], &details, &[], &catalogue).unwrap();
        let item = draw_item(&asked.items[0], &catalogue);
        assert_eq!(item.heading, "Do it");
        assert_eq!(
            rows(&item.facts),
            [
                ("What", "it"),
                ("in › a", "x"),
                ("in › b", "none"),
                ("z", "5,000")
            ]
        );
    }

    #[test]
    fn what_the_catalogue_no_longer_knows_is_treated_as_the_worst() {
        let request = asked(&["payments.read"], &json!(null));
        let item = draw_item(&request.items[0], &Catalogue::default());
        assert_eq!(
            (item.tier, item.heading.as_str()),
            (Tier::Critical, "Allow scope payments.read")
        );
    }

    proptest! {
        #[test]
        fn sec_a05_no_typed_value_can_hide_anything_on_a_card(name in ".{1,60}") {
            prop_assume!(name.chars().count() <= 70);
            let card = draw(&asked(&[], &json!([payment("1", &name)])), None);
            let heading = card.heading.replace(['\u{2068}', '\u{2069}'], "");
            prop_assert_eq!(visible(&heading), heading);
            for fact in card.facts {
                prop_assert_eq!(visible(&fact.value), fact.value);
            }
        }

        #[test]
        fn another_detail_is_another_card(a in "[a-z]{1,9}", b in "[a-z]{1,9}") {
            let one = draw(&asked(&[], &json!([deploy("1", &a)])), None);
            let other = draw(&asked(&[], &json!([deploy("1", &b)])), None);
            prop_assert_eq!(one.digest() == other.digest(), a == b);
        }
    }
}
