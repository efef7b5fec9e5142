//! Typed details (RFC 9396): what is taken is what is shown, and what is shown is what is issued.

use countersign::domain::action::json::digest;
use serde_json::{Value, json};

use crate::world::{Agent, Answer, World};

fn payment(amount: &str, to: &str) -> Value {
    json!({
        "type": "payment_initiation",
        "instructedAmount": {"amount": amount, "currency": "EUR"},
        "creditorName": to,
        "creditorAccount": {"iban": "DE02120300000000202051"},
    })
}

fn deploy() -> Value {
    json!({"type": "deploy", "environment": "production/web", "version": "2.4.1"})
}

async fn ask(agent: &Agent, details: &str) -> Answer {
    agent
        .try_ask("maya", &[("authorization_details", details)])
        .await
}

#[tokio::test]
async fn t60_to_t65_details_of_a_known_type_in_its_exact_shape_or_nothing() {
    let world = World::sqlite().await;
    let agent = world.agent("Billing Agent").await;
    world.person("Maya").await;
    let with = |name: &str, value: Value| {
        let mut details = deploy();
        details[name] = value;
        json!([details]).to_string()
    };
    let without = |name: &str| {
        let mut details = deploy();
        details.as_object_mut().expect("an object").remove(name);
        json!([details]).to_string()
    };
    let entries = vec![deploy(); 17];
    for (case, details) in [
        ("t60 unknown type", with("type", json!("undeploy"))),
        ("t60 no type", without("type")),
        (
            "t60 a scope is no type",
            with("type", json!("calendar.read")),
        ),
        ("t61 unknown field", with("also", json!("all_accounts"))),
        ("t62 wrong type", with("version", json!(2))),
        ("t62 wrong type", with("migrate", json!("yes"))),
        ("t62 wrong type", with("environment", Value::Null)),
        (
            "t63 invalid value",
            with("environment", json!("Production")),
        ),
        ("t63 invalid value", with("version", json!("1 2"))),
        (
            "t63 another service",
            with("locations", json!(["https://files.example.com"])),
        ),
        ("t64 missing field", without("version")),
        ("t65 not an array", deploy().to_string()),
        ("t65 empty", "[]".to_owned()),
        ("t65 too many", json!(entries).to_string()),
        ("t65 not JSON", "[{'type':'deploy'}]".to_owned()),
        ("t65 cut off", r#"[{"type":"deploy""#.to_owned()),
        ("t65 entries that are no objects", "[1]".to_owned()),
    ] {
        let answer = ask(&agent, &details).await;
        assert_eq!(answer.error(), "invalid_authorization_details", "{case}");
        answer.refused(400, "invalid_authorization_details");
    }
    let good = [json!([deploy()]), json!([deploy(), deploy()])];
    for details in good {
        ask(&agent, &details.to_string()).await.ok();
    }
}

#[tokio::test]
async fn sec_a11_a13_what_could_be_read_in_two_ways_or_not_be_shown_is_refused() {
    let world = World::sqlite().await;
    let agent = world.agent("Billing Agent").await;
    world.person("Maya").await;
    for hostile in [
        r#"[{"type":"deploy","environment":"staging","environment":"production","version":"1"}]"#,
        r#"[{"type":"deploy","type":"payment_small","environment":"staging","version":"1"}]"#,
        r#"[{"type":"deploy","environment":"staging","envi\u0072onment":"production","version":"1"}]"#,
        r#"[{"type":"deploy","environment":"staging","version":"\ud800"}]"#,
        "\u{FEFF}[{\"type\":\"deploy\",\"environment\":\"staging\",\"version\":\"1\"}]",
        r#"[{"type":"deploy","environment":"staging","version":"1",}]"#,
        r#"[{"type":"deploy","environment":"staging","version":"1"}] []"#,
        r#"[{"type":"deploy","environment":"staging","version":"1"}/**/]"#,
    ] {
        ask(&agent, hostile)
            .await
            .refused(400, "invalid_authorization_details");
    }
    for amount in [
        "1e6", "1E400", "-0", "-1", "١٠٠", "1,000", "01", "", " 1", "+1", "0x10", "1.",
    ] {
        let details = json!([payment(amount, "ACME")]).to_string();
        ask(&agent, &details)
            .await
            .refused(400, "invalid_authorization_details");
    }
    let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    ask(&agent, &deep)
        .await
        .refused(400, "invalid_authorization_details");
    // Not a form any more: the bytes are not UTF-8.
    let request = world.http.post(format!("{}/bc-authorize", world.url));
    let request = request
        .basic_auth(&agent.id, Some(&agent.secret))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(
            "scope=openid&login_hint=maya&authorization_details=%5B%7B%22type%22%3A%22%FF%22%7D%5D",
        );
    let answer = Answer::of(request.send().await.expect("an answer")).await;
    answer.refused(400, "invalid_request");
}

both! {
    async fn sec_a10_what_is_shown_comes_from_the_details_and_its_digest_reaches_the_service(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let details = json!([payment("9000.00", "ACME")]).to_string();
        let more = [("authorization_details", details.as_str()), ("binding_message", "Read your calendar")];
        let asked = agent.ask(&maya.email, &more).await;
        let stored = world.stored(&asked).await;
        let card: Value = serde_json::from_str(&stored.card).expect("a card");
        let heading = card["heading"].as_str().expect("text");
        assert!(heading.starts_with("Pay ") && heading.contains("9,000") && heading.ends_with("ACME"), "{heading}");
        let mut shown = card.clone();
        shown["said"] = Value::Null;
        assert!(!shown.to_string().contains("calendar"), "{shown}");
        assert_eq!(card["said"], "Read your calendar");
        assert_eq!(stored.request.question().card_digest, digest(&stored.card));
    }
}

both! {
    async fn t66_tokens_hold_what_was_allowed_and_nothing_else(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let details = json!([deploy()]);
        let asked = agent.ask(&maya.email, &[
            ("authorization_details", &details.to_string()),
            ("resource", "https://deploy.example.com"),
        ]).await;
        world.approve(&maya, &asked).await;
        let response = agent.poll(&asked.auth_req_id).await;
        assert_eq!(response.ok()["authorization_details"], details);
        assert_eq!(response.body["scope"], "openid");
        let plain = agent.ask(&maya.email, &[]).await;
        world.approve(&maya, &plain).await;
        let response = agent.poll(&plain.auth_req_id).await;
        assert!(response.ok().get("authorization_details").is_none());
    }
}
