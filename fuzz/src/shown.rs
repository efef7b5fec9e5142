//! What people read, and what names a client.

use countersign::domain::action::text::{self, visible};
use countersign::domain::client::certificate::Certificate;

/// Nothing in it reorders, hides or breaks out of its line.
pub(crate) fn is_harmless(text: &str) {
    for c in text.chars() {
        let odd = c.is_control()
            || matches!(
                c,
                '\u{061c}' | '\u{00ad}' | '\u{feff}' | '\u{200b}'..='\u{200f}'
            )
            || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
            || matches!(c, '\u{e0000}'..='\u{e007f}');
        assert!(!odd, "{c:?} in {text:?}");
    }
}

/// Words of an agent, and a value of somebody's document.
pub fn agent_text(input: &[u8]) -> bool {
    let Ok(input) = std::str::from_utf8(input) else {
        return false;
    };
    let clean = text::agent_text(input, 200);
    if let Ok(text) = &clean {
        is_harmless(text.as_str().replace(['\u{200c}', '\u{200d}'], "").as_str());
        let again = text::agent_text(text.as_str(), 200);
        assert_eq!(again.as_ref(), Ok(text), "what is clean stays as it is");
    }
    let shown = visible(input);
    is_harmless(shown.replace(['\u{200c}', '\u{200d}'], "").as_str());
    clean.is_ok()
}

/// A certificate, as a proxy passes one on.
pub fn certificate(input: &[u8]) -> bool {
    let Some(read) = Certificate::read(input, true) else {
        return false;
    };
    assert!(read.trusted);
    assert_eq!(Certificate::read(input, true), Some(read));
    true
}
