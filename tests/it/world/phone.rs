//! Real browsers in a story: a phone and a desktop with Chromium, another person's Firefox, and the push
//! services that hold them.

use std::collections::HashMap;
use std::net::SocketAddr;

use countersign::channel::sender::{Certificate, SenderOptions};
use countersign::clock::Clock;
use countersign::config::Settings;
use countersign::domain::consent::assurance::Assurance;
use countersign::domain::user::User;
use countersign::flow;
use serde_json::{Value, json};

use super::actor::Actor;
use super::{Customs, Folder, World};

/// The push service a browser subscribes with.
pub struct PushService {
    actor: Actor,
    /// What a browser is started with so that it subscribes here.
    joining: Value,
    _certificates: Folder,
}

impl PushService {
    /// Google's, for Chromium, and a server that finds it.
    pub async fn google() -> (Self, Customs) {
        let folder = Folder::new();
        let path = folder.0.to_str().expect("a plain path").to_owned();
        let (actor, ready) = Actor::start("gcm_stand_in.mjs", &path).await;
        let address: SocketAddr = text(&ready["push"]).parse().expect("an address");
        let hosts = ready["hosts"].as_array().expect("hosts");
        let overrides: HashMap<_, _> = hosts
            .iter()
            .map(|host| (text(host).to_owned(), vec![address]))
            .collect();
        let root = std::fs::read(text(&ready["ca"])).expect("a certificate");
        let sender = SenderOptions {
            tls_roots: vec![Certificate::from_pem(&root).expect("a certificate")],
            overrides,
            ..loopback()
        };
        let joining = json!({"flags": ready["flags"]});
        (Self::new(actor, joining, folder), found_by(sender))
    }

    /// Mozilla's, for Firefox: plain http on this machine.
    pub async fn mozilla() -> (Self, Customs) {
        let (actor, ready) = Actor::start("autopush_stand_in.mjs", "").await;
        let joining = json!({"prefs": ready["prefs"]});
        (
            Self::new(actor, joining, Folder::new()),
            found_by(loopback()),
        )
    }

    fn new(actor: Actor, joining: Value, certificates: Folder) -> Self {
        Self {
            actor,
            joining,
            _certificates: certificates,
        }
    }

    /// The next thing of that kind that happens, or has happened unnoticed.
    pub async fn event(&mut self, name: &str) -> Value {
        self.actor.event(name).await
    }

    /// How many messages have come that nobody has asked for.
    pub async fn unasked(&mut self) -> usize {
        self.actor.unasked("posted").await
    }

    pub async fn end(self) {
        self.actor.end().await;
    }
}

fn found_by(sender: SenderOptions) -> Customs {
    Customs {
        sender: Some(sender),
        ..Customs::default()
    }
}

fn loopback() -> SenderOptions {
    SenderOptions {
        allow: "127.0.0.0/8, ::1".parse().expect("networks"),
        ..SenderOptions::default()
    }
}

impl World {
    /// A server that real browsers take for a secure place, in their own present.
    pub async fn for_browsers(customs: Customs) -> Self {
        Box::pin(Self::sqlite_with(Customs {
            begins: Some(Clock::system().now()),
            settings: Some(named_localhost),
            ..customs
        }))
        .await
    }
}

/// Browsers trust `localhost` without a certificate; passkeys and cookies want a name.
fn named_localhost(settings: &mut Settings) {
    settings.public_url = settings.public_url.replace("127.0.0.1", "localhost");
}

/// A browser with somebody in front of it.
pub struct Phone {
    actor: Actor,
    url: String,
    /// Its pages can say when they take answers.
    scripts: bool,
}

impl Phone {
    /// Chromium, of a phone's size unless `options` say otherwise (`phone.mjs` lists them).
    pub async fn new(world: &World, service: Option<&PushService>, options: Value) -> Self {
        let mut options = options;
        options["granted"] = json!([world.url]);
        Self::start("phone.mjs", world, service, options).await
    }

    /// Firefox ESR.
    pub async fn firefox(world: &World, service: &PushService) -> Self {
        let options = json!({"granted": true});
        Self::start("firefox.mjs", world, Some(service), options).await
    }

    async fn start(
        program: &str,
        world: &World,
        service: Option<&PushService>,
        mut options: Value,
    ) -> Self {
        if let Some(Value::Object(joining)) = service.map(|service| &service.joining) {
            for (name, value) in joining {
                options[name] = value.clone();
            }
        }
        // Machines that run tests are busy.
        options["timeout"] = 30_000.into();
        let (actor, _) = Actor::start(program, &options.to_string()).await;
        Self {
            actor,
            url: world.url.clone(),
            scripts: options["javaScript"] != json!(false),
        }
    }

    /// Any command of the actor's.
    pub async fn tell(&mut self, command: &str, with: Value) -> Value {
        self.actor.tell(command, with).await
    }

    /// Opens a page of ours, or any address. Returns the answer's status.
    pub async fn open(&mut self, path: &str) -> u64 {
        let url = if path.starts_with('/') {
            format!("{}{path}", self.url)
        } else {
            path.to_owned()
        };
        let answer = self.tell("goto", json!({ "url": url })).await;
        answer["status"].as_u64().unwrap_or_default()
    }

    /// Presses a button that leads to another page. A page of ours is deaf to taps for its first moments.
    pub async fn press(&mut self, label: &str) {
        self.ready().await;
        let which = json!({"role": "button", "name": label, "navigates": true});
        self.tell("click", which).await;
    }

    /// Follows a link.
    pub async fn follow(&mut self, label: &str) {
        let which = json!({"role": "link", "name": label, "navigates": true});
        self.tell("click", which).await;
    }

    /// Waits until the page takes answers.
    pub async fn ready(&mut self) {
        if !self.scripts {
            return;
        }
        let script = "new Promise((resolve) => {
            const look = () => document.querySelector('form[data-shield]:not([data-ready])')
              ? setTimeout(look, 20) : resolve(true)
            look()
        })";
        self.evaluate(script).await;
    }

    /// Signs in by a link from the host, as a person would: the link, then its button.
    pub async fn sign_in(&mut self, world: &World, user: &User) {
        let link = flow::sign_in::make_link(&world.app, user, Assurance::HostLink, None);
        let link = link.await.expect("a link");
        assert_eq!(self.open(&link).await, 200);
        self.press("Sign in").await;
    }

    /// Turns notifications on, at the page for it, and waits until the page says so.
    pub async fn subscribe(&mut self) {
        self.open("/devices").await;
        let which = json!({"role": "button", "name": "Turn on notifications"});
        self.tell("click", which).await;
        self.sees("Notifications are on in this browser.").await;
    }

    /// Waits until the page says this.
    pub async fn sees(&mut self, words: &str) {
        self.tell("waitForText", json!({ "text": words })).await;
    }

    /// The page's words as they stand.
    pub async fn words(&mut self) -> String {
        text(&self.tell("text", json!({})).await["text"]).to_owned()
    }

    /// What a script on the page returns.
    pub async fn evaluate(&mut self, script: &str) -> Value {
        let said = self.tell("evaluate", json!({ "script": script })).await;
        said["value"].clone()
    }

    /// The newest notification with these words in its body, once there is one.
    pub async fn notification(&mut self, body: &str) -> Value {
        let said = self
            .tell("waitForNotification", json!({ "body": body }))
            .await;
        said["notification"].clone()
    }

    /// Taps it, and goes where that leads.
    pub async fn tap_notification(&mut self, body: &str, leads_to: &str) {
        self.tell("clickNotification", json!({ "body": body }))
            .await;
        self.tell("waitForPage", json!({ "url": leads_to })).await;
    }

    /// Nothing has gone wrong unseen: no policy was violated, nothing was complained about, and nobody was
    /// called but us. `but` are complaints that belong to the story.
    pub async fn all_quiet(&mut self, but: &[&str]) {
        let noticed = self.tell("noticed", json!({})).await;
        assert_eq!(noticed["csp"], json!([]));
        assert_eq!(noticed["errors"], json!([]));
        let lines = noticed["console"].as_array().expect("lines");
        let complaints: Vec<_> = lines
            .iter()
            .filter(|line| !but.iter().any(|but| text(line).contains(but)))
            .collect();
        assert!(complaints.is_empty(), "{complaints:?}");
        for request in noticed["requests"].as_array().expect("requests") {
            let url = text(&request["url"]);
            let ours = url.starts_with(&format!("{}/", self.url)) || url == "about:blank";
            assert!(ours, "a request to {url}");
        }
    }

    /// Switches it off.
    pub async fn off(self) {
        self.actor.end().await;
    }
}

/// A string.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("text: {value}"))
}
