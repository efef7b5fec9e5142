//! Every page in every state, on a small phone: nothing is cut off, everything can be read and hit.
//!
//! With `COUNTERSIGN_PICTURES=/some/folder` each state is also photographed: on a phone, light and dark,
//! and on a desktop.

use std::path::PathBuf;

use countersign::domain::action::Approvers;
use countersign::domain::consent::assurance::Assurance;
use countersign::domain::user::User;
use countersign::flow;
use serde_json::json;
use time::Duration;

use super::payment;
use crate::world::{Agent, Customs, Phone, World};

/// Complaints of the page in front, as sentences.
const CHECK: &str = include_str!("looks.js");

struct Eye {
    phone: Phone,
    pictures: Option<PathBuf>,
    complaints: Vec<String>,
}

impl Eye {
    /// Looks at the page in front.
    async fn look(&mut self, name: &str) {
        for scheme in ["light", "dark"] {
            let narrow = json!({"colorScheme": scheme, "viewport": {"width": 360, "height": 640}});
            self.phone.tell("emulate", narrow).await;
            let found = self.phone.evaluate(CHECK).await;
            for complaint in found.as_array().expect("complaints") {
                let complaint = complaint.as_str().expect("text");
                self.complaints
                    .push(format!("{name}, {scheme}: {complaint}"));
            }
        }
        if let Some(folder) = self.pictures.clone() {
            let path = |kind: &str| folder.join(format!("{name}{kind}"));
            let phone = json!({"viewport": {"width": 390, "height": 844}});
            self.phone.tell("emulate", phone).await;
            let both = json!({"path": path(""), "schemes": ["light", "dark"]});
            self.phone.tell("screenshot", both).await;
            let desktop =
                json!({"colorScheme": "light", "viewport": {"width": 1280, "height": 900}});
            self.phone.tell("emulate", desktop).await;
            let wide = json!({"path": path(".wide.png"), "fullPage": false});
            self.phone.tell("screenshot", wide).await;
        }
        let usual = json!({"colorScheme": "light", "viewport": {"width": 390, "height": 844}});
        self.phone.tell("emulate", usual).await;
    }

    async fn at(&mut self, path: &str, name: &str) {
        self.phone.open(path).await;
        self.look(name).await;
    }

    #[track_caller]
    fn satisfied(&self) {
        let complaints = self.complaints.join("\n");
        assert!(complaints.is_empty(), "{complaints}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_fits_a_small_phone_and_can_be_read_in_light_and_dark() {
    let world = World::for_browsers(Customs::default()).await;
    let maya = world.person("Maya").await;
    let billing = world.agent("Billing Agent").await;
    let mut eye = Eye {
        phone: Phone::new(&world, None, json!({})).await,
        pictures: std::env::var_os("COUNTERSIGN_PICTURES").map(PathBuf::from),
        complaints: Vec::new(),
    };
    signing_in(&world, &maya, &mut eye).await;
    before_anything(&world, &maya, &mut eye).await;
    waiting(&world, &maya, &billing, &mut eye).await;
    answering(&world, &maya, &billing, &mut eye).await;
    afterwards(&world, &maya, &billing, &mut eye).await;
    refusals(&world, &maya, &billing, &mut eye).await;
    eye.satisfied();
    eye.phone.off().await;
}

async fn signing_in(world: &World, maya: &User, eye: &mut Eye) {
    eye.at("/signin", "sign_in").await;
    let post = "document.querySelector('main form').noValidate = true";
    eye.phone.evaluate(post).await;
    eye.phone.press("Send me a sign-in link").await;
    eye.look("sign_in_problem").await;
    let email = json!({"label": "Email", "value": "maya@acme.example"});
    eye.phone.tell("fill", email).await;
    eye.phone.press("Send me a sign-in link").await;
    eye.look("link_sent").await;
    let id = "0".repeat(32);
    eye.at(&format!("/r/{id}"), "sign_in_for_request").await;
    let link = flow::sign_in::make_link(&world.app, maya, Assurance::HostLink, None).await;
    let link = link.expect("a link");
    eye.at(&link, "use_link").await;
    eye.phone.press("Sign in").await;
    eye.at(&link, "link_over").await;
}

async fn before_anything(world: &World, maya: &User, eye: &mut Eye) {
    eye.phone.sign_in(world, maya).await;
    eye.at("/", "inbox_empty").await;
    eye.at("/history", "history_empty").await;
    eye.at("/allowed", "allowed_empty").await;
    eye.at("/devices", "devices_empty").await;
    eye.at("/settings", "settings").await;
    let why = Some("An agent is misbehaving, and we are looking into it. Nothing is lost.");
    let pause = flow::pause::pause_everyone(&world.app, Some(Duration::hours(2)), why).await;
    pause.expect("paused");
    eye.at("/", "paused_by_operator").await;
    let resumed = flow::pause::resume_everyone(&world.app).await;
    assert!(resumed.expect("resumed"));
    eye.at("/", "inbox_empty").await;
    eye.phone.press("Pause all agents").await;
    eye.look("paused").await;
    eye.phone.press("Pause until I resume").await;
    eye.look("paused_until_resumed").await;
    eye.phone.press("Resume").await;
}

/// A deployment under a name as long as names may be.
const DEPLOY: &str = r#"[{"type":"deploy","environment":"prod/eu-central-1-with-a-name-that-goes-on-and-on-and-on-and-on-until-it-ends-x","version":"2026.11.22-build.4711-with-a-long-name","migrate":true}]"#;

const WIRE: &str = r#"{"type":"payment_initiation","creditorName":"Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamte","creditorAccount":{"iban":"DE89370400440532013000"},"instructedAmount":{"amount":"1234567.89","currency":"EUR"},"reference":"Invoice 5521 for the work done in October, November and December, as agreed by telephone"}"#;

const WORDS: &str = "The supplier wrote that the invoice is overdue. I checked it against the order, \
    and amount and account agree with both.";

async fn ask(agent: &Agent, user: &User, more: &[(&str, &str)]) -> crate::world::Asked {
    agent.ask(&user.email, more).await
}

async fn waiting(world: &World, maya: &User, billing: &Agent, eye: &mut Eye) {
    let calendar = world.agent("Calendar Assistant").await;
    let long = world
        .agent("Quarterly Reconciliation Assistant Finance")
        .await;
    let wire = format!("[{WIRE}]");
    let several = format!("[{},{WIRE}]", payment("40.00").trim_matches(['[', ']']));
    let small = payment("240.00");
    let scope = |scope| [("scope", scope)];
    let said = |details| {
        [
            ("authorization_details", details),
            ("binding_message", WORDS),
        ]
    };
    let low = ask(&calendar, maya, &scope("openid calendar.read")).await;
    let normal = ask(billing, maya, &said(&small)).await;
    let high = ask(billing, maya, &said(&wire)).await;
    let critical = ask(&calendar, maya, &scope("openid files.delete")).await;
    let texts = ask(&long, maya, &said(DEPLOY)).await;
    let items = ask(billing, maya, &said(&several)).await;
    let presence = ask(&calendar, maya, &scope("openid")).await;
    let away = [
        ("scope", "openid calendar.write"),
        ("binding_message", "Problem? Call +1 900 555 0199"),
        ("requested_expiry", "172800"),
    ];
    let away = ask(&calendar, maya, &away).await;
    eye.at("/", "inbox").await;
    for (asked, name) in [
        (&low, "request_low"),
        (&normal, "request_normal"),
        (&high, "request_high"),
        (&critical, "request_critical"),
        (&texts, "request_long"),
        (&items, "request_items"),
        (&presence, "request_presence"),
        (&away, "request_leads_away"),
    ] {
        eye.at(&asked.page(), name).await;
    }
    less_of(&items, eye).await;
    eye.at(&high.page(), "request_high").await;
    eye.phone
        .evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
        .await;
    eye.look("request_unfolded").await;
    for (asked, name) in [
        (&low, "always_scope"),
        (&normal, "always_fields"),
        (&texts, "always_long"),
    ] {
        eye.at(&format!("{}/always", asked.page()), name).await;
    }
    eye.at(&format!("{}/always", normal.page()), "always_fields")
        .await;
    let ceiling = json!({"selector": "[name='pick.0.amount.at-most']", "value": "a lot"});
    eye.phone.tell("fill", ceiling).await;
    eye.phone.press("Allow within these limits").await;
    eye.look("always_problem").await;
    together(world, maya, &calendar, eye).await;
    world.advance(Duration::minutes(6));
    eye.at("/settings", "settings_stale").await;
    eye.at(&high.page(), "request_stale").await;
    eye.phone.press("Send me a fresh sign-in link").await;
    eye.look("link_sent_again").await;
}

/// A request that others answer, too.
async fn together(world: &World, maya: &User, agent: &Agent, eye: &mut Eye) {
    let (ana, bo) = (world.person("Lena").await, world.person("Otto").await);
    world.catalogue(|catalogue| {
        let people = [maya, &ana, &bo].map(|user| user.email.clone());
        crate::tokens::permission(catalogue, "files.delete").approvers = Some(Approvers {
            count: 2,
            from: people.to_vec(),
            never_for_oneself: false,
        });
    });
    let asked = ask(agent, maya, &[("scope", "openid files.delete")]).await;
    world.approve(&ana, &asked).await;
    eye.at(&asked.page(), "request_together").await;
    eye.phone.press("Only this time").await;
    eye.look("receipt_together").await;
    world.catalogue(|catalogue| {
        crate::tokens::permission(catalogue, "files.delete").approvers = Some(Approvers {
            count: 3,
            from: [maya, &ana, &bo].map(|user| user.email.clone()).to_vec(),
            never_for_oneself: false,
        });
    });
    let asked = ask(agent, maya, &[("scope", "openid files.delete")]).await;
    world.approve(maya, &asked).await;
    eye.at(&asked.page(), "request_allowed_by_me").await;
    world.catalogue(|catalogue| {
        crate::tokens::permission(catalogue, "files.delete").approvers = None;
    });
}

async fn answering(world: &World, maya: &User, billing: &Agent, eye: &mut Eye) {
    let asked = ask(billing, maya, &[("scope", "openid calendar.write")]).await;
    eye.phone.open(&asked.page()).await;
    eye.phone.press("Only this time").await;
    eye.look("receipt_once").await;
    billing.poll(&asked.auth_req_id).await.ok();
    eye.at(&asked.page(), "receipt_collected").await;

    let details = payment("40.00");
    let paying = [("authorization_details", details.as_str())];
    let asked = ask(billing, maya, &paying).await;
    eye.phone.open(&format!("{}/always", asked.page())).await;
    eye.phone.press("Allow within these limits").await;
    eye.look("receipt_always").await;
    let covered = ask(billing, maya, &paying).await;
    eye.at(&covered.page(), "receipt_by_rule").await;

    let asked = ask(
        billing,
        maya,
        &[
            ("scope", "openid payments.read"),
            ("binding_message", WORDS),
        ],
    )
    .await;
    eye.phone.open(&asked.page()).await;
    let reason = "I did not ask for this, and I would like to know why you did.";
    let fill = format!("document.querySelector('#reason').value = {reason:?}");
    eye.phone.evaluate(&fill).await;
    eye.phone.press("Deny").await;
    eye.look("receipt_denied").await;
    eye.phone
        .evaluate("document.querySelector('details.asking').open = true")
        .await;
    eye.look("receipt_denied_unfolded").await;
    eye.phone.press("Not for this, for 1 hour").await;
    eye.look("receipt_stopped").await;
    eye.at("/allowed", "allowed_silent").await;
    eye.phone.press("Let it ask again").await;
    let mut laptop = world.signed_in(maya).await;
    let elsewhere = ask(billing, maya, &[("scope", "openid files.read")]).await;
    eye.phone.open(&elsewhere.page()).await;
    eye.phone.ready().await;
    let there = laptop.get(&elsewhere.page()).await;
    there.press(&mut laptop, "Only this time", &[]).await;
    eye.phone.press("Deny").await;
    eye.look("answered_elsewhere").await;
}

/// One thing left out, another lowered, and lowered to more than it was.
async fn less_of(items: &crate::world::Asked, eye: &mut Eye) {
    eye.phone.open(&items.page()).await;
    let untick = json!({"selector": "[name='item.1']", "value": false});
    eye.phone.tell("check", untick).await;
    let change = json!({"selector": ".change summary >> nth=0"});
    eye.phone.tell("click", change).await;
    let less = |value: &str| json!({"selector": "[name='less.0.amount']", "value": value});
    eye.phone.tell("fill", less("25")).await;
    eye.look("request_less").await;
    eye.phone.tell("fill", less("2500")).await;
    eye.phone.press("Only this time").await;
    eye.look("request_not_less").await;
    eye.phone.tell("fill", less("25")).await;
    eye.phone.press("Only this time").await;
    eye.look("allowed_in_part").await;
}

async fn afterwards(world: &World, maya: &User, billing: &Agent, eye: &mut Eye) {
    let hasty = [("scope", "openid files.read"), ("requested_expiry", "30")];
    let unanswered = ask(billing, maya, &hasty).await;
    let withdrawn = ask(billing, maya, &[("scope", "openid files.read")]).await;
    billing.cancel(&withdrawn.approval_id).await;
    world.advance(Duration::minutes(1));
    world.sweep().await;
    eye.at(&unanswered.page(), "expired").await;
    eye.at(&withdrawn.page(), "cancelled").await;
    let asked = ask(billing, maya, &[("scope", "openid payments.read")]).await;
    eye.phone.open(&format!("{}/always", asked.page())).await;
    eye.phone.press("Allow within these limits").await;
    eye.at("/allowed", "allowed").await;
    let first = json!({"role": "button", "name": "Stop", "nth": 0, "navigates": true});
    eye.phone.tell("click", first).await;
    eye.phone
        .evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
        .await;
    eye.look("allowed_stopped").await;
    eye.at("/history", "history").await;
    eye.phone.open("/devices").await;
    for nth in 0..2 {
        let added = eye.phone.evaluate(&add_device(nth)).await;
        assert_eq!(added, json!(201));
    }
    eye.at("/devices", "devices").await;
}

/// A subscription like a browser's, sent by the devices page.
fn add_device(nth: u8) -> String {
    let subscription = json!({
        "endpoint": format!("https://fcm.googleapis.com/fcm/send/{nth}"),
        "keys": {
            "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
            "auth": "BTBZMqHH6r4Tts7J_aSIgg",
        },
    });
    format!(
        "fetch('/devices/push', {{ method: 'POST', body: JSON.stringify({subscription}), headers: {{
            'content-type': 'application/json', 'x-csrf-token': document.querySelector('#push').dataset.csrf
        }} }}).then((answer) => answer.status)"
    )
}

async fn refusals(world: &World, maya: &User, billing: &Agent, eye: &mut Eye) {
    let ana = world.person("Ana").await;
    let hers = ask(billing, &ana, &[]).await;
    eye.at(&hers.page(), "not_yours").await;
    eye.at("/nowhere", "no_such_page").await;
    eye.at("/offline", "offline").await;
    let asked = ask(billing, maya, &[]).await;
    eye.phone.open(&asked.page()).await;
    eye.phone
        .evaluate("document.querySelector('.answers [name=csrf]').value = 'old'")
        .await;
    eye.phone.press("Deny").await;
    eye.look("old_form").await;
    eye.phone.open(&asked.page()).await;
    eye.phone.tell("clearCookies", json!({})).await;
    eye.phone.press("Deny").await;
    eye.look("signed_out").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_letters_says_whom_to_ask() {
    let customs = Customs {
        no_mail: true,
        ..Customs::default()
    };
    let world = World::for_browsers(customs).await;
    let maya = world.person("Maya").await;
    let billing = world.agent("Billing Agent").await;
    let mut eye = Eye {
        phone: Phone::new(&world, None, json!({})).await,
        pictures: std::env::var_os("COUNTERSIGN_PICTURES").map(PathBuf::from),
        complaints: Vec::new(),
    };
    eye.at("/signin", "sign_in_without_letters").await;
    eye.phone.sign_in(&world, &maya).await;
    eye.at("/devices", "devices_without_letters").await;
    let asked = ask(&billing, &maya, &[("scope", "openid files.delete")]).await;
    world.advance(Duration::minutes(6));
    eye.at(&asked.page(), "request_stale_without_letters").await;
    eye.satisfied();
    eye.phone.off().await;
}
