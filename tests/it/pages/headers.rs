//! What browsers are told about every page: nobody frames it, nothing foreign runs in it, nobody keeps it.

use std::collections::BTreeMap;

use reqwest::Method;

use super::{House, ORDINARY, html};
use crate::world::{Page, World};

fn header<'a>(page: &'a Page, name: &str) -> &'a str {
    let mut values = page.headers.get_all(name).iter();
    let value = values
        .next()
        .unwrap_or_else(|| panic!("{name} on {}", page.url));
    assert!(values.next().is_none(), "{name} twice on {}", page.url);
    value.to_str().expect("text")
}

#[tokio::test]
async fn sec_c02_no_page_of_ours_can_be_framed_or_fed() {
    let mut house = House::build(&ORDINARY).await;
    let pages = house.pages().await;
    let pages = html(&pages);
    assert!(pages.len() > 20, "{}", pages.len());
    for page in pages {
        let policy: BTreeMap<&str, &str> = header(page, "content-security-policy")
            .split(';')
            .filter_map(|rule| rule.trim().split_once(' '))
            .collect();
        for (rule, value) in [
            ("default-src", "'none'"),
            ("script-src", "'self'"),
            ("style-src", "'self'"),
            ("img-src", "'self'"),
            ("connect-src", "'self'"),
            ("form-action", "'self'"),
            ("base-uri", "'none'"),
            ("frame-ancestors", "'none'"),
            ("require-trusted-types-for", "'script'"),
        ] {
            assert_eq!(policy.get(rule), Some(&value), "{rule} on {}", page.url);
        }
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cache-control", "no-store"),
            ("content-type", "text/html; charset=utf-8"),
        ] {
            assert_eq!(header(page, name), value, "{name} on {}", page.url);
        }
        assert!(!page.headers.contains_key("server"), "{}", page.url);
    }
}

#[tokio::test]
async fn sec_c04_nothing_on_a_page_is_inline() {
    let mut house = House::build(&ORDINARY).await;
    let pages = house.pages().await;
    for page in html(&pages) {
        for tag in page.body.split('<').skip(1) {
            let tag = tag.split('>').next().expect("a tag");
            let (name, attributes) = tag.split_once([' ', '\n']).unwrap_or((tag, ""));
            assert!(
                !["style", "iframe", "object", "embed", "base"].contains(&name),
                "<{tag}> on {}",
                page.url
            );
            assert!(
                name != "script" || attributes.starts_with("src=\"/static/app.js?v="),
                "<{tag}>"
            );
            for attribute in attributes.split(['\n', ' ']) {
                let name = attribute.split('=').next().expect("a name");
                let inline = name == "style" || name == "srcdoc" || name.starts_with("on");
                assert!(!inline || name == "on", "<{tag}> on {}", page.url);
            }
            assert!(
                !attributes.contains("javascript:"),
                "<{tag}> on {}",
                page.url
            );
        }
        assert!(!page.body.contains("http-equiv"), "{}", page.url);
    }
}

#[tokio::test]
async fn sec_a19_what_is_fetched_beside_the_pages_is_kept_only_where_that_is_safe() {
    let world = World::sqlite().await;
    let mut browser = world.browser();
    let page = browser.get("/signin").await;
    let assets: Vec<&str> = page
        .body
        .split(['"'])
        .filter(|text| text.starts_with("/static/") || text.starts_with("/manifest"))
        .collect();
    assert!(assets.len() >= 5, "{assets:?}");
    for path in assets.into_iter().chain(["/service-worker.js"]) {
        let asset = browser.send(Method::GET, path, None, &[]).await;
        assert!(asset.status.is_success(), "{path}");
        assert_eq!(header(&asset, "x-content-type-options"), "nosniff");
        assert!(!asset.headers.contains_key("set-cookie"), "{path}");
        let keep = header(&asset, "cache-control");
        if path == "/service-worker.js" {
            assert_eq!(keep, "no-cache");
        } else if path.contains("?v=") {
            assert_eq!(keep, "public, max-age=31536000, immutable");
        } else {
            assert!(keep.starts_with("public, max-age="), "{path}: {keep}");
        }
    }
}

#[tokio::test]
async fn agents_answers_are_nobodys_page() {
    let house = House::build(&ORDINARY).await;
    let agent = &house.agent;
    for answer in [
        agent.poll("nothing").await,
        agent.status(&house.waiting.approval_id).await,
        agent.status("nothing").await,
    ] {
        assert_eq!(answer.headers["content-type"], "application/json");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert!(!answer.headers.contains_key("access-control-allow-origin"));
        assert!(!answer.headers.contains_key("set-cookie"));
    }
}
