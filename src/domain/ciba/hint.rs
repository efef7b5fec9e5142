//! Who is asked: exactly one hint (CIBA §7.1, §7.2 step 4).
//!
//! `login_hint` is an e-mail address, a username, a `sub`, or Auth0's JSON object
//! `{"format":"iss_sub","iss":…,"sub":…}`. `login_hint_token` and `id_token_hint` are not understood by
//! this version; sending one is refused as the parameter it is, never ignored.

use serde::Deserialize;

use crate::domain::ciba::refusal::Refusal;
use crate::domain::id::UserId;

/// Longest hint taken.
const LONGEST: usize = 512;

/// Who is meant, as far as the hint alone says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Hint {
    /// The `sub` of our tokens.
    Subject(UserId),
    /// An e-mail address, lower-cased.
    Email(String),
    /// A username, lower-cased.
    Username(String),
    /// Somebody of another issuer: nobody here.
    Foreign,
}

/// RFC 9493 `iss_sub`, as Auth0's SDKs send it in `login_hint`.
#[derive(Deserialize)]
struct IssSub {
    format: String,
    iss: String,
    sub: String,
}

/// Reads the one hint there must be.
pub fn read(
    login_hint: Option<&str>,
    login_hint_token: Option<&str>,
    id_token_hint: Option<&str>,
    issuer: &str,
) -> Result<Hint, Refusal> {
    match (login_hint, login_hint_token, id_token_hint) {
        (Some(login), None, None) => read_login_hint(login, issuer),
        (None, None, None) => Err(Refusal::InvalidRequest("login_hint is missing")),
        (None, Some(_), None) => Err(Refusal::InvalidRequest("login_hint_token is not supported")),
        (None, None, Some(_)) => Err(Refusal::InvalidRequest("id_token_hint is not supported")),
        _ => Err(Refusal::InvalidRequest("there must be exactly one hint")),
    }
}

fn read_login_hint(text: &str, issuer: &str) -> Result<Hint, Refusal> {
    if text.len() > LONGEST || text.chars().any(char::is_control) {
        return Err(Refusal::InvalidRequest("login_hint is malformed"));
    }
    if text.starts_with('{') {
        let it: IssSub = serde_json::from_str(text)
            .map_err(|_| Refusal::InvalidRequest("login_hint is a malformed JSON object"))?;
        if it.format != "iss_sub" {
            return Err(Refusal::InvalidRequest("login_hint has an unknown format"));
        }
        // Auth0 ends its issuers with a slash; ours has none.
        let ours = it.iss.trim_end_matches('/') == issuer.trim_end_matches('/');
        return Ok(match it.sub.parse() {
            Ok(subject) if ours => Hint::Subject(subject),
            _ => Hint::Foreign,
        });
    }
    let text = text.trim();
    if let Ok(subject) = text.parse() {
        return Ok(Hint::Subject(subject));
    }
    let lower = text.to_lowercase();
    Ok(if lower.contains('@') {
        Hint::Email(lower)
    } else {
        Hint::Username(lower)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://ask.example";
    const SUB: &str = "0192f0c1a2b37c4d8e5f60718293a4b5";

    #[test]
    fn t10_no_hint_is_refused() {
        let refusal = read(None, None, None, ISSUER).unwrap_err();
        assert_eq!(refusal.code(), "invalid_request");
    }

    #[test]
    fn t11_each_pair_and_all_three_are_refused() {
        let some = Some("x");
        for (a, b, c) in [
            (some, some, None),
            (some, None, some),
            (None, some, some),
            (some, some, some),
        ] {
            assert_eq!(read(a, b, c, ISSUER).unwrap_err().code(), "invalid_request");
        }
    }

    #[test]
    fn each_form_of_login_hint_is_told_apart() {
        let hint = |text: &str| read(Some(text), None, None, ISSUER);
        assert_eq!(
            hint("Maya@Acme.example"),
            Ok(Hint::Email("maya@acme.example".into()))
        );
        assert_eq!(hint("Maya"), Ok(Hint::Username("maya".into())));
        assert_eq!(hint(SUB), Ok(Hint::Subject(SUB.parse().unwrap())));
        let auth0 = format!(r#"{{"format":"iss_sub","iss":"{ISSUER}/","sub":"{SUB}"}}"#);
        assert_eq!(hint(&auth0), Ok(Hint::Subject(SUB.parse().unwrap())));
        let foreign =
            format!(r#"{{"format":"iss_sub","iss":"https://evil.example","sub":"{SUB}"}}"#);
        assert_eq!(hint(&foreign), Ok(Hint::Foreign));
        assert!(hint(r#"{"format":"phone","phone":"+1"}"#).is_err());
        assert!(hint("maya\nbcc: x").is_err());
        assert!(hint(&"m".repeat(LONGEST + 1)).is_err());
    }
}
