//! A server on a temporary database, the agents, and Maya at her mailbox.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use countersign::app::open::{self, Options};
use countersign::app::{App, VersionedCatalogue};
use countersign::channel::email::Mailer;
use countersign::channel::sender::SenderOptions;
use countersign::channel::web_push::VapidContact;
use countersign::clock::Clock;
use countersign::config::Settings;
use countersign::config::settings::Rates;
use countersign::domain::action::Catalogue;
use countersign::domain::ciba::request::Parameters;
use countersign::domain::client::authentication::{FormCredentials, Presented};
use countersign::domain::consent::assurance::Assurance;
use countersign::domain::consent::denials::TooMany;
use countersign::domain::consent::partial::Trim;
use countersign::domain::consent::pause::Length;
use countersign::domain::id::RequestId;
use countersign::domain::token::master_key::MasterKey;
use countersign::domain::user::User;
use countersign::entropy::Entropy;
use countersign::flow::answer::{self, AnswerError, Choice};
use countersign::flow::ask::{self, Envelope};
use countersign::flow::authenticate::{self, Shown};
use countersign::flow::register::{NewClient, NewPerson, add_client, add_person};
use countersign::flow::sign_in::{self, Present};
use countersign::flow::{Unserved, deliver, expire, pause};
use countersign::store::{Commit, Write};
use secrecy::ExposeSecret;
use time::{Duration, OffsetDateTime};

use super::figures::Figures;
use super::person::{Verdict, verdict};
use super::traffic::{AGENTS, Question};
use super::ways::Way;

/// The first midnight: 4 January 2027, a Monday.
const BEGINNING: i64 = 1_799_020_800;

/// The server and everybody around it.
pub struct House {
    app: App,
    way: Way,
    folder: PathBuf,
    database_url: String,
    /// What each agent's `Authorization` header says.
    agents: Vec<String>,
    maya: User,
    present: Present,
    passed: Duration,
    refused: usize,
}

impl House {
    pub async fn build(way: Way) -> Self {
        static BUILT: AtomicU64 = AtomicU64::new(0);
        let number = BUILT.fetch_add(1, Ordering::Relaxed);
        let name = format!("countersign-thirty-days-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        let database_url = format!("sqlite://{}", folder.join("countersign.db").display());
        let beginning = OffsetDateTime::from_unix_timestamp(BEGINNING).expect("a moment");
        let options = Options {
            settings: settings(way),
            database_url: database_url.clone().into(),
            master_key: MasterKey::new(&[7; MasterKey::LENGTH]),
            sender: SenderOptions::default(),
            mailer: Mailer::folder(folder.join("mail"), "ask@acme.example").expect("a mailbox"),
            vapid_contact: VapidContact::read("mailto:ops@acme.example").expect("a contact"),
            clock: Clock::by_hand(beginning),
            entropy: Entropy::system(),
        };
        let app = open::open(options).await.expect("a server");
        apply_catalogue(&app).await;
        let mut agents = Vec::new();
        for name in AGENTS {
            let added = add_client(&app, NewClient::agent(name))
                .await
                .expect("an agent");
            let secret = added
                .secret
                .as_ref()
                .map_or("", ExposeSecret::expose_secret);
            let pair = STANDARD.encode(format!("{}:{secret}", added.client.id.0));
            agents.push(format!("Basic {pair}"));
        }
        let maya = NewPerson {
            email: "maya@acme.example".to_owned(),
            username: None,
            name: Some("Maya".to_owned()),
        };
        let maya = add_person(&app, maya).await.expect("a person");
        let present = signed_in(&app, &maya).await;
        Self {
            app,
            way,
            folder,
            database_url,
            agents,
            maya,
            present,
            passed: Duration::ZERO,
            refused: 0,
        }
    }

    /// It is so late now. Whatever was due meanwhile has left.
    pub async fn at(&mut self, passed: Duration) {
        self.app.clock.advance(passed - self.passed);
        self.passed = passed;
        let now = self.app.clock.now();
        deliver::deliver_due(&self.app, now).await.expect("letters");
    }

    /// An agent asks. What waits for Maya then, if anything does.
    pub async fn ask(&mut self, question: &Question) -> Option<RequestId> {
        let header = self.agents[question.agent].as_str();
        let presented = Presented::read(Some(header), FormCredentials::default());
        let presented = presented.expect("credentials");
        let by = authenticate::client(&self.app, presented, Shown::default()).await;
        let by = by.expect("an agent that is known");
        let expires = question.expires.whole_seconds().to_string();
        let parameters = Parameters {
            scope: Some(question.scope.unwrap_or("openid")),
            login_hint: Some(&self.maya.email),
            authorization_details: question.details.as_deref(),
            requested_expiry: Some(&expires),
            ..Parameters::default()
        };
        match ask::ask(&self.app, &by, parameters, Envelope::default()).await {
            Ok(acknowledged) => {
                let now = self.app.clock.now();
                deliver::deliver_due(&self.app, now).await.expect("letters");
                Some(acknowledged.approval_id)
            }
            Err(Unserved::Refused(_)) => {
                self.refused += 1;
                None
            }
            Err(Unserved::Failed(fault)) => panic!("{fault}"),
        }
    }

    /// Maya has seen it, and answers if it still waits.
    pub async fn look(&mut self, id: RequestId, at: Duration) {
        let stored = self.app.store.request(id).await.expect("the database");
        let stored = stored.expect("a request");
        let question = stored.request.question();
        let items = serde_json::to_value(&question.asked.items).expect("JSON");
        let shown = question.card_digest;
        if self.present.session.authenticated_at + Duration::hours(1) < self.app.clock.now() {
            self.present = signed_in(&self.app, &self.maya).await;
        }
        for choice in self.choices(verdict(&items)) {
            match answer::answer(&self.app, id, &self.present, choice, shown, None).await {
                Ok(_) | Err(AnswerError::Settled(_)) => return,
                // There is no "always" this long for an agent that is new to her: a shorter one, or once.
                Err(AnswerError::Bounds(_) | AnswerError::TooWide(_)) => {}
                Err(other) => panic!("{at}: {other:?}"),
            }
        }
    }

    /// What she tries, one after the other.
    fn choices(&self, verdict: Verdict) -> Vec<Choice> {
        match verdict {
            Verdict::No => vec![Choice::Deny { reason: None }],
            Verdict::Always(picks) if self.way.rules => {
                let always = |until: &str| Choice::Always {
                    until: until.to_owned(),
                    picks: vec![picks.clone()],
                    trim: Trim::default(),
                    confirmed: None,
                };
                vec![always("30d"), always("max"), always("today"), Choice::Once]
            }
            Verdict::Yes | Verdict::Always(_) => vec![Choice::Once],
        }
    }

    pub async fn pause(&self) {
        if self.way.pauses {
            let paused = pause::pause(&self.app, &self.present, Length::UntilResumed, None);
            paused.await.expect("paused");
        }
    }

    pub async fn resume(&self) {
        if self.way.pauses {
            let resumed = pause::resume(&self.app, &self.present, None);
            resumed.await.expect("resumed");
        }
    }

    /// Whatever has run out is noted.
    pub async fn sweep(&self) {
        while expire::expire_due(&self.app, self.app.clock.now())
            .await
            .expect("a sweep")
            > 0
        {}
    }

    /// The month is over.
    pub async fn count(self) -> Figures {
        Figures::read(&self.database_url, self.refused).await
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.app.stop.cancel();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn settings(way: Way) -> Settings {
    let mut settings = Settings::default();
    if !way.cool_down {
        settings.limits.denials = TooMany { alike: 0, any: 0 };
    }
    settings.limits.rates = Rates::NONE;
    settings.limits.waiting_per_person = 0;
    settings.limits.waiting_per_client_and_person = 0;
    if way.limits {
        settings.limits.rates.asks = 5;
        settings.limits.waiting_per_client_and_person = 2;
    }
    settings
}

async fn apply_catalogue(app: &App) {
    let catalogue = Catalogue::read(include_str!("../../catalogue.toml")).expect("the example");
    let document = serde_json::to_string(&catalogue).expect("JSON");
    let write = Write::ApplyCatalogue(1, document, app.clock.now());
    app.store.commit(Commit::of(write)).await.expect("applied");
    app.catalogue.set(VersionedCatalogue {
        version: 1,
        catalogue,
    });
}

async fn signed_in(app: &App, maya: &User) -> Present {
    let link = sign_in::make_link(app, maya, Assurance::HostLink, None).await;
    let link = link.expect("a link");
    let handle = link.rsplit('/').next().unwrap_or_default();
    let used = sign_in::use_link(app, handle, None, None, None).await;
    let cookie = used.expect("a session").0.cookie;
    let present = sign_in::session(app, &cookie).await;
    present.expect("the database").expect("signed in")
}
