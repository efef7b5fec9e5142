//! Client authentication (RFC 6749 §2.3, OpenID Connect Core §9): what was presented, and whether it
//! holds.
//!
//! Exactly one method, and the registered one. Whatever is wrong, the answer is `invalid_client`, in
//! the same words, so that nobody learns which client exists.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;

use super::assertion::{self, Us, UsedAssertion};
use super::certificate::Certificate;
use super::confirmation::{Confirmation, Thumbprint};
use super::keys::PublicKeys;
use super::{Client, Credentials, dpop};
use crate::domain::ciba::refusal::Refusal;
use crate::domain::id::ClientId;

/// Longest `Authorization` header or assertion taken.
const LONGEST: usize = 8 * 1024;

/// `client_assertion_type` of RFC 7523.
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What a request presented, before anyone has checked it.
#[derive(Debug)]
pub struct Presented {
    /// Who it says it is.
    pub client: ClientId,
    proof: Proof,
    certificate: Option<Certificate>,
    /// It came in the `Authorization` header.
    pub basic: bool,
}

#[derive(Debug)]
enum Proof {
    Basic(SecretString),
    Post(SecretString),
    Assertion(SecretString),
    /// A secret where the method leaves no choice of place.
    Either(SecretString),
    /// Nothing but the certificate of the connection.
    Certificate,
}

/// The parameters of a form that have to do with client authentication.
#[derive(Clone, Copy, Default)]
pub struct FormCredentials<'a> {
    /// `client_id`.
    pub client_id: Option<&'a str>,
    /// `client_secret`.
    pub client_secret: Option<&'a str>,
    /// `client_assertion_type`.
    pub assertion_type: Option<&'a str>,
    /// `client_assertion`.
    pub assertion: Option<&'a str>,
    /// The certificate of the connection, which is not in the form at all.
    pub certificate: Option<&'a Certificate>,
}

/// A client that has just proved who it is. Only [`Presented::verify`] makes one.
#[derive(Debug)]
pub struct Authenticated {
    client: Arc<Client>,
    used: Option<UsedAssertion>,
    proof: Option<dpop::Proof>,
    certificate: Option<Thumbprint>,
}

impl Authenticated {
    /// The client.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The assertion it used, which may have one effect only.
    pub fn used_assertion(&self) -> Option<&UsedAssertion> {
        self.used.as_ref()
    }

    /// The same, with the key it has just shown.
    #[must_use]
    pub fn showing(self, proof: Option<dpop::Proof>) -> Self {
        Self { proof, ..self }
    }

    /// The DPoP proof it sent, which may have one effect only.
    pub fn proof(&self) -> Option<&dpop::Proof> {
        self.proof.as_ref()
    }

    /// What a token it gets is bound to: the key it proves to hold, or else its certificate if it registered so.
    pub fn bound_to(&self) -> Option<Confirmation> {
        let certificate = self.certificate.map(Confirmation::Certificate);
        let certificate = certificate.filter(|_| self.client.proof.certificate_bound);
        let key = self.proof.as_ref().map(dpop::Proof::confirmation);
        key.or(certificate)
    }

    /// Refuses a client that registered for bound tokens and shows no key (RFC 9449 §5.2, RFC 8705 §3).
    pub fn must_be_bound(&self) -> Result<(), Refusal> {
        if self.client.proof.dpop_bound && self.proof.is_none() {
            return Err(Refusal::InvalidDpopProof(
                "this client gets no token without a proof",
            ));
        }
        if self.client.proof.certificate_bound && self.bound_to().is_none() {
            return Err(Refusal::InvalidRequest(
                "this client gets no token without its certificate",
            ));
        }
        Ok(())
    }
}

impl Presented {
    /// Reads what a request presents: the `Authorization` header, if any, and its form.
    pub fn read(authorization: Option<&str>, form: FormCredentials<'_>) -> Result<Self, Refusal> {
        let refused = Refusal::InvalidClient {
            basic: authorization.is_some(),
        };
        let methods = [
            authorization.is_some(),
            form.client_secret.is_some(),
            form.assertion.is_some(),
        ];
        let certificate = form.certificate.cloned();
        match methods.into_iter().filter(|present| *present).count() {
            1 => {}
            0 if certificate.is_some() => {
                let client = form.client_id.ok_or(refused)?.to_owned();
                return Ok(Self {
                    client: ClientId(client),
                    proof: Proof::Certificate,
                    certificate,
                    basic: false,
                });
            }
            _ => return Err(refused),
        }
        if let Some(header) = authorization {
            let (client, secret) = read_basic(header).ok_or(refused.clone())?;
            if form.client_id.is_some_and(|also| also != client) {
                return Err(refused);
            }
            return Ok(Self {
                client: ClientId(client),
                proof: Proof::Basic(secret),
                certificate,
                basic: true,
            });
        }
        if let Some(secret) = form.client_secret {
            let client = form.client_id.ok_or(refused)?;
            let proof = Proof::Post(secret.to_owned().into());
            return Ok(Self {
                client: ClientId(client.to_owned()),
                proof,
                certificate,
                basic: false,
            });
        }
        let jwt = form
            .assertion
            .filter(|jwt| jwt.len() <= LONGEST)
            .ok_or(refused.clone())?;
        if form.assertion_type != Some(JWT_BEARER) {
            return Err(refused);
        }
        let subject = assertion::unverified_subject(jwt).ok_or(refused.clone())?;
        if form.client_id.is_some_and(|also| also != subject) {
            return Err(refused);
        }
        let proof = Proof::Assertion(jwt.to_owned().into());
        Ok(Self {
            client: ClientId(subject),
            proof,
            certificate,
            basic: false,
        })
    }

    /// Whether it is checked with the client's keys.
    pub fn needs_keys(&self) -> bool {
        match self.proof {
            Proof::Assertion(_) | Proof::Certificate => true,
            Proof::Basic(_) | Proof::Post(_) | Proof::Either(_) => false,
        }
    }

    /// Reads an assertion that came without a form.
    pub fn read_assertion(jwt: &str) -> Result<Self, Refusal> {
        let form = FormCredentials {
            assertion_type: Some(JWT_BEARER),
            assertion: Some(jwt),
            ..FormCredentials::default()
        };
        Self::read(None, form)
    }

    /// Reads Basic credentials where there is no form: a `client_secret_post` client may use them too.
    pub fn read_basic_for_any(authorization: Option<&str>) -> Result<Self, Refusal> {
        let mut presented = Self::read(authorization, FormCredentials::default())?;
        if let Proof::Basic(secret) = presented.proof {
            presented.proof = Proof::Either(secret);
        }
        Ok(presented)
    }

    /// Checks it against the client that was found under that id, if one was.
    ///
    /// An assertion must be addressed to us. `fetched`: the keys at the client's own address.
    pub fn verify(
        &self,
        client: Option<Arc<Client>>,
        us: Us<'_>,
        fetched: Option<&PublicKeys>,
        now: OffsetDateTime,
    ) -> Result<Authenticated, Refusal> {
        let refused = Refusal::InvalidClient { basic: self.basic };
        let client = client.filter(|client| client.active && client.id == self.client);
        let Some(client) = client else {
            return Err(refused);
        };
        let used = match (&client.credentials, &self.proof) {
            (Credentials::SecretBasic(kept), Proof::Basic(secret) | Proof::Either(secret))
            | (Credentials::SecretPost(kept), Proof::Post(secret) | Proof::Either(secret)) => {
                if !kept.take(secret.expose_secret(), now) {
                    return Err(refused);
                }
                None
            }
            (Credentials::PrivateKeyJwt(source), Proof::Assertion(jwt)) => {
                let jwt = jwt.expose_secret();
                let keys = source.keys(fetched).ok_or_else(|| refused.clone())?;
                let used = assertion::verify(keys, jwt, &client, us, now);
                Some(used.ok_or(refused)?)
            }
            (Credentials::Tls(subject), Proof::Certificate) => {
                let shown = self.certificate.as_ref();
                if !shown.is_some_and(|it| it.trusted && it.names(subject)) {
                    return Err(refused);
                }
                None
            }
            (Credentials::SelfSignedTls(source), Proof::Certificate) => {
                let keys = source.keys(fetched).ok_or_else(|| refused.clone())?;
                let shown = self.certificate.as_ref();
                if !shown.is_some_and(|it| keys.have_certificate(it)) {
                    return Err(refused);
                }
                None
            }
            _ => return Err(refused),
        };
        Ok(Authenticated {
            certificate: self.certificate.as_ref().map(|it| it.thumbprint),
            client,
            used,
            proof: None,
        })
    }
}

/// `Basic base64(id:secret)`, both form-urlencoded first (RFC 6749 §2.3.1).
fn read_basic(header: &str) -> Option<(String, SecretString)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") || encoded.len() > LONGEST {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((form_decode(id)?, form_decode(secret)?.into()))
}

fn form_decode(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced)
        .decode_utf8()
        .ok()
        .map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests;
