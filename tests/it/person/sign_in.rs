//! A person signs in: by a letter, once, and nobody else by it.

use countersign::domain::consent::assurance::Assurance;
use countersign::flow::register::set_person_active;
use countersign::flow::sign_in::make_link;
use reqwest::Method;
use time::Duration;

use super::sign_in_url;
use crate::world::{Browser, Customs, Page, World};

/// Asks for a letter on the sign-in page.
async fn ask_for_a_link(browser: &mut Browser, email: &str, from: &str) -> Page {
    let page = browser.get(from).await;
    page.submit(browser, "/signin", &[("email", email)]).await
}

/// The link of the newest letter.
async fn newest_link(world: &World) -> String {
    world.deliver().await;
    sign_in_url(world.letters().last().expect("a letter"))
}

both! {
    async fn a_letter_signs_in_once_and_leads_where_one_wanted_to_go(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let asked = agent.ask(&maya.email, &[]).await;
        world.deliver().await;
        world.advance(Duration::SECOND);
        let mut browser = world.browser();
        let sent = ask_for_a_link(&mut browser, " Maya@ACME.example ", &asked.page()).await;
        assert!(sent.text().contains("Look in your mailbox"), "{}", sent.text());
        let link = newest_link(&world).await;

        let page = browser.get(&link).await;
        assert!(page.text().contains("You will be signed in as Maya ( maya@acme.example ) in this browser."), "{}", page.text());
        assert!(browser.cookies.keys().all(|name| name == "countersign-visit"), "{:?}", browser.cookies);
        let landed = page.press(&mut browser, "Sign in", &[]).await;
        assert!(landed.url.ends_with(&asked.page()), "{}", landed.url);
        assert!(landed.has_button("Only this time"));

        // Once is once: not from the page already open, not in another browser, not a minute later.
        let again = page.press(&mut browser.clone(), "Sign in", &[]).await;
        assert_eq!(again.status.as_u16(), 410, "{}", again.text());
        let mut other = world.browser();
        let over = other.get(&link).await;
        assert_eq!(over.status.as_u16(), 410);
        assert!(over.text().contains("This link does not work any more"), "{}", over.text());
        assert!(over.text().contains("Nobody was signed in."), "{}", over.text());
        let signed_in = world.noted("person.signed_in").await;
        assert_eq!(signed_in.len(), 1);
        assert_eq!(signed_in[0]["facts"]["how"], "email_link");
    }
}

both! {
    async fn of_two_browsers_with_one_link_one_is_signed_in(world: World) {
        let maya = world.person("Maya").await;
        for _ in 0..5 {
            let link = make_link(&world.app, &maya, Assurance::HostLink, None).await.expect("a link");
            let (mut one, mut two) = (world.browser(), world.browser());
            let (here, there) = (one.get(&link).await, two.get(&link).await);
            let (here, there) = tokio::join!(
                here.press(&mut one, "Sign in", &[]),
                there.press(&mut two, "Sign in", &[]),
            );
            let mut statuses = [here.status.as_u16(), there.status.as_u16()];
            statuses.sort_unstable();
            assert_eq!(statuses, [200, 410]);
            let signed_in = [&one, &two].map(|it| it.cookies.contains_key("countersign"));
            assert_ne!(signed_in[0], signed_in[1]);
        }
    }
}

#[tokio::test]
async fn a_link_lives_a_quarter_of_an_hour() {
    let world = World::sqlite().await;
    let maya = world.person("Maya").await;
    let link = make_link(&world.app, &maya, Assurance::HostLink, None);
    let link = link.await.expect("a link");
    let mut browser = world.browser();
    world.advance(Duration::minutes(15) - Duration::SECOND);
    let page = browser.get(&link).await;
    assert!(page.has_button("Sign in"));
    world.advance(Duration::SECOND);
    assert_eq!(browser.get(&link).await.status.as_u16(), 410);
    let late = page.press(&mut browser, "Sign in", &[]).await;
    assert_eq!(late.status.as_u16(), 410);
    assert!(!browser.cookies.contains_key("countersign"));
}

#[tokio::test]
async fn a_link_of_somebody_disabled_signs_nobody_in() {
    let world = World::sqlite().await;
    let maya = world.person("Maya").await;
    let link = make_link(&world.app, &maya, Assurance::HostLink, None);
    let link = link.await.expect("a link");
    let mut browser = world.browser();
    let page = browser.get(&link).await;
    let disabled = set_person_active(&world.app, maya.id, false).await;
    disabled.expect("disabled");
    let late = page.press(&mut browser, "Sign in", &[]).await;
    assert_eq!(late.status.as_u16(), 410, "{}", late.text());
    let over = browser.get(&link).await;
    assert!(!over.body.contains("Maya"), "{}", over.body);
}

#[tokio::test]
async fn a_link_that_was_bent_is_no_link() {
    let world = World::sqlite().await;
    let maya = world.person("Maya").await;
    let link = make_link(&world.app, &maya, Assurance::HostLink, None);
    let link = link.await.expect("a link");
    let (place, handle) = link.rsplit_once('/').expect("a handle");
    let mut browser = world.browser();
    let last = if handle.ends_with('A') { 'B' } else { 'A' };
    let first = if handle.starts_with('A') { 'B' } else { 'A' };
    for bent in [
        format!("{}{last}", &handle[..handle.len() - 1]),
        format!("{first}{}", &handle[1..]),
        handle[..handle.len() - 1].to_owned(),
        format!("{handle}A"),
        format!("{handle}="),
        "A".repeat(handle.len()),
        maya.id.to_string(),
    ] {
        let page = browser.get(&format!("{place}/{bent}")).await;
        assert_eq!(page.status.as_u16(), 410, "{bent}");
    }
    assert!(browser.get(&link).await.has_button("Sign in"));
}

#[tokio::test]
async fn nobody_learns_which_addresses_are_known() {
    let world = World::sqlite().await;
    world.person("Maya").await;
    let gone = world.person("Gone").await;
    let disabled = set_person_active(&world.app, gone.id, false).await;
    disabled.expect("disabled");
    let mut pages = Vec::new();
    for email in [
        "maya@acme.example",
        "gone@acme.example",
        "nope@acme.example",
    ] {
        let sent = ask_for_a_link(&mut world.browser(), email, "/signin").await;
        let name = email.split('@').next().expect("a name");
        pages.push((sent.status, sent.body.replace(name, "…")));
    }
    assert_eq!(pages[0], pages[1]);
    assert_eq!(pages[0], pages[2]);
    world.deliver().await;
    assert_eq!(world.letters().len(), 1);
}

#[tokio::test]
async fn no_more_letters_than_the_limit_leave_in_an_hour() {
    let world = World::sqlite().await;
    world.person("Maya").await;
    for _ in 0..12 {
        let sent = ask_for_a_link(&mut world.browser(), "maya@acme.example", "/signin").await;
        assert!(sent.text().contains("Look in your mailbox"));
        world.advance(Duration::SECOND);
    }
    world.deliver().await;
    assert_eq!(world.letters().len(), 10);
    world.advance(Duration::HOUR);
    ask_for_a_link(&mut world.browser(), "maya@acme.example", "/signin").await;
    world.deliver().await;
    assert_eq!(world.letters().len(), 11);
}

#[tokio::test]
async fn what_is_no_address_is_said_to_be_none() {
    let world = World::sqlite().await;
    for email in [
        "",
        "maya",
        "  ",
        &format!("{}@acme.example", "x".repeat(250)),
    ] {
        let sent = ask_for_a_link(&mut world.browser(), email, "/signin").await;
        assert_eq!(sent.status.as_u16(), 422, "{email}");
        assert!(sent.text().contains("That is not an email address."));
    }
    // An address that is none to a mail server is answered like one that nobody has.
    for email in ["a@b\r\nBcc: evil@evil.example", "<a@b>", "a@b,c@d"] {
        let sent = ask_for_a_link(&mut world.browser(), email, "/signin").await;
        assert!(sent.status.is_success(), "{email}");
    }
    world.deliver().await;
    assert!(world.letters().is_empty());
}

#[tokio::test]
async fn a_server_without_letters_says_whom_to_ask() {
    let customs = Customs {
        no_mail: true,
        ..Customs::default()
    };
    let world = World::sqlite_with(customs).await;
    let page = world.browser().get("/signin").await;
    assert!(page.forms().is_empty());
    assert!(
        page.text().contains("countersign person link"),
        "{}",
        page.text()
    );
}

#[tokio::test]
async fn sec_c03_nobody_is_signed_in_by_a_page_elsewhere() {
    let world = World::sqlite().await;
    let mallory = world.person("Mallory").await;
    let link = make_link(&world.app, &mallory, Assurance::HostLink, None);
    let link = link.await.expect("a link");
    // Mallory has looked at her own link, and knows the token of her own visit.
    let hers = world.browser().get(&link).await.forms().remove(0);
    let origin = world.url.clone();
    let ours = [("origin", &*origin), ("sec-fetch-site", "same-origin")];
    let elsewhere = [
        ("origin", "https://evil.example"),
        ("sec-fetch-site", "cross-site"),
    ];

    let mut victim = world.browser();
    victim.get("/signin").await;
    for headers in [&ours[..], &elsewhere[..], &[]] {
        for body in [crate::world::form(&hers.pairs()), String::new()] {
            let sent = victim.send(Method::POST, &link, Some(body), headers).await;
            assert_eq!(sent.status.as_u16(), 403, "{headers:?}");
            assert!(!victim.cookies.contains_key("countersign"));
        }
    }
    // Not even the right token is enough from elsewhere.
    let his = victim.get(&link).await.forms().remove(0);
    let body = Some(crate::world::form(&his.pairs()));
    let sent = victim.send(Method::POST, &link, body, &elsewhere).await;
    assert_eq!(sent.status.as_u16(), 403);
    assert!(world.noted("person.signed_in").await.is_empty());
}

#[tokio::test]
async fn sec_c03_signing_in_makes_a_new_session_and_ends_the_old() {
    let world = World::sqlite().await;
    let (maya, ben) = (world.person("Maya").await, world.person("Ben").await);
    let mut browser = world.signed_in(&maya).await;
    let first = browser.cookies.clone();
    world.sign_in(&mut browser, &ben).await;
    let second = browser.cookies.clone();
    for name in ["countersign", "countersign-form"] {
        assert_ne!(first[name], second[name], "{name}");
    }
    assert!(browser.get("/settings").await.text().contains("for Ben"));
    browser.cookies = first;
    let page = browser.get("/settings").await;
    assert!(page.url.contains("/signin"), "{}", page.url);

    // A cookie planted before signing in is not the one after it, and stands for nobody.
    let mut planted = world.browser();
    let name = "countersign".to_owned();
    planted
        .cookies
        .insert(name.clone(), second["countersign-form"].clone());
    world.sign_in(&mut planted, &maya).await;
    assert_ne!(planted.cookies[&name], second["countersign-form"]);
}
