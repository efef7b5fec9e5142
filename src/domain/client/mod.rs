//! Who is asking: OAuth clients and what they registered (CIBA §4, RFC 7591).

pub mod assertion;
pub mod authentication;
pub mod certificate;
pub mod change;
pub mod confirmation;
pub mod delivery;
pub mod document;
pub mod document_hosts;
pub mod dpop;
pub(in crate::domain) mod jws;
pub mod key_source;
pub mod keys;
pub mod metadata;
pub mod profile;
pub mod rate;
pub mod request_signing;
pub mod secret;

use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use self::certificate::Subject;
use self::key_source::KeySource;
use self::profile::Profile;
use self::request_signing::RequestSigning;
use self::secret::SecretHashes;
use crate::domain::ciba::mode::Mode;
use crate::domain::id::ClientId;
use crate::domain::token::algorithm::Algorithm;

/// A registered client.
#[derive(Clone, Debug, PartialEq)]
pub struct Client {
    /// `client_id`.
    pub id: ClientId,
    /// What people read.
    pub name: String,
    /// What it is here for.
    pub role: Role,
    /// A disabled client is refused everywhere, at once.
    pub active: bool,
    /// How strictly it is held.
    pub profile: Profile,
    /// How it proves who it is.
    pub credentials: Credentials,
    /// What it must prove besides.
    pub proof: ProofTerms,
    /// How it signs its requests, if it does.
    pub request_signing: Option<RequestSigning>,
    /// `id_token_signed_response_alg`: what its ID tokens are signed with.
    pub id_token_alg: Algorithm,
    /// How it learns answers.
    pub mode: Mode,
    /// `backchannel_client_notification_endpoint`: where it is called, unless it polls.
    pub notification_endpoint: Option<String>,
    /// Scopes it may ask for; empty for all the catalogue has.
    pub scopes: Vec<String>,
    /// Types of details it may ask for; empty for all the catalogue has.
    pub types: Vec<String>,
    /// Resources it may ask for, empty for all; or the ones it is, as a relying service.
    pub resources: Vec<String>,
    /// `grant_types`.
    pub grant_types: Vec<String>,
    /// When it was registered.
    pub created_at: OffsetDateTime,
    /// How often it was changed: a change is made to what was read, or not at all.
    pub revision: i32,
    /// Until when its [document] need not be read again, if it comes from one.
    pub document_until: Option<OffsetDateTime>,
}

/// What a client is here for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It asks.
    Agent,
    /// It relies on answers.
    ResourceServer,
}

/// What a client must prove besides who it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProofTerms {
    /// `dpop_bound_access_tokens`: no token without a DPoP proof (RFC 9449 §5.2).
    pub dpop_bound: bool,
    /// `tls_client_certificate_bound_access_tokens` (RFC 8705 §3.4): its tokens are bound to its certificate.
    pub certificate_bound: bool,
    /// `backchannel_user_code_parameter`: it brings the code of whom it asks (CIBA §7.1.2).
    pub user_code: bool,
    /// Whom its assertions may be addressed to.
    pub audience: assertion::Audience,
}

/// How a client proves who it is: the method, and what is kept to check it.
#[derive(Clone, PartialEq)]
pub enum Credentials {
    /// `client_secret_basic`: what is kept of the secret.
    SecretBasic(SecretHashes),
    /// `client_secret_post`: what is kept of the secret.
    SecretPost(SecretHashes),
    /// `private_key_jwt`: its public keys.
    PrivateKeyJwt(KeySource),
    /// `tls_client_auth` (RFC 8705 §2.1): whom its certificate names.
    Tls(Subject),
    /// `self_signed_tls_client_auth` (RFC 8705 §2.2): the keys its certificates may be for.
    SelfSignedTls(KeySource),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.method().as_str())
    }
}

/// `token_endpoint_auth_method`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "Credentials explains each")]
pub enum AuthMethod {
    ClientSecretBasic,
    ClientSecretPost,
    PrivateKeyJwt,
    TlsClientAuth,
    SelfSignedTlsClientAuth,
}

impl AuthMethod {
    /// Every method this server takes.
    pub const SUPPORTED: [Self; 5] = [
        Self::ClientSecretBasic,
        Self::ClientSecretPost,
        Self::PrivateKeyJwt,
        Self::TlsClientAuth,
        Self::SelfSignedTlsClientAuth,
    ];

    /// Whether it rests on a client certificate.
    pub fn is_by_certificate(self) -> bool {
        match self {
            Self::ClientSecretBasic | Self::ClientSecretPost | Self::PrivateKeyJwt => false,
            Self::TlsClientAuth | Self::SelfSignedTlsClientAuth => true,
        }
    }

    /// The word as registered.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
            Self::TlsClientAuth => "tls_client_auth",
            Self::SelfSignedTlsClientAuth => "self_signed_tls_client_auth",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::SUPPORTED
            .into_iter()
            .find(|method| method.as_str() == word)
    }
}

impl Credentials {
    /// The method they are for.
    pub fn method(&self) -> AuthMethod {
        match self {
            Self::SecretBasic(_) => AuthMethod::ClientSecretBasic,
            Self::SecretPost(_) => AuthMethod::ClientSecretPost,
            Self::PrivateKeyJwt(_) => AuthMethod::PrivateKeyJwt,
            Self::Tls(_) => AuthMethod::TlsClientAuth,
            Self::SelfSignedTls(_) => AuthMethod::SelfSignedTlsClientAuth,
        }
    }
}

impl Credentials {
    /// What is kept of its secret, if it has one.
    pub fn secret(&self) -> Option<&SecretHashes> {
        match self {
            Self::SecretBasic(secret) | Self::SecretPost(secret) => Some(secret),
            Self::PrivateKeyJwt(_) | Self::Tls(_) | Self::SelfSignedTls(_) => None,
        }
    }

    /// The same with a secret it has already, if they rest on one.
    #[must_use]
    pub fn keeping(self, secret: SecretHashes) -> Self {
        match self {
            Self::SecretBasic(_) => Self::SecretBasic(secret),
            Self::SecretPost(_) => Self::SecretPost(secret),
            Self::PrivateKeyJwt(_) | Self::Tls(_) | Self::SelfSignedTls(_) => self,
        }
    }

    /// Where its keys are, if it has any.
    pub fn keys(&self) -> Option<&KeySource> {
        match self {
            Self::SecretBasic(_) | Self::SecretPost(_) | Self::Tls(_) => None,
            Self::PrivateKeyJwt(source) | Self::SelfSignedTls(source) => Some(source),
        }
    }

    /// Whom its certificate names.
    pub fn tls_subject(&self) -> Option<&Subject> {
        match self {
            Self::Tls(subject) => Some(subject),
            Self::SecretBasic(_)
            | Self::SecretPost(_)
            | Self::PrivateKeyJwt(_)
            | Self::SelfSignedTls(_) => None,
        }
    }

    /// `jwks_uri`.
    pub fn jwks_uri(&self) -> Option<&str> {
        self.keys()?.address()
    }
}

impl Role {
    /// The word as stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::ResourceServer => "resource_server",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Agent, Self::ResourceServer]
            .into_iter()
            .find(|role| role.as_str() == word)
    }
}

impl Client {
    /// An agent that polls, with everything as usual: it may ask for all the catalogue has, and has no grant type
    /// yet.
    pub fn agent(id: ClientId, credentials: Credentials, created_at: OffsetDateTime) -> Self {
        Self {
            name: id.0.clone(),
            id,
            role: Role::Agent,
            active: true,
            profile: Profile::default(),
            credentials,
            proof: ProofTerms::default(),
            request_signing: None,
            id_token_alg: Algorithm::default(),
            mode: Mode::Poll,
            notification_endpoint: None,
            scopes: Vec::new(),
            types: Vec::new(),
            resources: Vec::new(),
            grant_types: Vec::new(),
            created_at,
            revision: 0,
            document_until: None,
        }
    }

    /// The public keys it registered: to authenticate with, or else to sign its requests with.
    pub fn keys(&self) -> Option<&KeySource> {
        let signing = self.request_signing.as_ref().and_then(RequestSigning::keys);
        self.credentials.keys().or(signing)
    }

    /// Whether it registered for a grant type.
    pub fn may_use(&self, grant_type: &str) -> bool {
        self.grant_types
            .iter()
            .any(|registered| registered == grant_type)
    }
}

/// Whether a registered list admits a value: an empty list admits everything.
pub fn admits(list: &[String], value: &str) -> bool {
    list.is_empty() || list.iter().any(|admitted| admitted == value)
}
