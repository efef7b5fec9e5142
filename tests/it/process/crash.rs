//! `kill -9` while 200 requests wait, half of them answered and some answers on their way: each agent
//! gets its right outcome, once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::{Method, StatusCode};
use serde_json::Value;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

use super::server::Server;
use crate::world::{Agent, Answer, Asked, Browser, claims};

const ASKED: usize = 200;
/// Answers begun before the kill, which comes when all but the last few have been acknowledged.
const ANSWERED: usize = 110;
const ACKNOWLEDGED: usize = 98;
/// Every tenth request is polled by an agent that waits for the answer.
const LANES: usize = 10;

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    Approve,
    Deny,
    Cancel,
}

impl Plan {
    pub fn of(at: usize) -> Self {
        match at % 7 {
            0 | 2 | 4 | 5 => Self::Approve,
            1 | 3 => Self::Deny,
            _ => Self::Cancel,
        }
    }

    /// The word for the state it leads to.
    fn state(self) -> &'static str {
        match self {
            Self::Approve => "approved",
            Self::Deny => "denied",
            Self::Cancel => "cancelled",
        }
    }
}

/// How far a plan had come when the server was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Came {
    Nowhere,
    /// It was begun, and nothing was heard.
    OnItsWay,
    Acknowledged,
}

/// One request: who asked, who answers.
#[derive(Clone)]
struct Story {
    at: usize,
    agent: Agent,
    asked: Asked,
    browser: Browser,
}

on_both! {
    async fn killed_while_200_wait_and_half_are_answered(server: Server) {
        let stories = ask_all(&server).await;
        let held: BTreeMap<usize, JoinHandle<reqwest::Result<Answer>>> = stories
            .iter()
            .step_by(LANES)
            .map(|story| (story.at, tokio::spawn(hold(story.clone()))))
            .collect();
        // The others ask once: so those that are held have surely arrived.
        for story in stories.iter().filter(|story| story.at % LANES != 0) {
            let answer = story.agent.poll(&story.asked.auth_req_id).await;
            answer.refused(400, "authorization_pending");
        }
        let came = answer_until_killed(&mut server, &stories).await;
        let mut early = BTreeMap::new();
        for (at, held) in held {
            match held.await.expect("a poll") {
                Ok(answer) => drop(early.insert(at, answer)),
                Err(_) => assert!(at < ANSWERED || came[at] == Came::Nowhere),
            }
        }
        assert!(!early.is_empty(), "some were told before the kill");
        assert!(early.keys().all(|at| came[*at] != Came::Nowhere));

        server.start_again().await;
        let mut outcomes = JoinSet::new();
        for lane in lanes(&stories) {
            let (came, early) = (came.clone(), early.clone());
            outcomes.spawn(async move {
                let mut found = Vec::new();
                for story in lane {
                    let outcome = outcome(&story, came[story.at], early.get(&story.at)).await;
                    found.push((story.asked.approval_id, outcome));
                }
                found
            });
        }
        let outcomes = outcomes.join_all().await.concat();
        let tokens: BTreeSet<String> = outcomes.iter().filter_map(|it| jti(it.1.as_ref())).collect();
        let approved = outcomes.iter().filter(|it| it.1.is_some()).count();
        assert_eq!(tokens.len(), approved, "no token was given to two");
        check_history(&server.history().await, &outcomes);
        server.stop().await;
    }
}

/// Two agents ask two people.
async fn ask_all(server: &Server) -> Vec<Story> {
    let (deploy, billing) = (
        server.agent("Deploy Bot", &[]).await,
        server.agent("Billing", &[]).await,
    );
    let (maya, her_browser) = server.person("Maya").await;
    let (tom, his_browser) = server.person("Tom").await;
    let mut asking = JoinSet::new();
    for lane in 0..LANES {
        let agent = if lane % 3 == 0 { &deploy } else { &billing }.clone();
        let (email, browser) = if lane % 2 == 0 {
            (maya.clone(), her_browser.clone())
        } else {
            (tom.clone(), his_browser.clone())
        };
        asking.spawn(async move {
            let mut stories = Vec::new();
            for at in (lane..ASKED).step_by(LANES) {
                let note = resume_state(at);
                let words = format!("Number {at}");
                let more = [("resume_state", note.as_str()), ("binding_message", &words)];
                stories.push(Story {
                    at,
                    agent: agent.clone(),
                    asked: agent.ask(&email, &more).await,
                    browser: browser.clone(),
                });
            }
            stories
        });
    }
    let mut stories = asking.join_all().await.concat();
    stories.sort_by_key(|story| story.at);
    for story in &stories {
        server.is_secret(&story.asked.auth_req_id);
        server.is_secret(&resume_state(story.at));
    }
    stories
}

fn resume_state(at: usize) -> String {
    format!("here-i-stopped-{at:04}.")
}

/// The stories, shared out to those who work at the same time.
fn lanes(stories: &[Story]) -> Vec<Vec<Story>> {
    (0..LANES)
        .map(|lane| stories.iter().skip(lane).step_by(LANES).cloned().collect())
        .collect()
}

/// Polls that wait, one after the other, until there is an answer or the server is gone.
async fn hold(story: Story) -> reqwest::Result<Answer> {
    loop {
        let answer = redeem(&story, "30").await?;
        if answer.error() != "authorization_pending" {
            return Ok(answer);
        }
    }
}

/// Polls, under a key with which the response can be fetched again.
async fn redeem(story: &Story, wait: &str) -> reqwest::Result<Answer> {
    let form = [
        ("grant_type", crate::world::GRANT_TYPE),
        ("auth_req_id", story.asked.auth_req_id.as_str()),
    ];
    let (prefer, key) = (format!("wait={wait}"), format!("redeem {}", story.at));
    let headers = [
        ("prefer", prefer.as_str()),
        ("idempotency-key", key.as_str()),
    ];
    story.agent.try_post("/oauth/token", &form, &headers).await
}

/// Ten people's hands at once, each at its own requests, until the server dies under them.
async fn answer_until_killed(server: &mut Server, stories: &[Story]) -> Vec<Came> {
    let acknowledged = Arc::new((AtomicUsize::new(0), Notify::new()));
    let mut hands = JoinSet::new();
    for lane in lanes(&stories[..ANSWERED]) {
        let acknowledged = Arc::clone(&acknowledged);
        hands.spawn(async move {
            let mut came = Vec::new();
            for story in lane {
                let done = carry_out(Plan::of(story.at), &story).await.is_ok();
                came.push((story.at, done));
                if !done {
                    break;
                }
                if acknowledged.0.fetch_add(1, Ordering::SeqCst) + 1 == ACKNOWLEDGED {
                    acknowledged.1.notify_one();
                }
            }
            came
        });
    }
    acknowledged.1.notified().await;
    server.kill().await;
    let mut came = vec![Came::Nowhere; ASKED];
    for (at, done) in hands.join_all().await.concat() {
        came[at] = if done {
            Came::Acknowledged
        } else {
            Came::OnItsWay
        };
    }
    came
}

/// Carries a plan out, through the page a person sees. An error: nothing was heard.
async fn carry_out(plan: Plan, story: &Story) -> reqwest::Result<()> {
    let Some(label) = label(plan) else {
        let answer = story.agent.try_cancel(&story.asked.approval_id).await?;
        assert_eq!(answer.ok()["state"], "cancelled");
        return Ok(());
    };
    let mut browser = story.browser.clone();
    let path = format!("/r/{}", story.asked.approval_id);
    let page = browser.try_send(Method::GET, &path, None, &[]).await?;
    let pressed = page.pressed(label);
    let (action, form) = pressed.unwrap_or_else(|| panic!("{label} on {}", page.body));
    let origin = browser.url.clone();
    let headers = [
        ("origin", origin.as_str()),
        ("sec-fetch-site", "same-origin"),
    ];
    let page = browser
        .try_send(Method::POST, &action, Some(form), &headers)
        .await?;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.body);
    Ok(())
}

/// The button a person presses; none for what the agent does itself.
pub fn label(plan: Plan) -> Option<&'static str> {
    match plan {
        Plan::Approve => Some("Only this time"),
        Plan::Deny => Some("Deny"),
        Plan::Cancel => None,
    }
}

/// What the agent is told after the start, which is what it should be; what had not been answered is
/// answered now. Returns the token response, if there is one.
async fn outcome(story: &Story, came: Came, early: Option<&Answer>) -> Option<Value> {
    let plan = Plan::of(story.at);
    let told = redeem(story, "0").await.expect("an answer");
    let waits = told.error() == "authorization_pending";
    match came {
        Came::Nowhere => assert!(waits, "{} was not answered: {told:?}", story.at),
        Came::OnItsWay => {}
        Came::Acknowledged => assert!(!waits, "{} was lost: {told:?}", story.at),
    }
    if waits {
        // Waiting goes on where it was, and so does answering.
        let held = story
            .at
            .is_multiple_of(LANES)
            .then(|| tokio::spawn(hold(story.clone())));
        carry_out(plan, story).await.expect("answered");
        let told = match held {
            Some(held) => held.await.expect("a poll"),
            None => redeem(story, "0").await,
        };
        return is_right(plan, story, &told.expect("an answer")).await;
    }
    if let Some(early) = early {
        assert_eq!(told.body, early.body, "the same response again");
    }
    is_right(plan, story, &told).await
}

async fn is_right(plan: Plan, story: &Story, told: &Answer) -> Option<Value> {
    let path = format!("/api/v1/approvals/{}", story.asked.approval_id);
    let status = story.agent.get(&path).await;
    assert_eq!(status.ok()["resume_state"], resume_state(story.at));
    let again = story.agent.poll(&story.asked.auth_req_id).await;
    match plan {
        Plan::Approve => {
            assert_eq!(told.ok()["resume_state"], resume_state(story.at));
            assert_eq!(told.body["approval_id"], story.asked.approval_id);
            assert_eq!(status.body["state"], "redeemed");
            again.refused(400, "invalid_grant");
            Some(told.body.clone())
        }
        Plan::Deny | Plan::Cancel => {
            told.refused(400, "access_denied");
            again.refused(400, "access_denied");
            assert_eq!(status.body["state"], plan.state());
            None
        }
    }
}

/// The name of an access token.
pub fn jti(response: Option<&Value>) -> Option<String> {
    let token = response?["access_token"].as_str().expect("a token");
    let jti = claims(token)["jti"].as_str().map(str::to_owned);
    Some(jti.expect("a name"))
}

/// The history has each request opened once, settled once, and redeemed once if it was approved.
pub fn check_history(history: &[Value], outcomes: &[(String, Option<Value>)]) {
    let mut kinds: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for record in history {
        if let Some(request) = record["request"].as_str() {
            let kind = record["kind"].as_str().expect("a kind");
            // Whom a letter reached is not what this is about.
            if kind != "request.unreachable" {
                kinds.entry(request).or_default().push(kind);
            }
        }
    }
    for (id, tokens) in outcomes {
        let kinds = kinds.remove(id.as_str()).unwrap_or_default();
        let right = if tokens.is_some() {
            kinds == ["request.opened", "request.approved", "token.issued"]
        } else {
            kinds == ["request.opened", "request.denied"]
                || kinds == ["request.opened", "request.cancelled"]
        };
        assert!(right, "{id}: {kinds:?}");
    }
    assert!(kinds.is_empty(), "nobody asked for these: {kinds:?}");
}
