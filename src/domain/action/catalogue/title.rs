//! The sentence a permission makes: `Pay {amount} to {creditor}`.

use serde::{Deserialize, Serialize};

use crate::domain::action::text::{TextError, agent_text};

const LONGEST: usize = 80;
const MOST_FIELDS: usize = 4;

/// A sentence with places for fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Title {
    source: String,
    parts: Vec<Part>,
}

/// A piece of a title.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Words.
    Words(String),
    /// The value of the field of this name.
    Field(String),
}

/// Why a text is no title.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TitleError {
    /// Something that a page would not show as it is.
    #[error(transparent)]
    Text(#[from] TextError),
    /// A brace without its partner, or one that holds no field's name.
    #[error("a brace must hold the name of a field, as in {{amount}}")]
    Brace,
    /// More fields than one sentence holds.
    #[error("a sentence can hold {MOST_FIELDS} fields at most")]
    ManyFields,
    /// Nothing but fields.
    #[error("a sentence needs words of its own, the verb first")]
    NoWords,
}

impl Title {
    /// Reads a title.
    pub fn read(source: &str) -> Result<Self, TitleError> {
        let source = agent_text(source.trim(), LONGEST)?.into_string();
        let parts = split(&source)?;
        let fields = parts
            .iter()
            .filter(|part| matches!(part, Part::Field(_)))
            .count();
        if fields > MOST_FIELDS {
            return Err(TitleError::ManyFields);
        }
        match parts.first() {
            Some(Part::Words(words)) if words.chars().any(char::is_alphabetic) => {
                Ok(Self { source, parts })
            }
            _ => Err(TitleError::NoWords),
        }
    }

    /// The title as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The sentence when nothing is known of the fields: `Pay … to …`.
    pub fn without_values(&self) -> String {
        let words = |part: &Part| match part {
            Part::Words(words) => words.clone(),
            Part::Field(_) => "…".to_owned(),
        };
        self.parts.iter().map(words).collect()
    }

    /// The names of the fields in it.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Field(name) => Some(name.as_str()),
            Part::Words(_) => None,
        })
    }

    /// The sentence, with what `value` says for each field.
    pub fn fill(&self, mut value: impl FnMut(&str) -> String) -> String {
        let pieces = self.parts.iter().map(|part| match part {
            Part::Words(words) => words.clone(),
            Part::Field(name) => value(name),
        });
        pieces.collect()
    }
}

fn split(source: &str) -> Result<Vec<Part>, TitleError> {
    let mut parts = Vec::new();
    let mut rest = source;
    while let Some(at) = rest.find(['{', '}']) {
        let (words, from_brace) = rest.split_at(at);
        let name_on = from_brace.strip_prefix('{').ok_or(TitleError::Brace)?;
        let (name, after) = name_on.split_once('}').ok_or(TitleError::Brace)?;
        if !is_field_name(name) {
            return Err(TitleError::Brace);
        }
        if !words.is_empty() {
            parts.push(Part::Words(words.to_owned()));
        }
        parts.push(Part::Field(name.to_owned()));
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(Part::Words(rest.to_owned()));
    }
    Ok(parts)
}

/// Field names are plain, so that they are at home in forms and files alike.
pub(super) fn is_field_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    name.len() <= 40
        && bytes.next().is_some_and(|b| b.is_ascii_lowercase())
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

impl TryFrom<String> for Title {
    type Error = TitleError;

    fn try_from(source: String) -> Result<Self, TitleError> {
        Self::read(&source)
    }
}

impl From<Title> for String {
    fn from(title: Title) -> Self {
        title.source
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_filled_with_values_and_values_are_never_templates() {
        let title = Title::read("Pay {amount} to {creditor}").unwrap();
        assert_eq!(title.fields().collect::<Vec<_>>(), ["amount", "creditor"]);
        let said = title.fill(|name| {
            if name == "amount" {
                "€1.00".into()
            } else {
                "{amount}".into()
            }
        });
        assert_eq!(said, "Pay €1.00 to {amount}");
    }

    #[test]
    fn a_title_that_is_no_sentence_is_refused() {
        for source in [
            "Pay {amount",
            "Pay amount}",
            "Pay {}",
            "Pay {Amount}",
            "Pay {a{b}}",
            "Pay {{a}}",
        ] {
            assert_eq!(Title::read(source), Err(TitleError::Brace), "{source}");
        }
        assert_eq!(Title::read("{amount}"), Err(TitleError::NoWords));
        assert_eq!(Title::read("42"), Err(TitleError::NoWords));
        assert_eq!(
            Title::read("Do {a}{b}{c}{d}{e}"),
            Err(TitleError::ManyFields)
        );
        assert!(matches!(
            Title::read("Pay\u{202e}"),
            Err(TitleError::Text(_))
        ));
        assert!(matches!(
            Title::read(&"a".repeat(81)),
            Err(TitleError::Text(_))
        ));
    }
}
