//! The server over TLS of its own, and callers with and without certificates.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use countersign::http;
use countersign::server::{self, Limits, Tls, TlsFiles};
use reqwest::Identity;

use super::World;

/// A file of `tests/certificates`.
pub fn file(name: &str) -> PathBuf {
    crate::sources::root().join("tests/certificates").join(name)
}

impl World {
    /// The same server, at another port, over TLS; asking for certificates or not.
    pub async fn encrypted(&self, asking: bool) -> String {
        self.encrypted_with(asking, Limits::default()).await
    }

    pub async fn encrypted_with(&self, asking: bool, limits: Limits) -> String {
        let files = TlsFiles {
            certificate: file("server.pem"),
            key: file("server.key"),
            client_ca: asking.then(|| file("ca.pem")),
        };
        self.encrypted_from(&files, limits).await
    }

    pub async fn encrypted_from(&self, files: &TlsFiles, limits: Limits) -> String {
        let tls = Tls::open(self.app.clone(), files).expect("files that fit");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (router, stop) = (http::router(self.app.clone()), self.app.stop.clone());
        self.app.tasks.spawn(async move {
            let drain = Duration::from_secs(1);
            let served = server::serve_with(listener, Some(tls), router, limits, stop, drain).await;
            served.expect("served");
        });
        format!("https://{address}")
    }
}

/// Whoever shows that certificate, if any.
pub fn caller(name: Option<&str>) -> reqwest::Client {
    let client = reqwest::Client::builder()
        .danger_accept_invalid_certs(true)
        .redirect(reqwest::redirect::Policy::none());
    let client = match name {
        Some(name) => {
            let read = |ending: &str| std::fs::read(file(&format!("{name}.{ending}")));
            let pem = [read("pem").expect("a file"), read("key").expect("a file")].concat();
            client.identity(Identity::from_pem(&pem).expect("an identity"))
        }
        None => client,
    };
    client.build().expect("a client")
}

/// The certificate a new connection is shown, in DER.
pub async fn shown(url: &str) -> Option<Vec<u8>> {
    let stranger = reqwest::Client::builder()
        .danger_accept_invalid_certs(true)
        .tls_info(true);
    let stranger = stranger.build().expect("a client");
    let answer = stranger.get(format!("{url}/livez")).send().await.ok()?;
    let seen = answer.extensions().get::<reqwest::tls::TlsInfo>();
    Some(seen?.peer_certificate()?.to_vec())
}

/// What is in a certificate file, in DER.
pub fn der(name: &str) -> Vec<u8> {
    let pem = std::fs::read_to_string(file(name)).expect("a file");
    let lines: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(lines).expect("base64")
}

/// Waits until new connections are shown that certificate.
pub async fn shows(url: &str, name: &str) {
    let began = Instant::now();
    while shown(url).await != Some(der(name)) {
        assert!(began.elapsed() < Duration::from_secs(20), "never {name}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
