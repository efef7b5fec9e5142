//! Client certificates (RFC 8705): whose they are, and with which key.
//!
//! That whoever shows one holds its key is TLS's business. Whether its chain leads to an authority of ours is
//! told with it ([`Certificate::trusted`]).

mod name;

use core::net::IpAddr;

use aws_lc_rs::signature::RsaSubjectPublicKey;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use x509_cert::certificate::{Certificate as X509, TbsCertificate};
use x509_cert::der::Decode;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::spki::SubjectPublicKeyInfoOwned;

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
        let read = X509::from_der(der).ok()?;
        let it = read.tbs_certificate();
        Some(Self {
            thumbprint: Thumbprint(sha256(der)),
            trusted,
            subject: Name::of_certificate(it.subject()),
            names: alternative_names(it)?,
            key: key_thumbprint(it.subject_public_key_info()),
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

/// None when they are there and cannot be read.
fn alternative_names(certificate: &TbsCertificate) -> Option<Vec<Alternative>> {
    let Some((_, SubjectAltName(names))) = certificate.get_extension().ok()? else {
        return Some(Vec::new());
    };
    Some(
        names
            .iter()
            .take(MOST_NAMES)
            .filter_map(alternative)
            .collect(),
    )
}

fn alternative(name: &GeneralName) -> Option<Alternative> {
    match name {
        GeneralName::Rfc822Name(it) => Some(Alternative::Email(it.as_str().to_owned())),
        GeneralName::DnsName(it) => Some(Alternative::Dns(it.as_str().to_owned())),
        GeneralName::UniformResourceIdentifier(it) => {
            Some(Alternative::Uri(it.as_str().to_owned()))
        }
        GeneralName::IpAddress(it) => {
            let four = <[u8; 4]>::try_from(it.as_bytes()).map(IpAddr::from);
            let sixteen = || <[u8; 16]>::try_from(it.as_bytes()).map(IpAddr::from);
            four.or_else(|_| sixteen()).ok().map(Alternative::Ip)
        }
        GeneralName::OtherName(_)
        | GeneralName::DirectoryName(_)
        | GeneralName::EdiPartyName(_)
        | GeneralName::RegisteredId(_) => None,
    }
}

/// The thumbprint the key would have as a JWK.
fn key_thumbprint(spki: &SubjectPublicKeyInfoOwned) -> Option<[u8; 32]> {
    const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
    const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
    const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
    const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
    let kind = spki.algorithm.oid;
    let key = spki.subject_public_key.as_bytes()?;
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let canonical = if kind == EC {
        let curve = spki.algorithm.parameters.as_ref()?;
        if curve.decode_as::<ObjectIdentifier>().ok()? != P256 {
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
        let key = RsaSubjectPublicKey::from_der(key).ok()?;
        let (n, e) = (key.modulus(), key.exponent());
        let (n, e) = (
            n.big_endian_without_leading_zero(),
            e.big_endian_without_leading_zero(),
        );
        format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, text(e), text(n))
    } else {
        return None;
    };
    Some(sha256(canonical.as_bytes()))
}

#[cfg(test)]
mod tests;
