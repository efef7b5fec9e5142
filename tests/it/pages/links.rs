//! Where pages lead: to pages of ours, and to nobody else's.

use reqwest::Method;

use super::{House, ORDINARY, html};
use crate::world::World;

/// Every value of an attribute that leads or loads.
fn leads(html: &str) -> Vec<String> {
    let mut found = Vec::new();
    for name in [
        "href",
        "src",
        "action",
        "formaction",
        "srcset",
        "poster",
        "data",
        "content",
        "ping",
    ] {
        for rest in html.split(&format!(" {name}=\"")).skip(1) {
            found.push(rest.split('"').next().expect("its end").to_owned());
        }
    }
    found
}

#[tokio::test]
async fn no_page_asks_anybody_else_for_anything() {
    let mut house = House::build(&ORDINARY).await;
    let pages = house.pages().await;
    for page in html(&pages) {
        for lead in leads(&page.body) {
            let is_meta = !lead.contains(['/', ':']);
            assert!(
                lead.starts_with('/') && !lead.starts_with("//") || is_meta,
                "{lead} on {}",
                page.url
            );
        }
        // The one foreign address a page may name is the service the request is about.
        let named = page.body.replace("https://payments.example.com", "");
        for scheme in [
            "http://",
            "https://",
            "src=\"//",
            "href=\"//",
            "data:",
            "@import",
            "url(",
        ] {
            assert!(
                !named.contains(scheme),
                "{scheme} on {}: {}",
                page.url,
                page.body
            );
        }
    }
    let mut browser = house.world.browser();
    for path in [
        "/static/app.css",
        "/static/app.js",
        "/service-worker.js",
        "/manifest.webmanifest",
    ] {
        let asset = browser.get(path).await.body;
        assert!(!asset.is_empty(), "{path}");
        for scheme in ["http://", "https://", "url(//", "importScripts", "@import"] {
            assert!(!asset.contains(scheme), "{scheme} in {path}");
        }
    }
}

#[tokio::test]
async fn every_page_a_page_leads_to_is_there() {
    let mut house = House::build(&ORDINARY).await;
    let pages = house.pages().await;
    let mut seen = std::collections::BTreeSet::new();
    for page in html(&pages) {
        for lead in leads(&page.body)
            .into_iter()
            .filter(|lead| lead.starts_with('/'))
        {
            seen.insert(lead);
        }
    }
    assert!(seen.len() > 15, "{seen:?}");
    for lead in seen {
        let page = house.browser.send(Method::GET, &lead, None, &[]).await;
        // What is only posted to says so.
        let good = page.status.is_success() || page.status.is_redirection() || page.status == 405;
        assert!(
            good || lead.starts_with("/signin/"),
            "{lead}: {}",
            page.status
        );
    }
}

#[tokio::test]
async fn sec_c10_signing_in_leads_to_our_own_pages_only() {
    let world = World::sqlite().await;
    let maya = world.person("Maya").await;
    let good = "/r/0123456789abcdef0123456789abcdef";
    for (next, leads_to) in [
        ("/allowed", "/allowed"),
        (good, good),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/%5Cevil.example", "/"),
        ("%2f%2fevil.example", "/"),
        ("/%2fevil.example", "/"),
        ("https://evil.example/", "/"),
        ("HTTPS:evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("data:text/html,x", "/"),
        ("/\tevil.example", "/"),
        ("/\r\nSet-Cookie: a=b", "/"),
        ("/signout", "/"),
        ("/r/../../signout", "/"),
        ("/allowed@evil.example", "/"),
        ("", "/"),
    ] {
        // On the way there the page is asked for with it, and the letter remembers it.
        let query = crate::world::form(&[("next", next)]);
        let mut browser = world.browser();
        let page = browser.get(&format!("/signin?{query}")).await;
        assert!(!page.body.contains("evil"), "{next}: {}", page.body);
        let set = [("email", "maya@acme.example"), ("next", next)];
        page.submit(&mut browser, "/signin", &set).await;
        world.advance(time::Duration::minutes(10));
        world.deliver().await;
        let letter = world.letters().pop().expect("a letter");
        let link = crate::person::sign_in_url(&letter);
        let page = browser.get(&link).await;
        let shown = page.forms().remove(0);
        // The form of the link does not let itself be told where to go.
        let mut fields = shown.pairs();
        fields.push(("next", "//evil.example"));
        let origin = world.url.clone();
        let headers = [("origin", &*origin), ("sec-fetch-site", "same-origin")];
        let body = Some(crate::world::form(&fields));
        let used = browser
            .send(Method::POST, &shown.action, body, &headers)
            .await;
        assert_eq!(used.status.as_u16(), 303, "{next}");
        assert_eq!(used.headers["location"], leads_to, "{next}");
        // Who is signed in already is sent on at once, by the same rule.
        let on = browser
            .send(Method::GET, &format!("/signin?{query}"), None, &[])
            .await;
        assert_eq!(on.headers["location"], leads_to, "{next}");
    }
    assert!(maya.active);
}

#[tokio::test]
async fn a_query_that_is_none_does_no_harm() {
    let mut house = House::build(&ORDINARY).await;
    for query in [
        "next=a&next=b",
        "next=%FF",
        "next=%",
        "%00",
        &"x=1&".repeat(100),
        &"n".repeat(7_000),
    ] {
        for path in ["/signin", "/allowed", "/history", "/"] {
            let page = house.browser.get(&format!("{path}?{query}")).await;
            assert!(
                !page.status.is_server_error(),
                "{path}?{query}: {}",
                page.status
            );
        }
    }
}
