//! A push service, and the phones it wakes.
//!
//! It reads what it is sent as strictly as the services of the browsers do (RFC 8030, RFC 8292): what it
//! would not take, it answers as they would. Only the phone can open a message, and not with our code.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use aws_lc_rs::encoding::{AsBigEndian, EcPrivateKeyBin};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::clock::Clock;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Browser, Page, World};

/// A push service of one story's own.
pub struct PushService {
    shared: Arc<Shared>,
}

struct Shared {
    port: u16,
    clock: Clock,
    answer: Mutex<(u16, Option<String>)>,
    pushes: Mutex<Vec<Push>>,
    over: AtomicBool,
}

/// One message it was handed.
#[derive(Clone, Debug)]
pub struct Push {
    pub path: String,
    pub body: Vec<u8>,
    /// What it was answered.
    pub status: u16,
    /// Why it was not even considered.
    pub fault: Option<&'static str>,
    headers: Vec<(String, String)>,
}

/// A browser that can be woken.
pub struct Phone {
    pub endpoint: String,
    pub p256dh: String,
    pub auth: String,
    path: String,
    private_key: Vec<u8>,
    shared: Arc<Shared>,
}

impl PushService {
    pub fn start(world: &World) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let shared = Arc::new(Shared {
            port: listener.local_addr().expect("an address").port(),
            clock: world.app.clock.clone(),
            answer: Mutex::new((201, None)),
            pushes: Mutex::default(),
            over: AtomicBool::new(false),
        });
        let service = Arc::clone(&shared);
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                if service.over.load(Ordering::SeqCst) {
                    break;
                }
                let service = Arc::clone(&service);
                std::thread::spawn(move || while service.serve(&socket).is_some() {});
            }
        });
        Self { shared }
    }

    /// What it answers from now on to what it would otherwise take.
    pub fn answers(&self, status: u16) {
        *self.shared.answer.lock().expect("unpoisoned") = (status, None);
    }

    /// The same, asking to be left alone for so many seconds.
    pub fn answers_later(&self, status: u16, seconds: u32) {
        let after = Some(format!("Retry-After: {seconds}\r\n"));
        *self.shared.answer.lock().expect("unpoisoned") = (status, after);
    }

    /// Everything it was handed so far, taken or not.
    pub fn pushes(&self) -> Vec<Push> {
        self.shared.pushes.lock().expect("unpoisoned").clone()
    }

    /// A phone with fresh keys.
    pub fn phone(&self) -> Phone {
        let key = PrivateKey::generate(&ECDH_P256).expect("a key");
        let scalar: EcPrivateKeyBin<'_> = key.as_be_bytes().expect("a scalar");
        let public = key.compute_public_key().expect("a point");
        let mut auth = [0; 16];
        aws_lc_rs::rand::fill(&mut auth).expect("chance");
        let path = format!("/push/{}", URL_SAFE_NO_PAD.encode(&public.as_ref()[1..25]));
        Phone {
            endpoint: format!("{}{path}", self.shared.origin()),
            p256dh: URL_SAFE_NO_PAD.encode(public.as_ref()),
            auth: URL_SAFE_NO_PAD.encode(auth),
            path,
            private_key: scalar.as_ref().to_vec(),
            shared: Arc::clone(&self.shared),
        }
    }

    /// A phone whose browser is signed in and has said yes to notifications.
    pub async fn subscribed(&self, browser: &mut Browser) -> Phone {
        let phone = self.phone();
        let page = phone.subscribe(browser).await;
        assert_eq!(page.status.as_u16(), 201, "subscribed: {}", page.body);
        phone
    }
}

impl Drop for PushService {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.shared.port));
    }
}

impl Shared {
    fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn serve(&self, socket: &TcpStream) -> Option<()> {
        socket
            .set_read_timeout(Some(Duration::from_secs(30)))
            .ok()?;
        let mut reader = BufReader::new(socket);
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let mut words = line.split_whitespace();
        let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(':') else {
                break;
            };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut push = Push {
            path,
            headers,
            body: Vec::new(),
            status: 0,
            fault: None,
        };
        let length = push.header("content-length").and_then(|it| it.parse().ok());
        push.body = vec![0; length.unwrap_or(0)];
        reader.read_exact(&mut push.body).ok()?;

        let (mut status, extra) = self.answer.lock().expect("unpoisoned").clone();
        if let Err((refused, why)) = self.check(&method, &push) {
            (status, push.fault) = (refused, Some(why));
        }
        push.status = status;
        self.pushes.lock().expect("unpoisoned").push(push);
        let extra = extra.unwrap_or_default();
        let answer = format!("HTTP/1.1 {status} X\r\n{extra}Content-Length: 0\r\n\r\n");
        (&mut &*socket).write_all(answer.as_bytes()).ok()
    }

    fn check(&self, method: &str, push: &Push) -> Result<(), (u16, &'static str)> {
        let header = |name: &str| push.header(name);
        let ok =
            |good: bool, status: u16, why: &'static str| good.then_some(()).ok_or((status, why));
        ok(method == "POST", 405, "not a POST")?;
        ok(
            header("ttl").is_some_and(|it| it.parse::<u32>().is_ok()),
            400,
            "TTL",
        )?;
        let base64url = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let topic = header("topic").unwrap_or_default();
        ok(
            topic.len() <= 32 && topic.chars().all(base64url),
            400,
            "Topic",
        )?;
        let urgency = header("urgency").unwrap_or("normal");
        let known = ["very-low", "low", "normal", "high"].contains(&urgency);
        ok(known, 400, "Urgency")?;
        ok(
            header("content-encoding") == Some("aes128gcm"),
            400,
            "encoding",
        )?;
        ok(push.body.len() <= 4096, 413, "too large")?;
        let (token, _) = push.vapid().ok_or((401, "no vapid"))?;
        ok(push.signature_holds().is_some(), 403, "signature")?;
        let claims = super::claims(token);
        ok(claims["aud"] == self.origin(), 403, "aud")?;
        let now = self.clock.now().unix_timestamp();
        let exp = claims["exp"].as_i64().unwrap_or(0);
        ok(now < exp && exp <= now + 24 * 3600, 403, "exp")?;
        let sub = claims["sub"].as_str().unwrap_or_default();
        ok(
            sub.starts_with("mailto:") || sub.starts_with("https:"),
            403,
            "sub",
        )
    }
}

impl Push {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(other, _)| other == name);
        let value = found.next().map(|(_, value)| value.as_str());
        value.filter(|_| found.next().is_none())
    }

    /// The token and the key of `Authorization: vapid t=…, k=…`.
    pub fn vapid(&self) -> Option<(&str, &str)> {
        let (t, k) = self
            .header("authorization")?
            .strip_prefix("vapid ")?
            .split_once(',')?;
        Some((t.trim().strip_prefix("t=")?, k.trim().strip_prefix("k=")?))
    }

    /// An ES256 signature as JWTs have it: r and s, not DER.
    fn signature_holds(&self) -> Option<()> {
        let (token, key) = self.vapid()?;
        let (message, signature) = token.rsplit_once('.')?;
        let key = URL_SAFE_NO_PAD.decode(key).ok()?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key)
            .verify(message.as_bytes(), &signature)
            .ok()
    }
}

impl Phone {
    /// What the browser's `PushSubscription.toJSON()` gives.
    pub fn subscription(&self) -> Value {
        let keys = json!({"p256dh": self.p256dh, "auth": self.auth});
        json!({"endpoint": self.endpoint, "expirationTime": null, "keys": keys})
    }

    /// Does what the script on the devices page does.
    pub async fn subscribe(&self, browser: &mut Browser) -> Page {
        subscribe(browser, &self.subscription().to_string()).await
    }

    /// What it was handed, taken or not.
    pub fn pushes(&self) -> Vec<Push> {
        let pushes = self.shared.pushes.lock().expect("unpoisoned");
        let ours = pushes.iter().filter(|push| push.path == self.path);
        ours.cloned().collect()
    }

    /// Opens a message, with an implementation of RFC 8291 that is not ours.
    pub fn open(&self, push: &Push) -> Value {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/");
        let python = format!("{root}target/py/bin/python");
        let mut child = Command::new(&python)
            .arg(format!("{root}tests/external/push_decrypt.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|why| panic!("{python}: {why}. Run script/setup first."));
        let question = json!({
            "body": URL_SAFE_NO_PAD.encode(&push.body),
            "private_key": URL_SAFE_NO_PAD.encode(&self.private_key),
            "auth": self.auth,
        });
        let mut input = child.stdin.take().expect("an input");
        write!(input, "{question}").expect("asked");
        drop(input);
        let output = child.wait_with_output().expect("an end");
        assert!(output.status.success(), "the message opens");
        serde_json::from_slice(&output.stdout).expect("the message is JSON")
    }
}

/// Sends a subscription as the script on the devices page does.
pub async fn subscribe(browser: &mut Browser, subscription: &str) -> Page {
    let page = browser.get("/devices").await;
    let token = page.data("csrf");
    let origin = browser.url.clone();
    let headers = [
        ("origin", origin.as_str()),
        ("sec-fetch-site", "same-origin"),
        ("content-type", "application/json"),
        ("x-csrf-token", token.as_str()),
        ("user-agent", PHONE),
    ];
    let body = Some(subscription.to_owned());
    browser
        .send(Method::POST, "/devices/push", body, &headers)
        .await
}

/// What the phone's browser says it is.
pub const PHONE: &str = "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36";

impl Page {
    /// The value of a `data-…` attribute of the page.
    #[track_caller]
    pub fn data(&self, name: &str) -> String {
        let start = format!("data-{name}=\"");
        let (_, rest) = self
            .body
            .split_once(&start)
            .unwrap_or_else(|| panic!("data-{name} on {}: {}", self.url, self.body));
        rest.split('"').next().expect("its end").to_owned()
    }
}
