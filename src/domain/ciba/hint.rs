//! Who is asked: exactly one hint (CIBA §7.1, §7.2 step 4).
//!
//! `login_hint` is an e-mail address, a username, a `sub`, or Auth0's JSON object
//! `{"format":"iss_sub","iss":…,"sub":…}`. `id_token_hint` is an ID token that this client got here before;
//! that it has ended does not matter (§14). A `login_hint_token` is opened by [`hint_token`](super::hint_token),
//! once its issuer's keys are known.

use serde::Deserialize;
use time::OffsetDateTime;

use crate::domain::ciba::refusal::Refusal;
use crate::domain::id::{ClientId, UserId};
use crate::domain::token::keyring::{Keyring, Kind};

/// Longest login_hint taken.
const LONGEST: usize = 512;

/// Longest ID token taken: ours are much shorter.
const LONGEST_TOKEN: usize = 4096;

/// Who is meant, as far as the hint alone says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Hint {
    /// The `sub` of our tokens.
    Subject(UserId),
    /// An e-mail address, lower-cased.
    Email(String),
    /// A username, lower-cased.
    Username(String),
    /// Whoever this `login_hint_token` names: it is opened with its issuer's keys.
    Token(String),
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

/// The hints as they came.
#[derive(Clone, Copy, Debug, Default)]
#[expect(missing_docs, reason = "CIBA §7.1 explains each")]
pub struct Hints<'a> {
    pub login_hint: Option<&'a str>,
    pub login_hint_token: Option<&'a str>,
    pub id_token_hint: Option<&'a str>,
}

/// By which an ID token is known to be one of ours, made for this client.
#[derive(Clone, Copy, Debug)]
pub struct IdTokens<'a> {
    /// Our keys.
    pub keyring: &'a Keyring,
    /// Who hints.
    pub client: &'a ClientId,
    /// Keys are ours for a time.
    pub now: OffsetDateTime,
}

/// Reads the one hint there must be.
pub fn read(hints: Hints<'_>, issuer: &str, id_tokens: IdTokens<'_>) -> Result<Hint, Refusal> {
    match (
        hints.login_hint,
        hints.login_hint_token,
        hints.id_token_hint,
    ) {
        (Some(login), None, None) => login_hint(login, issuer),
        (None, None, Some(token)) => id_token_hint(token, issuer, id_tokens),
        (None, None, None) => Err(Refusal::InvalidRequest("a hint is missing")),
        (None, Some(token), None) => Ok(Hint::Token(token.to_owned())),
        _ => Err(Refusal::InvalidRequest("there must be exactly one hint")),
    }
}

/// Whom an ID token of ours is about. What is not ours, or was made for somebody else, hints at nobody.
fn id_token_hint(token: &str, issuer: &str, by: IdTokens<'_>) -> Result<Hint, Refusal> {
    #[derive(Deserialize)]
    struct Claims {
        iss: String,
        aud: Aud,
        sub: UserId,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Aud {
        One(String),
        Several(Vec<String>),
    }
    let refused = Refusal::InvalidRequest("id_token_hint is not an ID token we gave this client");
    if token.len() > LONGEST_TOKEN {
        return Err(refused);
    }
    let claims: Option<Claims> = by.keyring.read(Kind::IdToken, token, by.now);
    let claims = claims.filter(|it| {
        let for_client = match &it.aud {
            Aud::One(one) => *one == by.client.0,
            Aud::Several(several) => several.contains(&by.client.0),
        };
        for_client && it.iss == issuer
    });
    claims.map(|it| Hint::Subject(it.sub)).ok_or(refused)
}

/// Whom a `login_hint` means.
pub fn login_hint(text: &str, issuer: &str) -> Result<Hint, Refusal> {
    if !is_plain(text) {
        return Err(Refusal::InvalidRequest("login_hint is malformed"));
    }
    if text.starts_with('{') {
        let it: IssSub = serde_json::from_str(text)
            .map_err(|_| Refusal::InvalidRequest("login_hint is a malformed JSON object"))?;
        if it.format != "iss_sub" {
            return Err(Refusal::InvalidRequest("login_hint has an unknown format"));
        }
        return Ok(subject(&it.iss, &it.sub, issuer));
    }
    let text = text.trim();
    if let Ok(subject) = text.parse() {
        return Ok(Hint::Subject(subject));
    }
    if text.contains('@') {
        email(text)
    } else {
        username(text)
    }
}

/// Whom a subject of an issuer means.
pub(super) fn subject(iss: &str, sub: &str, issuer: &str) -> Hint {
    // Auth0 ends its issuers with a slash; ours has none.
    let ours = iss.trim_end_matches('/') == issuer.trim_end_matches('/');
    match sub.parse() {
        Ok(subject) if ours => Hint::Subject(subject),
        _ => Hint::Foreign,
    }
}

/// Whom an e-mail address means.
pub(super) fn email(text: &str) -> Result<Hint, Refusal> {
    if is_plain(text) && text.contains('@') {
        Ok(Hint::Email(text.to_lowercase()))
    } else {
        Err(Refusal::InvalidRequest("the hint is no e-mail address"))
    }
}

/// Whom a username means.
pub(super) fn username(text: &str) -> Result<Hint, Refusal> {
    if is_plain(text) {
        Ok(Hint::Username(text.to_lowercase()))
    } else {
        Err(Refusal::InvalidRequest("the hint is malformed"))
    }
}

fn is_plain(text: &str) -> bool {
    text.len() <= LONGEST && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::token::keyring::SigningKey;

    const ISSUER: &str = "https://ask.example";
    const SUB: &str = "0192f0c1a2b37c4d8e5f60718293a4b5";

    fn keyring() -> Keyring {
        let (active, _) = SigningKey::generate().unwrap();
        Keyring::of(active)
    }

    fn hinted(keyring: &Keyring, hints: Hints<'_>) -> Result<Hint, Refusal> {
        let id_tokens = IdTokens {
            keyring,
            client: &ClientId("agent".into()),
            now: OffsetDateTime::UNIX_EPOCH,
        };
        read(hints, ISSUER, id_tokens)
    }

    #[test]
    fn t10_no_hint_is_refused() {
        let refusal = hinted(&keyring(), Hints::default()).unwrap_err();
        assert_eq!(refusal.code(), "invalid_request");
    }

    #[test]
    fn t11_each_pair_and_all_three_are_refused() {
        let some = Some("x");
        for (login_hint, login_hint_token, id_token_hint) in [
            (some, some, None),
            (some, None, some),
            (None, some, some),
            (some, some, some),
        ] {
            let hints = Hints {
                login_hint,
                login_hint_token,
                id_token_hint,
            };
            let refusal = hinted(&keyring(), hints).unwrap_err();
            assert_eq!(refusal.code(), "invalid_request");
        }
    }

    #[test]
    fn t21_an_id_token_hint_is_one_we_gave_this_client_ended_or_not() {
        let ours = keyring();
        let by = |signer: &Keyring, kind: Kind, claims: &Value| {
            let token = signer.active.sign(kind, claims).unwrap();
            let hints = Hints {
                id_token_hint: Some(&token),
                ..Hints::default()
            };
            hinted(&ours, hints)
        };
        // It ended long ago.
        let good = json!({"iss": ISSUER, "aud": "agent", "sub": SUB, "exp": -1});
        let maya = Ok(Hint::Subject(SUB.parse().unwrap()));
        assert_eq!(by(&ours, Kind::IdToken, &good), maya);
        let several = json!({"iss": ISSUER, "aud": ["other", "agent"], "sub": SUB});
        assert_eq!(by(&ours, Kind::IdToken, &several), maya);
        for bad in [
            json!({"iss": "https://evil.example", "aud": "agent", "sub": SUB}),
            json!({"iss": ISSUER, "aud": "other", "sub": SUB}),
            json!({"iss": ISSUER, "aud": ["agent", 7], "sub": SUB}),
            json!({"iss": ISSUER, "aud": "agent", "sub": "maya"}),
            json!({"iss": ISSUER, "aud": "agent"}),
        ] {
            let refusal = by(&ours, Kind::IdToken, &bad).unwrap_err();
            assert_eq!(refusal.code(), "invalid_request", "{bad}");
        }
        assert!(by(&keyring(), Kind::IdToken, &good).is_err(), "not our key");
        assert!(by(&ours, Kind::AccessToken, &good).is_err(), "another kind");
        for garbage in ["x", "a.b.c", &"a".repeat(LONGEST_TOKEN + 1)] {
            let hints = Hints {
                id_token_hint: Some(garbage),
                ..Hints::default()
            };
            assert!(hinted(&ours, hints).is_err());
        }
    }

    #[test]
    fn each_form_of_login_hint_is_told_apart() {
        let hint = |text: &str| login_hint(text, ISSUER);
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
