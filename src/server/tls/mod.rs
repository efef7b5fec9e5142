//! TLS of our own, for a server without a proxy in front.
//!
//! With an authority for clients ([`TlsFiles::client_ca`]), callers are asked for a certificate and may have
//! none. One of any authority is let in, because a client may be known by the key of a certificate it made
//! itself: that its holder has the key is proved here. Whose it is is judged with the request, by a domain that
//! is told whether the chain leads to that authority.
//!
//! Certificates are renewed while the server runs: the files are looked at again and again ([`renewal`]).

mod clients;
mod files;
mod renewal;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use self::clients::AnyClient;
use self::files::Setup;
use crate::app::{App, Current};
use crate::http::extract::ClientCertificate;

pub use self::files::TlsFiles;

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

/// A set-up that connections are taken with: that of the files as they last were in order.
pub struct Tls {
    app: App,
    files: TlsFiles,
    current: Current<Setup>,
    /// Of what the set-up was made from.
    digest: Mutex<[u8; 32]>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads the files.
    pub fn open(app: App, files: &TlsFiles) -> Result<Self, TlsError> {
        let contents = files.read()?;
        Ok(Self {
            app,
            files: files.clone(),
            current: Current::new(files.set_up(&contents)?),
            digest: Mutex::new(contents.digest()),
        })
    }

    /// Takes over renewed files from now on, until the server stops.
    pub(super) fn watch_files(self: &Arc<Self>) {
        self.app.tasks.spawn(renewal::renew(Arc::clone(self)));
    }

    /// Reads the files again, and says whether they were others. On an error everything stays as it is.
    fn look_again(&self) -> Result<bool, TlsError> {
        let contents = self.files.read()?;
        let digest = contents.digest();
        let mut known = self.digest.lock().unwrap_or_else(PoisonError::into_inner);
        if *known == digest {
            return Ok(false);
        }
        self.current.set(self.files.set_up(&contents)?);
        *known = digest;
        Ok(true)
    }

    /// Shakes hands, within that time.
    pub(super) async fn accept(
        &self,
        stream: TcpStream,
        within: Duration,
    ) -> io::Result<(TlsStream<TcpStream>, Option<ClientCertificate>)> {
        let setup = self.current.get();
        let hands = tokio::time::timeout(within, setup.acceptor.accept(stream));
        let stream = hands.await.map_err(|_| io::ErrorKind::TimedOut)??;
        let shown = stream.get_ref().1.peer_certificates();
        let shown = shown.zip(setup.clients.as_deref());
        let shown = shown.and_then(|(chain, clients)| self.read(chain, clients));
        Ok((stream, shown))
    }

    fn read(&self, chain: &[CertificateDer<'_>], clients: &AnyClient) -> Option<ClientCertificate> {
        let (own, others) = chain.split_first()?;
        let trusted = clients.trusts(own, others, self.app.clock.now());
        ClientCertificate::read(own, trusted)
    }
}
