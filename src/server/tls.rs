//! TLS of our own, for a server without a proxy in front.
//!
//! With an authority for clients ([`TlsFiles::client_ca`]), callers are asked for a certificate and may have
//! none. One of any authority is let in, because a client may be known by the key of a certificate it made
//! itself: that its holder has the key is proved here. Whose it is is judged with the request, by a domain that
//! is told whether the chain leads to that authority.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig, SignatureScheme,
};
use time::OffsetDateTime;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::app::App;
use crate::http::extract::ClientCertificate;

/// The files TLS is set up from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// Our certificate, and those between it and an authority: PEM.
    pub certificate: PathBuf,
    /// Its private key: PEM.
    pub key: PathBuf,
    /// The authorities whose certificates clients may be known by: PEM.
    pub client_ca: Option<PathBuf>,
}

/// Why TLS could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{} cannot be read: {why}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The certificate and the key do not go together, or an authority is none.
    #[error("the certificates cannot be used: {0}")]
    Unfit(String),
}

/// A set-up that connections are taken with.
pub struct Tls {
    app: App,
    acceptor: TlsAcceptor,
    clients: Option<Arc<AnyClient>>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("asks_clients", &self.clients.is_some())
            .finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads the files.
    pub fn open(app: App, files: &TlsFiles) -> Result<Self, TlsError> {
        let unfit = |error: &dyn fmt::Display| TlsError::Unfit(error.to_string());
        let provider = Arc::new(aws_lc_rs::default_provider());
        let chain = certificates(&files.certificate)?;
        let key = PrivateKeyDer::from_pem_file(&files.key);
        let key = key.map_err(|error| unreadable(&files.key, &error))?;
        let clients = match &files.client_ca {
            Some(path) => Some(Arc::new(AnyClient::of(path, Arc::clone(&provider))?)),
            None => None,
        };
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| unfit(&error))?;
        let config = match &clients {
            Some(clients) => config.with_client_cert_verifier(Arc::clone(clients) as Arc<_>),
            None => config.with_no_client_auth(),
        };
        let mut config = config
            .with_single_cert(chain, key)
            .map_err(|error| unfit(&error))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            app,
            acceptor: TlsAcceptor::from(Arc::new(config)),
            clients,
        })
    }

    /// Shakes hands, within that time.
    pub(super) async fn accept(
        &self,
        stream: TcpStream,
        within: Duration,
    ) -> io::Result<(TlsStream<TcpStream>, Option<ClientCertificate>)> {
        let hands = tokio::time::timeout(within, self.acceptor.accept(stream));
        let stream = hands.await.map_err(|_| io::ErrorKind::TimedOut)??;
        let shown = stream.get_ref().1.peer_certificates();
        let shown = shown.and_then(|chain| self.read(chain));
        Ok((stream, shown))
    }

    fn read(&self, chain: &[CertificateDer<'_>]) -> Option<ClientCertificate> {
        let (own, others) = chain.split_first()?;
        let clients = self.clients.as_ref()?;
        let trusted = clients.trusts(own, others, self.app.clock.now());
        ClientCertificate::read(own, trusted)
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = read.map_err(|error| unreadable(path, &error))?;
    if found.is_empty() {
        return Err(unreadable(path, &"it holds no certificate"));
    }
    Ok(found)
}

fn unreadable(path: &Path, why: &dyn fmt::Display) -> TlsError {
    TlsError::File {
        path: path.to_owned(),
        why: why.to_string(),
    }
}

/// Asks for a certificate, takes any, and can say whether it is of the operator's authority.
#[derive(Debug)]
struct AnyClient {
    authority: Arc<dyn ClientCertVerifier>,
    provider: Arc<CryptoProvider>,
}

impl AnyClient {
    fn of(path: &Path, provider: Arc<CryptoProvider>) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        for root in certificates(path)? {
            roots
                .add(root)
                .map_err(|error| TlsError::Unfit(error.to_string()))?;
        }
        let authority =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .build()
                .map_err(|error| TlsError::Unfit(error.to_string()))?;
        Ok(Self {
            authority,
            provider,
        })
    }

    fn trusts(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: OffsetDateTime,
    ) -> bool {
        let seconds = u64::try_from(now.unix_timestamp()).unwrap_or_default();
        let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        self.authority.verify_client_cert(own, others, now).is_ok()
    }
}

impl ClientCertVerifier for AnyClient {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    /// Browsers ask a person only about certificates of these.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.authority.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}
