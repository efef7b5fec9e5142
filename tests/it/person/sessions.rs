//! Being signed in: for how long, until when, and what of it lies in the database.

use countersign::app::App;
use countersign::domain::consent::assurance::Assurance;
use countersign::flow::sign_in::make_link;
use reqwest::Method;
use sea_orm::{ConnectionTrait, Database, Statement};
use time::Duration;

use crate::world::push_service::PushService;
use crate::world::{Browser, World, small_payment};

async fn is_signed_in(browser: &mut Browser) -> bool {
    let page = browser.get("/settings").await;
    assert!(page.status.is_success(), "{}", page.status);
    page.url.ends_with("/settings")
}

/// What is noted without anybody waiting for it is noted by now.
async fn bookkeeping(app: &App) {
    let flush = countersign::store::Commit::default();
    app.store.commit(flush).await.expect("the database");
}

both! {
    async fn sec_c11_a_session_ends_unused_for_twelve_hours_or_after_thirty_days(world: World) {
        let maya = world.person("Maya").await;
        let mut browser = world.signed_in(&maya).await;
        world.advance(Duration::hours(12) - Duration::SECOND);
        assert!(is_signed_in(&mut browser).await);
        bookkeeping(&world.app).await;
        world.advance(Duration::hours(12) - Duration::SECOND);
        assert!(is_signed_in(&mut browser).await, "using it keeps it");
        bookkeeping(&world.app).await;
        world.advance(Duration::hours(12));
        assert!(!is_signed_in(&mut browser).await);

        let mut browser = world.signed_in(&maya).await;
        for _ in 0..59 {
            world.advance(Duration::hours(12) - Duration::MINUTE);
            assert!(is_signed_in(&mut browser).await);
            bookkeeping(&world.app).await;
        }
        world.advance(Duration::hours(11));
        assert!(is_signed_in(&mut browser).await);
        bookkeeping(&world.app).await;
        world.advance(Duration::hours(2));
        assert!(!is_signed_in(&mut browser).await);
    }
}

both! {
    async fn signing_out_ends_the_session_everywhere_it_is_known(world: World) {
        let maya = world.person("Maya").await;
        let mut browser = world.signed_in(&maya).await;
        let mut copied = browser.clone();
        let mut other = world.signed_in(&maya).await;
        let settings = browser.get("/settings").await;
        let form = settings.forms().into_iter().find(|form| form.action == "/signout").expect("a form");
        let origin = world.url.clone();
        let headers = [("origin", &*origin), ("sec-fetch-site", "same-origin")];
        let body = Some(crate::world::form(&form.pairs()));
        let out = browser.send(Method::POST, "/signout", body, &headers).await;
        assert_eq!(out.status.as_u16(), 303);
        assert_eq!(out.headers["clear-site-data"], "\"cache\", \"cookies\", \"storage\"");
        assert!(!browser.cookies.contains_key("countersign") && !browser.cookies.contains_key("countersign-form"));

        assert!(!is_signed_in(&mut copied).await, "a copied cookie ends with it");
        assert!(is_signed_in(&mut other).await, "another sign-in is another");
        let sent = copied.post("/signout", &form.pairs()).await;
        assert_eq!(sent.status.as_u16(), 401);
        assert_eq!(world.noted("person.signed_out").await.len(), 1);
    }
}

#[tokio::test]
async fn a_session_survives_a_restart_and_an_answer_given_after_it() {
    let world = World::sqlite().await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let asked = agent.ask(&maya.email, &[]).await;
    let mut browser = world.signed_in(&maya).await;
    let page = browser.get(&asked.page()).await;
    let world = world.restarted().await;
    let receipt = page.press(&mut browser, "Only this time", &[]).await;
    assert!(
        receipt.text().contains("Allowed once"),
        "{}",
        receipt.text()
    );
    agent.poll(&asked.auth_req_id).await.ok();
    world.audit_holds().await;
}

#[tokio::test]
async fn cookies_are_out_of_reach_of_scripts_and_other_sites() {
    let world = World::sqlite().await;
    let maya = world.person("Maya").await;
    let link = make_link(&world.app, &maya, Assurance::HostLink, None);
    let link = link.await.expect("a link");
    let mut browser = world.browser();
    let page = browser.get(&link).await;
    let form = page.forms().remove(0);
    let origin = world.url.clone();
    let headers = [("origin", &*origin), ("sec-fetch-site", "same-origin")];
    let body = Some(crate::world::form(&form.pairs()));
    let signed_in = browser
        .send(Method::POST, &form.action, body, &headers)
        .await;
    let cookies = signed_in.headers.get_all("set-cookie").iter();
    let cookies: Vec<&str> = cookies.map(|it| it.to_str().expect("text")).collect();
    assert_eq!(cookies.len(), 2);
    for (name, same_site) in [("countersign=", "Lax"), ("countersign-form=", "Strict")] {
        let cookie = cookies.iter().find(|it| it.starts_with(name)).expect(name);
        for word in ["; Path=/", "; HttpOnly", &format!("; SameSite={same_site}")] {
            assert!(cookie.contains(word), "{word}: {cookie}");
        }
        assert!(!cookie.contains("Domain"), "{cookie}");
    }
}

#[tokio::test]
async fn a_cookie_that_was_bent_or_doubled_stands_for_nobody() {
    let world = World::sqlite().await;
    let maya = world.person("Maya").await;
    let browser = world.signed_in(&maya).await;
    let good = browser.cookies["countersign"].clone();
    let bent = if good.ends_with('A') { "B" } else { "A" };
    for cookie in [
        format!("countersign={}{bent}", &good[..good.len() - 1]),
        format!("countersign={}", &good[..good.len() - 1]),
        format!("countersign={good}; countersign={good}"),
        format!("countersign={good}; countersign=x"),
        format!("countersign={}", browser.cookies["countersign-form"]),
        format!("countersign={}", maya.id),
        format!("__Host-countersign={good}"),
        "countersign=".to_owned(),
    ] {
        let headers = [("cookie", &*cookie)];
        let mut nobody = world.browser();
        let page = nobody.send(Method::GET, "/settings", None, &headers);
        assert_eq!(page.await.status.as_u16(), 303, "{cookie}");
    }
}

/// Every value of every table, as text.
async fn everything_stored(world: &World) -> String {
    let db = Database::connect(world.database_url())
        .await
        .expect("the database");
    let backend = db.get_database_backend();
    let sqlite = backend == sea_orm::DatabaseBackend::Sqlite;
    let tables = if sqlite {
        "SELECT name FROM sqlite_master WHERE type = 'table'"
    } else {
        "SELECT table_name::text AS name FROM information_schema.tables WHERE table_schema = 'public'"
    };
    let rows = |sql: String| db.query_all_raw(Statement::from_string(backend, sql));
    let mut everything = String::new();
    for table in rows(tables.to_owned()).await.expect("tables") {
        let table: String = table.try_get("", "name").expect("a name");
        if sqlite {
            let columns = format!("SELECT name FROM pragma_table_info('{table}')");
            for column in rows(columns).await.expect("columns") {
                let column: String = column.try_get("", "name").expect("a name");
                let sql = format!(
                    "SELECT CAST(\"{column}\" AS TEXT) AS plain, hex(\"{column}\") AS hex FROM \"{table}\""
                );
                for row in rows(sql).await.expect("rows") {
                    let plain: Option<Vec<u8>> = row.try_get("", "plain").ok();
                    let hex: Option<String> = row.try_get("", "hex").ok();
                    everything += &String::from_utf8_lossy(&plain.unwrap_or_default());
                    everything.push('\n');
                    everything += &hex.unwrap_or_default().to_lowercase();
                    everything.push('\n');
                }
            }
        } else {
            let sql = format!("SELECT t::text AS row FROM \"{table}\" t");
            for row in rows(sql).await.expect("rows") {
                let row: String = row.try_get("", "row").expect("text");
                everything += &row;
                everything.push('\n');
            }
        }
    }
    everything
}

both! {
    async fn nothing_in_the_database_can_be_used(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let service = PushService::start(&world);
        let mut browser = world.signed_in(&maya).await;
        let phone = service.subscribed(&mut browser).await;
        let link = make_link(&world.app, &maya, Assurance::HostLink, None).await.expect("a link");
        let handle = link.rsplit('/').next().expect("a handle").to_owned();
        let details = small_payment("240.00", "Hanna");
        let more = [("authorization_details", &*details), ("resume_state", "rs-ZQCANARY")];
        let headers = [("idempotency-key", "key-ZQCANARY")];
        let waiting = agent.try_ask_with(&maya.email, &more, &headers).await;
        let waiting = crate::world::Asked::of(&waiting);
        let answered = agent.ask(&maya.email, &[]).await;
        let page = browser.get(&answered.page()).await;
        page.press(&mut browser, "Only this time", &[]).await;
        let kept = agent.poll_with(&answered.auth_req_id, &[("idempotency-key", "fetch-ZQCANARY")]).await;
        let token = kept.ok()["access_token"].as_str().expect("a token").to_owned();

        let stored = everything_stored(&world).await;
        assert!(stored.contains("billing-agent") && stored.contains("maya@acme.example"), "{stored}");
        for (what, secret) in [
            ("a session", browser.cookies["countersign"].as_str()),
            ("a form's cookie", &browser.cookies["countersign-form"]),
            ("a sign-in link", &handle),
            ("an auth_req_id", &waiting.auth_req_id),
            ("another auth_req_id", &answered.auth_req_id),
            ("an agent's secret", &agent.secret),
            ("a token", &token),
            ("a token's signature", token.rsplit('.').next().expect("a signature")),
            ("what an agent keeps", "ZQCANARY"),
            ("a push endpoint", &phone.endpoint),
            ("its path", phone.endpoint.rsplit('/').next().expect("a path")),
            ("a push secret", &phone.auth),
            ("a push key", &phone.p256dh),
        ] {
            assert!(!stored.contains(secret), "{what} is stored as it is");
            let hex = crate::world::hex(secret.as_bytes());
            assert!(!stored.contains(&hex), "{what} is stored as bytes");
        }
    }
}
