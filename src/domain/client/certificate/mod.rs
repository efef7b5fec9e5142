//! Client certificates (RFC 8705): whose they are, and with which key.
//!
//! That whoever shows one holds its key is TLS's business. Whether its chain leads to an authority of ours is
//! told with it ([`Certificate::trusted`]).

mod der;
mod name;

use core::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use self::der::{BIT_STRING, Element, Elements, INTEGER, OCTET_STRING, OID, SEQUENCE};
use self::name::Name;
use super::confirmation::Thumbprint;
use super::keys::sha256;

/// Longest certificate read.
const LONGEST: usize = 16 * 1024;

/// Alternative names read.
const MOST_NAMES: usize = 64;

/// A certificate that was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// SHA-256 of all of it.
    pub thumbprint: Thumbprint,
    /// Whether its chain leads to an authority the operator trusts for clients.
    pub trusted: bool,
    subject: Option<Name>,
    names: Vec<Alternative>,
    key: Option<[u8; 32]>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Alternative {
    Email(String),
    Dns(String),
    Uri(String),
    Ip(IpAddr),
}

/// Whom a certificate must name (RFC 8705 §2.1.2), by the member of the client's metadata.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subject {
    /// The subject's distinguished name, as RFC 4514 writes it.
    #[serde(rename = "tls_client_auth_subject_dn")]
    Dn(String),
    /// A DNS name.
    #[serde(rename = "tls_client_auth_san_dns")]
    Dns(String),
    /// A URI.
    #[serde(rename = "tls_client_auth_san_uri")]
    Uri(String),
    /// An IP address.
    #[serde(rename = "tls_client_auth_san_ip")]
    Ip(IpAddr),
    /// An address for letters.
    #[serde(rename = "tls_client_auth_san_email")]
    Email(String),
}

impl Subject {
    /// Whether it can be found in a certificate at all.
    pub fn is_sound(&self) -> bool {
        match self {
            Self::Dn(text) => text.len() <= 1024 && Name::read(text).is_some(),
            Self::Dns(text) | Self::Uri(text) | Self::Email(text) => {
                (1..=1024).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
            }
            Self::Ip(_) => true,
        }
    }
}

impl Certificate {
    /// Reads a certificate in DER.
    pub fn read(der: &[u8], trusted: bool) -> Option<Self> {
        if der.len() > LONGEST {
            return None;
        }
        let mut outer = Elements::of(der);
        let mut parts = outer.expect(SEQUENCE)?.inside();
        if !outer.is_empty() {
            return None;
        }
        let mut it = parts.expect(SEQUENCE)?.inside();
        it.skip(0xA0);
        it.expect(INTEGER)?;
        // Algorithm, issuer, validity.
        for _ in 0..3 {
            it.expect(SEQUENCE)?;
        }
        let subject = Name::of_certificate(it.expect(SEQUENCE)?);
        let key = key_thumbprint(it.expect(SEQUENCE)?.inside());
        it.skip(0x81);
        it.skip(0x82);
        let names = match it.skip(0xA3) {
            Some(extensions) => alternative_names(extensions)?,
            None => Vec::new(),
        };
        Some(Self {
            thumbprint: Thumbprint(sha256(der)),
            trusted,
            subject,
            names,
            key,
        })
    }

    /// Whether it names a subject.
    pub fn names(&self, subject: &Subject) -> bool {
        let any = |fits: &dyn Fn(&Alternative) -> bool| self.names.iter().any(fits);
        match subject {
            Subject::Dn(text) => self.subject.is_some() && self.subject == Name::read(text),
            Subject::Dns(it) => {
                any(&|name| matches!(name, Alternative::Dns(dns) if dns.eq_ignore_ascii_case(it)))
            }
            Subject::Uri(it) => any(&|name| matches!(name, Alternative::Uri(uri) if uri == it)),
            Subject::Ip(it) => any(&|name| matches!(name, Alternative::Ip(ip) if ip == it)),
            Subject::Email(it) => {
                any(&|name| matches!(name, Alternative::Email(email) if email == it))
            }
        }
    }

    /// Whether it is for the key of that thumbprint (RFC 7638).
    pub fn has_key(&self, thumbprint: &[u8; 32]) -> bool {
        self.key.as_ref() == Some(thumbprint)
    }
}

/// `subjectAltName`, 2.5.29.17.
fn alternative_names(extensions: Element<'_>) -> Option<Vec<Alternative>> {
    let mut extensions = extensions.inside().expect(SEQUENCE)?.inside();
    while !extensions.is_empty() {
        let mut extension = extensions.expect(SEQUENCE)?.inside();
        if extension.expect(OID)?.content != [0x55, 0x1D, 0x11] {
            continue;
        }
        // `critical`
        extension.skip(0x01);
        let value = extension.expect(OCTET_STRING)?;
        let mut names = value.inside().expect(SEQUENCE)?.inside();
        let mut found = Vec::new();
        while !names.is_empty() && found.len() < MOST_NAMES {
            found.extend(alternative(names.next_element()?));
        }
        return Some(found);
    }
    Some(Vec::new())
}

fn alternative(name: Element<'_>) -> Option<Alternative> {
    let text = || std::str::from_utf8(name.content).ok().map(str::to_owned);
    match name.tag {
        0x81 => text().map(Alternative::Email),
        0x82 => text().map(Alternative::Dns),
        0x86 => text().map(Alternative::Uri),
        0x87 => {
            let four = <[u8; 4]>::try_from(name.content).map(IpAddr::from);
            let sixteen = || <[u8; 16]>::try_from(name.content).map(IpAddr::from);
            four.or_else(|_| sixteen()).ok().map(Alternative::Ip)
        }
        _ => None,
    }
}

/// The thumbprint the key would have as a JWK.
fn key_thumbprint(mut spki: Elements<'_>) -> Option<[u8; 32]> {
    const EC: [u8; 7] = [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01];
    const P256: [u8; 8] = [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];
    const RSA: [u8; 9] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01];
    const ED25519: [u8; 3] = [0x2B, 0x65, 0x70];
    let mut algorithm = spki.expect(SEQUENCE)?.inside();
    let kind = algorithm.expect(OID)?.content;
    let key = spki.expect(BIT_STRING)?.bits()?;
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let canonical = if kind == EC {
        if algorithm.expect(OID)?.content != P256 {
            return None;
        }
        let (x, y) = key.strip_prefix(&[4])?.split_at_checked(32)?;
        format!(
            r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#,
            text(x),
            text(y)
        )
    } else if kind == ED25519 {
        format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, text(key))
    } else if kind == RSA {
        let mut numbers = Elements::of(key).expect(SEQUENCE)?.inside();
        let mut number = || Some(positive(numbers.expect(INTEGER)?.content));
        let (n, e) = (number()?, number()?);
        format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, text(e), text(n))
    } else {
        return None;
    };
    Some(sha256(canonical.as_bytes()))
}

/// An integer without the zero that says it is not negative.
fn positive(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(&[0]).unwrap_or(bytes)
}

#[cfg(test)]
mod tests;
