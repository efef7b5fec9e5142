//! The server over TLS of its own, and callers with and without certificates.

use std::path::PathBuf;
use std::time::Duration;

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
        let tls = Tls::open(self.app.clone(), &files).expect("files that fit");
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
    let client = reqwest::Client::builder().danger_accept_invalid_certs(true);
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
