//! Who may ask and who is asked: clients and people, as the operator adds and disables them.
//!
//! There is no other way in but with a token an operator has handed out ([`dynamic`]): a stranger registers nothing. A disabled client is refused everywhere at
//! once, a disabled person cannot be asked, and what they allowed is not honoured.

mod change;
mod client;
pub(super) mod document;
pub mod dynamic;
mod person;

use crate::channel::sender::RefusedUrl;
use crate::domain::action::text::TextError;
use crate::domain::client::delivery::BadDelivery;
use crate::domain::client::keys::BadKeys;
use crate::domain::client::profile::BadProfile;
use crate::domain::client::request_signing::BadRequestSigning;
use crate::domain::user::NotAnAddress;
use crate::entropy::NoEntropy;
use crate::flow::keys::KeysError;
use crate::store::StoreError;

pub use client::{
    AddedClient, NewClient, add_client, client, clients, rotate_secret, set_client_active,
};
pub use person::{NewPerson, add_person, people, person, set_person_active};

/// Clients and people a list shows at most.
pub const MOST_LISTED: u64 = 10_000;

/// Why someone was not added or changed.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The name cannot be shown.
    #[error("the name cannot be shown: {0}")]
    Name(TextError),
    /// The address is none.
    #[error(transparent)]
    Email(#[from] NotAnAddress),
    /// The username cannot be one.
    #[error("a username has 1 to 64 letters a–z, digits, `.`, `-` and `_`, and is not an id")]
    Username,
    /// The keys cannot be a client's.
    #[error("the JWK Set cannot be used: {0}")]
    Keys(#[from] BadKeys),
    /// Not what its profile asks for.
    #[error(transparent)]
    Profile(#[from] BadProfile),
    /// There is no key of ours to sign for it with.
    #[error(transparent)]
    Signing(#[from] KeysError),
    /// Requests that cannot be signed like that.
    #[error(transparent)]
    RequestSigning(#[from] BadRequestSigning),
    /// Keys here and elsewhere.
    #[error("a client's keys are in one place: a JWK Set, or the address of one")]
    KeysTwice,
    /// An address that may not be called.
    #[error("the address cannot be called: {0}")]
    Address(String),
    /// A subject for another method, or none for this one.
    #[error(
        "exactly a client that shows a certificate of an authority (tls_client_auth) is named by it"
    )]
    SubjectMisplaced,
    /// A subject no certificate has.
    #[error("no certificate can name that subject")]
    Subject,
    /// Another secret for a client that has none.
    #[error("{0} has no secret")]
    NoSecret(String),
    /// `private_key_jwt` without keys.
    #[error(
        "a client that signs for itself (private_key_jwt, self_signed_tls_client_auth) needs its public keys"
    )]
    KeysMissing,
    /// Keys for a client that has a secret.
    #[error(
        "public keys are for clients that sign for themselves (private_key_jwt, self_signed_tls_client_auth)"
    )]
    KeysUnused,
    /// A scope that is none.
    #[error("`{0}` is not a scope")]
    Scope(String),
    /// A resource that is none.
    #[error("`{0}` is not a resource: an absolute URI without fragment")]
    Resource(String),
    /// A service that is no resource.
    #[error(
        "a service (resource_server) needs the resource it is: only its tokens are its business"
    )]
    NoResource,
    /// A type of details that is none.
    #[error("`{0}` is not a type of authorization details")]
    Type(String),
    /// Its mode, endpoint and grant types do not fit together.
    #[error(transparent)]
    Delivery(#[from] BadDelivery),
    /// Its endpoint may not be called.
    #[error("the notification endpoint cannot be called: {0}")]
    Endpoint(#[from] RefusedUrl),
    /// A grant type this server does not have.
    #[error("`{0}` is not a grant type of this server")]
    GrantType(String),
    /// The address or username belongs to somebody.
    #[error("{0} is taken: it belongs to a person that was added before")]
    Taken(String),
    /// There is no such client or person.
    #[error("there is no {0}")]
    Unknown(String),
    /// It is so already.
    #[error("{0} already")]
    Already(String),
    /// No random bytes.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn unless_already(error: StoreError, name: &str, active: bool) -> RegisterError {
    let state = if active { "active" } else { "disabled" };
    if matches!(error, StoreError::Overtaken) {
        RegisterError::Already(format!("{name} is {state}"))
    } else {
        error.into()
    }
}
