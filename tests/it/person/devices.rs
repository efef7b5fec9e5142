//! The browsers a person is told on: added by their script, removed by hand, replaced and refused.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::World;
use crate::world::push_service::{PHONE, PushService, subscribe};

both! {
    async fn a_browser_is_added_told_and_removed(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let service = PushService::start(&world);
        let mut browser = world.signed_in(&maya).await;
        let inbox = browser.get("/").await;
        assert!(inbox.text().contains("Turn on notifications"), "{}", inbox.text());
        let phone = service.subscribed(&mut browser).await;
        let inbox = browser.get("/").await;
        assert!(!inbox.text().contains("Turn on notifications"), "{}", inbox.text());

        let devices = browser.get("/devices").await;
        assert!(devices.text().contains("Chrome on Android"), "{}", devices.text());
        assert!(devices.text().contains("Since 08:00 UTC · not reached yet"), "{}", devices.text());
        assert!(!devices.body.contains(&phone.endpoint), "an endpoint is a secret");
        agent.ask(&maya.email, &[]).await;
        world.advance(time::Duration::MINUTE);
        world.deliver().await;
        assert_eq!(phone.pushes().len(), 1);
        let devices = browser.get("/devices").await;
        assert!(devices.text().contains("last reached 08:01 UTC"), "{}", devices.text());

        let left = devices.press(&mut browser, "Remove", &[]).await;
        assert!(!left.text().contains("Chrome on Android"), "{}", left.text());
        devices.press(&mut browser, "Remove", &[]).await;
        agent.ask(&maya.email, &[]).await;
        world.deliver().await;
        assert_eq!(phone.pushes().len(), 1, "what is removed is told nothing");
        assert_eq!(world.noted("device.added").await.len(), 1);
        assert_eq!(world.noted("device.removed").await.len(), 1);
    }
}

#[tokio::test]
async fn somebody_elses_browser_cannot_be_removed() {
    let world = World::sqlite().await;
    let (maya, ben) = (world.person("Maya").await, world.person("Ben").await);
    let service = PushService::start(&world);
    let mut hers = world.signed_in(&maya).await;
    let mut his = world.signed_in(&ben).await;
    service.subscribed(&mut hers).await;
    service.subscribed(&mut his).await;
    let remove = |page: &crate::world::Page| {
        let mut forms = page.forms().into_iter();
        forms.find(|form| form.action == "/devices/remove")
    };
    let hers_form = remove(&hers.get("/devices").await).expect("a form");
    let his_form = remove(&his.get("/devices").await).expect("a form");
    let sent = his.post("/devices/remove", &hers_form.pairs()).await;
    assert_eq!(sent.status.as_u16(), 403);
    // His token, her device.
    let mixed: Vec<(&str, &str)> = his_form
        .pairs()
        .into_iter()
        .filter(|(name, _)| *name == "csrf")
        .chain(
            hers_form
                .pairs()
                .into_iter()
                .filter(|(name, _)| *name == "id"),
        )
        .collect();
    let sent = his.post("/devices/remove", &mixed).await;
    assert_eq!(sent.status.as_u16(), 403);
    let devices = world.store().devices(maya.id).await.expect("the database");
    assert_eq!(devices.len(), 1);
}

#[tokio::test]
async fn the_same_browser_again_is_the_same_device_whoever_uses_it() {
    let world = World::sqlite().await;
    let agent = world.agent("Billing Agent").await;
    let (maya, ben) = (world.person("Maya").await, world.person("Ben").await);
    let service = PushService::start(&world);
    let mut hers = world.signed_in(&maya).await;
    let phone = service.subscribed(&mut hers).await;
    let again = phone.subscribe(&mut hers).await;
    assert_eq!(again.status.as_u16(), 201, "{}", again.body);
    let devices = world.store().devices(maya.id).await.expect("the database");
    assert_eq!(devices.len(), 1);

    // Handed on to Ben, it tells Ben and no longer Maya.
    let mut his = world.signed_in(&ben).await;
    let handed_on = phone.subscribe(&mut his).await;
    assert_eq!(handed_on.status.as_u16(), 201, "{}", handed_on.body);
    let devices = world.store().devices(maya.id).await.expect("the database");
    assert!(devices.is_empty());
    agent.ask(&maya.email, &[]).await;
    world.deliver().await;
    assert!(phone.pushes().is_empty());
    agent.ask(&ben.email, &[]).await;
    world.deliver().await;
    assert_eq!(phone.pushes().len(), 1);
}

#[tokio::test]
async fn t95_what_cannot_be_called_or_encrypted_for_is_refused_when_it_is_added() {
    let world = World::sqlite().await;
    let maya = world.person("Maya").await;
    let service = PushService::start(&world);
    let mut browser = world.signed_in(&maya).await;
    let good = service.phone().subscription();
    let with = |pointer: &str, value: Value| {
        let mut changed = good.clone();
        *changed.pointer_mut(pointer).expect("a member") = value;
        changed.to_string()
    };
    // The last byte of the point is changed: it is no longer on the curve.
    let point = good["keys"]["p256dh"].as_str().expect("text");
    let last = if point.ends_with('A') { "E" } else { "A" };
    let off_curve = format!("{}{last}", &point[..point.len() - 1]);
    for bad in [
        with("/endpoint", json!("http://push.example.com/x")),
        with("/endpoint", json!("https://push.example.com/x")),
        with("/endpoint", json!("https://192.168.1.1/x")),
        with("/endpoint", json!("https://169.254.169.254/latest")),
        with("/endpoint", json!("https://[::1]/x")),
        with(
            "/endpoint",
            json!("https://fcm.googleapis.com@evil.example/x"),
        ),
        with("/endpoint", json!("https://fcm.googleapis.com:22/x")),
        with("/endpoint", json!("http://fcm.googleapis.com/x")),
        with("/endpoint", json!("file:///etc/passwd")),
        with("/endpoint", json!("")),
        with("/endpoint", json!(7)),
        with("/keys/p256dh", json!(off_curve)),
        with("/keys/p256dh", json!(point[..point.len() - 4])),
        with("/keys/p256dh", json!("AAAA")),
        with("/keys/p256dh", json!("")),
        with("/keys/auth", json!("AAAAAAAAAAAAAAAAAAAAAA".repeat(2))),
        with("/keys/auth", json!("AAAA")),
        with("/keys/auth", json!("not base64!")),
        with("/keys", json!(null)),
        "{}".to_owned(),
        "[]".to_owned(),
        "null".to_owned(),
        String::new(),
        "{".repeat(5_000),
    ] {
        let sent = subscribe(&mut browser, &bad).await;
        assert_eq!(sent.status.as_u16(), 422, "{bad}: {}", sent.body);
        let said: Value = serde_json::from_str(&sent.body).expect("JSON");
        let why = said["error"].as_str().expect("words");
        assert!(!why.is_empty() && !why.contains("example"), "{why}");
    }
    let huge = subscribe(&mut browser, &"x".repeat(9_000)).await;
    assert_eq!(huge.status.as_u16(), 413);
    assert!(
        world
            .store()
            .devices(maya.id)
            .await
            .expect("the database")
            .is_empty()
    );
    assert!(world.noted("device.added").await.is_empty());
    assert!(service.pushes().is_empty(), "nothing was called");
}

#[tokio::test]
async fn there_is_an_end_to_how_many_browsers_one_person_has() {
    let world = World::sqlite().await;
    let maya = world.person("Maya").await;
    let service = PushService::start(&world);
    let mut browser = world.signed_in(&maya).await;
    for _ in 0..20 {
        service.subscribed(&mut browser).await;
    }
    let more = service.phone().subscribe(&mut browser).await;
    assert_eq!(more.status.as_u16(), 409, "{}", more.body);
    assert!(more.body.contains("20 devices already"), "{}", more.body);
}

#[tokio::test]
async fn sec_c08_nobody_adds_a_browser_from_elsewhere() {
    let world = World::sqlite().await;
    let (maya, ben) = (world.person("Maya").await, world.person("Ben").await);
    let service = PushService::start(&world);
    let mut browser = world.signed_in(&maya).await;
    let token = browser.get("/devices").await.data("csrf");
    let bens = world
        .signed_in(&ben)
        .await
        .get("/devices")
        .await
        .data("csrf");
    let body = service.phone().subscription().to_string();
    let ours = world.url.clone();
    let json = "application/json";
    for (origin, site, kind, token) in [
        ("https://evil.example", "cross-site", json, &*token),
        ("null", "cross-site", json, &token),
        (&ours, "cross-site", json, &token),
        (&ours, "same-origin", json, &bens),
        (&ours, "same-origin", json, ""),
        (&ours, "same-origin", "text/plain", &token),
        (
            &ours,
            "same-origin",
            "application/x-www-form-urlencoded",
            &token,
        ),
    ] {
        let headers = [
            ("origin", origin),
            ("sec-fetch-site", site),
            ("content-type", kind),
            ("x-csrf-token", token),
            ("user-agent", PHONE),
        ];
        let sent = browser
            .send(Method::POST, "/devices/push", Some(body.clone()), &headers)
            .await;
        assert!(
            sent.status.is_client_error(),
            "{headers:?}: {}",
            sent.status
        );
    }
    let mut nobody = world.browser();
    let headers = [
        ("origin", &*ours),
        ("sec-fetch-site", "same-origin"),
        ("content-type", json),
        ("x-csrf-token", &*token),
    ];
    let sent = nobody.send(Method::POST, "/devices/push", Some(body), &headers);
    assert_eq!(sent.await.status.as_u16(), 401);
    assert!(world.noted("device.added").await.is_empty());
}
