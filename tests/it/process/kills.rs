//! Killed again and again at moments nobody chose, while agents ask and people answer: nothing
//! acknowledged is lost, and nothing is applied twice however often it is tried.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::Value;
use tokio::task::JoinSet;

use super::crash::{Plan, check_history, jti, label};
use crate::world::{Agent, Answer, Asked, Browser, GRANT_TYPE};

/// For how long the server is killed and started, and how often at least.
const LONG_ENOUGH: Duration = Duration::from_secs(6);
const OFTEN_ENOUGH: usize = 5;
const WORKERS: usize = 6;

on_both! {
    async fn killed_at_moments_nobody_chose(server: Server) {
        let agent = server.agent("Deploy Bot", &[]).await;
        let (email, browser) = server.person("Maya").await;
        let over = Arc::new(AtomicBool::new(false));
        let mut workers = JoinSet::new();
        for worker in 0..WORKERS {
            let over = Arc::clone(&over);
            let pair = Pair {
                agent: agent.clone(),
                email: email.clone(),
                browser: browser.clone(),
            };
            workers.spawn(async move {
                let mut ledger = Vec::new();
                while !over.load(Ordering::SeqCst) {
                    ledger.push(pair.story(worker, ledger.len()).await);
                }
                ledger
            });
        }
        let began = Instant::now();
        let mut kills = 0;
        while began.elapsed() < LONG_ENOUGH || kills < OFTEN_ENOUGH {
            tokio::time::sleep(a_moment()).await;
            server.kill().await;
            server.start_again().await;
            kills += 1;
        }
        over.store(true, Ordering::SeqCst);
        let ledger = workers.join_all().await.concat();
        let tokens: BTreeSet<String> = ledger.iter().filter_map(|it| jti(it.1.as_ref())).collect();
        let approved = ledger.iter().filter(|it| it.1.is_some()).count();
        assert_eq!(tokens.len(), approved, "no token was given to two");
        check_history(&server.history().await, &ledger);
        server.stop().await;
    }
}

/// Between a hundredth and half a second.
fn a_moment() -> Duration {
    let random = RandomState::new().build_hasher().finish();
    Duration::from_millis(10 + random % 490)
}

/// An agent that never gives up, and a person who always answers it.
struct Pair {
    agent: Agent,
    email: String,
    browser: Browser,
}

impl Pair {
    /// From a question to its end, through as many kills as it takes. Returns the request and its tokens.
    async fn story(&self, worker: usize, at: usize) -> (String, Option<Value>) {
        let plan = Plan::of(worker + at);
        let key = format!("story {worker} {at}");
        let asked = self.ask(&key).await;
        if plan == Plan::Cancel {
            self.cancel(&asked).await;
        } else {
            self.answer(&asked, plan).await;
        }
        let tokens = self.collect(&asked, &key, plan).await;
        let again = self.ask(&key).await;
        assert_eq!(again.approval_id, asked.approval_id, "asked twice");
        (asked.approval_id, tokens)
    }

    async fn post(&self, path: &str, form: &[(&str, &str)], key: Option<&str>) -> Answer {
        let headers: Vec<(&str, &str)> = key.iter().map(|key| ("idempotency-key", *key)).collect();
        loop {
            if let Ok(answer) = self.agent.try_post(path, form, &headers).await {
                return answer;
            }
            pause().await;
        }
    }

    async fn ask(&self, key: &str) -> Asked {
        let form = [("scope", "openid"), ("login_hint", self.email.as_str())];
        Asked::of(&self.post("/bc-authorize", &form, Some(key)).await)
    }

    async fn cancel(&self, asked: &Asked) {
        loop {
            if let Ok(answer) = self.agent.try_cancel(&asked.approval_id).await {
                assert_eq!(answer.ok()["state"], "cancelled");
                return;
            }
            pause().await;
        }
    }

    async fn answer(&self, asked: &Asked, plan: Plan) {
        let label = label(plan).expect("a button");
        let mut browser = self.browser.clone();
        let origin = browser.url.clone();
        let headers = [
            ("origin", origin.as_str()),
            ("sec-fetch-site", "same-origin"),
        ];
        let mut tried = false;
        loop {
            let Ok(page) = browser
                .try_send(Method::GET, &asked.page(), None, &[])
                .await
            else {
                pause().await;
                continue;
            };
            let Some((action, form)) = page.pressed(label) else {
                assert!(
                    tried,
                    "it is theirs and waits: {} {}",
                    page.status, page.body
                );
                return;
            };
            tried = true;
            let sent = browser.try_send(Method::POST, &action, Some(form), &headers);
            if let Ok(page) = sent.await {
                assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.body);
                return;
            }
            pause().await;
        }
    }

    async fn collect(&self, asked: &Asked, key: &str, plan: Plan) -> Option<Value> {
        let form = [
            ("grant_type", GRANT_TYPE),
            ("auth_req_id", asked.auth_req_id.as_str()),
        ];
        let told = self.post("/oauth/token", &form, Some(key)).await;
        if plan != Plan::Approve {
            told.refused(400, "access_denied");
            return None;
        }
        let tokens = told.ok();
        let same = self.post("/oauth/token", &form, Some(key)).await;
        assert_eq!(same.ok(), tokens, "a response that was lost can be fetched");
        let other = self.post("/oauth/token", &form, None).await;
        other.refused(400, "invalid_grant");
        Some(tokens.clone())
    }
}

/// The server may be down.
async fn pause() {
    tokio::time::sleep(Duration::from_millis(5)).await;
}
