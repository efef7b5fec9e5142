//! The certificate a client showed (RFC 8705): to us, or to a proxy of the operator's that passes it on
//! (RFC 9440).
//!
//! The header is words anybody may say: it counts only from a proxy the operator has named, and only when
//! the operator says that this proxy replaces it. From everybody else it is as if it were not there.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Extensions, HeaderMap, HeaderName};

use super::peer::PeerAddr;
use crate::app::App;
use crate::domain::ciba::refusal::Refusal;
use crate::domain::client::certificate::Certificate;

/// `Client-Cert`.
const CLIENT_CERT: HeaderName = HeaderName::from_static("client-cert");

/// The certificate of a connection, in its requests' extensions.
#[derive(Clone, Debug)]
pub struct ClientCertificate(Arc<Certificate>);

impl ClientCertificate {
    /// Reads a certificate that was shown to us.
    pub fn read(der: &[u8], trusted: bool) -> Option<Self> {
        Certificate::read(der, trusted).map(|it| Self(Arc::new(it)))
    }
}

/// The certificate shown with a request, if one was.
pub fn shown(
    app: &App,
    headers: &HeaderMap,
    extensions: &Extensions,
) -> Result<Option<Certificate>, Refusal> {
    let peer = extensions.get::<PeerAddr>();
    let ours = peer.is_some_and(|peer| peer.is_one_of(&app.settings.trusted_proxies));
    if !app.settings.client_cert_header || !ours {
        let own = extensions.get::<ClientCertificate>();
        return Ok(own.map(|it| Certificate::clone(&it.0)));
    }
    let mut values = headers.get_all(CLIENT_CERT).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(only), None) => {
            let read = only.to_str().ok().and_then(read);
            read.map(Some).ok_or(Refusal::InvalidRequest(
                "Client-Cert is not a certificate as RFC 9440 writes it",
            ))
        }
        (Some(_), Some(_)) => Err(Refusal::InvalidRequest("there are two Client-Cert headers")),
    }
}

/// A byte sequence of RFC 8941: base64 between colons.
fn read(value: &str) -> Option<Certificate> {
    let encoded = value.trim().strip_prefix(':')?.strip_suffix(':')?;
    // The proxy has checked the chain: it passes on no other.
    Certificate::read(&STANDARD.decode(encoded).ok()?, true)
}
