//! A client's own site: documents at addresses of its choosing, and who asked for them.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// A site of one story's own, without TLS: the world allows loopback.
pub struct Site {
    shared: Arc<Shared>,
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
}

impl Site {
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::new(Shared::default());
        let site = Arc::clone(&shared);
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                if site.over.load(Ordering::SeqCst) {
                    break;
                }
                let site = Arc::clone(&site);
                std::thread::spawn(move || site.serve(&socket));
            }
        });
        Self { shared, port }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
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
        };
        let mut pages = self.shared.pages.lock().expect("pages");
        pages.insert(path.to_owned(), page);
    }

    /// How often a document was asked for.
    pub fn asked(&self, path: &str) -> usize {
        let asked = self.shared.asked.lock().expect("callers");
        asked.iter().filter(|it| *it == path).count()
    }
}

impl Shared {
    fn serve(&self, socket: &TcpStream) -> Option<()> {
        let mut reader = BufReader::new(socket.try_clone().ok()?);
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
            });
            let Page {
                status,
                headers,
                body,
            } = page;
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
            );
            let mut writer = socket;
            writer.write_all(answer.as_bytes()).ok()?;
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}
