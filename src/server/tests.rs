//! The accept loop from outside, over loopback, with limits of a few hundred milliseconds.

use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::*;

const SHORT: Duration = Duration::from_millis(300);
/// More than the sockets' buffers take.
const LARGE: usize = 32 * 1024 * 1024;
const MARGIN: Duration = Duration::from_millis(1500);

fn limits() -> Limits {
    Limits {
        header_timeout: SHORT,
        body_timeout: SHORT,
        idle_timeout: SHORT,
        request_timeout: Duration::from_secs(2),
        ..Limits::default()
    }
}

struct Server {
    at: SocketAddr,
    stop: CancellationToken,
    done: JoinHandle<io::Result<()>>,
}

impl Server {
    async fn start(limits: Limits, drain: Duration) -> Self {
        let router = Router::new()
            .route("/", get(|| async { "hello" }))
            .route("/large", get(|| async { "a".repeat(LARGE) }))
            .route("/echo", post(|body: axum::body::Bytes| async move { body }))
            .route("/ignore", post(|| async { "not read" }))
            .route(
                "/peer",
                get(|peer: PeerAddr| async move { peer.0.to_string() }),
            )
            .route(
                "/hold",
                get(|| async {
                    sleep(SHORT * 2).await;
                    "held"
                }),
            )
            .route(
                "/never",
                get(|| async { sleep(Duration::from_mins(1)).await }),
            )
            .route(
                "/block",
                get(|| async {
                    std::thread::sleep(SHORT * 2);
                    "blocked"
                }),
            )
            .route("/panic", get(|| async { assert_eq!(1, 2, "on purpose") }));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let at = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        #[expect(clippy::disallowed_methods, reason = "a test has no tracker")]
        let done = tokio::spawn(serve(listener, router, limits, stop.clone(), drain));
        Self { at, stop, done }
    }

    async fn call(&self) -> Call {
        Call(TcpStream::connect(self.at).await.unwrap())
    }
}

struct Call(TcpStream);

impl Call {
    async fn say(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// All there is until the server closes.
    async fn rest(&mut self) -> String {
        let mut all = Vec::new();
        let mut piece = [0; 4096];
        loop {
            match self.0.read(&mut piece).await {
                Ok(0) | Err(_) => return String::from_utf8_lossy(&all).into_owned(),
                Ok(n) => all.extend_from_slice(&piece[..n]),
            }
        }
    }

    /// One answer that ends with `end`, the connection staying open.
    async fn until(&mut self, end: &str) -> String {
        let mut all = String::new();
        let mut piece = [0; 4096];
        while !all.ends_with(end) {
            let n = self.0.read(&mut piece).await.unwrap();
            assert_ne!(n, 0, "closed after {all:?}");
            all.push_str(std::str::from_utf8(&piece[..n]).unwrap());
        }
        all
    }

    /// Asserts that the server closes after about `expected`, and gives what it said.
    async fn closes_after(&mut self, expected: Duration) -> String {
        let began = Instant::now();
        let said = timeout(expected + MARGIN, self.rest())
            .await
            .expect("still open");
        let took = began.elapsed();
        assert!(
            took + Duration::from_millis(50) > expected,
            "already after {took:?}"
        );
        said
    }
}

fn request(line: &str) -> String {
    format!("{line} HTTP/1.1\r\nhost: x\r\n\r\n")
}

#[tokio::test]
async fn sec_h01_a_silent_connection_is_closed() {
    let server = Server::start(limits(), SHORT).await;
    assert_eq!(server.call().await.closes_after(SHORT).await, "");
}

#[tokio::test]
async fn sec_h01_half_a_header_is_not_waited_for() {
    let server = Server::start(limits(), SHORT).await;
    let mut call = server.call().await;
    call.say("GET / HTTP/1.1\r\nhost:").await;
    assert_eq!(call.closes_after(SHORT).await, "");
}

#[tokio::test]
async fn sec_h01_a_dripping_header_gains_nothing() {
    let server = Server::start(limits(), SHORT).await;
    let mut call = server.call().await;
    let began = Instant::now();
    for byte in b"GET / HTTP/1.1\r\nx-a: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".chunks(1)
    {
        if call.0.write_all(byte).await.is_err() {
            break;
        }
        sleep(Duration::from_millis(50)).await;
    }
    assert!(began.elapsed() < SHORT + MARGIN, "{:?}", began.elapsed());
    call.rest().await;
}

#[tokio::test]
async fn sec_h01_a_slow_body_is_cut() {
    let server = Server::start(limits(), SHORT).await;
    let mut call = server.call().await;
    call.say("POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n")
        .await;
    for _ in 0..4 {
        call.say("a").await;
        sleep(Duration::from_millis(50)).await;
    }
    let said = call.closes_after(Duration::from_millis(100)).await;
    assert!(said.starts_with("HTTP/1.1 408 "), "{said}");
}

#[tokio::test]
async fn sec_h01_an_idle_connection_is_closed() {
    let server = Server::start(limits(), SHORT).await;
    let mut call = server.call().await;
    for _ in 0..2 {
        call.say(request("GET /")).await;
        call.until("hello").await;
        sleep(SHORT / 2).await;
    }
    assert_eq!(call.closes_after(SHORT / 2).await, "");
}

#[tokio::test]
async fn sec_h01_rest_and_header_have_a_time_each() {
    let limits = Limits {
        idle_timeout: SHORT * 4,
        ..limits()
    };
    let server = Server::start(limits, SHORT).await;
    let mut call = server.call().await;
    call.say(request("GET /")).await;
    call.until("hello").await;
    sleep(SHORT * 2).await;
    call.say("GET / HT").await;
    assert_eq!(call.closes_after(SHORT).await, "");
}

#[tokio::test]
async fn t59_sec_h01_an_answer_that_never_comes_is_given_up() {
    let server = Server::start(limits(), SHORT).await;
    let mut call = server.call().await;
    call.say(request("GET /never")).await;
    let said = call.closes_after(Duration::from_secs(2)).await;
    assert!(said.starts_with("HTTP/1.1 503 "), "{said}");
    assert!(said.contains("retry-after: 1\r\n"), "{said}");
    assert!(
        said.contains(r#"{"error":"temporarily_unavailable""#),
        "{said}"
    );
}

#[tokio::test]
async fn sec_h01_an_answer_nobody_takes_is_dropped() {
    let limits = Limits {
        request_timeout: SHORT,
        ..limits()
    };
    let server = Server::start(limits, SHORT).await;
    let mut call = server.call().await;
    call.say(request("GET /large")).await;
    sleep(SHORT * 2).await;
    let said = call.rest().await;
    assert!(said.starts_with("HTTP/1.1 200 "));
    assert!(said.len() < LARGE, "all {} bytes", said.len());
}

#[tokio::test]
async fn a_held_answer_outlives_header_body_and_idle_limits() {
    let server = Server::start(limits(), SHORT).await;
    let mut call = server.call().await;
    call.say(request("GET /hold")).await;
    call.until("held").await;
    call.say(request("GET /")).await;
    call.until("hello").await;
}

#[tokio::test]
async fn sec_h02_a_header_too_large_is_431_and_a_line_too_long_is_414() {
    let server = Server::start(limits(), SHORT).await;
    let long = "a".repeat(5 * 1024);
    let large = "a".repeat(17 * 1024);
    let many = "x-a: b\r\n".repeat(65);
    for (bytes, status) in [
        (request(&format!("GET /{long}")), "414"),
        (request(&format!("GET /?{long}")), "414"),
        (format!("GET / HTTP/1.1\r\nx-a: {large}\r\n\r\n"), "431"),
        (format!("GET / HTTP/1.1\r\n{many}\r\n"), "431"),
    ] {
        let mut call = server.call().await;
        call.say(bytes).await;
        let said = call.rest().await;
        assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{said}");
    }
}

#[tokio::test]
async fn sec_i15_a_panic_is_one_500_and_the_server_lives() {
    // Limits as they are: writing up the panic of a large program may take seconds.
    let server = Server::start(Limits::default(), SHORT).await;
    let mut call = server.call().await;
    call.say(request("GET /panic")).await;
    let said = call.until("\"}").await;
    assert!(said.starts_with("HTTP/1.1 500 "), "{said}");
    assert!(!said.contains("on purpose"), "{said}");
    let id = said
        .split("x-request-id: ")
        .nth(1)
        .unwrap()
        .get(..16)
        .unwrap();
    assert!(said.ends_with(&format!("(request {id})\"}}")), "{said}");

    call.say(request("GET /")).await;
    call.until("hello").await;
}

#[tokio::test]
async fn sec_i15_time_the_server_lost_itself_is_not_held_against_the_caller() {
    let server = Server::start(limits(), SHORT).await;
    let mut call = server.call().await;
    call.say(request("GET /block")).await;
    call.until("blocked").await;
    sleep(SHORT / 3).await;
    call.say(request("GET /")).await;
    call.until("hello").await;
}

#[tokio::test]
async fn a_handler_knows_where_a_request_comes_from() {
    let server = Server::start(limits(), SHORT).await;
    let mut call = server.call().await;
    let own = call.0.local_addr().unwrap().to_string();
    call.say(request("GET /peer")).await;
    call.until(&own).await;
}

#[tokio::test]
async fn a_caller_who_leaves_takes_its_held_request_along() {
    let server = Server::start(limits(), Duration::from_secs(30)).await;
    let mut call = server.call().await;
    call.say(request("GET /never")).await;
    sleep(SHORT / 3).await;
    drop(call);
    sleep(SHORT / 3).await;
    server.stop.cancel();
    timeout(SHORT, server.done)
        .await
        .expect("still held")
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn requests_in_one_packet_are_answered_in_turn() {
    let server = Server::start(limits(), SHORT).await;
    let mut call = server.call().await;
    let echo = "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nyou";
    call.say([request("GET /hold"), echo.to_owned(), request("GET /")].concat())
        .await;
    let said = call.until("hello").await;
    assert!(
        said.find("held").unwrap() < said.find("you").unwrap(),
        "{said}"
    );
}

#[tokio::test]
async fn a_body_nobody_reads_does_not_become_a_request() {
    let server = Server::start(limits(), SHORT).await;
    let mut call = server.call().await;
    call.say(
        "POST /ignore HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    )
    .await;
    let said = call.rest().await;
    assert!(said.ends_with("not read"), "{said}");
}

#[tokio::test]
async fn stopping_lets_a_held_request_finish_and_takes_no_new_one() {
    let server = Server::start(limits(), Duration::from_secs(5)).await;
    let mut held = server.call().await;
    let mut idle = server.call().await;
    held.say(request("GET /hold")).await;
    sleep(SHORT / 3).await;

    server.stop.cancel();
    timeout(SHORT / 2, idle.rest())
        .await
        .expect("an idle connection is closed at once");
    TcpStream::connect(server.at)
        .await
        .expect_err("nobody listens");
    let said = held.rest().await;
    assert!(said.ends_with("held"), "{said}");
    server.done.await.unwrap().unwrap();
}

#[tokio::test]
async fn stopping_does_not_wait_longer_than_it_was_told() {
    let server = Server::start(limits(), SHORT).await;
    let mut held = server.call().await;
    held.say(request("GET /never")).await;
    sleep(SHORT / 3).await;

    server.stop.cancel();
    assert_eq!(held.closes_after(SHORT).await, "");
    server.done.await.unwrap().unwrap();
}

#[tokio::test]
async fn sec_h05_a_connection_beyond_the_cap_is_closed_at_once() {
    let limits = Limits {
        max_connections: 2,
        ..limits()
    };
    let server = Server::start(limits, SHORT).await;
    let mut first = server.call().await;
    first.say(request("GET /hold")).await;
    let mut second = server.call().await;
    second.say(request("GET /")).await;
    second.until("hello").await;

    let mut third = server.call().await;
    timeout(SHORT / 2, third.rest())
        .await
        .expect("closed at once");
    drop(second);
    sleep(SHORT / 3).await;
    let mut fourth = server.call().await;
    fourth.say(request("GET /")).await;
    fourth.until("hello").await;
    first.until("held").await;
}
