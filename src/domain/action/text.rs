//! Text that is what it looks like.
//!
//! Unicode has characters that reorder, hide or pile up text. In the words of an agent or the
//! name of a client they are refused; in a value that a service vouches for they are made
//! visible, because there a refusal would hide what is asked. Nothing here is about HTML: pages
//! escape what they print.

use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;
use unicode_segmentation::UnicodeSegmentation;

use super::character::{is_allowed, is_joiner, is_mark};

/// Letters as a reader counts them, in the name of a client.
const LONGEST_NAME: usize = 60;
/// Code points in one letter as a reader counts them. A family of four in skin tones has eleven.
const TALLEST: usize = 16;
const MARKS: usize = 2;
const SYLLABLE_MARKS: usize = 6;

/// Names that would pass for ours. Compared without case and spaces.
const RESERVED: [&str; 10] = [
    "admin",
    "administrator",
    "countersign",
    "notification",
    "root",
    "security",
    "securitycheck",
    "support",
    "system",
    "you",
];

/// Text without anything hidden, in NFC.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CleanText(String);

/// Why a text was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing but spaces.
    #[error("the text is empty")]
    Empty,
    /// Longer than allowed.
    #[error("the text is longer than {0} characters")]
    TooLong(usize),
    /// A character that hides, reorders or controls.
    #[error("the text has a character that is not allowed: U+{:04X}", u32::from(*.0))]
    NotAllowed(char),
    /// More marks on one letter than any language writes.
    #[error("the text piles too many marks on one letter")]
    PiledUp,
    /// A name that would pass for ours, or is no name.
    #[error("the name is reserved or has neither letter nor digit")]
    NoName,
}

impl CleanText {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, owned.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Display for CleanText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Takes the words of an agent: one line, at most `max` letters as a reader counts them.
pub fn agent_text(text: &str, max: usize) -> Result<CleanText, TextError> {
    // Before anything costs more than a glance.
    if text.chars().nth(max.saturating_mul(TALLEST)).is_some() {
        return Err(TextError::TooLong(max));
    }
    let text: String = text.nfc().collect();
    if text.trim().is_empty() {
        return Err(TextError::Empty);
    }
    if let Some(flaw) = flaws(&text).into_iter().flatten().next() {
        return Err(flaw);
    }
    let mut letters = 0;
    for letter in text.graphemes(true) {
        letters += 1;
        if letter.chars().count() > TALLEST {
            return Err(TextError::PiledUp);
        }
    }
    if letters > max {
        return Err(TextError::TooLong(max));
    }
    Ok(CleanText(text))
}

/// Takes the name a client is shown under: as [`agent_text`], trimmed, with a letter or digit in
/// it, and none that would pass for ours.
pub fn display_name(text: &str) -> Result<CleanText, TextError> {
    let name = agent_text(text.trim(), LONGEST_NAME)?;
    let bare: String = name.0.chars().filter(|c| c.is_alphanumeric()).collect();
    if bare.is_empty() || RESERVED.contains(&bare.to_lowercase().as_str()) {
        return Err(TextError::NoName);
    }
    Ok(name)
}

/// Shows a value as it is, with everything hidden written out: `⟦U+202E⟧`.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (c, flaw) in text.chars().zip(flaws(text)) {
        match flaw {
            None => out.push(c),
            Some(_) => out.extend(['⟦', 'U', '+'].into_iter().chain(hex(c)).chain(['⟧'])),
        }
    }
    out
}

/// A code point as it is usually written, in at least four digits.
fn hex(c: char) -> impl Iterator<Item = char> {
    let code = u32::from(c);
    let digits = (8 - code.leading_zeros() / 4).max(4);
    (0..digits)
        .rev()
        .filter_map(move |place| char::from_digit((code >> (4 * place)) & 0xf, 16))
        .map(|c| c.to_ascii_uppercase())
}

/// What is wrong with each code point of the text.
fn flaws(text: &str) -> Vec<Option<TextError>> {
    let chars: Vec<char> = text.chars().collect();
    let (mut marks, mut syllable) = (0, 0);
    let judge = |at: usize| {
        let c = chars[at];
        if is_mark(c) {
            syllable += 1;
            marks = if canonical_combining_class(c) == 0 {
                0
            } else {
                marks + 1
            };
        } else if !is_joiner(c) {
            (marks, syllable) = (0, 0);
        }
        if !is_allowed(&chars, at) {
            Some(TextError::NotAllowed(c))
        } else if marks > MARKS || syllable > SYLLABLE_MARKS {
            Some(TextError::PiledUp)
        } else {
            None
        }
    };
    (0..chars.len()).map(judge).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REFUSED: &str = include_str!("../../../tests/corpora/text_refused.txt");
    const ACCEPTED: &str = include_str!("../../../tests/corpora/text_accepted.txt");

    fn refused() -> Vec<char> {
        let mut all = Vec::new();
        for line in REFUSED.lines().filter(|line| !line.starts_with('#')) {
            let range = line.split_whitespace().next().unwrap();
            let (from, to) = range.split_once('-').unwrap_or((range, range));
            let code = |hex| u32::from_str_radix(hex, 16).unwrap();
            all.extend((code(from)..=code(to)).filter_map(char::from_u32));
        }
        all
    }

    fn is_bidi(c: char) -> bool {
        matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    }

    fn refused_everywhere(c: char) {
        for text in [
            format!("{c}Pay 10"),
            format!("Pa{c}y 10"),
            format!("Pay 10{c}"),
            c.to_string(),
        ] {
            assert!(agent_text(&text, 200).is_err(), "U+{:04X}", u32::from(c));
            let shown = visible(&text);
            assert!(
                shown.contains(&format!("⟦U+{:04X}⟧", u32::from(c))),
                "U+{:04X}",
                u32::from(c)
            );
            assert!(!shown.contains(c), "U+{:04X}", u32::from(c));
        }
        assert!(
            display_name(&format!("Billing{c}Agent")).is_err(),
            "U+{:04X}",
            u32::from(c)
        );
    }

    #[test]
    fn sec_a05_text_cannot_be_reordered() {
        let bidi: Vec<char> = refused().into_iter().filter(|c| is_bidi(*c)).collect();
        assert_eq!(bidi.len(), 12);
        bidi.into_iter().for_each(refused_everywhere);
        assert_eq!(visible("to \u{202e}moc.live"), "to ⟦U+202E⟧moc.live");
    }

    #[test]
    fn sec_a06_nothing_can_be_hidden_in_text() {
        let hidden: Vec<char> = refused().into_iter().filter(|c| !is_bidi(*c)).collect();
        assert!(hidden.len() > 500);
        hidden.into_iter().for_each(refused_everywhere);
        assert_eq!(
            agent_text("Pay €10\u{200b}0", 200),
            Err(TextError::NotAllowed('\u{200b}'))
        );
    }

    #[test]
    fn sec_a06_every_script_keeps_its_words() {
        let samples: Vec<_> = ACCEPTED
            .lines()
            .filter(|line| !line.starts_with('#'))
            .collect();
        assert!(samples.len() >= 12);
        for sample in samples {
            assert_eq!(
                agent_text(sample, 200).map(CleanText::into_string),
                Ok(sample.to_owned())
            );
            assert_eq!(visible(sample), sample);
        }
    }

    #[test]
    fn sec_a06_marks_cannot_pile_up() {
        assert!(agent_text("a\u{316}\u{317}", 200).is_ok());
        for text in [
            format!("a{}", "\u{301}".repeat(40)),
            format!("x{}", "\u{316}".repeat(3)),
            "\u{102d}".repeat(7),
            // A joiner does not start a new letter.
            "x\u{316}\u{317}\u{200d}\u{318}".to_owned(),
        ] {
            assert!(agent_text(&text, 200).is_err(), "{}", text.escape_unicode());
            assert!(visible(&text).contains("⟦U+"));
        }
    }

    #[test]
    fn sec_a06_joiners_stay_where_a_script_needs_them() {
        for text in [
            "10\u{200c}0",
            "a\u{200d}b",
            "\u{200d}",
            "क\u{200d}",
            "ب\u{200c}",
            "\u{200c}ب",
            "🚀\u{200d}",
            "🚀\u{200d}a",
            "1\u{fe0f}",
            "a\u{fe0f}",
            "क्\u{200d}\u{200d}ष",
            "🚀\u{fe0f}\u{fe0f}",
        ] {
            assert!(agent_text(text, 200).is_err(), "{}", text.escape_unicode());
        }
    }

    #[test]
    fn length_is_counted_as_a_reader_counts() {
        assert!(agent_text(&"é".repeat(200), 200).is_ok());
        assert!(agent_text(&"e\u{301}".repeat(200), 200).is_ok());
        assert_eq!(
            agent_text(&"a".repeat(201), 200),
            Err(TextError::TooLong(200))
        );
        assert_eq!(
            agent_text(&"a".repeat(9_000_000), 200),
            Err(TextError::TooLong(200))
        );
        let chain = vec!["🚀"; 100].join("\u{200d}");
        assert_eq!(agent_text(&chain, 200), Err(TextError::PiledUp));
        assert_eq!(agent_text("  ", 200), Err(TextError::Empty));
    }

    #[test]
    fn text_is_kept_composed() {
        assert_eq!(agent_text("Zu\u{308}rich", 20).unwrap().as_str(), "Zürich");
    }

    #[test]
    fn sec_a16_a_name_cannot_pass_for_ours() {
        assert_eq!(
            display_name(" Billing Agent ").unwrap().as_str(),
            "Billing Agent"
        );
        for name in [
            "System",
            "SECURITY CHECK",
            "s y s t e m",
            "Countersign!",
            "---",
            "🚀",
        ] {
            assert_eq!(display_name(name), Err(TextError::NoName), "{name}");
        }
        assert!(display_name(&"a".repeat(61)).is_err());
    }

    proptest! {
        #[test]
        fn sec_a06_what_is_visible_has_nothing_left_to_hide(text in any::<String>()) {
            let shown = visible(&text);
            prop_assert!(flaws(&shown).into_iter().all(|flaw| flaw.is_none()));
        }

        #[test]
        fn sec_a06_what_is_accepted_is_shown_as_it_is(text in any::<String>()) {
            if let Ok(clean) = agent_text(&text, 50) {
                prop_assert_eq!(visible(clean.as_str()), clean.as_str());
                prop_assert_eq!(agent_text(clean.as_str(), 50), Ok(clean));
            }
        }
    }
}
