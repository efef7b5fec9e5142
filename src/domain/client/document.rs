//! Client ID Metadata Documents (draft-ietf-oauth-client-id-metadata-document): a client whose `client_id` is
//! the https address of a document that says what it is.
//!
//! Whoever controls the address is the client, and nobody has vouched for it: it proves itself with a key, it
//! is called at its own host only, and people are shown that host beside the name it gives itself. A document
//! is often written for several servers at once, so what it says about other ways of getting tokens is passed
//! over, where a registration that asks for them would be refused.

use serde_json::Value;
use time::{Duration, OffsetDateTime};
use url::Url;

use super::key_source::STALE;
use super::metadata::{self, BadMetadata, Metadata};
use super::{AuthMethod, Client};
use crate::domain::action::json::{JsonError, Limits, strict};
use crate::domain::ciba::GRANT_TYPE;
use crate::domain::token::refresh;

/// Bytes of a document.
pub const MOST_BYTES: usize = 5 * 1024;

/// Letters of such an id.
const LONGEST_ID: usize = 255;

/// What all these ids begin with, and no other does.
const SCHEME: &str = "https://";

/// Why a document is none that a client can be made of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadDocument {
    /// The id cannot be the address of one.
    #[error("the client_id is not the plain https address of a document")]
    Address,
    /// It is larger than documents are.
    #[error("it is larger than {MOST_BYTES} bytes")]
    TooLarge,
    /// It is not JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// It is somebody else's.
    #[error("its client_id is not the address it was found at")]
    AnotherClient,
    /// It holds a secret, which everybody can read.
    #[error("it names a client secret")]
    Secret,
    /// It does not say that the client signs for itself.
    #[error(
        "its token_endpoint_auth_method is neither private_key_jwt nor self_signed_tls_client_auth"
    )]
    Unproven,
    /// It sends us to another host.
    #[error("{0} is not at the host of the client_id")]
    Elsewhere(&'static str),
    /// What it says cannot be had.
    #[error(transparent)]
    Metadata(#[from] BadMetadata),
}

/// Whether an id is one of these.
pub fn is_one(id: &str) -> bool {
    id.starts_with(SCHEME)
}

/// The host in such an id, and the port if it names one: what people are shown.
pub fn host(id: &str) -> Option<&str> {
    id.strip_prefix(SCHEME)?.split('/').next()
}

/// Reads an id as an address: written in the one way there is, with a path, without user, fragment and dots.
pub fn address(id: &str) -> Option<Url> {
    let url = Url::parse(id).ok()?;
    let plain = url.scheme() == "https"
        && url.as_str() == id
        && url.path() != "/"
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    (plain && id.len() <= LONGEST_ID).then_some(url)
}

/// What the document at that address says.
pub fn read(id: &str, body: &[u8]) -> Result<Metadata, BadDocument> {
    let url = address(id).ok_or(BadDocument::Address)?;
    if body.len() > MOST_BYTES {
        return Err(BadDocument::TooLarge);
    }
    let mut document = strict(body, Limits::REQUEST)?;
    let members = document.as_object_mut().ok_or(BadMetadata::Malformed)?;
    if members.get("client_id").and_then(Value::as_str) != Some(id) {
        return Err(BadDocument::AnotherClient);
    }
    if ["client_secret", "client_secret_expires_at"]
        .iter()
        .any(|it| members.contains_key(*it))
    {
        return Err(BadDocument::Secret);
    }
    members.remove("response_types");
    if let Some(Value::Array(listed)) = members.get_mut("grant_types") {
        listed.retain(|it| *it == GRANT_TYPE || *it == refresh::GRANT_TYPE);
    }
    let named = members.entry("client_name").or_insert(Value::Null);
    if named.is_null() {
        *named = url.host_str().unwrap_or_default().into();
    }
    let metadata = metadata::read(&document)?;
    match metadata.auth {
        AuthMethod::PrivateKeyJwt | AuthMethod::SelfSignedTlsClientAuth => {}
        AuthMethod::ClientSecretBasic
        | AuthMethod::ClientSecretPost
        | AuthMethod::TlsClientAuth => return Err(BadDocument::Unproven),
    }
    at_host(&url, metadata.jwks_uri.as_deref(), "jwks_uri")?;
    at_host(
        &url,
        metadata.notification_endpoint.as_deref(),
        "backchannel_client_notification_endpoint",
    )?;
    Ok(metadata)
}

/// An address it names is at its own host: else anybody could make us call anybody.
fn at_host(own: &Url, other: Option<&str>, name: &'static str) -> Result<(), BadDocument> {
    let Some(other) = other else {
        return Ok(());
    };
    let other = Url::parse(other).map_err(|_| BadDocument::Elsewhere(name))?;
    if other.scheme() == "https" && other.host() == own.host() {
        Ok(())
    } else {
        Err(BadDocument::Elsewhere(name))
    }
}

impl Client {
    /// Whether its document must be read again.
    pub fn is_due(&self, now: OffsetDateTime) -> bool {
        self.document_until.is_some_and(|until| now >= until)
    }

    /// Whether what its document said still counts, while it does not answer.
    pub fn still_counts(&self, now: OffsetDateTime) -> bool {
        self.document_until.is_none_or(|until| now < until + STALE)
    }
}

/// Least time between two looks at one address.
pub const LOOK_AGAIN: Duration = Duration::MINUTE;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::token::keyring::SigningKey;

    const ID: &str = "https://agents.example/deploy-bot";

    fn with(more: &Value) -> Result<Metadata, BadDocument> {
        let (key, _) = SigningKey::generate().unwrap();
        let mut document = json!({
            "client_id": ID,
            "client_name": "Deploy Bot",
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks": {"keys": [key.public()]},
        });
        for (name, value) in more.as_object().unwrap().clone() {
            document[name] = value;
        }
        read(ID, document.to_string().as_bytes())
    }

    #[test]
    fn an_id_is_a_plain_https_address_with_a_path() {
        for good in [
            ID,
            "https://agents.example:8443/a/b.json",
            "https://agents.example/bot?v=1",
            "https://xn--bcher-kva.example/bot",
        ] {
            assert!(is_one(good) && address(good).is_some(), "{good}");
        }
        let long = format!("https://agents.example/{}", "a".repeat(250));
        for bad in [
            "https://agents.example",
            "https://agents.example/",
            "http://agents.example/bot",
            "https://agents.example/bot#part",
            "https://me@agents.example/bot",
            "https://me:pw@agents.example/bot",
            "https://agents.example/a/../bot",
            "https://agents.example/./bot",
            "https://agents.example/%2e%2e/bot",
            "https://Agents.example/bot",
            "https://agents.example:443/bot",
            "https://agents.example\\bot",
            " https://agents.example/bot",
            "https://b\u{fc}cher.example/bot",
            "https:///bot",
            "deploy-bot",
            &long,
        ] {
            assert!(address(bad).is_none(), "{bad}");
        }
        assert_eq!(host(ID), Some("agents.example"));
        assert_eq!(
            host("https://agents.example:8443/a"),
            Some("agents.example:8443")
        );
        assert_eq!(host("deploy-bot"), None);
    }

    #[test]
    fn a_document_is_the_client_s_own_and_proves_itself_with_a_key() {
        assert_eq!(with(&json!({})).unwrap().auth, AuthMethod::PrivateKeyJwt);
        for (more, why) in [
            (
                json!({"client_id": "https://agents.example/other"}),
                BadDocument::AnotherClient,
            ),
            (
                json!({"client_id": format!("{ID}/")}),
                BadDocument::AnotherClient,
            ),
            (json!({"client_id": null}), BadDocument::AnotherClient),
            (json!({"client_secret": "x"}), BadDocument::Secret),
            (json!({"client_secret_expires_at": 0}), BadDocument::Secret),
            (
                json!({"token_endpoint_auth_method": "client_secret_basic"}),
                BadDocument::Unproven,
            ),
            (
                json!({"token_endpoint_auth_method": null}),
                BadDocument::Unproven,
            ),
            (
                json!({"token_endpoint_auth_method": "none"}),
                BadMetadata::NotOffered("token_endpoint_auth_method").into(),
            ),
            (
                json!({"jwks_uri": "https://agents.example/k"}),
                BadMetadata::KeysTwice.into(),
            ),
            (json!({"scope": 1}), BadMetadata::Malformed.into()),
        ] {
            assert_eq!(with(&more).unwrap_err(), why, "{more}");
        }
        let large = format!("{}{}", " ".repeat(MOST_BYTES), json!({"client_id": ID}));
        assert_eq!(read(ID, large.as_bytes()), Err(BadDocument::TooLarge));
        let twice = br#"{"client_id":"https://agents.example/deploy-bot","client_id":"x"}"#;
        assert_eq!(read(ID, twice), Err(JsonError::DoubledKey.into()));
        assert_eq!(read(ID, b"[]"), Err(BadMetadata::Malformed.into()));
    }

    #[test]
    fn what_is_said_to_other_servers_is_passed_over() {
        let shared = with(&json!({
            "grant_types": ["authorization_code", GRANT_TYPE],
            "response_types": ["code"],
            "redirect_uris": ["https://agents.example/back"],
            "logo_uri": "http://169.254.169.254/",
        }));
        assert_eq!(shared.unwrap().grant_types, [GRANT_TYPE]);
        assert_eq!(
            with(&json!({"client_name": null})).unwrap().name,
            "agents.example"
        );
    }

    #[test]
    fn sec_g01_a_document_sends_us_to_its_own_host_only() {
        let keys = |url: &str| with(&json!({"jwks": null, "jwks_uri": url}));
        let called = |url: &str| {
            with(&json!({
                "backchannel_token_delivery_mode": "ping",
                "backchannel_client_notification_endpoint": url,
            }))
        };
        assert!(keys("https://agents.example/keys.json").is_ok());
        assert!(called("https://agents.example:8443/told").is_ok());
        for elsewhere in [
            "https://victim.example/told",
            "https://agents.example.evil/told",
            "http://agents.example/told",
            "https://169.254.169.254/told",
            "told",
        ] {
            let refused = keys(elsewhere).unwrap_err();
            assert_eq!(refused, BadDocument::Elsewhere("jwks_uri"), "{elsewhere}");
            let refused = called(elsewhere).unwrap_err();
            assert!(
                matches!(refused, BadDocument::Elsewhere(_)),
                "{elsewhere}: {refused}"
            );
        }
    }
}
