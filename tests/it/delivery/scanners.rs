//! Mail scanners, previews and agents that read the mailbox: whatever they open, nothing happens.

use reqwest::Method;

use crate::world::smtp_server::SmtpServer;
use crate::world::{Browser, Customs, Form, World, form, small_payment};

const SCANNERS: [&str; 3] = [
    "Mozilla/5.0 (compatible; MSOffice SafeLinks)",
    "Barracuda Sentinel (EE)",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/131.0.0.0",
];

async fn with_mail(server: &SmtpServer) -> World {
    let customs = Customs {
        smtp: Some(server.url()),
        ..Customs::default()
    };
    World::sqlite_with(customs).await
}

/// Opens a link in every way there is, without being signed in.
async fn scan(world: &World, url: &str) -> Vec<String> {
    let mut bodies = Vec::new();
    for scanner in SCANNERS {
        let mut browser = world.browser();
        for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::POST] {
            for headers in [
                &[("user-agent", scanner)][..],
                &[
                    ("user-agent", scanner),
                    ("sec-purpose", "prefetch;prerender"),
                ],
                &[("user-agent", scanner), ("purpose", "prefetch")],
            ] {
                let page = browser.send(method.clone(), url, None, headers).await;
                assert!(!page.status.is_server_error(), "{method} {url}");
                bodies.push(page.body);
            }
        }
        for body in ["", "answer=once", "csrf=&answer=once&card="] {
            let page = browser
                .send(Method::POST, url, Some(body.to_owned()), &[])
                .await;
            assert!(page.status.is_client_error(), "{}", page.status);
            bodies.push(page.body);
        }
        bodies.push(browser.get(url).await.body);
    }
    bodies
}

/// Submits every form of a page, with every button, as a script that clicks everything would.
async fn click_everything(browser: &mut Browser, path: &str) -> Vec<String> {
    let page = browser.get(path).await;
    let mut bodies = vec![page.body.clone()];
    for form in page.forms() {
        let Form {
            action,
            fields: _,
            buttons,
        } = &form;
        let mut ways = vec![form.pairs()];
        ways.extend(buttons.iter().map(|(name, value, _)| {
            let mut pairs = form.pairs();
            pairs.push((name, value));
            pairs
        }));
        for pairs in ways {
            bodies.push(browser.post(action, &pairs).await.body);
        }
    }
    bodies
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_b02_whoever_reads_the_mailbox_decides_nothing_and_learns_nothing() {
    let server = SmtpServer::start();
    let world = with_mail(&server).await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let details = small_payment("240.00", "Hanna Herwitz");
    let more = [
        ("authorization_details", &*details),
        ("binding_message", "Invoice 5521"),
    ];
    let asked = agent.ask(&maya.email, &more).await;
    world.deliver().await;
    let letter = server.letters().remove(0);
    let before = world.history().await.len();
    for url in letter.urls() {
        let mut bodies = scan(&world, &url).await;
        bodies.extend(click_everything(&mut world.browser(), &url).await);
        for body in bodies {
            for hidden in ["Hanna", "240", "5521", "Billing Agent", &asked.match_code] {
                assert!(!body.contains(hidden), "{hidden}: {body}");
            }
        }
    }
    assert_eq!(world.history().await.len(), before);
    assert_eq!(world.state(&asked).await, "pending");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_b03_a_page_opened_by_whoever_is_signed_in_changes_nothing_either() {
    let server = SmtpServer::start();
    let world = with_mail(&server).await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let details = small_payment("240.00", "Hanna Herwitz");
    let more = [("authorization_details", &*details)];
    let asked = agent.ask(&maya.email, &more).await;
    world.deliver().await;
    let mut browser = world.signed_in(&maya).await;
    let before = world.history().await.len();
    let url = server.letters().remove(0).urls().remove(0);
    for end in ["", "/always", "/state"] {
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            let path = format!("{url}{end}");
            let page = browser.send(method, &path, None, &[]).await;
            assert!(!page.status.is_server_error());
        }
    }
    // A click that comes from the letter, or from anywhere else but our page, is none.
    let shown = browser.get(&url).await.forms().remove(0);
    let mut pairs = shown.pairs();
    pairs.push(("answer", "once"));
    for headers in [
        &[][..],
        &[("origin", "null")],
        &[
            ("origin", "https://mail.example"),
            ("sec-fetch-site", "cross-site"),
        ],
        &[("sec-fetch-site", "none")],
    ] {
        let page = browser
            .send(Method::POST, &url, Some(form(&pairs)), headers)
            .await;
        assert_eq!(page.status.as_u16(), 403, "{headers:?}");
    }
    assert_eq!(world.history().await.len(), before);
    assert_eq!(world.state(&asked).await, "pending");
    // And then Maya opens it, and it works.
    let page = browser.get(&url).await;
    let receipt = page.press(&mut browser, "Only this time", &[]).await;
    assert!(
        receipt.text().contains("Allowed once"),
        "{}",
        receipt.text()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_b03_a_sign_in_link_survives_scanners_and_then_works_exactly_once() {
    let server = SmtpServer::start();
    let world = with_mail(&server).await;
    world.person("Maya").await;
    let mut browser = world.browser();
    let page = browser.get("/signin").await;
    let set = [("email", "maya@acme.example")];
    page.submit(&mut browser, "/signin", &set).await;
    world.deliver().await;
    let url = server.letters().remove(0).urls().remove(0);
    let before = world.history().await.len();
    for _ in 0..5 {
        for body in scan(&world, &url).await {
            assert!(
                !body.contains("class=\"whose\""),
                "nobody is signed in: {body}"
            );
        }
    }
    assert_eq!(world.history().await.len(), before);

    let page = browser.get(&url).await;
    let landed = page.press(&mut browser, "Sign in", &[]).await;
    assert!(landed.text().contains("for Maya"), "{}", landed.text());
    for body in scan(&world, &url).await {
        assert!(!body.contains("Maya"), "{body}");
    }
    assert_eq!(world.noted("person.signed_in").await.len(), 1);
}
