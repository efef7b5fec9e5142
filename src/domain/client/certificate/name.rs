//! Distinguished names: as a certificate has them, and as RFC 4514 writes them. Two names are the same when
//! they have the same parts in the same order, letter for letter.

use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::der::{Tag, Tagged};
use x509_cert::name::Name as X509Name;

/// A name: its parts, the most specific first, as RFC 4514 writes them. Those with several values are sorted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name(Vec<Vec<(String, String)>>);

/// Attribute types that have a word, by their object identifiers.
const WORDS: [(&str, &str); 11] = [
    ("CN", "2.5.4.3"),
    ("SERIALNUMBER", "2.5.4.5"),
    ("C", "2.5.4.6"),
    ("L", "2.5.4.7"),
    ("ST", "2.5.4.8"),
    ("STREET", "2.5.4.9"),
    ("O", "2.5.4.10"),
    ("OU", "2.5.4.11"),
    ("UID", "0.9.2342.19200300.100.1.1"),
    ("DC", "0.9.2342.19200300.100.1.25"),
    ("EMAILADDRESS", "1.2.840.113549.1.9.1"),
];

impl Name {
    /// The name a certificate has. None if it holds what cannot be written as text.
    pub(super) fn of_certificate(name: &X509Name) -> Option<Self> {
        let mut parts = Vec::new();
        for part in name.iter_rdn() {
            let mut values = part.iter().map(attribute).collect::<Option<Vec<_>>>()?;
            values.sort_unstable();
            parts.push(values);
        }
        parts.reverse();
        Some(Self(parts))
    }

    /// Reads a name as RFC 4514 writes it.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut parts = Vec::new();
        for part in split(text, ',') {
            let mut values = Vec::new();
            for value in split(part, '+') {
                let (kind, value) = value.split_once('=')?;
                values.push((identifier(kind.trim())?, unescaped(value)?));
            }
            values.sort_unstable();
            parts.push(values);
        }
        (!parts.is_empty()).then_some(Self(parts))
    }
}

fn attribute(it: &AttributeTypeAndValue) -> Option<(String, String)> {
    let is_text = [Tag::Utf8String, Tag::PrintableString, Tag::Ia5String].contains(&it.value.tag());
    let text = std::str::from_utf8(it.value.value())
        .ok()
        .filter(|_| is_text)?;
    Some((it.oid.to_string(), text.to_owned()))
}

/// The object identifier an attribute type names.
fn identifier(kind: &str) -> Option<String> {
    let word = WORDS
        .iter()
        .find(|(word, _)| word.eq_ignore_ascii_case(kind));
    if let Some((_, identifier)) = word {
        return Some((*identifier).to_owned());
    }
    let digits = kind.contains('.') && kind.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    digits.then(|| kind.to_owned())
}

/// The pieces between separators that are not escaped.
fn split(text: &str, separator: char) -> Vec<&str> {
    let mut escaped = false;
    text.split(|c: char| {
        let splits = c == separator && !escaped;
        escaped = c == '\\' && !escaped;
        splits
    })
    .collect()
}

/// A value without its escapes, and without spaces around it.
fn unescaped(value: &str) -> Option<String> {
    let mut out = Vec::new();
    let mut kept = 0;
    let mut chars = value.trim_start().chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.extend(c.to_string().bytes());
            if c != ' ' {
                kept = out.len();
            }
            continue;
        }
        let next = chars.next()?;
        match next.to_digit(16) {
            Some(high) => {
                let low = chars.next()?.to_digit(16)?;
                out.push(u8::try_from(high << 4 | low).ok()?);
            }
            None => out.extend(next.to_string().bytes()),
        }
        kept = out.len();
    }
    out.truncate(kept);
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::read(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn one_name_may_be_written_in_several_ways() {
        let plain = name("CN=Agent 7,OU=Bots,O=Acme\\, Inc.,C=DE");
        for same in [
            "cn=Agent 7, ou=Bots , o = Acme\\, Inc., c=DE",
            "2.5.4.3=Agent 7,2.5.4.11=Bots,2.5.4.10=Acme\\2C Inc.,2.5.4.6=DE",
            "CN=Agent\\ 7,OU=B\\6Fts,O=Acme\\, Inc.,C=DE",
        ] {
            assert_eq!(name(same), plain, "{same}");
        }
        assert_eq!(name("CN=a+OU=b,O=c"), name("OU=b+CN=a,O=c"));
    }

    #[test]
    fn another_name_is_another() {
        let plain = name("CN=agent,O=Acme");
        for other in [
            "CN=agent",
            "O=Acme,CN=agent",
            "CN=Agent,O=Acme",
            "CN=agent,O=Acme,C=DE",
            "CN=agent+O=Acme",
            "OU=agent,O=Acme",
            "CN=agent\\,O=Acme",
        ] {
            assert_ne!(name(other), plain, "{other}");
        }
        for none in [
            "", "agent", "XX=agent", "CN=a\\", "CN=a\\4", "CN=a,", "1=a", "CN=\\FF",
        ] {
            assert_eq!(Name::read(none), None, "{none}");
        }
    }
}
