//! For tests: a house with a person, a phone, a mailbox and an agent, on a database of its own.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};

use serde_json::json;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::app::App;
use crate::app::open::{Options, open};
use crate::channel::email::Mailer;
use crate::channel::sender::SenderOptions;
use crate::channel::web_push::VapidContact;
use crate::clock::Clock;
use crate::config::Settings;
use crate::domain::action::{Asked, Card, Catalogue, Party, Tier};
use crate::domain::ciba::approval::{ApprovalRequest, Pending, Question};
use crate::domain::ciba::mode::Mode;
use crate::domain::client::secret::SecretHashes;
use crate::domain::client::{Client, Credentials};
use crate::domain::id::{ClientId, DeviceId, ParcelId, RequestId, UserId};
use crate::domain::token::master_key::MasterKey;
use crate::domain::user::User;
use crate::entropy::Entropy;
use crate::outbox::fan_out;
use crate::store::commit::NewDevice;
use crate::store::{Commit, NewRequest, Write};

/// RFC 8291, appendix A.
const P256DH: &str =
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

/// The house. Its clock is moved by hand; its folder is gone when it is dropped.
pub(crate) struct House {
    pub(crate) app: App,
    pub(crate) maya: UserId,
    pub(crate) agent: ClientId,
    folder: PathBuf,
    pushes: Arc<AtomicUsize>,
    push_status: Arc<AtomicU16>,
    push_port: u16,
}

impl House {
    pub(crate) async fn build() -> Self {
        static BUILT: AtomicUsize = AtomicUsize::new(0);
        let number = BUILT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("cs-house-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let app = open(Options {
            settings: Settings::default(),
            database_url: format!("sqlite://{}/db.sqlite", folder.display()).into(),
            master_key: MasterKey::new(&[1; 32]),
            sender: SenderOptions {
                allow: "127.0.0.0/8".parse().unwrap(),
                ..SenderOptions::default()
            },
            mailer: Mailer::folder(folder.join("letters"), "ask@example.com").unwrap(),
            vapid_contact: VapidContact::read("mailto:ops@example.com").unwrap(),
            clock: Clock::by_hand(datetime!(2026-11-22 09:00 UTC)),
            entropy: Entropy::system(),
        })
        .await
        .unwrap();
        let (pushes, push_status) = (Arc::default(), Arc::new(AtomicU16::new(201)));
        let push_port = push_service(&app, Arc::clone(&pushes), Arc::clone(&push_status)).await;
        let house = Self {
            maya: UserId(app.entropy.id(app.clock.now()).unwrap()),
            agent: ClientId("agent".into()),
            app,
            folder,
            pushes,
            push_status,
            push_port,
        };
        house.people().await;
        house
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        self.app.clock.now()
    }

    pub(crate) fn id(&self) -> Uuid {
        self.app.entropy.id(self.now()).unwrap()
    }

    /// How many messages the push service has been handed.
    pub(crate) fn pushes(&self) -> usize {
        self.pushes.load(Ordering::SeqCst)
    }

    /// What the push service answers from now on.
    pub(crate) fn push_service_answers(&self, status: u16) {
        self.push_status.store(status, Ordering::SeqCst);
    }

    /// The letters written so far, as text.
    pub(crate) fn letters(&self) -> Vec<String> {
        let Ok(letters) = std::fs::read_dir(self.folder.join("letters")) else {
            return Vec::new();
        };
        letters
            .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
            .collect()
    }

    pub(crate) async fn commit(&self, commit: Commit) {
        self.app.store.commit(commit).await.unwrap();
    }

    /// Every word of the audit log, in order.
    pub(crate) async fn history(&self) -> Vec<String> {
        let mut kinds = Vec::new();
        for stream in self.app.store.audit_streams().await.unwrap() {
            let rows = self.app.store.audit_rows(stream, 0, 1000).await.unwrap();
            kinds.extend(rows.into_iter().map(|row| row.index.kind));
        }
        kinds
    }

    async fn people(&self) {
        let user = User {
            id: self.maya,
            email: "maya@example.com".into(),
            username: None,
            name: "Maya".into(),
            active: true,
            created_at: self.now(),
        };
        let credentials = Credentials::SecretBasic(SecretHashes::of([0; 32]));
        let client = Client {
            name: "Billing Agent".into(),
            ..Client::agent(self.agent.clone(), credentials, self.now())
        };
        let add = Commit::of(Write::AddUser(Box::new(user)));
        self.commit(add.and(Write::AddClient(Box::new(client))))
            .await;
    }

    /// Maya has one more phone.
    pub(crate) async fn phone(&self) -> DeviceId {
        let id = DeviceId(self.id());
        let endpoint = format!("http://127.0.0.1:{}/{id}", self.push_port);
        let keys = json!({"p256dh": P256DH, "auth": AUTH});
        let subscription = json!({"endpoint": endpoint, "keys": keys}).to_string();
        let (place, nonce) = (id.0.as_bytes(), self.app.entropy.bytes().unwrap());
        let sealer = &self.app.secrets.subscriptions;
        let device = NewDevice {
            id,
            user: self.maya,
            name: "A phone".into(),
            endpoint_hash: self.app.secrets.endpoint_hash(endpoint.as_bytes()),
            subscription: sealer.seal(subscription.as_bytes(), place, nonce).unwrap(),
            created_at: self.now(),
        };
        self.commit(Commit::of(Write::AddDevice(Box::new(device))))
            .await;
        id
    }

    /// The agent asks for ten minutes; Maya is to be told on these phones and, perhaps, by letter.
    pub(crate) async fn ask(&self, phones: &[DeviceId], by_letter: bool) -> Question {
        let id = RequestId(self.id());
        let party = |id: String, name: &str| Party {
            id,
            name: name.into(),
        };
        let card = Card::draw(
            &Asked::default(),
            &Catalogue::default(),
            party(self.agent.0.clone(), "Billing Agent"),
            party(self.maya.to_string(), "Maya"),
            None,
            "KITE-47".into(),
            id,
        );
        let question = Question {
            id,
            client: self.agent.clone(),
            user: self.maya,
            mode: Mode::Poll,
            opened_at: self.now(),
            answer_by: self.now() + Duration::minutes(10),
            expires_at: self.now() + Duration::minutes(11),
            interval: Duration::seconds(5),
            scope: "openid".into(),
            asked: Asked::default(),
            tier: Tier::Low,
            card_digest: card.digest(),
            bound_to: None,
            quorum: None,
            wanted: crate::domain::consent::step_up::Wanted::default(),
        };
        let ids = std::iter::repeat_with(|| ParcelId(self.id()));
        let parcels = fan_out::tell_person(&question, self.maya, phones, by_letter, ids);
        let new = NewRequest {
            request: ApprovalRequest::Pending(Pending {
                question: question.clone(),
            }),
            card: card.canonical(),
            match_code: card.match_code.clone(),
            catalogue_version: 0,
            resume_state: None,
            notification_token: None,
            idempotency: None,
            likeness: None,
            arrival: None,
        };
        self.commit(Commit::of(Write::OpenRequest(Box::new(new))).parcels(parcels))
            .await;
        question
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.app.stop.cancel();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A push service of a few lines: counts what it is handed and answers what it is told to.
async fn push_service(app: &App, pushes: Arc<AtomicUsize>, status: Arc<AtomicU16>) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tasks, stop) = (app.tasks.clone(), app.stop.clone());
    app.tasks.spawn(async move {
        while let Some(Ok((mut socket, _))) = stop.run_until_cancelled(listener.accept()).await {
            let (pushes, status) = (Arc::clone(&pushes), Arc::clone(&status));
            tasks.spawn(async move {
                let mut request = [0; 8192];
                let mut length = 0;
                // The body is encrypted and the head is short: two reads at most.
                while !request[..length].windows(4).any(|w| w == b"\r\n\r\n") {
                    length += socket.read(&mut request[length..]).await.unwrap();
                }
                pushes.fetch_add(1, Ordering::SeqCst);
                let status = status.load(Ordering::SeqCst);
                let answer = format!(
                    "HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                );
                let _ = socket.write_all(answer.as_bytes()).await;
                let _ = socket.read(&mut request).await;
            });
        }
    });
    port
}
