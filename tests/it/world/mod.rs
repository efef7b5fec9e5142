//! Everybody in a story: a server of its own, with a clock moved by hand, and whoever talks to it.

mod actor;
mod agent;
mod at_rest;
mod browser;
mod look;
mod person;
mod phone;
pub mod postgresql;
mod prover;
pub mod push_service;
pub mod receiver;
mod signer;
mod site;
pub mod smtp_server;
pub mod tls;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use countersign::app::App;
use countersign::app::open::{self, Options};
use countersign::channel::email::Mailer;
use countersign::channel::sender::SenderOptions;
use countersign::channel::web_push::VapidContact;
use countersign::clock::Clock;
use countersign::config::Settings;
use countersign::domain::action::Catalogue;
use countersign::domain::consent::assurance::Assurance;
use countersign::domain::token::master_key::MasterKey;
use countersign::domain::user::User;
use countersign::entropy::Entropy;
use countersign::flow::register::{NewClient, NewPerson, add_client, add_person};
use countersign::flow::{self, deliver, expire};
use countersign::http;
use countersign::server::{self, Limits};
use countersign::store::{Commit, Store, Write};
use time::{Duration, OffsetDateTime};

pub use agent::{Agent, Answer, Asked, GRANT_TYPE, form};
pub use browser::{Browser, Form, Page};
pub use look::{claims, hex, payment, small_payment};
pub use person::deny;
pub use phone::{Phone, PushService};
pub use prover::Prover;
pub use signer::{ASSERTION_TYPE, Signer};
pub use site::{Site, trusted};

/// Runs a story once on each engine.
#[macro_export]
macro_rules! both {
    ($(#[$meta:meta])* async fn $name:ident($world:ident: $type:ty) $body:block) => {
        async fn $name($world: $type) $body

        $(#[$meta])*
        mod $name {
            use $crate::world::World;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                Box::pin(super::$name(World::sqlite().await)).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgresql() {
                Box::pin(super::$name(World::postgresql().await)).await;
            }
        }
    };
}

/// A server, and what it stands on.
pub struct World {
    pub app: App,
    pub url: String,
    pub http: reqwest::Client,
    database: Database,
    folder: Folder,
    settings: Settings,
    options: Customs,
}

/// What a story may want otherwise than usual.
#[derive(Clone, Default)]
pub struct Customs {
    /// Letters go to this SMTP server instead of into a folder.
    pub smtp: Option<String>,
    /// No letters at all.
    pub no_mail: bool,
    /// Settings, changed.
    pub settings: Option<fn(&mut Settings)>,
    /// What leaves finds other ways than usual.
    pub sender: Option<SenderOptions>,
    /// The story begins then.
    pub begins: Option<OffsetDateTime>,
}

#[derive(Clone)]
enum Database {
    Sqlite(PathBuf),
    PostgreSql(String),
}

impl Database {
    fn url(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite://{}", path.display()),
            Self::PostgreSql(url) => url.clone(),
        }
    }
}

/// A folder of this story's own, gone with it.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!(
            "countersign-it-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a temporary folder");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// When stories begin.
pub fn beginning() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_800_000_000).expect("a moment")
}

impl World {
    pub async fn sqlite() -> Self {
        Self::sqlite_with(Customs::default()).await
    }

    pub async fn sqlite_with(customs: Customs) -> Self {
        let folder = Folder::new();
        let database = Database::Sqlite(folder.0.join("countersign.db"));
        Self::start(folder, database, customs).await
    }

    pub async fn postgresql() -> Self {
        Self::postgresql_with(Customs::default()).await
    }

    pub async fn postgresql_with(customs: Customs) -> Self {
        let database = Database::PostgreSql(postgresql::new_database().await);
        Self::start(Folder::new(), database, customs).await
    }

    async fn start(folder: Folder, database: Database, customs: Customs) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut settings = Settings {
            public_url: format!("http://{address}"),
            ..Settings::default()
        };
        if let Some(change) = customs.settings {
            change(&mut settings);
        }
        let clock = Clock::by_hand(customs.begins.unwrap_or_else(beginning));
        let app = open_app(&folder, &database, &settings, &customs, clock).await;
        apply_catalogue(&app).await;
        serve(&app, listener);
        Self {
            url: settings.public_url.clone(),
            app,
            http: reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .expect("a client"),
            database,
            folder,
            settings,
            options: customs,
        }
    }

    /// Another instance on the same database, with the same clock.
    pub async fn another_instance(&self) -> Self {
        self.another_instance_at(self.app.clock.clone()).await
    }

    /// Another instance on the same database, with a clock of its own.
    pub async fn another_instance_at(&self, clock: Clock) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let address: SocketAddr = listener.local_addr().expect("an address");
        let app = open_app(
            &self.folder,
            &self.database,
            &self.settings,
            &self.options,
            clock,
        )
        .await;
        serve(&app, listener);
        Self {
            url: format!("http://{address}"),
            app,
            http: self.http.clone(),
            database: self.database.clone(),
            folder: Folder(self.folder.0.join("nothing-of-its-own")),
            settings: self.settings.clone(),
            options: self.options.clone(),
        }
    }

    /// The same server after a stop and a start: nothing is left but what was stored.
    pub async fn restarted(self) -> Self {
        let customs = self.options.clone();
        self.restarted_with(customs).await
    }

    /// The same, set up otherwise.
    pub async fn restarted_with(mut self, customs: Customs) -> Self {
        self.options = customs;
        let clock = self.app.clock.clone();
        self.app.stop.cancel();
        self.app.store.close().await;
        let address = self
            .url
            .strip_prefix("http://")
            .expect("loopback")
            .to_owned();
        let listener = loop {
            match tokio::net::TcpListener::bind(&address).await {
                Ok(listener) => break listener,
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
            }
        };
        let app = open_app(
            &self.folder,
            &self.database,
            &self.settings,
            &self.options,
            clock,
        )
        .await;
        serve(&app, listener);
        let mut this = self;
        this.app = app;
        this
    }

    /// An agent, registered as the operator would.
    pub async fn agent(&self, name: &str) -> Agent {
        self.client(NewClient::agent(name)).await
    }

    /// A client with its own registration.
    pub async fn client(&self, new: NewClient) -> Agent {
        let added = add_client(&self.app, new).await.expect("a client");
        Agent::new(self, &added)
    }

    /// A person, added as the operator would.
    pub async fn person(&self, name: &str) -> User {
        let new = NewPerson {
            email: format!("{}@acme.example", name.to_lowercase()),
            username: Some(name.to_lowercase()),
            name: Some(name.to_owned()),
        };
        add_person(&self.app, new).await.expect("a person")
    }

    /// A browser in which that person has just signed in, through the pages.
    pub async fn signed_in(&self, user: &User) -> Browser {
        let mut browser = self.browser();
        self.sign_in(&mut browser, user).await;
        browser
    }

    /// Signs a person in, in a browser, by a link from the host.
    pub async fn sign_in(&self, browser: &mut Browser, user: &User) {
        let link = flow::sign_in::make_link(&self.app, user, Assurance::HostLink, None).await;
        let page = browser.get(&link.expect("a link")).await;
        let page = page.submit(browser, "/signin/", &[]).await;
        assert!(
            page.status.is_success(),
            "signed in: {} {}",
            page.status,
            page.body
        );
    }

    /// A browser nobody has signed in with.
    pub fn browser(&self) -> Browser {
        Browser::new(&self.url, self.http.clone())
    }

    /// Time passes.
    pub fn advance(&self, by: Duration) {
        self.app.clock.advance(by);
    }

    /// Whatever is due is delivered.
    pub async fn deliver(&self) {
        deliver::deliver_due(&self.app, self.app.clock.now())
            .await
            .expect("a round of deliveries");
    }

    /// Whatever has run out is noted.
    pub async fn sweep(&self) {
        expire::expire_due(&self.app, self.app.clock.now())
            .await
            .expect("a sweep");
        self.app.signal.sweep(self.app.clock.now());
    }

    /// The letters that have left, the oldest first.
    pub fn letters(&self) -> Vec<String> {
        let mut files: Vec<PathBuf> = std::fs::read_dir(self.folder.0.join("mail"))
            .map(|entries| {
                entries
                    .filter_map(|entry| Some(entry.ok()?.path()))
                    .collect()
            })
            .unwrap_or_default();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "eml"));
        files.sort();
        files
            .iter()
            .map(|path| std::fs::read_to_string(path).expect("a letter"))
            .collect()
    }

    /// The database, to look into.
    pub fn store(&self) -> &Store {
        &self.app.store
    }

    /// Where the database and the letters are.
    pub fn folder(&self) -> &std::path::Path {
        &self.folder.0
    }

    /// The audit chain holds.
    pub async fn audit_holds(&self) {
        for stream in self.app.store.audit_streams().await.expect("the database") {
            let mut link = countersign::domain::audit::Link::START;
            for row in self
                .app
                .store
                .audit_rows(stream, 0, 1_000_000)
                .await
                .expect("the database")
            {
                link = countersign::domain::audit::check(stream, link, &row)
                    .expect("an unbroken chain");
            }
        }
    }
}

async fn open_app(
    folder: &Folder,
    database: &Database,
    settings: &Settings,
    customs: &Customs,
    clock: Clock,
) -> App {
    let from = "ask@acme.example";
    let mailer = match &customs.smtp {
        Some(url) => {
            let url = url.clone().into();
            Mailer::smtp(&url, from, &"127.0.0.0/8".parse().expect("a network"), None)
                .expect("a mailer")
        }
        None if customs.no_mail => Mailer::Off,
        None => Mailer::folder(folder.0.join("mail"), from).expect("a folder for letters"),
    };
    let sender = customs.sender.clone().unwrap_or_else(|| SenderOptions {
        allow: "127.0.0.0/8".parse().expect("a network"),
        ..SenderOptions::default()
    });
    let options = Options {
        settings: settings.clone(),
        database_url: database.url().into(),
        master_key: MasterKey::new(&[7; MasterKey::LENGTH]),
        sender,
        mailer,
        vapid_contact: VapidContact::read("mailto:ops@acme.example").expect("a contact"),
        clock,
        entropy: Entropy::system(),
    };
    open::open(options)
        .await
        .expect("the server opens its database")
}

async fn apply_catalogue(app: &App) {
    let catalogue =
        Catalogue::read(include_str!("../../../examples/catalogue.toml")).expect("the example");
    let (version, _) = app.store.catalogue().await.expect("the database");
    if version == 0 {
        let document = serde_json::to_string(&catalogue).expect("JSON");
        let write = Write::ApplyCatalogue(1, document, app.clock.now());
        app.store.commit(Commit::of(write)).await.expect("applied");
    }
    let (version, catalogue) = app.store.catalogue().await.expect("the database");
    app.catalogue
        .set(countersign::app::VersionedCatalogue { version, catalogue });
}

fn serve(app: &App, listener: tokio::net::TcpListener) {
    let router = http::router(app.clone());
    let stop = app.stop.clone();
    app.tasks.spawn(async move {
        let drain = std::time::Duration::from_secs(1);
        server::serve(listener, router, Limits::default(), stop, drain)
            .await
            .expect("served");
    });
}

impl Drop for World {
    fn drop(&mut self) {
        self.app.stop.cancel();
    }
}
