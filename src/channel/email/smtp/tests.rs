//! Against a mail server of a few lines, on loopback.

use std::net::Ipv4Addr;

use lettre::message::Mailbox;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;

/// Answers each command by its first word, from this table or with `250`; gives back what it heard.
async fn server(
    replies: &'static [(&'static str, &'static str)],
) -> (u16, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    #[expect(clippy::disallowed_methods, reason = "joined by the test")]
    let heard = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let mut socket = BufReader::new(socket);
        let mut heard = Vec::new();
        socket.write_all(b"220 ready\r\n").await.unwrap();
        let mut line = String::new();
        while socket.read_line(&mut line).await.unwrap_or(0) > 0 {
            let word = line.trim().split(' ').next().unwrap_or_default().to_owned();
            let known = replies.iter().find(|(command, _)| *command == word);
            let reply = match (known, &*word) {
                (Some((_, reply)), _) => reply,
                (None, "DATA") => "354 go on",
                (None, "EHLO" | "MAIL" | "RCPT" | "." | "QUIT" | "RSET") => "250 fine",
                (None, _) => "",
            };
            heard.push(line.trim_end().to_owned());
            line.clear();
            if !reply.is_empty()
                && socket
                    .write_all(format!("{reply}\r\n").as_bytes())
                    .await
                    .is_err()
            {
                break;
            }
        }
        heard
    });
    (port, heard)
}

fn message() -> Message {
    let mailbox = |text: &str| text.parse::<Mailbox>().unwrap();
    Message::builder()
        .from(mailbox("ask@example.com"))
        .to(mailbox("maya@example.com"))
        .subject("hello")
        .body("words".to_owned())
        .unwrap()
}

fn read(url: &str, allow: &str) -> Result<Smtp, SmtpError> {
    Smtp::read(
        &url.to_owned().into(),
        "example.com",
        &allow.parse().unwrap(),
        None,
    )
}

async fn send(replies: &'static [(&'static str, &'static str)]) -> (Delivery, Vec<String>) {
    let (port, heard) = server(replies).await;
    let smtp = read(&format!("smtp://127.0.0.1:{port}"), "").unwrap();
    let delivery = smtp.send(message()).await;
    drop(smtp);
    (delivery, heard.await.unwrap())
}

#[tokio::test]
async fn sec_g09_a_letter_goes_to_exactly_one_mailbox() {
    let (delivery, heard) = send(&[]).await;
    assert_eq!(delivery, Delivery::Delivered);
    let rcpt: Vec<_> = heard
        .iter()
        .filter(|line| line.starts_with("RCPT"))
        .collect();
    assert_eq!(rcpt, ["RCPT TO:<maya@example.com>"]);
    assert_eq!(heard[0], "EHLO example.com");
}

#[tokio::test]
async fn what_the_server_says_of_the_letter_is_final_or_not() {
    let (delivery, _) = send(&[("RCPT", "550 5.1.1 maya@example.com: no such user")]).await;
    assert_eq!(delivery, Delivery::refused("the mail server answered 550"));
    let (delivery, _) = send(&[("RCPT", "450 4.2.1 come back")]).await;
    assert_eq!(delivery, Delivery::later("the mail server answered 450"));
    let (delivery, _) = send(&[("MAIL", "530 5.7.0 sign in first")]).await;
    assert_eq!(delivery, Delivery::later("the mail server answered 530"));
}

#[tokio::test]
async fn sec_g10_without_the_encryption_asked_for_nothing_is_said() {
    let (port, heard) = server(&[("EHLO", "250-here\r\n250 AUTH PLAIN LOGIN")]).await;
    let host = Host::Ipv4(Ipv4Addr::LOCALHOST);
    let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("127.0.0.1")
        .port(port)
        .credentials(Credentials::new("user".to_owned(), "secret".to_owned()))
        .tls(Tls::Required(tls(&host, None).unwrap()))
        .build();
    let smtp = Smtp {
        transport,
        turns: Arc::new(Semaphore::new(1)),
    };
    let delivery = smtp.send(message()).await;
    assert!(matches!(delivery, Delivery::Later { .. }), "{delivery:?}");
    for line in heard.await.unwrap() {
        assert!(line.starts_with("EHLO") || line == "QUIT", "{line}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_tried_again() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let smtp = read(&format!("smtp://localhost:{port}"), "").unwrap();
    assert!(matches!(smtp.send(message()).await, Delivery::Later { .. }));
}

#[test]
fn sec_g10_only_this_machine_and_listed_hosts_are_spoken_to_in_the_clear() {
    let security = |url: &str, allow: &str| {
        let url = Url::parse(url).unwrap();
        security(&url, &host(&url).unwrap(), &allow.parse().unwrap())
    };
    for (url, allow, expected) in [
        ("smtps://mail.example.com", "", Security::FromTheStart),
        ("smtps://localhost", "localhost", Security::FromTheStart),
        ("smtp://mail.example.com", "", Security::StartTls),
        ("smtp://192.168.1.2:25", "", Security::StartTls),
        ("smtp://192.168.1.2:25", "192.168.0.0/16", Security::Plain),
        ("smtp://mail.lan", "mail.lan", Security::Plain),
        ("smtp://localhost:2525", "", Security::Plain),
        ("smtp://127.0.0.1", "", Security::Plain),
        ("smtp://[::1]:25", "", Security::Plain),
    ] {
        assert_eq!(security(url, allow), Ok(expected), "{url}");
    }
}

#[test]
fn a_url_that_is_no_mail_server_is_refused_without_repeating_it() {
    for (url, error) in [
        ("", SmtpError::Url),
        ("mail.example.com", SmtpError::Url),
        ("https://mail.example.com", SmtpError::Url),
        ("smtp://", SmtpError::Url),
        ("smtp://mail.example.com/?tls=none", SmtpError::Url),
        ("smtps://user@mail.example.com", SmtpError::Url),
        ("smtp://user:secret@localhost", SmtpError::PlainPassword),
    ] {
        let refused = read(url, "").unwrap_err();
        assert_eq!(refused, error, "{url}");
        assert!(!format!("{refused} {refused:?}").contains("secret"));
    }
    let smtp = read("smtps://us%40er:s%3Acret@mail.example.com", "").unwrap();
    assert_eq!(format!("{smtp:?}"), "Smtp");
}
