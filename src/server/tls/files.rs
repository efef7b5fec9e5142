//! The files TLS is set up from: read together, and made something of together or not at all.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::aws_lc_rs::digest::{Context, SHA256};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::TlsError;
use super::clients::AnyClient;

/// Where the files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// Our certificate, and those between it and an authority: PEM.
    pub certificate: PathBuf,
    /// Its private key: PEM.
    pub key: PathBuf,
    /// The authorities whose certificates clients may be known by: PEM.
    pub client_ca: Option<PathBuf>,
}

/// What was in them at one look.
pub(super) struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

/// What connections are taken with.
pub(super) struct Setup {
    /// Shakes hands.
    pub(super) acceptor: TlsAcceptor,
    /// Judges callers' certificates, if they are asked for any.
    pub(super) clients: Option<Arc<AnyClient>>,
}

impl TlsFiles {
    /// Reads all of them.
    pub(super) fn read(&self) -> Result<Contents, TlsError> {
        let read = |path: &PathBuf| std::fs::read(path).map_err(|error| unreadable(path, &error));
        Ok(Contents {
            certificate: read(&self.certificate)?,
            key: read(&self.key)?,
            client_ca: self.client_ca.as_ref().map(read).transpose()?,
        })
    }

    /// Makes something of what was in them.
    pub(super) fn set_up(&self, contents: &Contents) -> Result<Setup, TlsError> {
        let unfit = |error: &dyn fmt::Display| TlsError::Unfit(error.to_string());
        let provider = Arc::new(aws_lc_rs::default_provider());
        let chain = certificates(&self.certificate, &contents.certificate)?;
        let key = PrivateKeyDer::from_pem_slice(&contents.key);
        let key = key.map_err(|error| unreadable(&self.key, &error))?;
        let clients = match self.client_ca.as_ref().zip(contents.client_ca.as_ref()) {
            Some((path, pem)) => {
                let authorities = certificates(path, pem)?;
                let clients = AnyClient::of(authorities, Arc::clone(&provider))?;
                Some(Arc::new(clients))
            }
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
        Ok(Setup {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            clients,
        })
    }
}

impl Contents {
    /// Tells them from others, and keeps none of them.
    pub(super) fn digest(&self) -> [u8; 32] {
        let mut context = Context::new(&SHA256);
        let client_ca = self.client_ca.as_deref().unwrap_or_default();
        for file in [&self.certificate, &self.key, client_ca] {
            context.update(&file.len().to_be_bytes());
            context.update(file);
        }
        let mut digest = [0; 32];
        digest.copy_from_slice(context.finish().as_ref());
        digest
    }
}

fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
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
