//! Clients that are a document at an address of their own (Client ID Metadata Documents).

use std::time::Duration as Pause;

use countersign::channel::sender::SenderOptions;
use countersign::config::Settings;
use countersign::domain::client::document_hosts::DocumentHosts;
use countersign::flow::register::set_client_active;
use serde_json::{Value, json};
use time::Duration;
use tokio::task::JoinSet;

use crate::person::allow_always;
use crate::world::{Answer, Asked, Customs, GRANT_TYPE, Signer, Site, World, trusted};

const BOT: &str = "/agents/deploy-bot.json";

/// A server that reads the documents of these hosts.
fn reading(hosts: fn(&mut Settings)) -> Customs {
    Customs {
        settings: Some(hosts),
        sender: Some(SenderOptions {
            allow: "127.0.0.0/8".parse().expect("a network"),
            tls_roots: vec![trusted()],
            ..SenderOptions::default()
        }),
        ..Customs::default()
    }
}

fn localhost(settings: &mut Settings) {
    settings.client_documents = DocumentHosts::read("localhost").expect("a host");
}

fn any(settings: &mut Settings) {
    settings.client_documents = DocumentHosts::read("*").expect("any host");
}

fn bot(signer: &Signer, more: &[(&str, Value)]) -> String {
    let keys: Value = serde_json::from_str(&signer.jwks()).expect("JSON");
    let mut document = json!({
        "client_id": signer.id,
        "client_name": "Deploy Bot",
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": keys,
        "scope": "openid calendar.read",
        "grant_types": [GRANT_TYPE, "authorization_code"],
        "redirect_uris": ["https://agents.example/back"],
    });
    for (name, value) in more {
        document[*name] = value.clone();
    }
    document.to_string()
}

/// An agent with a document there.
fn put(world: &World, site: &Site, path: &str) -> Signer {
    let signer = at(world, &site.url(path));
    site.put(path, &bot(&signer, &[]));
    signer
}

/// An agent with that address and a key.
fn at(world: &World, url: &str) -> Signer {
    let mut signer = Signer::unregistered(world);
    url.clone_into(&mut signer.id);
    signer
}

async fn try_ask(world: &World, signer: &Signer, scope: &str) -> Answer {
    let ask = [("scope", scope), ("login_hint", "maya@acme.example")];
    let jti = format!("{:?}", std::time::Instant::now());
    let assertion = signer.assertion(world, &jti);
    signer.post("/bc-authorize", &assertion, &ask).await
}

async fn ask(world: &World, signer: &Signer) -> Asked {
    Asked::of(&try_ask(world, signer, "openid calendar.read").await)
}

async fn refused(world: &World, signer: &Signer) {
    let answer = try_ask(world, signer, "openid").await;
    answer.refused(401, "invalid_client");
}

async fn collect(world: &World, signer: &Signer, asked: &Asked) -> Answer {
    let jti = format!("{:?}", std::time::Instant::now());
    let form = [
        ("grant_type", GRANT_TYPE),
        ("auth_req_id", asked.auth_req_id.as_str()),
    ];
    signer
        .post("/oauth/token", &signer.assertion(world, &jti), &form)
        .await
}

async fn rows(world: &World) -> usize {
    world
        .store()
        .clients(1000)
        .await
        .expect("the database")
        .len()
}

async fn an_agent_that_is_a_document_asks_changes_and_is_suspended(world: World) {
    let site = Site::encrypted();
    let maya = world.person("Maya").await;
    let mut browser = world.signed_in(&maya).await;
    let signer = put(&world, &site, BOT);
    let discovery = world
        .http
        .get(format!("{}/.well-known/openid-configuration", world.url));
    let discovery = Answer::of(discovery.send().await.expect("an answer")).await;
    assert_eq!(
        discovery.ok()["client_id_metadata_document_supported"],
        true
    );

    // Whoever does not hold the key leaves nothing behind.
    refused(&world, &signer.with_another_key()).await;
    assert_eq!((rows(&world).await, site.touched()), (0, 1));
    let asked = ask(&world, &signer).await;
    try_ask(&world, &signer, "openid calendar.write")
        .await
        .refused(400, "invalid_scope");
    assert_eq!((rows(&world).await, site.touched()), (1, 1));
    let added = world.noted("client.added").await;
    assert_eq!((added.len(), &added[0]["client"]), (1, &json!(signer.id)));

    // The person sees whose it is.
    let host = site.url("").replace("https://", "");
    let page = browser.get(&asked.page()).await;
    assert!(page.text().contains("Deploy Bot"), "{}", page.text());
    assert!(page.text().contains(&host), "{}", page.text());
    world.deliver().await;
    let letter = world.letters().concat().replace("=\r\n", "");
    assert!(letter.contains(&host), "{letter}");
    allow_always(&mut browser, &asked, &[]).await;
    collect(&world, &signer, &asked).await.ok();
    let covered = ask(&world, &signer).await;
    collect(&world, &signer, &covered).await.ok();

    // Another name is taken over when the document is old; what is always allowed goes on.
    site.put(BOT, &bot(&signer, &[("client_name", json!("Release Bot"))]));
    world.advance(Duration::minutes(59));
    ask(&world, &signer).await;
    assert_eq!(site.asked(BOT), 1);
    world.advance(Duration::minutes(1));
    let covered = ask(&world, &signer).await;
    assert_eq!(site.asked(BOT), 2);
    collect(&world, &signer, &covered).await.ok();

    // A key nobody has seen is a reason to look again, and ends what was always allowed.
    let other = signer.with_another_key();
    site.put(BOT, &bot(&other, &[]));
    refused(&world, &other).await;
    world.advance(Duration::minutes(1));
    let asked = ask(&world, &other).await;
    let pending = collect(&world, &other, &asked).await;
    pending.refused(400, "authorization_pending");
    refused(&world, &signer).await;
    let changed = world.noted("client.changed").await;
    let facts: Vec<_> = changed.iter().map(|it| it["facts"].clone()).collect();
    assert_eq!(
        facts,
        [
            json!({"changed": ["name"], "standing_grants_ended": false}),
            json!({"changed": ["name", "keys"], "standing_grants_ended": true}),
        ]
    );

    // Suspended is suspended, whatever the document says.
    let id = countersign::domain::id::ClientId(signer.id.clone());
    set_client_active(&world.app, &id, false)
        .await
        .expect("suspended");
    site.put(BOT, &bot(&signer, &[]));
    world.advance(Duration::days(2));
    let before = site.touched();
    refused(&world, &signer).await;
    refused(&world, &other).await;
    assert_eq!((site.touched(), rows(&world).await), (before, 1));
    world.audit_holds().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_is_a_document_asks_changes_and_is_suspended_on_sqlite() {
    let world = World::sqlite_with(reading(localhost)).await;
    Box::pin(an_agent_that_is_a_document_asks_changes_and_is_suspended(
        world,
    ))
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_is_a_document_asks_changes_and_is_suspended_on_postgresql() {
    let world = World::postgresql_with(reading(localhost)).await;
    Box::pin(an_agent_that_is_a_document_asks_changes_and_is_suspended(
        world,
    ))
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_g05_a_document_that_is_none_makes_no_client_and_is_not_remembered() {
    let world = World::sqlite_with(reading(localhost)).await;
    let site = Site::encrypted();
    world.person("Maya").await;
    let signer = at(&world, &site.url(BOT));
    let good = bot(&signer, &[]);
    let lies = bot(
        &signer,
        &[("client_id", json!(site.url("/agents/other.json")))],
    );
    let secret = bot(&signer, &[("client_secret", json!("x"))]);
    let huge = format!("{good}{}", " ".repeat(6000));
    let elsewhere = format!("location: {}\r\n", site.url("/good.json"));
    site.put("/good.json", &good);
    for (status, headers, body) in [
        (404, "", ""),
        (500, "", good.as_str()),
        (201, "", good.as_str()),
        (302, elsewhere.as_str(), ""),
        (200, "content-type: text/html\r\n", good.as_str()),
        (200, "", "{"),
        (200, "", lies.as_str()),
        (200, "", secret.as_str()),
        (200, "", huge.as_str()),
    ] {
        site.put_with(BOT, status, headers, body);
        refused(&world, &signer).await;
        world.advance(Duration::minutes(1));
    }
    site.put_slowly(BOT, &good, Pause::from_secs(4));
    refused(&world, &signer).await;
    world.advance(Duration::minutes(1));
    assert_eq!(
        (
            site.asked(BOT),
            site.asked("/good.json"),
            rows(&world).await
        ),
        (10, 0, 0)
    );
    site.put(BOT, &good);
    ask(&world, &signer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_that_is_gone_counts_for_another_day() {
    let world = World::sqlite_with(reading(localhost)).await;
    let site = Site::encrypted();
    world.person("Maya").await;
    let signer = at(&world, &site.url(BOT));
    site.put_with(BOT, 200, "cache-control: max-age=1\r\n", &bot(&signer, &[]));
    ask(&world, &signer).await;
    site.put_with(BOT, 404, "", "");
    world.advance(Duration::minutes(5));
    ask(&world, &signer).await;
    ask(&world, &signer).await;
    assert_eq!(site.asked(BOT), 2);
    // A server that has just started knows as much.
    let world = world.restarted().await;
    ask(&world, &signer).await;
    world.advance(Duration::hours(24));
    refused(&world, &signer).await;
    site.put(BOT, &bot(&signer, &[]));
    world.advance(Duration::minutes(1));
    ask(&world, &signer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_g05_strangers_make_us_look_seldom() {
    let world = World::sqlite_with(reading(localhost)).await;
    let site = Site::encrypted();
    world.person("Maya").await;
    let known = put(&world, &site, BOT);
    ask(&world, &known).await;
    // One address, many times at once; and many addresses.
    let mut tries = JoinSet::new();
    for at_once in 0..40 {
        let path = format!("/agents/{}.json", if at_once < 20 { 0 } else { at_once });
        let stranger = at(&world, &site.url(&path));
        let assertion = stranger.assertion(&world, "1");
        tries.spawn(async move {
            let form = [("scope", "openid"), ("login_hint", "maya@acme.example")];
            stranger.post("/bc-authorize", &assertion, &form).await
        });
    }
    for answer in tries.join_all().await {
        answer.refused(401, "invalid_client");
    }
    assert!(site.asked("/agents/0.json") <= 1);
    assert_eq!(site.touched(), 10);
    // Who is known is served all the same.
    world.advance(Duration::minutes(59));
    ask(&world, &known).await;
    // Without a signature nobody looks at all.
    let before = site.touched();
    let id = site.url("/agents/secret.json");
    let form = [
        ("client_id", id.as_str()),
        ("client_secret", "x"),
        ("scope", "openid"),
    ];
    let request = world.http.post(format!("{}/bc-authorize", world.url));
    let request = request
        .header("content-type", "application/x-www-form-urlencoded")
        .body(crate::world::form(&form));
    let answer = Answer::of(request.send().await.expect("an answer")).await;
    answer.refused(401, "invalid_client");
    assert_eq!((site.touched(), rows(&world).await), (before, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_g01_no_document_is_looked_for_inside_or_where_nobody_said() {
    let site = Site::encrypted();
    let off = World::sqlite().await;
    refused(&off, &put(&off, &site, BOT)).await;
    let elsewhere = |settings: &mut Settings| {
        settings.client_documents = DocumentHosts::read("agents.example").expect("a host");
    };
    let other = World::sqlite_with(reading(elsewhere)).await;
    refused(&other, &put(&other, &site, BOT)).await;
    // Any host, but nothing that is not public.
    let public = Customs {
        sender: Some(SenderOptions {
            tls_roots: vec![trusted()],
            ..SenderOptions::default()
        }),
        ..reading(any)
    };
    let public = World::sqlite_with(public).await;
    refused(&public, &put(&public, &site, BOT)).await;
    for inside in [
        "https://127.0.0.1/bot",
        "https://[::1]/bot",
        "https://169.254.169.254/latest",
        "https://10.0.0.1/bot",
        "https://metadata.internal/bot",
        "https://agents.example:22/bot",
        "https://agents.example/../bot",
    ] {
        refused(&public, &at(&public, inside)).await;
    }
    assert_eq!(site.touched(), 0);
}
