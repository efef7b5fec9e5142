//! The parameters of an authentication request, one after the other (CIBA §7.1, §7.2, §7.3).

use std::time::{Duration, Instant};

use countersign::domain::client::Role;
use countersign::flow::register::NewClient;
use countersign::worker;
use reqwest::StatusCode;

use crate::world::{Agent, Answer, Asked, Customs, World, form};

const DEPLOYMENTS: &str = "https://deploy.example.com";

/// An agent that asks Maya.
async fn agent_and_maya() -> (World, Agent, String) {
    let world = World::sqlite().await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    (world, agent, maya.email)
}

/// Posts a body as it is.
async fn raw(world: &World, agent: &Agent, content_type: &str, body: String) -> Answer {
    let request = world.http.post(format!("{}/bc-authorize", world.url));
    let request = request
        .basic_auth(&agent.id, Some(&agent.secret))
        .header("content-type", content_type)
        .body(body);
    Answer::of(request.send().await.expect("an answer")).await
}

#[tokio::test]
async fn the_acknowledgement_has_what_ciba_requires_and_our_three_extensions() {
    let (world, agent, maya) = agent_and_maya().await;
    let answer = agent.try_ask(&maya, &[]).await;
    let asked = Asked::of(&answer);
    assert_eq!(answer.headers["content-type"], "application/json");
    assert_eq!(answer.headers["cache-control"], "no-store");
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b".-_".contains(&b);
    assert!(asked.auth_req_id.bytes().all(allowed), "{asked:?}");
    assert!(asked.auth_req_id.len() >= 43, "{asked:?}");
    assert_eq!(asked.expires_in, 660);
    assert_eq!(asked.body["interval"], 5);
    let (word, number) = asked.match_code.split_once('-').expect("a code");
    assert!(
        (4..=5).contains(&word.len()) && number.len() == 4,
        "{asked:?}"
    );
    let page = format!("{}/r/{}", world.url, asked.approval_id);
    assert_eq!(asked.body["verification_uri"], page);
    assert_eq!(asked.body.as_object().expect("an object").len(), 6);
}

#[tokio::test]
async fn t12_scope_is_there_and_holds_openid_and_known_words_only() {
    let (_world, agent, maya) = agent_and_maya().await;
    let hint = ("login_hint", maya.as_str());
    let without = agent.post("/bc-authorize", &[hint], &[]).await;
    without.refused(400, "invalid_request");
    for (scope, error) in [
        ("", "invalid_request"),
        ("calendar.read", "invalid_request"),
        ("OPENID", "invalid_request"),
        ("openid no.such.scope", "invalid_scope"),
        ("openid \"calendar.read\"", "invalid_scope"),
        ("openid\tcalendar.read", "invalid_scope"),
        ("openid payment_initiation", "invalid_scope"),
        (&format!("openid {}", "x".repeat(4000)), "invalid_scope"),
    ] {
        let answer = agent.try_ask(&maya, &[("scope", scope)]).await;
        answer.refused(400, error);
    }
    agent
        .try_ask(&maya, &[("scope", "calendar.read  openid openid")])
        .await
        .ok();
}

#[tokio::test]
async fn t13_any_parameter_but_resource_stands_once() {
    let (_world, agent, maya) = agent_and_maya().await;
    for name in [
        "scope",
        "login_hint",
        "login_hint_token",
        "id_token_hint",
        "binding_message",
        "requested_expiry",
        "request",
        "authorization_details",
        "resume_state",
        "client_notification_token",
        "user_code",
        "acr_values",
        "max_age",
        "request_context",
        "something_else",
    ] {
        let mut pairs = vec![("scope", "openid"), ("login_hint", maya.as_str())];
        if !["scope", "login_hint"].contains(&name) {
            pairs.push((name, "1"));
        }
        pairs.push((name, "1"));
        let answer = agent.post("/bc-authorize", &pairs, &[]).await;
        answer.refused(400, "invalid_request");
    }
    let twice = [("resource", DEPLOYMENTS), ("resource", DEPLOYMENTS)];
    agent.try_ask(&maya, &twice).await.ok();
}

#[tokio::test]
async fn t15_an_expiry_is_a_positive_integer_and_what_is_told_is_what_holds() {
    let (_world, agent, maya) = agent_and_maya().await;
    for wrong in ["0", "-1", "1.5", "abc", " ", "1e3", "+1", "٣"] {
        let answer = agent.try_ask(&maya, &[("requested_expiry", wrong)]).await;
        answer.refused(400, "invalid_request");
    }
    // A minute to collect comes on top of the time to answer.
    for (requested, expires_in) in [
        ("300", 360),
        ("1", 70),
        ("9223372036854775808", 30 * 86_400 + 60),
        ("", 660),
    ] {
        let more = [("requested_expiry", requested)];
        assert_eq!(agent.ask(&maya, &more).await.expires_in, expires_in);
    }
}

#[tokio::test]
async fn an_age_is_a_number_of_seconds() {
    let (_world, agent, maya) = agent_and_maya().await;
    for wrong in ["-1", "1.5", "abc", " ", "1e3", "+1", "٣"] {
        let answer = agent.try_ask(&maya, &[("max_age", wrong)]).await;
        answer.refused(400, "invalid_request");
    }
    let long = "x".repeat(2049);
    let answer = agent.try_ask(&maya, &[("acr_values", &long)]).await;
    answer.refused(400, "invalid_request");
    for taken in ["0", "86400", "9223372036854775808", ""] {
        agent.ask(&maya, &[("max_age", taken)]).await;
    }
}

#[tokio::test]
async fn what_an_agent_noticed_is_kept_for_the_history_and_shown_to_nobody() {
    let (world, agent, maya) = agent_and_maya().await;
    for odd in [
        "x",
        "[]",
        "{",
        r#"{"a":1,"a":2}"#,
        &format!(r#"{{"a":"{}"}}"#, "x".repeat(4096)),
    ] {
        let answer = agent.try_ask(&maya, &[("request_context", odd)]).await;
        answer.refused(400, "invalid_request");
    }
    let context = serde_json::json!({"device": {"os": "canary-os", "lat": 48.25}});
    let more = [("request_context", &*context.to_string())];
    let asked = agent.ask(&maya, &more).await;
    let opened = world.noted("request.opened").await;
    assert_eq!(opened[0]["facts"]["request_context"], context);
    let maya = world
        .app
        .store
        .users(1)
        .await
        .expect("the database")
        .remove(0);
    let mut browser = world.signed_in(&maya).await;
    let page = browser.get(&asked.page()).await;
    assert!(!page.body.contains("canary-os"), "{}", page.text());
    let status = agent.status(&asked.approval_id).await;
    assert!(!status.ok().to_string().contains("canary-os"));
    world.audit_holds().await;
}

#[tokio::test]
async fn t16_only_a_posted_form_asks() {
    let (world, agent, maya) = agent_and_maya().await;
    let json = format!(r#"{{"scope":"openid","login_hint":"{maya}"}}"#);
    let pairs = form(&[("scope", "openid"), ("login_hint", &maya)]);
    for (content_type, body) in [
        ("application/json", json),
        ("multipart/form-data; boundary=x", "--x--".to_owned()),
        ("text/plain", pairs.clone()),
        ("", pairs.clone()),
    ] {
        let answer = raw(&world, &agent, content_type, body).await;
        answer.refused(400, "invalid_request");
    }
    for broken in ["scope=openid&login_hint=%", "scope=%FF", "scope=openid%zz"] {
        let form = "application/x-www-form-urlencoded";
        let answer = raw(&world, &agent, form, broken.to_owned()).await;
        answer.refused(400, "invalid_request");
    }
    let get = agent.get(&format!("/bc-authorize?{pairs}")).await;
    assert_eq!(get.status, StatusCode::METHOD_NOT_ALLOWED);
    let charset = "Application/X-WWW-Form-Urlencoded; charset=UTF-8";
    raw(&world, &agent, charset, pairs).await.ok();
}

#[tokio::test]
async fn t17_a_client_that_did_not_register_for_ciba_may_not_ask() {
    let (world, _, maya) = agent_and_maya().await;
    let service = NewClient {
        role: Role::ResourceServer,
        resources: vec!["https://calendar.example.com".to_owned()],
        ..NewClient::agent("Calendar Service")
    };
    let client = world.client(service).await;
    // Whoever may not ask learns nothing about who could be asked.
    for hint in [maya.as_str(), "nobody@acme.example"] {
        let answer = client.try_ask(hint, &[]).await;
        answer.refused(400, "unauthorized_client");
    }
    let answer = client.poll("whatever").await;
    answer.refused(400, "unauthorized_client");
}

#[tokio::test]
async fn t32_words_that_cannot_be_shown_are_refused_and_others_are_kept_exactly() {
    let (world, agent, maya) = agent_and_maya().await;
    let long = "x".repeat(1001);
    for hostile in [long.as_str(), "a\u{7}b", "a\nb", "a\u{202E}b", "a\u{200B}b"] {
        let answer = agent.try_ask(&maya, &[("binding_message", hostile)]).await;
        answer.refused(400, "invalid_binding_message");
    }
    for shown in ["W4SC – Überweisung 😀", "<b>1 & 2</b>", "日本語"] {
        let asked = agent.ask(&maya, &[("binding_message", shown)]).await;
        let card = world.stored(&asked).await.card;
        let card: serde_json::Value = serde_json::from_str(&card).expect("a card");
        assert_eq!(card["said"], shown);
    }
}

#[tokio::test]
async fn t33_what_ciba_does_not_define_is_ignored() {
    let (world, agent, maya) = agent_and_maya().await;
    let canary = "canary-that-nobody-keeps";
    let more = [
        ("client_notification_token", canary),
        ("user_code", canary),
        ("nonce", canary),
        ("claims", "{"),
        ("prompt", "none"),
        ("ui_locales", "x"),
        ("state", canary),
        ("something_else", canary),
    ];
    agent.ask(&maya, &more).await;
    assert!(!world.loot().await.holds(canary.as_bytes()));
}

#[tokio::test]
async fn a_signed_request_is_refused_and_not_read_past() {
    let (_world, agent, maya) = agent_and_maya().await;
    let request = [("request", "eyJhbGciOiJub25lIn0.e30.")];
    let answer = agent.try_ask(&maya, &request).await;
    answer.refused(400, "invalid_request");
    let alone = agent.post("/bc-authorize", &request, &[]).await;
    alone.refused(400, "invalid_request");
}

#[tokio::test]
async fn a_resource_is_known_and_everything_belongs_to_it() {
    let (world, agent, maya) = agent_and_maya().await;
    let calendar = ("scope", "openid calendar.read");
    for more in [
        vec![("resource", "https://unknown.example.com")],
        vec![("resource", "deploy")],
        vec![calendar, ("resource", DEPLOYMENTS)],
        vec![("scope", "openid calendar.read payments.read")],
        vec![
            ("resource", DEPLOYMENTS),
            ("resource", "https://files.example.com"),
        ],
    ] {
        agent
            .try_ask(&maya, &more)
            .await
            .refused(400, "invalid_target");
    }
    let narrow = NewClient {
        scopes: vec!["payments.read".to_owned()],
        types: vec!["deploy".to_owned()],
        resources: vec!["https://payments.example.com".to_owned()],
        ..NewClient::agent("Narrow")
    };
    let narrow = world.client(narrow).await;
    let small = r#"[{"type":"payment_small","creditor":"A","instructedAmount":{"amount":"1","currency":"EUR"}}]"#;
    let deploy = r#"[{"type":"deploy","environment":"staging","version":"1"}]"#;
    for (name, value, error) in [
        ("scope", "openid calendar.read", "invalid_scope"),
        (
            "authorization_details",
            small,
            "invalid_authorization_details",
        ),
        ("authorization_details", deploy, "invalid_target"),
        ("resource", DEPLOYMENTS, "invalid_target"),
    ] {
        let answer = narrow.try_ask(&maya, &[(name, value)]).await;
        answer.refused(400, error);
    }
    let scope = [("scope", "openid payments.read")];
    narrow.try_ask(&maya, &scope).await.ok();
}

#[tokio::test]
async fn t35_an_error_repeats_nothing_that_was_sent() {
    let (_world, agent, maya) = agent_and_maya().await;
    let canary = "ZQCANARY";
    let details = format!(r#"[{{"type":"deploy","environment":"{canary}","{canary}":1}}]"#);
    for (name, value) in [
        ("scope", format!("openid {canary}")),
        ("requested_expiry", canary.to_owned()),
        ("binding_message", format!("{canary}\n")),
        ("authorization_details", details),
        ("authorization_details", format!(r#"[{{"{canary}"#)),
        ("resource", format!("https://{canary}.example/")),
        ("request", canary.to_owned()),
        ("login_hint_token", canary.to_owned()),
    ] {
        let answer = agent.try_ask(&maya, &[(name, &value)]).await;
        answer.refused(400, answer.error());
        assert!(!answer.body.to_string().contains(canary), "{answer:?}");
    }
    let answer = agent.try_ask(&format!("{canary}@acme.example"), &[]).await;
    answer.refused(400, "unknown_user_id");
    assert!(!answer.body.to_string().contains(canary), "{answer:?}");
}

#[tokio::test]
async fn t36_nobody_waits_for_a_letter_to_leave() {
    // A mail server that takes the connection and never says a word.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let silent = silent.expect("a port");
    let address = silent.local_addr().expect("an address");
    let customs = Customs {
        smtp: Some(format!("smtp://{address}")),
        ..Customs::default()
    };
    let world = World::sqlite_with(customs).await;
    worker::start(&world.app);
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let began = Instant::now();
    let asked = agent.ask(&maya.email, &[]).await;
    assert!(began.elapsed() < Duration::from_secs(2));
    let called = tokio::time::timeout(Duration::from_secs(5), silent.accept()).await;
    let _held_open = called.expect("the worker calls").expect("a connection");
    let poll = agent.poll(&asked.auth_req_id).await;
    poll.refused(400, "authorization_pending");
}
