//! Against real sockets on loopback.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::HeaderMap;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// Answers every connection with these bytes, keeps it open for a while, and counts them.
async fn peer(answer: Vec<u8>, then_wait: Duration) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let answer = answer.clone();
            tokio::spawn(async move {
                let _ = socket.read(&mut [0; 4096]).await;
                let _ = socket.write_all(&answer).await;
                tokio::time::sleep(then_wait).await;
            });
        }
    });
    (port, calls)
}

fn sender(total: Duration) -> Sender {
    Sender::with(SenderOptions {
        allow: "127.0.0.0/8".parse().unwrap(),
        total,
        ..SenderOptions::default()
    })
    .unwrap()
}

async fn post(sender: &Sender, url: String) -> Result<Answer, SendError> {
    sender
        .send(Outgoing::post(url, HeaderMap::new(), b"hello".to_vec()))
        .await
}

const SOON: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(10);

#[tokio::test]
async fn sec_g03_a_redirect_is_an_answer_and_is_not_followed() {
    let (canary, touched) = peer(b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), Duration::ZERO).await;
    for status in [301, 302, 303, 307, 308] {
        let redirect = format!(
            "HTTP/1.1 {status} Moved\r\nLocation: http://127.0.0.1:{canary}/\r\n\
             Content-Length: 0\r\n\r\n"
        );
        let (port, _) = peer(redirect.into_bytes(), Duration::ZERO).await;
        let answer = post(&sender(LONG), format!("http://127.0.0.1:{port}/"))
            .await
            .unwrap();
        assert_eq!(answer.status, status);
    }
    assert_eq!(touched.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn sec_g07_a_huge_body_is_read_no_further_than_the_bound() {
    let mut huge = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n".to_vec();
    huge.extend(vec![b'x'; 1_000_000]);
    let (port, _) = peer(huge, LONG).await;
    let answer = post(&sender(LONG), format!("http://localhost:{port}/"))
        .await
        .unwrap();
    assert_eq!((answer.body.len(), answer.whole), (READ_AT_MOST, false));
}

#[tokio::test]
async fn sec_g07_a_body_that_never_ends_costs_the_time_allowed_and_keeps_its_status() {
    let slow = b"HTTP/1.1 201 Created\r\nContent-Length: 10\r\n\r\nabc".to_vec();
    let (port, _) = peer(slow, LONG).await;
    let answer = post(&sender(SOON), format!("http://127.0.0.1:{port}/"))
        .await
        .unwrap();
    assert_eq!(answer.status, 201);
    assert_eq!(
        (answer.body.as_slice(), answer.whole),
        (b"abc".as_slice(), false)
    );
}

#[tokio::test]
async fn sec_g07_a_peer_that_never_answers_is_given_up() {
    let (port, _) = peer(Vec::new(), LONG).await;
    let answer = post(&sender(SOON), format!("http://127.0.0.1:{port}/")).await;
    assert_eq!(answer.unwrap_err(), SendError::Timeout);
}

#[tokio::test]
async fn sec_g07_a_compressed_body_is_handed_over_as_it_came() {
    let zipped =
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00";
    let (port, _) = peer(zipped.to_vec(), Duration::ZERO).await;
    let answer = post(&sender(LONG), format!("http://127.0.0.1:{port}/"))
        .await
        .unwrap();
    assert_eq!(answer.body, b"\x1f\x8b\x08\x00");
}

#[tokio::test]
async fn only_so_many_calls_to_one_destination_are_under_way() {
    let (port, calls) = peer(Vec::new(), LONG).await;
    let sender = Sender::with(SenderOptions {
        allow: "127.0.0.0/8".parse().unwrap(),
        total: SOON,
        per_destination: 0,
        ..SenderOptions::default()
    })
    .unwrap();
    let url = format!("http://127.0.0.1:{port}/");
    let (a, b, c) = tokio::join!(
        post(&sender, url.clone()),
        post(&sender, url.clone()),
        post(&sender, url)
    );
    let mut ends = [a.unwrap_err(), b.unwrap_err(), c.unwrap_err()].map(|e| e.to_string());
    ends.sort();
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    assert_eq!(ends[2], SendError::Busy.to_string());
}

#[tokio::test]
async fn t78_sec_g02_a_name_that_leads_inside_is_not_called() {
    let (port, calls) = peer(b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), Duration::ZERO).await;
    let inside: Lookup = Arc::new(move |_| {
        Box::pin(async move { Ok(vec![SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)]) })
    });
    let sender = Sender::looking_up(SenderOptions::default(), &inside).unwrap();
    let answer = post(&sender, "https://agent.example.com/".to_owned()).await;
    assert_eq!(answer.unwrap_err(), SendError::Address);
    assert_eq!(calls.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn t78_sec_g02_a_name_is_asked_once_for_a_connection_and_judged_each_time() {
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let (port, calls) = peer(answer.to_vec(), Duration::ZERO).await;
    let asked = Arc::new(AtomicUsize::new(0));
    // A name server that leads inside from the second time on.
    let counted = Arc::clone(&asked);
    let rebinding: Lookup = Arc::new(move |_| {
        let ip = match counted.fetch_add(1, Ordering::SeqCst) {
            0 => Ipv4Addr::LOCALHOST,
            _ => Ipv4Addr::new(10, 0, 0, 1),
        };
        Box::pin(async move { Ok(vec![SocketAddr::new(ip.into(), port)]) })
    });
    let options = SenderOptions {
        allow: "127.0.0.0/8".parse().unwrap(),
        ..SenderOptions::default()
    };
    let sender = Sender::looking_up(options, &rebinding).unwrap();
    // No certificate: what matters is who is connected to.
    let url = "https://agent.example.com/".to_owned();
    let first = post(&sender, url.clone()).await.unwrap_err();
    assert_eq!(first, SendError::Connect);
    assert_eq!(
        (asked.load(Ordering::SeqCst), calls.load(Ordering::SeqCst)),
        (1, 1)
    );
    assert_eq!(post(&sender, url).await.unwrap_err(), SendError::Address);
    assert_eq!(
        (asked.load(Ordering::SeqCst), calls.load(Ordering::SeqCst)),
        (2, 1)
    );
}

/// Answers with this again and again.
async fn endless(head: &'static [u8], part: &'static [u8]) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let _ = socket.read(&mut [0; 4096]).await;
            let _ = socket.write_all(head).await;
            while socket.write_all(part).await.is_ok() {
                tokio::task::yield_now().await;
            }
        }
    });
    port
}

#[tokio::test]
async fn sec_g07_headers_or_preliminaries_without_end_are_given_up() {
    for (head, part) in [
        (&b"HTTP/1.1 200 OK\r\n"[..], &b"X-More: and more\r\n"[..]),
        (b"HTTP/1.1 200 OK\r\nX-Long: ", b"xxxxxxxxxxxxxxxx"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"", b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n"),
    ] {
        let port = endless(head, part).await;
        let began = Instant::now();
        let answer = post(&sender(SOON), format!("http://127.0.0.1:{port}/")).await;
        let error = answer.unwrap_err();
        assert!(
            matches!(error, SendError::Timeout | SendError::Broken),
            "{error:?}"
        );
        assert!(began.elapsed() < 5 * SOON, "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn sec_g07_nobody_queues_behind_a_call_that_is_not_answered() {
    let (port, calls) = peer(Vec::new(), LONG).await;
    let sender = sender(SOON);
    let url = format!("http://127.0.0.1:{port}/");
    let first = post(&sender, url.clone()).await;
    assert_eq!(first.unwrap_err(), SendError::Timeout);
    let began = Instant::now();
    let probe = post(&sender, url.clone());
    let others = async {
        tokio::task::yield_now().await;
        for _ in 0..20 {
            let other = post(&sender, url.clone()).await;
            assert_eq!(other.unwrap_err(), SendError::Busy);
        }
        began.elapsed()
    };
    let (probe, others) = tokio::join!(probe, others);
    assert_eq!(probe.unwrap_err(), SendError::Timeout);
    assert!(others < SOON, "{others:?}");
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_name_may_be_led_elsewhere_by_the_operator() {
    let (port, calls) = peer(b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), Duration::ZERO).await;
    let there = vec![SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)];
    let sender = Sender::with(SenderOptions {
        allow: "push.lan".parse().unwrap(),
        overrides: HashMap::from([("push.lan".to_owned(), there)]),
        ..SenderOptions::default()
    })
    .unwrap();
    let answer = post(&sender, "http://push.lan/".to_owned()).await.unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn sec_g04_proxy_variables_are_ignored() {
    let (canary, touched) = peer(Vec::new(), Duration::ZERO).await;
    let proxy = format!("http://127.0.0.1:{canary}");
    // Variables belong to a process: this asks one of its own, and the test above runs in it.
    let mut child = tokio::process::Command::new(std::env::current_exe().unwrap());
    for name in [
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
    ] {
        child.env(name, &proxy);
    }
    let test = "channel::sender::tests::a_name_may_be_led_elsewhere_by_the_operator";
    let output = child.args(["--exact", test]).output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}"
    );
    assert_eq!(touched.load(Ordering::SeqCst), 0);
}
