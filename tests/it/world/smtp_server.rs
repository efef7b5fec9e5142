//! A mail server: holds the conversation of RFC 5321 and keeps what it is given.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A mail server of one story's own.
pub struct SmtpServer {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    letters: Mutex<Vec<Letter>>,
    refusals: Mutex<BTreeMap<String, String>>,
    attempts: Mutex<u32>,
    over: AtomicBool,
}

/// A letter as it came.
#[derive(Clone, Debug)]
pub struct Letter {
    pub hello: String,
    pub from: String,
    pub to: Vec<String>,
    /// Head and body as sent, dots unstuffed.
    pub raw: String,
}

impl SmtpServer {
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::new(Shared::default());
        let server = Arc::clone(&shared);
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                if server.over.load(Ordering::SeqCst) {
                    break;
                }
                let server = Arc::clone(&server);
                std::thread::spawn(move || server.converse(&socket));
            }
        });
        Self { port, shared }
    }

    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// From now on this command is answered so, as long as nothing else is said.
    pub fn answers(&self, command: &str, reply: &str) {
        let mut refusals = self.shared.refusals.lock().expect("unpoisoned");
        refusals.insert(command.to_owned(), reply.to_owned());
    }

    /// From now on everything is taken.
    pub fn takes_everything(&self) {
        self.shared.refusals.lock().expect("unpoisoned").clear();
    }

    /// How often somebody began a letter.
    pub fn attempts(&self) -> u32 {
        *self.shared.attempts.lock().expect("unpoisoned")
    }

    /// The letters taken so far, the oldest first.
    pub fn letters(&self) -> Vec<Letter> {
        self.shared.letters.lock().expect("unpoisoned").clone()
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

impl Shared {
    /// One connection, command by command; letters may follow one another on it.
    fn converse(&self, socket: &TcpStream) -> Option<()> {
        socket
            .set_read_timeout(Some(Duration::from_secs(30)))
            .ok()?;
        let mut lines = BufReader::new(socket).lines().map_while(Result::ok);
        let say = |reply: &str| write!(&mut &*socket, "{reply}\r\n").ok();
        let (mut hello, mut from, mut to) = (String::new(), None, Vec::new());
        say("220 mail.test ready")?;
        while let Some(line) = lines.next() {
            let (word, rest) = line.split_once([' ', ':']).unwrap_or((&line, ""));
            let word = word.to_ascii_uppercase();
            if word == "MAIL" {
                *self.attempts.lock().expect("unpoisoned") += 1;
            }
            let refusal = self
                .refusals
                .lock()
                .expect("unpoisoned")
                .get(&word)
                .cloned();
            if let Some(reply) = refusal {
                say(&reply)?;
                continue;
            }
            match word.as_str() {
                "EHLO" => {
                    rest.clone_into(&mut hello);
                    say("250-mail.test greets you")?;
                    say("250-8BITMIME")?;
                    say("250 SMTPUTF8")?;
                }
                "MAIL" if !hello.is_empty() && from.is_none() => {
                    from = Some(path(rest)?);
                    say("250 2.1.0 fine")?;
                }
                "RCPT" if from.is_some() => {
                    to.push(path(rest)?);
                    say("250 2.1.5 fine")?;
                }
                "DATA" if !to.is_empty() => {
                    say("354 go on, end with a dot")?;
                    let raw = body(&mut lines)?;
                    let refusal = self.refusals.lock().expect("unpoisoned").get(".").cloned();
                    let reply = refusal.unwrap_or_else(|| "250 2.0.0 taken".to_owned());
                    let (from, to) = (from.take()?, std::mem::take(&mut to));
                    let hello = hello.clone();
                    if reply.starts_with('2') {
                        let letter = Letter {
                            hello,
                            from,
                            to,
                            raw,
                        };
                        self.letters.lock().expect("unpoisoned").push(letter);
                    }
                    say(&reply)?;
                }
                "RSET" => {
                    (from, to) = (None, Vec::new());
                    say("250 2.0.0 fine")?;
                }
                "NOOP" => say("250 2.0.0 fine")?,
                "QUIT" => {
                    say("221 2.0.0 bye")?;
                    break;
                }
                "MAIL" | "RCPT" | "DATA" => say("503 5.5.1 not now")?,
                _ => say("500 5.5.2 what?")?,
            }
        }
        Some(())
    }
}

/// What stands between the angle brackets.
fn path(rest: &str) -> Option<String> {
    let (_, rest) = rest.split_once('<')?;
    Some(rest.split_once('>')?.0.to_owned())
}

/// Up to the lonely dot, other dots at the beginning of a line unstuffed.
fn body(lines: &mut impl Iterator<Item = String>) -> Option<String> {
    let mut raw = String::new();
    loop {
        let line = lines.next()?;
        if line == "." {
            return Some(raw);
        }
        raw.push_str(line.strip_prefix('.').unwrap_or(&line));
        raw.push_str("\r\n");
    }
}

impl Letter {
    /// The folded value of a header, unfolded.
    pub fn header(&self, name: &str) -> Option<String> {
        header(self.raw.split("\r\n\r\n").next()?, name)
    }

    /// The decoded part of that type.
    #[track_caller]
    pub fn part(&self, kind: &str) -> String {
        let top = self.header("Content-Type").expect("a type");
        let (_, boundary) = top.split_once("boundary=\"").expect("a boundary");
        let boundary = boundary.split('"').next().expect("its end");
        let part = self
            .raw
            .split(&format!("--{boundary}"))
            .skip(1)
            .find(|part| {
                let head = part.split("\r\n\r\n").next().unwrap_or_default();
                header(head, "Content-Type").is_some_and(|value| value.starts_with(kind))
            })
            .unwrap_or_else(|| panic!("a part {kind} in {}", self.raw));
        let (head, body) = part.trim_start().split_once("\r\n\r\n").expect("a body");
        match header(head, "Content-Transfer-Encoding").as_deref() {
            Some("quoted-printable") => quoted_printable(body),
            Some("base64") => {
                let packed: String = body.split_whitespace().collect();
                let bytes = STANDARD.decode(packed).expect("base64");
                String::from_utf8(bytes).expect("UTF-8")
            }
            Some("7bit" | "8bit") | None => body.to_owned(),
            Some(other) => panic!("an encoding we do not know: {other}"),
        }
    }

    /// Every URL in either part, once.
    pub fn urls(&self) -> Vec<String> {
        let both = self.part("text/plain") + " " + &self.part("text/html");
        let mut urls: Vec<String> = Vec::new();
        for (at, _) in both.match_indices("http") {
            let end = |c: char| c.is_whitespace() || "\"'<>".contains(c);
            let url = both[at..].split(end).next().expect("its end");
            if url.contains("://") && !urls.iter().any(|known| known == url) {
                urls.push(url.to_owned());
            }
        }
        urls
    }
}

fn header(head: &str, name: &str) -> Option<String> {
    let unfolded = head
        .trim_start()
        .replace("\r\n ", " ")
        .replace("\r\n\t", " ");
    let start = format!("{}:", name.to_ascii_lowercase());
    unfolded.lines().find_map(|line| {
        let matches = line.to_ascii_lowercase().starts_with(&start);
        matches.then(|| line[start.len()..].trim().to_owned())
    })
}

fn quoted_printable(text: &str) -> String {
    let joined = text.replace("=\r\n", "");
    let mut bytes = Vec::new();
    let mut rest = joined.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        if *first == b'=' {
            let hex = std::str::from_utf8(&tail[..2]).expect("two digits");
            bytes.push(u8::from_str_radix(hex, 16).expect("hexadecimal"));
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).expect("UTF-8")
}
