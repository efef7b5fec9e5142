//! A client's own site: documents at addresses of its choosing, and who asked for them.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign::channel::sender::Certificate;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::tls::file;

/// A site of one story's own: the world allows loopback.
pub struct Site {
    shared: Arc<Shared>,
    origin: String,
    port: u16,
}

#[derive(Default)]
struct Shared {
    pages: Mutex<HashMap<String, Page>>,
    asked: Mutex<Vec<String>>,
    over: AtomicBool,
}

#[derive(Clone)]
struct Page {
    status: u16,
    headers: String,
    body: String,
    pause: Duration,
}

/// How the certificate of a site over TLS is trusted.
pub fn trusted() -> Certificate {
    let pem = std::fs::read(file("ca.pem")).expect("a file");
    Certificate::from_pem(&pem).expect("a certificate")
}

impl Site {
    /// Without TLS.
    pub fn start() -> Self {
        Self::serving(None)
    }

    /// Over TLS, at `localhost`, for whoever [trusts](trusted) it.
    pub fn encrypted() -> Self {
        let chain = CertificateDer::pem_file_iter(file("server.pem")).expect("a file");
        let key = PrivateKeyDer::from_pem_file(file("server.key")).expect("a key");
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let config = rustls::ServerConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(chain.map(|it| it.expect("a certificate")).collect(), key);
        Self::serving(Some(Arc::new(config.expect("a key that fits"))))
    }

    fn serving(tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let origin = match tls {
            Some(_) => format!("https://localhost:{port}"),
            None => format!("http://127.0.0.1:{port}"),
        };
        let shared = Arc::new(Shared::default());
        let site = Arc::clone(&shared);
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                if site.over.load(Ordering::SeqCst) {
                    break;
                }
                let (site, tls) = (Arc::clone(&site), tls.clone());
                std::thread::spawn(move || match tls {
                    Some(tls) => {
                        let connection = rustls::ServerConnection::new(tls).expect("a connection");
                        site.serve(rustls::StreamOwned::new(connection, socket))
                    }
                    None => site.serve(socket),
                });
            }
        });
        Self {
            shared,
            origin,
            port,
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// Puts a document there from now on.
    pub fn put(&self, path: &str, body: &str) {
        self.put_with(path, 200, "", body);
    }

    /// Answers there with that status, those header lines and that body.
    pub fn put_with(&self, path: &str, status: u16, headers: &str, body: &str) {
        let page = Page {
            status,
            headers: headers.to_owned(),
            body: body.to_owned(),
            pause: Duration::ZERO,
        };
        self.put_page(path, page);
    }

    /// Answers there after a while.
    pub fn put_slowly(&self, path: &str, body: &str, pause: Duration) {
        let page = Page {
            status: 200,
            headers: String::new(),
            body: body.to_owned(),
            pause,
        };
        self.put_page(path, page);
    }

    fn put_page(&self, path: &str, page: Page) {
        let mut pages = self.shared.pages.lock().expect("pages");
        pages.insert(path.to_owned(), page);
    }

    /// How often anything was asked for.
    pub fn touched(&self) -> usize {
        self.shared.asked.lock().expect("callers").len()
    }

    /// How often a document was asked for.
    pub fn asked(&self, path: &str) -> usize {
        let asked = self.shared.asked.lock().expect("callers");
        asked.iter().filter(|it| *it == path).count()
    }
}

impl Shared {
    fn serve(&self, stream: impl Read + Write) -> Option<()> {
        let mut reader = BufReader::new(stream);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
            let path = line.split(' ').nth(1)?.to_owned();
            while line.trim_end() != "" {
                line.clear();
                reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
            }
            self.asked.lock().expect("callers").push(path.clone());
            let page = self.pages.lock().expect("pages").get(&path).cloned();
            let page = page.unwrap_or(Page {
                status: 404,
                headers: String::new(),
                body: String::new(),
                pause: Duration::ZERO,
            });
            let Page {
                status,
                headers,
                body,
                pause,
            } = page;
            std::thread::sleep(pause);
            let kind = "content-type: application/json\r\n";
            let kind = if headers.contains("content-type:") {
                ""
            } else {
                kind
            };
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status} X\r\n{kind}content-length: {length}\r\n{headers}\r\n{body}"
            );
            reader.get_mut().write_all(answer.as_bytes()).ok()?;
            reader.get_mut().flush().ok()?;
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}
