//! The demo's server: the real one, with a folder instead of a data directory.

use std::net::SocketAddr;
use std::time::Duration;

use secrecy::SecretString;
use tokio::net::TcpListener;

use super::USUAL;
use super::folder::Folder;
use crate::app::App;
use crate::app::open::{Options, open};
use crate::channel::email::Mailer;
use crate::channel::sender::SenderOptions;
use crate::channel::web_push::VapidContact;
use crate::cli::agent::Credentials;
use crate::cli::exit::{Exit, Failure, chain};
use crate::clock::Clock;
use crate::config::Settings;
use crate::domain::action::Catalogue;
use crate::domain::consent::assurance::Assurance;
use crate::domain::token::master_key::MasterKey;
use crate::domain::user::User;
use crate::entropy::Entropy;
use crate::flow::register::{NewClient, NewPerson, add_client, add_person};
use crate::flow::{catalogue, sign_in};
use crate::server::{self, Limits};
use crate::telemetry::{self, Style};
use crate::{http, worker};

/// What may be asked for in the demo.
const CATALOGUE: &str = include_str!("../../../examples/catalogue.toml");

/// How long requests in hand may take when the demo ends.
const DRAIN: Duration = Duration::from_secs(2);

/// A running server with one person and one agent.
pub(super) struct Stage {
    /// Its parts.
    pub(super) app: App,
    /// The person.
    pub(super) you: User,
    /// What the agent calls itself by.
    pub(super) agent: Credentials,
}

impl Stage {
    /// Starts it.
    pub(super) async fn set(folder: &Folder, listen: Option<SocketAddr>) -> Result<Self, Failure> {
        // Only what goes wrong: the terminal belongs to the story.
        let _ = telemetry::start(Some("warn"), Style::Text);
        let listener = bind(listen).await?;
        let address = listener.local_addr().map_err(failed)?;
        let app = Box::pin(open(options(folder, address)?))
            .await
            .map_err(|error| failed(chain(&error)))?;
        let example = Catalogue::read(CATALOGUE).map_err(failed)?;
        catalogue::apply(&app, example).await?;
        let person = NewPerson {
            email: "you@localhost".to_owned(),
            username: Some("you".to_owned()),
            name: Some("You (demo)".to_owned()),
        };
        let you = add_person(&app, person).await?;
        let added = add_client(&app, NewClient::agent("Billing Agent")).await?;
        let secret = added
            .secret
            .ok_or_else(|| failed("the agent has no secret"))?;
        worker::start(&app);
        let serving = server::serve(
            listener,
            http::router(app.clone()),
            Limits::default(),
            app.stop.clone(),
            DRAIN,
        );
        app.tasks.spawn(serving);
        Ok(Self {
            app,
            you,
            agent: Credentials {
                client_id: added.client.id.0,
                secret,
                in_form: false,
            },
        })
    }

    /// Where it is.
    pub(super) fn url(&self) -> &str {
        &self.app.settings.public_url
    }

    /// A link that signs the person in and leads to a page of ours.
    pub(super) async fn link_to(&self, page: String) -> Result<String, Failure> {
        sign_in::make_link(&self.app, &self.you, Assurance::HostLink, Some(page))
            .await
            .map_err(|error| failed(chain(&error)))
    }

    /// Stops it.
    pub(super) async fn strike(self) {
        self.app.stop.cancel();
        self.app.signal.release_all();
        self.app.tasks.close();
        let _ = tokio::time::timeout(2 * DRAIN, self.app.tasks.wait()).await;
        self.app.store.close().await;
    }
}

/// The address asked for; or the usual one; or any.
async fn bind(listen: Option<SocketAddr>) -> Result<TcpListener, Failure> {
    if let Some(address) = listen {
        return TcpListener::bind(address).await.map_err(|error| {
            Failure::new(
                Exit::Conflict,
                format_args!("cannot listen on {address}: {error}"),
            )
            .fix("leave out --listen, and any free port is taken")
        });
    }
    match TcpListener::bind(USUAL).await {
        Ok(listener) => Ok(listener),
        Err(_) => TcpListener::bind("127.0.0.1:0").await.map_err(failed),
    }
}

fn options(folder: &Folder, address: SocketAddr) -> Result<Options, Failure> {
    let entropy = Entropy::system();
    let database = folder.path().join("demo.db");
    let mail = folder.path().join("mail");
    Ok(Options {
        settings: Settings {
            public_url: format!("http://{address}"),
            name: "Countersign demo".to_owned(),
            ..Settings::default()
        },
        database_url: SecretString::from(format!("sqlite://{}", database.display())),
        master_key: MasterKey::new(&entropy.bytes().map_err(failed)?),
        sender: SenderOptions::default(),
        mailer: Mailer::folder(mail, "Countersign demo <demo@localhost>").map_err(failed)?,
        vapid_contact: VapidContact::read("mailto:demo@countersign.example").map_err(failed)?,
        clock: Clock::system(),
        entropy,
    })
}

pub(super) fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Failed, error)
}
