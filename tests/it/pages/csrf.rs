//! Only a form of our own page, made for this very thing, in this very session, changes anything.

use reqwest::Method;

use super::{House, ORDINARY};
use crate::world::{Browser, Form, Page, World, form};

fn with<'a>(shown: &'a Form, set: &[(&'a str, &'a str)]) -> String {
    let mut pairs = shown.pairs();
    pairs.retain(|(name, _)| !set.iter().any(|(other, _)| other == name));
    pairs.extend_from_slice(set);
    form(&pairs)
}

fn form_for(page: &Page, action: &str) -> Form {
    let mut forms = page.forms().into_iter();
    let found = forms.find(|form| form.action == action);
    found.unwrap_or_else(|| panic!("a form for {action} on {}", page.body))
}

fn token(form: &Form) -> &str {
    let pairs = form.pairs();
    let found = pairs.into_iter().find(|(name, _)| *name == "csrf");
    found.expect("a token").1
}

both! {
    async fn sec_c01_of_all_the_ways_to_send_an_answer_only_our_own_page_s_is_taken(world: World) {
        let agent = world.agent("Billing Agent").await;
        let (maya, ben) = (world.person("Maya").await, world.person("Ben").await);
        let mut browser = world.signed_in(&maya).await;
        let asked = agent.ask(&maya.email, &[]).await;
        let other = agent.ask(&maya.email, &[]).await;
        let bens = agent.ask(&ben.email, &[]).await;
        let path = asked.page();

        // Tokens that are none, old, another person's, another sign-in's, for another request or purpose.
        let earlier = form_for(&browser.get(&path).await, &path);
        world.sign_in(&mut browser, &maya).await;
        let right = form_for(&browser.get(&path).await, &path);
        let others = form_for(&browser.get(&other.page()).await, &other.page());
        let his = form_for(&world.signed_in(&ben).await.get(&bens.page()).await, &bens.page());
        let out = form_for(&browser.get("/settings").await, "/signout");
        let parallel = form_for(&world.signed_in(&maya).await.get(&path).await, &path);
        let bent = token(&right).to_owned() + "A";
        let tokens = [
            ("right", token(&right)), ("none", ""), ("bent", &bent), ("old", token(&earlier)),
            ("another person's", token(&his)), ("another sign-in's", token(&parallel)),
            ("another request's", token(&others)), ("another purpose's", token(&out)),
        ];
        let ours = world.url.clone();
        let sub = ours.replace("127.0.0.1", "sub.127.0.0.1");
        let origins = [None, Some("null"), Some("https://evil.example"), Some(&*sub), Some(&*ours)];
        let sites = [None, Some("cross-site"), Some("same-site"), Some("none"), Some("same-origin")];

        let before = world.history().await.len();
        let mut tried = 0;
        for origin in origins {
            for site in sites {
                let from_us = match (origin, site) {
                    (Some(origin), None | Some("same-origin")) => origin == ours,
                    (None, Some(site)) => site == "same-origin",
                    (Some(_) | None, _) => false,
                };
                for (name, token) in tokens {
                    if from_us && name == "right" {
                        continue;
                    }
                    let mut headers = Vec::new();
                    headers.extend(origin.map(|it| ("origin", it)));
                    headers.extend(site.map(|it| ("sec-fetch-site", it)));
                    let body = with(&right, &[("csrf", token), ("answer", "once")]);
                    let sent = browser.send(Method::POST, &path, Some(body), &headers).await;
                    assert_eq!(sent.status.as_u16(), 403, "{headers:?} {name}");
                    assert!(sent.text().contains("Your answer was not sent"), "{}", sent.text());
                    tried += 1;
                }
            }
        }
        assert_eq!(tried, 5 * 5 * 8 - 3);
        assert_eq!(world.history().await.len(), before);
        assert_eq!(world.state(&asked).await, "pending");

        // Without the cookie that comes along from our own pages only.
        let headers = [("origin", &*ours), ("sec-fetch-site", "same-origin")];
        let body = with(&right, &[("answer", "once")]);
        let mut half = browser.clone();
        half.cookies.remove("countersign-form");
        let sent = half.send(Method::POST, &path, Some(body.clone()), &headers).await;
        assert_eq!(sent.status.as_u16(), 403);
        for wrong in ["x", &browser.cookies["countersign"]] {
            half.cookies.insert("countersign-form".into(), wrong.to_owned());
            let sent = half.send(Method::POST, &path, Some(body.clone()), &headers).await;
            assert_eq!(sent.status.as_u16(), 403);
        }
        // Only the second cookie is nobody.
        half.cookies.clone_from(&browser.cookies);
        half.cookies.remove("countersign");
        let sent = half.send(Method::POST, &path, Some(body.clone()), &headers).await;
        assert_eq!(sent.status.as_u16(), 401);
        // By GET nothing is sent at all.
        let looked = browser.get(&format!("{path}?{body}")).await;
        assert!(looked.has_button("Only this time"));
        assert_eq!(world.state(&asked).await, "pending");

        let sent = browser.send(Method::POST, &path, Some(body), &headers).await;
        assert_eq!(sent.status.as_u16(), 303, "{}", sent.body);
        assert_eq!(world.state(&asked).await, "approved");
    }
}

/// Sends a form the wrong ways that matter most.
async fn refused_from_elsewhere(browser: &mut Browser, form: &Form, other: &str) {
    let ours = browser.url.clone();
    for (origin, site, token) in [
        ("https://evil.example", "cross-site", token(form)),
        (&*ours, "cross-site", token(form)),
        ("null", "cross-site", token(form)),
        (&ours, "same-origin", ""),
        (&ours, "same-origin", other),
    ] {
        let headers = [("origin", origin), ("sec-fetch-site", site)];
        let body = Some(with(form, &[("csrf", token)]));
        let sent = browser
            .send(Method::POST, &form.action, body, &headers)
            .await;
        assert_eq!(sent.status.as_u16(), 403, "{} {headers:?}", form.action);
    }
}

#[tokio::test]
async fn sec_c01_every_other_form_is_as_closed() {
    let mut house = House::build(&ORDINARY).await;
    let browser = &mut house.browser;
    let sheet = format!("{}/always", house.waiting.page());
    let forms = [
        form_for(&browser.get(&sheet).await, &sheet),
        form_for(&browser.get("/allowed").await, "/allowed/stop"),
        form_for(&browser.get("/devices").await, "/devices/remove"),
        form_for(&browser.get("/settings").await, "/signout"),
        form_for(&browser.get("/").await, "/pause"),
    ];
    let before = house.world.history().await.len();
    for (at, form) in forms.iter().enumerate() {
        let other = token(&forms[(at + 1) % forms.len()]).to_owned();
        refused_from_elsewhere(browser, form, &other).await;
    }
    assert_eq!(house.world.history().await.len(), before);
    assert!(browser.get("/settings").await.url.ends_with("/settings"));
}

both! {
    async fn sec_a18_a_form_made_for_what_was_withdrawn_does_not_answer_what_came_after(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let mut browser = world.signed_in(&maya).await;
        let small = crate::world::small_payment("1.00", "Hanna");
        let large = crate::world::small_payment("900.00", "Mallory");
        let first = agent.ask(&maya.email, &[("authorization_details", &small)]).await;
        let shown = form_for(&browser.get(&first.page()).await, &first.page());
        agent.cancel(&first.approval_id).await;
        let second = agent.ask(&maya.email, &[("authorization_details", &large)]).await;

        // To where it belongs, it is too late.
        let sent = browser.post(&first.page(), &[shown.pairs(), vec![("answer", "once")]].concat()).await;
        assert_eq!(sent.status.as_u16(), 409, "{}", sent.text());
        // Sent on to the new request, whole or with the new digest, it is refused.
        let new = form_for(&browser.get(&second.page()).await, &second.page());
        let digest = new.pairs().into_iter().find(|(name, _)| *name == "card").expect("a digest").1;
        let old_digest = shown.pairs().into_iter().find(|(name, _)| *name == "card").expect("a digest").1;
        for (token, card) in [
            (token(&shown), old_digest), (token(&shown), digest), (token(&new), old_digest),
        ] {
            for end in ["", "/always"] {
                let fields = [("csrf", token), ("card", card), ("answer", "once"), ("until", "7d")];
                let sent = browser.post(&format!("{}{end}", second.page()), &fields).await;
                assert_eq!(sent.status.as_u16(), 403, "{}", sent.text());
                assert!(sent.text().contains("Your answer was not sent. The page was too old; this is how it is now."), "{}", sent.text());
            }
        }
        assert_eq!(world.state(&second).await, "pending");
        assert!(world.noted("request.approved").await.is_empty());
    }
}

#[tokio::test]
async fn sec_b06_what_agents_have_opens_no_page() {
    let mut house = House::build(&ORDINARY).await;
    let mut browser = house.browser.clone();
    let page = browser.get(&house.waiting.page()).await;
    page.press(&mut browser, "Only this time", &[]).await;
    let tokens = house.agent.poll(&house.waiting.auth_req_id).await;
    let user = house
        .world
        .stored(&house.waiting)
        .await
        .request
        .question()
        .user;
    let user = house.world.store().user(user).await.expect("the database");
    let asked = house.agent.ask(&user.expect("Maya").email, &[]).await;
    let shown = form_for(&browser.get(&asked.page()).await, &asked.page());

    let text = |name: &str| tokens.ok()[name].as_str().expect("text").to_owned();
    let basic = {
        use base64::Engine;
        let pair = format!("{}:{}", house.agent.id, house.agent.secret);
        base64::engine::general_purpose::STANDARD.encode(pair)
    };
    let credentials = [
        format!("Bearer {}", text("access_token")),
        format!("Bearer {}", text("id_token")),
        format!("DPoP {}", text("access_token")),
        format!("Bearer {}", asked.auth_req_id),
        format!("Basic {basic}"),
    ];
    let ours = house.world.url.clone();
    let before = house.world.history().await.len();
    house.waiting = asked.clone();
    for credential in &credentials {
        let mut agent = house.world.browser();
        for value in ["authorization", "cookie"] {
            let cookie = format!(
                "countersign={}",
                credential.split(' ').nth(1).expect("two words")
            );
            let header = if value == "cookie" {
                (value, &*cookie)
            } else {
                (value, &**credential)
            };
            for path in house.paths() {
                let page = agent.send(Method::GET, &path, None, &[header]).await;
                let shut = page.status.as_u16() == 303
                    && page.headers["location"]
                        .to_str()
                        .expect("text")
                        .starts_with("/signin");
                assert!(shut || path == "/offline", "{path} {}", page.status);
            }
            let headers = [
                header,
                ("origin", &*ours),
                ("sec-fetch-site", "same-origin"),
            ];
            for path in [
                &*asked.page(),
                &format!("{}/always", asked.page()),
                "/allowed/stop",
                "/devices/remove",
                "/devices/push",
                "/signout",
                "/signin/again",
            ] {
                let body = Some(with(&shown, &[("answer", "once"), ("until", "7d")]));
                let sent = agent.send(Method::POST, path, body, &headers).await;
                assert_eq!(sent.status.as_u16(), 401, "{path}");
            }
        }
    }
    assert_eq!(house.world.history().await.len(), before);
    assert_eq!(house.world.state(&asked).await, "pending");
    // And a person's cookie is nothing to an agent's door.
    let cookie = format!("countersign={}", house.browser.cookies["countersign"]);
    let mut person = house.world.browser();
    for path in ["/bc-authorize", "/oauth/token"] {
        let sent = person
            .send(
                Method::POST,
                path,
                Some("grant_type=x".into()),
                &[("cookie", &cookie)],
            )
            .await;
        assert_eq!(sent.status.as_u16(), 401, "{path}");
    }
    let status = person
        .send(
            Method::GET,
            &format!("/api/v1/approvals/{}", asked.approval_id),
            None,
            &[("cookie", &cookie)],
        )
        .await;
    assert_eq!(status.status.as_u16(), 401);
}
