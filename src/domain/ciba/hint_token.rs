//! `login_hint_token` (CIBA §7.1, §14): whom somebody else's signed token names.
//!
//! CIBA leaves its form to each deployment. Ours: a JWT of an issuer the operator has named, for us, with
//! an end, and with the person as a subject identifier in `sub_id` (RFC 9493).

use serde::Deserialize;
use time::OffsetDateTime;

use super::hint::{self, Hint};
use super::refusal::Refusal;
use crate::domain::client::assertion::SKEW;
use crate::domain::client::jws;
use crate::domain::client::keys::PublicKeys;

/// Longest token taken, in bytes.
const LONGEST: usize = 8 * 1024;

/// Somebody whose tokens are taken as hints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HintIssuer {
    /// `iss` of its tokens.
    pub issuer: String,
    /// Where its keys are.
    pub jwks_uri: String,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Aud,
    exp: i64,
    #[serde(default)]
    nbf: Option<i64>,
    sub_id: SubjectIdentifier,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Aud {
    One(String),
    Several(Vec<String>),
}

/// RFC 9493 §3: the formats that can name somebody here.
#[derive(Deserialize)]
#[serde(tag = "format", rename_all = "snake_case")]
enum SubjectIdentifier {
    Email { email: String },
    IssSub { iss: String, sub: String },
    Opaque { id: String },
}

fn malformed() -> Refusal {
    Refusal::InvalidRequest("login_hint_token is not a signed JWT with iss, aud, exp and sub_id")
}

fn read_header(jwt: &str) -> Option<jws::Header> {
    (jwt.len() <= LONGEST).then(|| jws::header(jwt))?
}

/// Whose token it says it is: only to find the keys it must then be checked with.
pub fn issuer<'a>(jwt: &str, trusted: &'a [HintIssuer]) -> Result<&'a HintIssuer, Refusal> {
    #[derive(Deserialize)]
    struct Unverified {
        iss: String,
    }
    read_header(jwt).ok_or_else(malformed)?;
    let claims = jwt.split('.').nth(1).unwrap_or_default();
    let said: Unverified = jws::part(claims).ok_or_else(malformed)?;
    let known = trusted.iter().find(|it| it.issuer == said.iss);
    known.ok_or(Refusal::InvalidRequest(
        "login_hint_token is of an issuer that is not trusted here",
    ))
}

/// Whom a token of that issuer names.
pub fn read(
    jwt: &str,
    by: &HintIssuer,
    keys: &PublicKeys,
    ours: &str,
    now: OffsetDateTime,
) -> Result<Hint, Refusal> {
    let header = read_header(jwt).ok_or_else(malformed)?;
    let claims: Option<Claims> = keys.claims(jwt, &header.alg, header.kid.as_deref());
    let claims = claims.ok_or(Refusal::InvalidRequest(
        "login_hint_token is not signed by its issuer, or lacks a claim",
    ))?;
    let for_us = match &claims.aud {
        Aud::One(one) => one == ours,
        Aud::Several(several) => several.iter().any(|one| one == ours),
    };
    if claims.iss != by.issuer || !for_us {
        return Err(Refusal::InvalidRequest(
            "login_hint_token was not made for this server",
        ));
    }
    let early = (claims.nbf).is_some_and(|nbf| nbf > (now + SKEW).unix_timestamp());
    if claims.exp <= now.unix_timestamp() || early {
        return Err(Refusal::ExpiredLoginHintToken);
    }
    match claims.sub_id {
        SubjectIdentifier::Email { email } => hint::email(&email),
        SubjectIdentifier::IssSub { iss, sub } => Ok(hint::subject(&iss, &sub, ours)),
        SubjectIdentifier::Opaque { id } => hint::username(&id),
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use jsonwebtoken::{Algorithm, EncodingKey, Header as JwtHeader};
    use serde_json::{Value, json};
    use time::Duration;

    use super::*;
    use crate::domain::token::keyring::SigningKey;

    const OURS: &str = "https://ask.example";
    const SUB: &str = "0192f0c1a2b37c4d8e5f60718293a4b5";

    fn now() -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + Duration::days(20_000)
    }

    fn issuers() -> Vec<HintIssuer> {
        vec![HintIssuer {
            issuer: "https://idp.example".into(),
            jwks_uri: "https://idp.example/jwks".into(),
        }]
    }

    struct Idp {
        key: EncodingKey,
        keys: PublicKeys,
    }

    impl Idp {
        fn new() -> Self {
            let (public, private) = SigningKey::generate().unwrap();
            let set = json!({"keys": [public.public()]}).to_string();
            Self {
                key: EncodingKey::from_ec_der(&private),
                keys: PublicKeys::read(&set).unwrap(),
            }
        }

        fn token(&self, name: &str, value: Value) -> String {
            let mut claims = json!({
                "iss": "https://idp.example", "aud": OURS, "exp": now().unix_timestamp() + 60,
                "sub_id": {"format": "email", "email": "Maya@Acme.example"},
            });
            claims[name] = value;
            jsonwebtoken::encode(&JwtHeader::new(Algorithm::ES256), &claims, &self.key).unwrap()
        }

        fn read(&self, jwt: &str) -> Result<Hint, Refusal> {
            let issuers = issuers();
            let by = issuer(jwt, &issuers)?;
            read(jwt, by, &self.keys, OURS, now())
        }
    }

    #[test]
    fn a_hint_token_names_a_person_as_rfc_9493_does() {
        let idp = Idp::new();
        let named = |sub_id: Value| idp.read(&idp.token("sub_id", sub_id));
        let email = Hint::Email("maya@acme.example".into());
        assert_eq!(idp.read(&idp.token("nbf", json!(0))), Ok(email.clone()));
        let several = json!(["https://other.example", OURS]);
        assert_eq!(idp.read(&idp.token("aud", several)), Ok(email));
        assert_eq!(
            named(json!({"format": "iss_sub", "iss": OURS, "sub": SUB})),
            Ok(Hint::Subject(SUB.parse().unwrap()))
        );
        let foreign = json!({"format": "iss_sub", "iss": "https://idp.example", "sub": SUB});
        assert_eq!(named(foreign), Ok(Hint::Foreign));
        assert_eq!(
            named(json!({"format": "opaque", "id": "Maya"})),
            Ok(Hint::Username("maya".into()))
        );
        for odd in [
            json!({"format": "phone", "phone": "+1"}),
            json!({"format": "email"}),
            json!({"format": "email", "email": "maya\nbcc: x@y"}),
            json!({"format": "email", "email": "maya"}),
            json!("maya"),
            Value::Null,
        ] {
            let refusal = named(odd.clone()).unwrap_err();
            assert_eq!(refusal.code(), "invalid_request", "{odd}");
        }
    }

    #[test]
    fn t22_a_hint_token_is_signed_by_a_trusted_issuer_for_us_and_has_not_ended() {
        let idp = Idp::new();
        let code = |jwt: &str| idp.read(jwt).unwrap_err().code();
        let at = |seconds: i64| json!(now().unix_timestamp() + seconds);
        assert_eq!(code(&idp.token("exp", at(0))), "expired_login_hint_token");
        assert_eq!(code(&idp.token("nbf", at(61))), "expired_login_hint_token");
        for (name, value) in [
            ("iss", json!("https://evil.example")),
            ("aud", json!("https://other.example")),
            ("aud", json!(7)),
            ("exp", json!("later")),
            ("exp", Value::Null),
        ] {
            assert_eq!(code(&idp.token(name, value)), "invalid_request", "{name}");
        }
        let other = Idp::new();
        assert_eq!(code(&other.token("nbf", json!(0))), "invalid_request");
        let good = idp.token("nbf", json!(0));
        let (_, rest) = good.split_once('.').unwrap();
        let (claims, _) = rest.split_once('.').unwrap();
        for header in [
            r#"{"alg":"none"}"#,
            r#"{"alg":"HS256"}"#,
            r#"{"alg":"ES256","jku":"https://evil.example"}"#,
        ] {
            let unsigned = format!("{}.{claims}.", URL_SAFE_NO_PAD.encode(header));
            assert_eq!(code(&unsigned), "invalid_request", "{header}");
        }
        for garbage in ["", "x", "a.b.c", "a.b.c.d.e", &"a".repeat(LONGEST + 1)] {
            assert_eq!(code(garbage), "invalid_request");
        }
    }
}
