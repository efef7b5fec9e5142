//! Killed between an answer and the call that tells the agent: it is called all the same.

use std::time::Duration;

use reqwest::{Method, StatusCode};

use super::server::Server;
use crate::world::receiver::{Receiver, TOKEN};
use crate::world::{Agent, Asked, Browser};

const ASKED: usize = 12;

on_both! {
    async fn an_agent_is_called_although_the_server_was_killed(server: Server) {
        killed_between_answer_and_call(&mut server, "ping").await;
    }
}

on_both! {
    async fn an_agent_is_handed_its_tokens_although_the_server_was_killed(server: Server) {
        killed_between_answer_and_call(&mut server, "push").await;
    }
}

async fn killed_between_answer_and_call(server: &mut Server, mode: &str) {
    let receiver = Receiver::start();
    let flags = ["--mode", mode, "--notify", &receiver.url()];
    let agent = server.agent("Deploy Bot", &flags).await;
    let (email, browser) = server.person("Maya").await;
    server.is_secret(TOKEN);
    let mut asked = Vec::new();
    for _ in 0..ASKED {
        let one = agent.ask_to_be_told(&email, &[]).await;
        server.is_secret(&one.auth_req_id);
        asked.push(one);
    }

    // The first are tried before the kill, and not taken.
    receiver.answers(503);
    for one in &asked[..3] {
        assert!(allow(&browser, one).await);
    }
    for one in &asked[..3] {
        while agent.told(one).await["attempts"].as_u64() < Some(1) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    // The others are answered while the server dies.
    let mut answers = Vec::new();
    for one in &asked[3..] {
        let (browser, one) = (browser.clone(), one.clone());
        answers.push(tokio::spawn(async move { allow(&browser, &one).await }));
    }
    let answered = agent_hears_of(&agent, &asked[3..]);
    let _ = tokio::time::timeout(Duration::from_secs(20), answered).await;
    server.kill().await;
    for answer in answers {
        let _ = answer.await.expect("no panic");
    }

    receiver.answers(204);
    let before = receiver.calls().len();
    server.start_again().await;
    for one in &asked {
        // Nobody who was told that it is saved is told otherwise; the rest is answered now.
        if state(&agent, one).await == "pending" {
            assert!(allow(&browser, one).await);
        }
    }
    let told = |one: &Asked| {
        let calls = receiver.calls();
        calls[before..]
            .iter()
            .any(|call| call.json()["auth_req_id"] == one.auth_req_id.as_str())
    };
    let mut patience = 6000;
    while !asked[..3].iter().all(told) {
        tokio::time::sleep(Duration::from_millis(20)).await;
        patience -= 1;
        assert!(
            patience > 0,
            "who was not reached before the kill is called after it"
        );
    }
    for one in &asked {
        while agent.told(one).await["state"] == "waiting" {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(agent.told(one).await["state"], "delivered");
        let calls = receiver.calls();
        let mut about = calls
            .iter()
            .filter(|call| call.json()["auth_req_id"] == one.auth_req_id.as_str());
        let first = about.next().expect("a call");
        assert!(
            about.all(|call| call.body == first.body),
            "it says the same again"
        );
        if mode == "ping" {
            agent.poll(&one.auth_req_id).await.ok();
        } else {
            assert!(first.json()["access_token"].is_string());
            assert_eq!(state(&agent, one).await, "redeemed");
        }
    }
    for call in receiver.calls() {
        assert_eq!(
            call.header("authorization"),
            Some(&*format!("Bearer {TOKEN}"))
        );
    }
    let issued = server.history().await;
    let issued = issued
        .iter()
        .filter(|it| it["kind"] == "token.issued")
        .count();
    assert_eq!(issued, ASKED, "each once");
    server.stop().await;
}

/// Waits until the first of these is answered.
async fn agent_hears_of(agent: &Agent, asked: &[Asked]) {
    loop {
        for one in asked {
            if state(agent, one).await != "pending" {
                return;
            }
        }
    }
}

async fn state(agent: &Agent, asked: &Asked) -> String {
    let status = agent.status(&asked.approval_id).await;
    status.ok()["state"].as_str().expect("a state").to_owned()
}

/// Allows it through the page. Whether the server lived to say so.
async fn allow(browser: &Browser, asked: &Asked) -> bool {
    let mut browser = browser.clone();
    let page = browser
        .try_send(Method::GET, &asked.page(), None, &[])
        .await;
    let Some((action, form)) = page.ok().and_then(|page| page.pressed("Only this time")) else {
        return false;
    };
    let origin = browser.url.clone();
    let headers = [
        ("origin", origin.as_str()),
        ("sec-fetch-site", "same-origin"),
    ];
    let sent = browser.try_send(Method::POST, &action, Some(form), &headers);
    matches!(sent.await, Ok(page) if page.status == StatusCode::SEE_OTHER)
}
