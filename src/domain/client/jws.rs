//! The header of a JWS that somebody else made: what it may say, and nothing else.
//!
//! `jku`, `x5u`, `jwk`, `crit`, `zip`, `b64` and all the rest are refused, wherever they point: how a token
//! is checked is for its [keys](super::keys) to say.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Longest `kid`, in bytes.
const LONGEST_KID: usize = 128;

/// The only header members there may be.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::domain) struct Header {
    /// The algorithm it claims.
    pub(in crate::domain) alg: String,
    /// Which key it names.
    #[serde(default)]
    pub(in crate::domain) kid: Option<String>,
    #[serde(default)]
    typ: Option<String>,
}

/// A part of a JWS as text. All of it is UTF-8, also what nobody reads: `serde_json` lets anything stand in a member
/// it skips, and another reader would not.
pub(in crate::domain) fn text(encoded: &str) -> Option<String> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(encoded).ok()?).ok()
}

/// A part of a JWS as JSON.
pub(in crate::domain) fn part<T: DeserializeOwned>(encoded: &str) -> Option<T> {
    serde_json::from_str(&text(encoded)?).ok()
}

/// The header of a JWS. What is encrypted has five parts, and is not taken.
pub(in crate::domain) fn header(jwt: &str) -> Option<Header> {
    let (encoded, rest) = jwt.split_once('.')?;
    if rest.split('.').count() != 2 {
        return None;
    }
    let header: Header = part(encoded)?;
    let named = header
        .kid
        .as_deref()
        .is_none_or(|kid| kid.len() <= LONGEST_KID);
    named.then_some(header)
}

impl Header {
    /// Whether its `typ` is that one, to the letter.
    pub(in crate::domain) fn is_exactly(&self, typ: &str) -> bool {
        self.typ.as_deref() == Some(typ)
    }

    /// Whether its `typ` is absent, `JWT`, or the one given in lower case.
    pub(in crate::domain) fn is_typed(&self, own: &str) -> bool {
        let typ = self.typ.as_deref().map(str::to_ascii_lowercase);
        typ.is_none_or(|typ| typ == "jwt" || typ == own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_a13_what_stands_in_a_member_nobody_reads_is_text_too() {
        let part_of = |bytes: &[u8]| -> Option<serde::de::IgnoredAny> {
            part(&URL_SAFE_NO_PAD.encode(bytes))
        };
        assert!(part_of(br#"{"ath":"x"}"#).is_some());
        assert!(part_of(b"{\"ath\":\"\xff\"}").is_none());
        assert!(part_of(b"{\"ath\":").is_none());
    }
}
