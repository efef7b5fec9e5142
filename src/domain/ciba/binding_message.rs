//! `binding_message` (CIBA §7.1): the agent's words, shown to the person as a quotation.
//!
//! What cannot be shown exactly as it was sent is refused, never repaired: the agent and the person
//! must see the same.

use crate::domain::action::text::{self, CleanText};
use crate::domain::ciba::refusal::Refusal;

/// Longest message, in characters as people count them.
pub const LONGEST: usize = 280;

/// Takes a message that can be shown.
pub fn read(message: &str) -> Result<CleanText, Refusal> {
    text::agent_text(message, LONGEST)
        .map_err(|why| Refusal::InvalidBindingMessage(why.to_string().into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t32_what_cannot_be_shown_is_refused() {
        for hostile in [
            "x".repeat(1000),
            "a\u{202E}b".into(),
            "a\nb".into(),
            "a\u{7}b".into(),
            "a\u{200B}b".into(),
        ] {
            assert_eq!(
                read(&hostile).unwrap_err().code(),
                "invalid_binding_message",
                "{hostile:?}"
            );
        }
        for shown in ["1234", "Zürich – Überweisung", "W4SCT 😀", "日本語"] {
            assert_eq!(read(shown).unwrap().as_str(), shown);
        }
    }
}
