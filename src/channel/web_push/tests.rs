//! Against a push service of a few lines, on loopback.

use std::net::Ipv4Addr;

use serde_json::json;
use time::macros::datetime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

const NOW: OffsetDateTime = datetime!(2026-11-22 08:00:00 UTC);

/// RFC 8291, appendix A.
const PRIVATE: &str = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94";
const P256DH: &str =
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

fn bytes(base64url: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(base64url).unwrap()
}

fn notice() -> Notice {
    Notice {
        title: "Billing Agent asks".to_owned(),
        body: "Pay €240.00 to Hanna Herwitz · by 14:12 · KITE-47".to_owned(),
        lang: "en".to_owned(),
        tag: "018f2b7e000070008000000000000001".to_owned(),
        navigate: "https://ask.example.com/r/1".to_owned(),
        urgency: Urgency::High,
        badge: 2,
    }
}

/// Delivers the notice to a push service that gives this answer; returns what became of it and
/// what the service received.
async fn deliver(answer: &str, ttl: Duration) -> (Delivery, Vec<u8>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let endpoint = format!(
        "http://localhost:{}/wpush/v2/t",
        listener.local_addr().unwrap().port()
    );
    let sender = Sender::new("127.0.0.0/8".parse().unwrap()).unwrap();
    let keys = json!({"p256dh": P256DH, "auth": AUTH});
    let subscription = json!({"endpoint": endpoint, "keys": keys}).to_string();
    let subscription = Subscription::read(subscription.as_bytes(), &sender).unwrap();
    let contact = VapidContact::read("mailto:ops@example.com").unwrap();
    let way = WebPush::new(sender, VapidKey::from_scalar(&[7; 32]).unwrap(), contact);

    let receive = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        let mut wanted = usize::MAX;
        while request.len() < wanted {
            socket.read_buf(&mut request).await.unwrap();
            if let Some(end) = request.windows(4).position(|w| w == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&request[..end]).to_lowercase();
                let length = head.split("content-length: ").nth(1).unwrap();
                wanted = end + 4 + length.lines().next().unwrap().parse::<usize>().unwrap();
            }
        }
        socket.write_all(answer.as_bytes()).await.unwrap();
        request
    };
    let notice = notice();
    tokio::join!(way.deliver(&subscription, &notice, ttl, NOW), receive)
}

fn answer(status: u16, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
}

#[test]
fn the_receiver_reads_the_message_of_the_rfc() {
    let mut message = bytes("DGv6ra1nlYgDCS1FRnbzlw");
    message.extend(4096_u32.to_be_bytes());
    message.push(65);
    message.extend(bytes(
        "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8",
    ));
    message.extend(bytes(
        "8pfeW0KbunFT06SuDKoJH9Ql87S1QUrdirN6GcG7sFz1y1sqLgVi1VhjVkHsUoEsbI_0LpXMuGvnzQ",
    ));
    assert_eq!(message.len(), 144);
    let opened = receiver::open(&bytes(PRIVATE), &bytes(AUTH), &message);
    assert_eq!(opened, b"When I grow up, I want to be a watermelon");
}

#[tokio::test]
async fn a_browser_reads_what_was_sent_and_the_service_does_not() {
    let ttl = Duration::seconds_f64(421.9);
    let (delivery, request) = deliver(&answer(201, "", ""), ttl).await;
    assert_eq!(delivery, Delivery::Delivered);

    let end = request.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(request[..end].to_vec())
        .unwrap()
        .to_lowercase();
    let body = &request[end + 4..];
    assert_eq!(
        receiver::open(&bytes(PRIVATE), &bytes(AUTH), body),
        notice().payload().unwrap()
    );
    assert!(head.starts_with("post /wpush/v2/t http/1.1\r\n"), "{head}");
    for line in ["ttl: 421", "urgency: high", "content-encoding: aes128gcm"] {
        assert!(
            head.contains(&format!("\r\n{line}\r\n")),
            "{line} in {head}"
        );
    }
    assert!(head.contains("\r\nauthorization: vapid t=ey"), "{head}");
    assert!(!String::from_utf8_lossy(&request).contains("Hanna"));
    assert!(body.len() <= 4096);
}

#[tokio::test]
async fn t93_a_gone_endpoint_is_gone() {
    for status in [404, 410] {
        let (delivery, _) = deliver(&answer(status, "", ""), Duration::MINUTE).await;
        let why = format!("the push service answered {status}");
        assert_eq!(delivery, Delivery::Gone { why });
    }
}

#[tokio::test]
async fn t94_each_refusal_means_what_the_table_says() {
    for status in [301, 302, 308, 400, 401, 403, 406, 413] {
        let location = "Location: http://127.0.0.1:1/\r\n";
        let (delivery, _) = deliver(&answer(status, location, ""), Duration::MINUTE).await;
        assert!(
            matches!(delivery, Delivery::Refused { .. }),
            "{status}: {delivery:?}"
        );
    }
    for status in [307, 429, 500, 503] {
        let wait = "Retry-After: 17\r\n";
        let (delivery, _) = deliver(&answer(status, wait, ""), Duration::MINUTE).await;
        let expected = Delivery::Later {
            after: Some(Duration::seconds(17)),
            why: format!("the push service answered {status}"),
        };
        assert_eq!(delivery, expected);
    }
}

#[tokio::test]
async fn a_subscription_under_another_key_is_gone() {
    for (status, body) in [
        (400, r#"{"reason":"VapidPkHashMismatch"}"#),
        (
            403,
            "the key in the authorization header do not correspond to the credentials used",
        ),
    ] {
        let (delivery, _) = deliver(&answer(status, "", body), Duration::MINUTE).await;
        assert!(matches!(delivery, Delivery::Gone { .. }), "{delivery:?}");
    }
}

#[test]
fn a_topic_is_thirty_two_characters_and_a_ttl_at_least_a_second() {
    assert_eq!(topic("018f2b7e000070008000000000000001").len(), 32);
    assert_ne!(topic("a"), topic("b"));
    assert_eq!(seconds(Duration::ZERO), 1);
    assert_eq!(seconds(Duration::seconds(-5)), 1);
    assert_eq!(seconds(Duration::days(3650)), LONGEST_TTL);
}
