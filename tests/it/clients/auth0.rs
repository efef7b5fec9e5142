//! What Auth0's SDKs for agents do otherwise than others: token requests in JSON, an empty `audience`, an
//! `iss_sub` hint and an assertion whose issuer ends with a slash.

use serde_json::{Value, json};

use crate::world::{Answer, Asked, GRANT_TYPE, World};

async fn json_token(world: &World, body: &Value) -> Answer {
    let request = world.http.post(format!("{}/oauth/token", world.url));
    let request = request
        .header("content-type", "application/json")
        .body(body.to_string());
    Answer::of(request.send().await.expect("an answer")).await
}

both! {
    async fn a_token_request_may_be_json(world: World) {
        let maya = world.person("Maya").await;
        let agent = crate::clients::posting_agent(&world).await;
        let issuer = format!("{}/", world.url);
        let hint = json!({"format": "iss_sub", "iss": issuer, "sub": maya.id}).to_string();
        let ask = [
            ("scope", "openid"), ("login_hint", hint.as_str()), ("binding_message", "Buy it"),
            ("requested_expiry", "300"), ("audience", ""),
            ("client_id", &agent.id), ("client_secret", &agent.secret),
        ];
        let request = world.http.post(format!("{}/bc-authorize", world.url));
        let request = request
            .header("content-type", "application/x-www-form-urlencoded")
            .body(crate::world::form(&ask));
        let asked = Asked::of(&Answer::of(request.send().await.expect("an answer")).await);
        let collect = json!({
            "grant_type": GRANT_TYPE, "auth_req_id": asked.auth_req_id,
            "client_id": agent.id, "client_secret": agent.secret, "audience": null,
        });
        json_token(&world, &collect).await.refused(400, "authorization_pending");
        world.approve(&maya, &asked).await;
        let answer = json_token(&world, &collect).await;
        assert!(answer.ok()["expires_in"].is_i64() && asked.body["interval"].is_i64());
    }
}

#[tokio::test]
async fn t16_json_is_strict_and_for_tokens_only() {
    let world = World::sqlite().await;
    let agent = crate::clients::posting_agent(&world).await;
    let maya = world.person("Maya").await;
    let credentials = json!({"client_id": agent.id, "client_secret": agent.secret});
    let mut ask = credentials.clone();
    ask["scope"] = json!("openid");
    ask["login_hint"] = json!(maya.email);
    let request = world.http.post(format!("{}/bc-authorize", world.url));
    let request = request
        .header("content-type", "application/json")
        .body(ask.to_string());
    let answer = Answer::of(request.send().await.expect("an answer")).await;
    answer.refused(400, "invalid_request");
    let bodies = [
        String::new(),
        "[]".to_owned(),
        "\"grant_type\"".to_owned(),
        format!(r#"{{"client_id":"{}","client_id":"x"}}"#, agent.id),
        format!(
            "{{{}}}",
            (0..100)
                .map(|n| format!(r#""p{n}":"1""#))
                .collect::<Vec<_>>()
                .join(",")
        ),
        "{\"a\":".repeat(40),
    ];
    for body in bodies {
        let request = world.http.post(format!("{}/oauth/token", world.url));
        let request = request
            .header("content-type", "application/json")
            .body(body);
        let answer = Answer::of(request.send().await.expect("an answer")).await;
        answer.refused(400, "invalid_request");
    }
    let mut without = credentials;
    without["grant_type"] = json!(GRANT_TYPE);
    json_token(&world, &without)
        .await
        .refused(400, "invalid_request");
}
