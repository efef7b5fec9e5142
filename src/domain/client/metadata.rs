//! Client metadata (RFC 7591 §2, CIBA §4, RFC 8705 §2.1.2, RFC 9449 §5.2): what a client says of itself when it
//! registers, judged before anything is made of it.
//!
//! What is not known is ignored, as RFC 7591 has it; what is known and cannot be had is refused, and never
//! quietly replaced. Whether an address may be called is left to whoever calls.

use serde::Deserialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::certificate::Subject;
use super::delivery::{self, BadDelivery};
use super::keys::{ALGORITHMS, BadKeys, PublicKeys};
use super::{AuthMethod, Client, ProofTerms, Role};
use crate::domain::ciba::GRANT_TYPE;
use crate::domain::ciba::mode::Mode;
use crate::domain::token::algorithm::Algorithm;
use crate::domain::token::refresh;

/// Why metadata is refused: `invalid_client_metadata`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadMetadata {
    /// Not an object with members of the right types.
    #[error("it is not client metadata: a member is missing or of another type")]
    Malformed,
    /// A value that is not offered.
    #[error("{0} is not one this server offers")]
    NotOffered(&'static str),
    /// `jwks` and `jwks_uri`.
    #[error("jwks and jwks_uri exclude each other")]
    KeysTwice,
    /// Keys that cannot be a client's.
    #[error("jwks cannot be used: {0}")]
    Keys(#[from] BadKeys),
    /// A replacement for somebody else, or for nobody.
    #[error("client_id must be the one that is replaced")]
    NotItself,
    /// A replacement that says what only we can.
    #[error("{0} is not the client's to say")]
    Ours(&'static str),
    /// A replacement with another secret.
    #[error("client_secret is not this client's: a client does not choose its secret")]
    Secret,
    /// Mode, endpoint and grant types do not go together.
    #[error(transparent)]
    Delivery(#[from] BadDelivery),
}

/// What a client asks to be registered as.
#[derive(Clone, Debug, PartialEq)]
pub struct Metadata {
    /// `client_name`.
    pub name: String,
    /// `token_endpoint_auth_method`.
    pub auth: AuthMethod,
    /// `jwks`, as it came.
    pub jwks: Option<String>,
    /// `jwks_uri`.
    pub jwks_uri: Option<String>,
    /// One of the members of RFC 8705 §2.1.2.
    pub tls_subject: Option<Subject>,
    /// `backchannel_authentication_request_signing_alg`.
    pub request_signing_alg: Option<String>,
    /// `id_token_signed_response_alg`.
    pub id_token_alg: Algorithm,
    /// What its tokens are bound to.
    pub proof: ProofTerms,
    /// `backchannel_token_delivery_mode`.
    pub mode: Mode,
    /// `backchannel_client_notification_endpoint`.
    pub notification_endpoint: Option<String>,
    /// `scope`, without `openid`; empty for all.
    pub scopes: Vec<String>,
    /// `authorization_details_types`; empty for all.
    pub types: Vec<String>,
    /// `grant_types`.
    pub grant_types: Vec<String>,
}

#[derive(Deserialize)]
struct Raw {
    client_name: String,
    token_endpoint_auth_method: Option<String>,
    token_endpoint_auth_signing_alg: Option<String>,
    jwks: Option<Map<String, Value>>,
    jwks_uri: Option<String>,
    #[serde(default)]
    tls_client_certificate_bound_access_tokens: bool,
    #[serde(default)]
    dpop_bound_access_tokens: bool,
    #[serde(default)]
    backchannel_user_code_parameter: bool,
    grant_types: Option<Vec<String>>,
    response_types: Option<Vec<String>>,
    scope: Option<String>,
    authorization_details_types: Option<Vec<String>>,
    backchannel_token_delivery_mode: Option<String>,
    backchannel_client_notification_endpoint: Option<String>,
    backchannel_authentication_request_signing_alg: Option<String>,
    id_token_signed_response_alg: Option<String>,
    id_token_encrypted_response_alg: Option<String>,
    subject_type: Option<String>,
}

/// Members that a replacement must not have (RFC 7592 §2.2): they are ours to say.
const OURS: [&str; 4] = [
    "registration_access_token",
    "registration_client_uri",
    "client_secret_expires_at",
    "client_id_issued_at",
];

/// Judges what a client wants to be instead (RFC 7592 §2.2): everything, of which what is left out is the
/// usual.
pub fn read_replacement(
    document: &Value,
    of: &Client,
    now: OffsetDateTime,
) -> Result<Metadata, BadMetadata> {
    let text = |name: &str| document.get(name).map(|it| it.as_str().unwrap_or_default());
    if text("client_id") != Some(of.id.0.as_str()) {
        return Err(BadMetadata::NotItself);
    }
    if let Some(ours) = OURS.into_iter().find(|name| document.get(*name).is_some()) {
        return Err(BadMetadata::Ours(ours));
    }
    let kept = of.credentials.secret();
    let known = |secret: &str| kept.is_some_and(|kept| kept.take(secret, now));
    if !text("client_secret").is_none_or(known) {
        return Err(BadMetadata::Secret);
    }
    read(document)
}

/// Judges what a client says of itself.
pub fn read(document: &Value) -> Result<Metadata, BadMetadata> {
    let raw = Raw::deserialize(document).map_err(|_| BadMetadata::Malformed)?;
    offered(&raw)?;
    let method = raw.token_endpoint_auth_method.as_deref();
    let auth = AuthMethod::from_word(method.unwrap_or("client_secret_basic"));
    let auth = auth.ok_or(BadMetadata::NotOffered("token_endpoint_auth_method"))?;
    let mode = Mode::from_word(
        raw.backchannel_token_delivery_mode
            .as_deref()
            .unwrap_or("poll"),
    );
    let mode = mode.ok_or(BadMetadata::NotOffered("backchannel_token_delivery_mode"))?;
    if raw.jwks.is_some() && raw.jwks_uri.is_some() {
        return Err(BadMetadata::KeysTwice);
    }
    let jwks = raw.jwks.map(|jwks| Value::Object(jwks).to_string());
    if let Some(jwks) = &jwks {
        PublicKeys::read(jwks)?;
    }
    let grant_types = grant_types(raw.grant_types)?;
    let endpoint = raw.backchannel_client_notification_endpoint;
    delivery::judge(Role::Agent, mode, endpoint.as_deref(), &grant_types)?;
    let scopes = raw.scope.unwrap_or_default();
    let scopes = scopes.split(' ').filter(|it| !matches!(*it, "" | "openid"));
    Ok(Metadata {
        name: raw.client_name,
        auth,
        jwks,
        jwks_uri: raw.jwks_uri,
        tls_subject: tls_subject(document)?,
        request_signing_alg: raw.backchannel_authentication_request_signing_alg,
        id_token_alg: id_token_alg(raw.id_token_signed_response_alg.as_deref())?,
        proof: ProofTerms {
            dpop_bound: raw.dpop_bound_access_tokens,
            user_code: raw.backchannel_user_code_parameter,
            certificate_bound: raw.tls_client_certificate_bound_access_tokens,
            ..ProofTerms::default()
        },
        mode,
        notification_endpoint: endpoint,
        scopes: scopes.map(str::to_owned).collect(),
        types: raw.authorization_details_types.unwrap_or_default(),
        grant_types,
    })
}

/// What has few values or none: whoever wants another is told, and not served with something else.
fn offered(raw: &Raw) -> Result<(), BadMetadata> {
    let one_of = |value: &Option<String>, offered: &[&str], name| match value {
        Some(value) if !offered.contains(&value.as_str()) => Err(BadMetadata::NotOffered(name)),
        Some(_) | None => Ok(()),
    };
    one_of(
        &raw.token_endpoint_auth_signing_alg,
        &ALGORITHMS,
        "token_endpoint_auth_signing_alg",
    )?;
    one_of(
        &raw.backchannel_authentication_request_signing_alg,
        &ALGORITHMS,
        "backchannel_authentication_request_signing_alg",
    )?;
    one_of(
        &raw.id_token_encrypted_response_alg,
        &[],
        "id_token_encrypted_response_alg",
    )?;
    one_of(&raw.subject_type, &["public"], "subject_type")?;
    match &raw.response_types {
        Some(types) if !types.is_empty() => Err(BadMetadata::NotOffered("response_types")),
        Some(_) | None => Ok(()),
    }
}

/// `id_token_signed_response_alg`: ES256, unless it is said.
fn id_token_alg(word: Option<&str>) -> Result<Algorithm, BadMetadata> {
    let Some(word) = word else {
        return Ok(Algorithm::default());
    };
    Algorithm::from_word(word).ok_or(BadMetadata::NotOffered("id_token_signed_response_alg"))
}

fn grant_types(listed: Option<Vec<String>>) -> Result<Vec<String>, BadMetadata> {
    let usual = || vec![GRANT_TYPE.to_owned(), refresh::GRANT_TYPE.to_owned()];
    let listed = listed.unwrap_or_else(usual);
    let known = |it: &String| it == GRANT_TYPE || it == refresh::GRANT_TYPE;
    if listed.iter().all(known) {
        Ok(listed)
    } else {
        Err(BadMetadata::NotOffered("grant_types"))
    }
}

/// The one member of RFC 8705 §2.1.2 there may be.
fn tls_subject(document: &Value) -> Result<Option<Subject>, BadMetadata> {
    let members = document.as_object().into_iter().flatten();
    let mut named = members.filter(|(name, _)| {
        name.starts_with("tls_client_auth_san_") || *name == "tls_client_auth_subject_dn"
    });
    match (named.next(), named.next()) {
        (None, _) => Ok(None),
        (Some((name, value)), None) => {
            let subject = Value::from_iter([(name.clone(), value.clone())]);
            let subject = serde_json::from_value::<Subject>(subject).ok();
            let subject = subject.filter(Subject::is_sound);
            subject.map(Some).ok_or(BadMetadata::Malformed)
        }
        (Some(_), Some(_)) => Err(BadMetadata::NotOffered("a second tls_client_auth member")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with(more: Value) -> Result<Metadata, BadMetadata> {
        let mut document = json!({"client_name": "Deploy Bot"});
        if let (Some(document), Value::Object(more)) = (document.as_object_mut(), more) {
            document.extend(more);
        }
        read(&document)
    }

    #[test]
    fn what_is_left_out_is_the_usual_and_what_is_unknown_is_ignored() {
        let usual = with(json!({"logo_uri": "https://x", "redirect_uris": []})).unwrap();
        assert_eq!(usual.auth, AuthMethod::ClientSecretBasic);
        assert_eq!(usual.mode, Mode::Poll);
        assert_eq!(usual.id_token_alg, Algorithm::Es256);
        for algorithm in Algorithm::ALL {
            let asked = with(json!({"id_token_signed_response_alg": algorithm}));
            assert_eq!(asked.unwrap().id_token_alg, algorithm);
        }
        assert_eq!(usual.grant_types, [GRANT_TYPE, "refresh_token"]);
        assert!(usual.scopes.is_empty() && usual.types.is_empty());
        let narrow = with(json!({"scope": "openid  calendar.read", "response_types": []}));
        assert_eq!(narrow.unwrap().scopes, ["calendar.read"]);
    }

    #[test]
    fn t01_t03_t06_a_mode_is_offered_and_goes_with_its_endpoint_and_grant_type() {
        let mode = |mode: &str, more: Value| {
            let mut members = json!({"backchannel_token_delivery_mode": mode});
            members
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            with(members)
        };
        let endpoint = json!({"backchannel_client_notification_endpoint": "https://a.example/cb"});
        assert!(mode("ping", endpoint.clone()).is_ok());
        for unknown in ["", "pull", "PING", "poll ping"] {
            let refused = mode(unknown, endpoint.clone());
            let name = "backchannel_token_delivery_mode";
            assert_eq!(refused, Err(BadMetadata::NotOffered(name)), "{unknown}");
        }
        let missing = mode("ping", json!({}));
        assert_eq!(missing, Err(BadDelivery::EndpointMissing.into()));
        let without = mode("poll", json!({"grant_types": ["refresh_token"]}));
        assert_eq!(without, Err(BadDelivery::GrantTypeMissing.into()));
    }

    #[test]
    fn t05_t07_what_is_not_offered_is_refused_and_not_replaced() {
        for alg in ["none", "HS256", "RS256", ""] {
            let name = "backchannel_authentication_request_signing_alg";
            assert_eq!(with(json!({name: alg})), Err(BadMetadata::NotOffered(name)));
        }
        for alg in ["none", "HS256", "ES384", "rs256", ""] {
            let name = "id_token_signed_response_alg";
            assert_eq!(with(json!({name: alg})), Err(BadMetadata::NotOffered(name)));
        }
        for (name, value) in [
            ("token_endpoint_auth_method", json!("client_secret_jwt")),
            ("token_endpoint_auth_method", json!("none")),
            ("token_endpoint_auth_signing_alg", json!("HS256")),
            ("id_token_encrypted_response_alg", json!("ECDH-ES")),
            ("grant_types", json!(["password"])),
            ("response_types", json!(["code"])),
        ] {
            assert_eq!(
                with(json!({name: value})),
                Err(BadMetadata::NotOffered(name))
            );
        }
        let twice = json!({"jwks": {"keys": []}, "jwks_uri": "https://a.example/k"});
        assert_eq!(with(twice), Err(BadMetadata::KeysTwice));
        let private = json!({"jwks": {"keys": [{"kty": "oct", "k": "AAAA"}]}});
        assert_eq!(with(private), Err(BadMetadata::Keys(BadKeys::Private)));
        let two = json!({"tls_client_auth_san_dns": "a", "tls_client_auth_san_uri": "b"});
        assert!(with(two).is_err());
        let named = with(json!({"tls_client_auth_san_ip": "10.0.0.1"})).unwrap();
        assert_eq!(
            named.tls_subject,
            Some(Subject::Ip("10.0.0.1".parse().unwrap()))
        );
    }

    #[test]
    fn t08_no_client_is_promised_a_subject_of_its_own() {
        let pairwise = |more: Value| {
            let mut members = json!({"subject_type": "pairwise"});
            members
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            with(members)
        };
        // With what a sector is known by, or without.
        for more in [
            json!({}),
            json!({"jwks_uri": "https://a.example/k", "token_endpoint_auth_method": "private_key_jwt"}),
            json!({"sector_identifier_uri": "https://a.example/sector.json"}),
        ] {
            let refused = Err(BadMetadata::NotOffered("subject_type"));
            assert_eq!(pairwise(more.clone()), refused, "{more}");
        }
        assert!(with(json!({"subject_type": "public"})).is_ok());
    }

    #[test]
    fn what_is_of_another_type_is_refused() {
        for odd in [
            json!(null),
            json!([]),
            json!("x"),
            json!({}),
            json!({"client_name": 1}),
        ] {
            assert_eq!(read(&odd), Err(BadMetadata::Malformed), "{odd}");
        }
        for (name, value) in [
            ("jwks", json!("{}")),
            ("scope", json!(["openid"])),
            ("grant_types", json!("refresh_token")),
            ("dpop_bound_access_tokens", json!("true")),
            ("backchannel_user_code_parameter", json!("true")),
            ("tls_client_auth_san_ip", json!("nowhere")),
        ] {
            assert_eq!(
                with(json!({name: value})),
                Err(BadMetadata::Malformed),
                "{name}"
            );
        }
    }
}
