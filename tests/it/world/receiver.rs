//! The endpoint of an agent that is called, behaving or misbehaving.
//!
//! It writes down every connection and every byte that came in, and answers in the manner it was told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign::domain::ciba::mode::Mode;
use countersign::flow::register::NewClient;
use serde_json::Value;

use super::{Agent, Asked, World};

/// An agent's endpoint.
pub struct Receiver {
    shared: Arc<Shared>,
}

struct Shared {
    port: u16,
    manner: Mutex<Manner>,
    calls: Mutex<Vec<Call>>,
    touched: AtomicUsize,
    over: AtomicBool,
}

/// How it answers.
#[derive(Clone, Debug)]
pub enum Manner {
    /// With a status, these headers, and no body.
    Status(u16, String),
    /// With everything in order, and then this, again and again, with a pause in between.
    Endless(Vec<u8>, Duration),
    /// Not at all, with the connection held open.
    Silent,
    /// By hanging up.
    HangsUp,
    /// By speaking something else.
    Babbles,
}

/// One call, to the byte.
#[derive(Clone, Debug)]
pub struct Call {
    /// The first line.
    pub line: String,
    /// The headers as they were written.
    pub headers: Vec<String>,
    pub body: String,
}

impl Receiver {
    /// One that answers 204.
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let shared = Arc::new(Shared {
            port: listener.local_addr().expect("an address").port(),
            manner: Mutex::new(Manner::Status(204, String::new())),
            calls: Mutex::default(),
            touched: AtomicUsize::new(0),
            over: AtomicBool::new(false),
        });
        let receiver = Arc::clone(&shared);
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                if receiver.over.load(Ordering::SeqCst) {
                    break;
                }
                receiver.touched.fetch_add(1, Ordering::SeqCst);
                let receiver = Arc::clone(&receiver);
                std::thread::spawn(move || while receiver.serve(&socket).is_some() {});
            }
        });
        Self { shared }
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/ciba/told?by=us", self.shared.port)
    }

    /// How it answers from now on.
    pub fn behaves(&self, manner: Manner) {
        *self.shared.manner.lock().expect("unpoisoned") = manner;
    }

    /// With which status it answers from now on.
    pub fn answers(&self, status: u16) {
        self.behaves(Manner::Status(status, String::new()));
    }

    /// Every call so far.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.calls.lock().expect("unpoisoned").clone()
    }

    /// How many connections there were.
    pub fn touched(&self) -> usize {
        self.shared.touched.load(Ordering::SeqCst)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.shared.port));
    }
}

impl Shared {
    fn serve(&self, mut socket: &TcpStream) -> Option<()> {
        let patience = Some(Duration::from_secs(30));
        socket.set_read_timeout(patience).ok()?;
        socket.set_write_timeout(patience).ok()?;
        let mut reader = BufReader::new(socket);
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
            match line.trim_end_matches(['\r', '\n']) {
                "" => break,
                header => headers.push(header.to_owned()),
            }
        }
        let mut call = Call {
            line: line.trim_end().to_owned(),
            headers,
            body: String::new(),
        };
        let length = call.header("content-length").and_then(|it| it.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        reader.read_exact(&mut body).ok()?;
        call.body = String::from_utf8(body).expect("UTF-8");
        let manner = self.manner.lock().expect("unpoisoned").clone();
        self.calls.lock().expect("unpoisoned").push(call);
        match manner {
            Manner::Status(status, headers) => {
                let answer = format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: 0\r\n\r\n");
                socket.write_all(answer.as_bytes()).ok()
            }
            Manner::Endless(part, pause) => {
                let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n";
                socket.write_all(head.as_bytes()).ok()?;
                while !self.over.load(Ordering::SeqCst) {
                    socket.write_all(&part).ok()?;
                    std::thread::sleep(pause);
                }
                None
            }
            Manner::Silent => {
                let _ = (&mut &*socket).read(&mut [0]);
                None
            }
            Manner::HangsUp => None,
            Manner::Babbles => {
                let _ = socket.write_all(b"220 mail.acme.example ESMTP\r\n");
                None
            }
        }
    }
}

impl Call {
    /// The value of a header that stands once.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter_map(|header| {
            let (other, value) = header.split_once(':')?;
            other.eq_ignore_ascii_case(name).then_some(value)
        });
        let value = found.next()?;
        let value = value.strip_prefix(' ').unwrap_or(value);
        found.next().is_none().then_some(value)
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }
}

/// What agents in these stories know us by.
pub const TOKEN: &str = "wUQy1Rhr-_~.pZ+/9sTkQ3xJ0vZQ==";

/// How an agent learns answers.
pub fn called(name: &str, mode: Mode, endpoint: &str) -> NewClient {
    NewClient {
        mode,
        notification_endpoint: Some(endpoint.to_owned()),
        ..NewClient::agent(name)
    }
}

impl World {
    /// An agent that is called there when there is an answer.
    pub async fn ping_agent(&self, receiver: &Receiver) -> Agent {
        let new = called("Billing Agent", Mode::Ping, &receiver.url());
        self.client(new).await
    }
}

impl World {
    /// An agent that is handed its tokens there.
    pub async fn push_agent(&self, receiver: &Receiver) -> Agent {
        let new = called("Deploy Bot", Mode::Push, &receiver.url());
        self.client(new).await
    }
}

impl Agent {
    /// Asks, with a token to be called with.
    pub async fn ask_to_be_told(&self, hint: &str, more: &[(&str, &str)]) -> Asked {
        let mut form = vec![("client_notification_token", TOKEN)];
        form.extend_from_slice(more);
        self.ask(hint, &form).await
    }

    /// What the status says of calling this agent.
    pub async fn told(&self, asked: &Asked) -> Value {
        let status = self.status(&asked.approval_id).await;
        let lines = status.ok()["delivery"].as_array().expect("a list").clone();
        let callback = lines.into_iter().find(|line| line["channel"] == "callback");
        callback.unwrap_or_default()
    }
}
