//! Letters, in a real conversation with a mail server.

use crate::person::sign_in_url;
use crate::world::smtp_server::SmtpServer;
use crate::world::{Customs, World, payment, small_payment};

async fn with_mail(server: &SmtpServer) -> World {
    let customs = Customs {
        smtp: Some(server.url()),
        ..Customs::default()
    };
    World::sqlite_with(customs).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_delivered_in_a_real_conversation_in_two_parts_that_say_the_same() {
    let server = SmtpServer::start();
    let world = with_mail(&server).await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let details = small_payment("240.00", "Müller & Söhne");
    let more = [
        ("authorization_details", &*details),
        ("binding_message", "Invoice 5521"),
    ];
    let asked = agent.ask(&maya.email, &more).await;
    world.deliver().await;
    let letters = server.letters();
    assert_eq!(letters.len(), 1);
    let letter = &letters[0];
    assert_eq!(letter.hello, "acme.example");
    assert_eq!(letter.from, "ask@acme.example");
    assert_eq!(letter.to, ["maya@acme.example"]);
    assert_eq!(letter.header("To").expect("a header"), "maya@acme.example");
    let automatic = letter.header("Auto-Submitted");
    assert_eq!(automatic.as_deref(), Some("auto-generated"));
    let kind = letter.header("Content-Type").expect("a type");
    assert!(kind.starts_with("multipart/alternative"), "{kind}");

    let text = letter.part("text/plain");
    for words in [
        "Pay €240.00 to Müller & Söhne",
        "Asked by: Billing Agent",
        "Answer by: 15 January 2027, 08:10 UTC",
        &format!("Match code: {}", asked.match_code),
        "No answer means no.",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let html = letter.part("text/html");
    assert!(html.contains("Pay €240.00 to M"), "{html}");
    for without in [
        "<script",
        "<img",
        "<form",
        "<iframe",
        "<style",
        "<object",
        "javascript:",
    ] {
        assert!(!html.contains(without), "{without}: {html}");
    }
    assert!(!letter.raw.contains("5521") && !text.contains("5521") && !html.contains("5521"));

    // One link, the same in both parts; it is the page, and the page needs a sign-in.
    let page = format!("{}{}", world.url, asked.page());
    assert_eq!(letter.urls(), [page]);
    let status = agent.status(&asked.approval_id).await;
    assert_eq!(status.ok()["delivery"][0]["channel"], "email");
    assert_eq!(status.body["delivery"][0]["state"], "delivered");
    assert_eq!(status.body["unreachable"], false);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grave_request_is_only_hinted_at_in_a_letter() {
    let server = SmtpServer::start();
    let world = with_mail(&server).await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let details = payment("9000.00", "Hanna Herwitz");
    let more = [("authorization_details", &*details)];
    agent.ask(&maya.email, &more).await;
    world.deliver().await;
    let letter = server.letters().remove(0);
    let both = letter.part("text/plain") + &letter.part("text/html");
    assert!(both.contains("An important request is waiting"), "{both}");
    let subject = letter.header("Subject").expect("a subject");
    for hidden in ["9,000", "9000", "Hanna", "DE02120300000000202051"] {
        assert!(!both.contains(hidden), "{hidden}: {both}");
        assert!(!subject.contains(hidden), "{hidden}: {subject}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_letter_goes_through_the_same_server_and_works_once() {
    let server = SmtpServer::start();
    let world = with_mail(&server).await;
    world.person("Maya").await;
    let mut browser = world.browser();
    let page = browser.get("/signin").await;
    let set = [("email", "maya@acme.example")];
    page.submit(&mut browser, "/signin", &set).await;
    world.deliver().await;
    let letter = server.letters().remove(0);
    let urls = letter.urls();
    assert_eq!(urls.len(), 1, "{urls:?}");
    assert_eq!(urls[0], sign_in_url(&letter.part("text/plain")));
    let page = browser.get(&urls[0]).await;
    let landed = page.press(&mut browser, "Sign in", &[]).await;
    assert!(landed.text().contains("for Maya"), "{}", landed.text());
    assert_eq!(browser.get(&urls[0]).await.status.as_u16(), 410);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_letters_leave_over_one_server_at_once() {
    let server = SmtpServer::start();
    let world = with_mail(&server).await;
    let agent = world.agent("Billing Agent").await;
    let mut expected = Vec::new();
    for at in 0..12 {
        let person = world.person(&format!("Person{at}")).await;
        agent.ask(&person.email, &[]).await;
        expected.push(person.email);
    }
    world.deliver().await;
    let mut told: Vec<String> = server.letters().into_iter().flat_map(|it| it.to).collect();
    told.sort();
    expected.sort();
    assert_eq!(told, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_g09_a_name_cannot_add_a_header_or_end_the_letter() {
    let server = SmtpServer::start();
    let world = with_mail(&server).await;
    let maya = world.person("Maya").await;
    // A dot on a line of its own ends a letter, unless it is doubled on the wire.
    let agent = world.agent(". Bcc: x@y =?utf-8?q?=41?=").await;
    agent.ask(&maya.email, &[]).await;
    world.deliver().await;
    let letter = server.letters().remove(0);
    assert_eq!(letter.to, ["maya@acme.example"]);
    assert_eq!(letter.header("Bcc"), None);
    assert!(
        letter.part("text/plain").contains(". Bcc: x@y"),
        "{}",
        letter.raw
    );
    assert!(
        letter.part("text/html").contains("</html>"),
        "{}",
        letter.raw
    );
}
