//! What identifiers and scopes may be, and which word was meant.

use url::Url;

/// Scopes that OpenID Connect has a meaning for.
const RESERVED_SCOPES: [&str; 6] = [
    "openid",
    "offline_access",
    "profile",
    "email",
    "address",
    "phone",
];

const LONGEST_NAME: usize = 256;

/// An RFC 8707 resource identifier: an absolute URI without a fragment, short and without
/// anything that the URI parser would have to mend.
pub(crate) fn is_identifier(text: &str) -> bool {
    let plain = text
        .bytes()
        .all(|b| b.is_ascii_graphic() && !b"\"\\<>^`{|}#".contains(&b));
    plain
        && text.len() <= LONGEST_NAME
        && Url::parse(text).is_ok_and(|url| url.username().is_empty() && url.password().is_none())
}

/// RFC 6749 §3.3: `scope-token`.
pub(crate) fn is_scope(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= LONGEST_NAME
        && text
            .bytes()
            .all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

/// Whether a scope already means something else.
pub(super) fn is_reserved(scope: &str) -> bool {
    RESERVED_SCOPES.contains(&scope)
}

/// The word that was probably meant.
pub(crate) fn nearest<'w>(word: &str, among: &[&'w str]) -> Option<&'w str> {
    if word.len() > LONGEST_NAME {
        return None;
    }
    let closest = among.iter().min_by_key(|known| distance(word, known))?;
    (distance(word, closest) <= 2.max(word.chars().count() / 3)).then_some(*closest)
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let kept = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = kept.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_an_absolute_uri_without_fragment() {
        for good in [
            "https://payments.example.com",
            "https://a.example/x?y=1",
            "urn:example:files",
        ] {
            assert!(is_identifier(good), "{good}");
        }
        for bad in [
            "",
            "payments",
            "/payments",
            "https://a.example/#x",
            "https://a b",
            "https://u:p@a.example",
            "https://é.example",
        ] {
            assert!(!is_identifier(bad), "{bad}");
        }
    }

    #[test]
    fn a_scope_is_an_oauth_scope_token() {
        assert!(is_scope("payments.read"));
        assert!(is_scope("https://example.com/a:b"));
        for bad in [
            "",
            "two words",
            "quote\"d",
            "back\\slash",
            "ümlaut",
            "tab\t",
        ] {
            assert!(!is_scope(bad), "{bad}");
        }
        assert!(is_reserved("openid"));
    }

    #[test]
    fn a_slip_of_the_finger_is_understood() {
        assert_eq!(nearest("teir", &["tier", "title"]), Some("tier"));
        assert_eq!(
            nearest("acces_for", &["access_for", "always"]),
            Some("access_for")
        );
        assert_eq!(nearest("quantum", &["tier", "title"]), None);
    }
}
