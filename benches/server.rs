//! The server as it is, with one more door: a load generator that speaks only HTTP answers for a person.
//!
//! `POST /bench/approve` with `{"auth_req_id": …}` takes the steps of the page's own form: session,
//! request, decision, one durable commit. What it leaves out is drawing the page. Limits on waiting
//! requests are off, because the load is one agent asking a hundred people without end. `POST /bench/floor` answers and
//! does nothing: what the HTTP stack costs by itself. See `docs/performance.md`.
//!
//! ```sh
//! cargo build --release --example bench-server
//! BENCH_DATABASE=sqlite:///tmp/bench.db BENCH_LISTEN=127.0.0.1:8090 target/release/examples/bench-server
//! ```

use std::collections::HashMap;
use std::sync::Arc;

use ::http::StatusCode;
use axum::extract::State;
use axum::routing::post;
use countersign::app::App;
use countersign::app::open::{self, Options};
use countersign::channel::email::Mailer;
use countersign::channel::sender::SenderOptions;
use countersign::channel::web_push::VapidContact;
use countersign::clock::Clock;
use countersign::config::Settings;
use countersign::config::settings::{Limits, Rates};
use countersign::domain::action::Catalogue;
use countersign::domain::ciba::GRANT_TYPE;
use countersign::domain::client::secret::{SecretHashes, secret_hash};
use countersign::domain::client::{Client, Credentials, Role};
use countersign::domain::consent::assurance::Assurance;
use countersign::domain::id::{ClientId, RequestId, UserId};
use countersign::domain::token::master_key::MasterKey;
use countersign::entropy::Entropy;
use countersign::flow::answer::{self, Choice};
use countersign::flow::register::{NewPerson, add_person};
use countersign::flow::{sign_in, watch};
use countersign::store::{Commit, StoreError, Write};
use countersign::{http, server, worker};
use serde::Deserialize;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The client and people of `targets/*.toml`.
const CLIENT: &str = "bench-basic";
const SECRET: &str = "bench-secret-0123456789-0123456789";
const PEOPLE: usize = 100;

/// The service that asks about tokens (`benches/tokens.rs`), with the client's secret.
const SERVICE: &str = "bench-service";
const RESOURCE: &str = "https://calendar.example.com";

#[derive(Clone)]
struct Bench {
    app: App,
    cookies: Arc<HashMap<UserId, String>>,
}

#[derive(Deserialize)]
struct Approve {
    auth_req_id: String,
}

async fn approve(State(bench): State<Bench>, body: String) -> StatusCode {
    match try_approve(&bench, &body).await {
        Some(()) => StatusCode::NO_CONTENT,
        None => StatusCode::CONFLICT,
    }
}

async fn try_approve(bench: &Bench, body: &str) -> Option<()> {
    let app = &bench.app;
    let approve: Approve = serde_json::from_str(body).ok()?;
    let id = RequestId(app.secrets.auth_req_ids.read(&approve.auth_req_id)?);
    // What the form would bring: whose it is, and which card was shown.
    let shown = match app.requests.recall(id) {
        Some(shown) => shown,
        None => Arc::new(app.store.request(id).await.ok()??),
    };
    let question = shown.request.question();
    let (user, digest) = (question.user, question.card_digest);
    let present = sign_in::session(app, bench.cookies.get(&user)?)
        .await
        .ok()??;
    answer::answer(app, id, &present, Choice::Once, digest, None)
        .await
        .ok()
        .map(|_| ())
}

/// As long as an answer about a token.
const FLOOR: &str = r#"{"active":true,"scope":"calendar.read","client_id":"bench-basic","iss":"http://127.0.0.1:8090"}"#;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let database = std::env::var("BENCH_DATABASE")?;
    let listen = std::env::var("BENCH_LISTEN").unwrap_or_else(|_| "127.0.0.1:8090".into());
    let limits = Limits {
        waiting_per_client_and_person: 0,
        waiting_per_person: 0,
        rates: Rates::NONE,
        ..Limits::default()
    };
    let options = Options {
        settings: Settings {
            public_url: format!("http://{listen}"),
            limits,
            ..Settings::default()
        },
        database_url: database.into(),
        master_key: MasterKey::new(&[1; MasterKey::LENGTH]),
        sender: SenderOptions::default(),
        mailer: Mailer::Off,
        vapid_contact: VapidContact::read("mailto:bench@countersign.invalid")?,
        clock: Clock::system(),
        entropy: Entropy::system(),
    };
    let app = open::open(options).await?;
    let cookies = Arc::new(people(&app).await?);
    let door = axum::Router::new()
        .route("/bench/approve", post(approve))
        .route("/bench/floor", post(async |_: String| FLOOR));
    let router = http::router(app.clone()).merge(door.with_state(Bench {
        app: app.clone(),
        cookies,
    }));
    let listener = tokio::net::TcpListener::bind(&listen).await?;
    worker::start(&app);
    let stop = app.stop.clone();
    app.tasks.spawn(async move {
        let _ = tokio::signal::ctrl_c().await;
        stop.cancel();
    });
    let drain = std::time::Duration::from_secs(1);
    server::serve(
        listener,
        router,
        server::Limits::default(),
        app.stop.clone(),
        drain,
    )
    .await?;
    app.store.close().await;
    Ok(())
}

/// The client and the people, made at the first start, and a session for each person.
async fn people(app: &App) -> Result<HashMap<UserId, String>, Failure> {
    apply_catalogue(app).await?;
    add_clients(app).await?;
    let mut cookies = HashMap::new();
    for n in 0..PEOPLE {
        let name = format!("user-{n}");
        let new = NewPerson {
            email: format!("{name}@bench.example"),
            username: Some(name.clone()),
            name: Some(name.clone()),
        };
        let user = match add_person(app, new).await {
            Ok(user) => user,
            Err(_) => countersign::flow::register::person(app, &name).await?,
        };
        let link = sign_in::make_link(app, &user, Assurance::HostLink, None).await?;
        let handle = link.rsplit('/').next().unwrap_or_default();
        let (signed_in, _) = sign_in::use_link(app, handle, None, None, None).await?;
        cookies.insert(user.id, signed_in.cookie);
    }
    Ok(cookies)
}

async fn apply_catalogue(app: &App) -> Result<(), Failure> {
    let catalogue = Catalogue::read(include_str!("../examples/catalogue.toml"))?;
    let document = serde_json::to_string(&catalogue)?;
    let write = Write::ApplyCatalogue(1, document, app.clock.now());
    unless_done(app.store.commit(Commit::of(write)).await)?;
    watch::catalogue(app).await?;
    Ok(())
}

async fn add_clients(app: &App) -> Result<(), StoreError> {
    let credentials = || Credentials::SecretBasic(SecretHashes::of(secret_hash(SECRET)));
    let client = |id: &str| Client::agent(ClientId(id.into()), credentials(), app.clock.now());
    let agent = Client {
        grant_types: [GRANT_TYPE, "refresh_token"].map(str::to_owned).to_vec(),
        ..client(CLIENT)
    };
    let service = Client {
        role: Role::ResourceServer,
        resources: vec![RESOURCE.to_owned()],
        ..client(SERVICE)
    };
    for client in [agent, service] {
        let commit = Commit::of(Write::AddClient(Box::new(client)));
        unless_done(app.store.commit(commit).await)?;
    }
    Ok(())
}

/// It may have been done at an earlier start.
fn unless_done(done: Result<(), StoreError>) -> Result<(), StoreError> {
    match done {
        Ok(()) | Err(StoreError::Overtaken) => Ok(()),
        Err(error) => Err(error),
    }
}
