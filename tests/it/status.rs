//! An agent looks at its own requests, and withdraws them (`/api/v1/approvals`).

use std::time::{Duration as Real, Instant};

use serde_json::Value;
use time::Duration;
use tokio::task::JoinSet;

use crate::world::{Customs, World, deny};

both! {
    async fn a_status_tells_what_happened_to_a_request(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let asked = agent.ask(&maya.email, &[("resume_state", "step 3")]).await;
        let answer = agent.status(&asked.approval_id).await;
        let status = answer.ok();
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert_eq!(status["id"], asked.approval_id);
        assert_eq!(status["state"], "pending");
        assert_eq!(status["auth_req_id"], asked.auth_req_id, "an agent that lost it can go on");
        assert_eq!(status["resume_state"], "step 3");
        assert_eq!(status["match_code"], asked.match_code);
        assert_eq!(status["opened_at"], "2027-01-15T08:00:00Z");
        assert_eq!(status["answer_by"], "2027-01-15T08:10:00Z");
        assert_eq!(status["expires_at"], "2027-01-15T08:11:00Z");
        assert_eq!(status["unreachable"], false);
        assert_eq!(status["delivery"][0]["channel"], "email");
        assert_eq!(status["delivery"][0]["state"], "waiting");
        world.deliver().await;
        let status = agent.status(&asked.approval_id).await;
        assert_eq!(status.ok()["delivery"][0]["state"], "delivered");
        world.advance(Duration::minutes(1));
        world.answer(&maya, &asked, deny("Not before\nMonday")).await;
        let status = agent.status(&asked.approval_id).await;
        let status = status.ok();
        assert_eq!(status["state"], "denied");
        assert_eq!(status["reason"], "Not before Monday");
        assert_eq!(status["decided_by"], "person");
        assert_eq!(status["settled_at"], "2027-01-15T08:01:00Z");
        assert!(status.get("auth_req_id").is_none());
    }
}

both! {
    async fn a_status_and_a_list_are_their_owner_s_alone(world: World) {
        let (agent, other) = (world.agent("Billing Agent").await, world.agent("Other Agent").await);
        let maya = world.person("Maya").await;
        let asked = agent.ask(&maya.email, &[]).await;
        let unknown = other.status("0192f0c1a2b37c4d8e5f60718293a4b5").await;
        for id in [asked.approval_id.as_str(), "no-id", "0", "%00", "..%2f"] {
            let theirs = other.status(id).await;
            assert_eq!((theirs.status.as_u16(), theirs.error()), (404, "not_found"), "{id}");
            assert_eq!(theirs.body, unknown.body, "{id}");
            assert_eq!(other.cancel(id).await.status, 404, "{id}");
        }
        assert_eq!(other.get("/api/v1/approvals").await.ok()["approvals"], Value::Array(Vec::new()));
        assert_eq!(agent.status(&asked.approval_id).await.ok()["state"], "pending");
        for query in ["?wait=x", "?wait=-1", "?wait=1&wait=2", "?wait=%FF"] {
            let answer = agent.status(&format!("{}{query}", asked.approval_id)).await;
            answer.refused(400, "invalid_request");
        }
        agent.get("/api/v1/approvals?before=x").await.refused(400, "invalid_request");
    }
}

#[tokio::test]
async fn a_list_has_pages() {
    let customs = Customs {
        settings: Some(|settings| {
            settings.limits.waiting_per_client_and_person = 0;
            settings.limits.waiting_per_person = 0;
        }),
        ..Customs::default()
    };
    let world = World::sqlite_with(customs).await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let mut asked = Vec::new();
    for _ in 0..53 {
        asked.push(agent.ask(&maya.email, &[]).await.approval_id);
        world.advance(Duration::MILLISECOND);
    }
    asked.reverse();
    let ids = |listing: &Value| -> Vec<String> {
        let approvals = listing["approvals"].as_array().expect("a list");
        approvals
            .iter()
            .map(|it| it["id"].as_str().expect("an id").to_owned())
            .collect()
    };
    let first = agent.get("/api/v1/approvals").await;
    assert_eq!(ids(first.ok()), asked[..50]);
    let next = first.body["next"].as_str().expect("there is more");
    let second = agent.get(&format!("/api/v1/approvals?before={next}")).await;
    assert_eq!(ids(second.ok()), asked[50..]);
    assert!(second.body.get("next").is_none());
}

both! {
    async fn a_status_that_waits_answers_when_it_is_settled(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let asked = agent.ask(&maya.email, &[]).await;
        let began = Instant::now();
        let answer = agent.status(&format!("{}?wait=1", asked.approval_id)).await;
        assert_eq!(answer.ok()["state"], "pending");
        assert!((Real::from_millis(950)..Real::from_secs(3)).contains(&began.elapsed()));
        let mut waiting = JoinSet::new();
        let (watcher, path) = (agent.clone(), format!("{}?wait=20", asked.approval_id));
        waiting.spawn(async move { watcher.status(&path).await });
        tokio::time::sleep(Real::from_millis(300)).await;
        let answered = Instant::now();
        world.approve(&maya, &asked).await;
        let answer = waiting.join_next().await.expect("a status").expect("an answer");
        assert!(answered.elapsed() < Real::from_secs(1));
        assert_eq!(answer.ok()["state"], "approved");
        // Looking is not polling: it set no pace and collected nothing.
        agent.poll(&asked.auth_req_id).await.ok();
        assert_eq!(agent.status(&asked.approval_id).await.ok()["state"], "redeemed");
    }
}

both! {
    async fn what_is_withdrawn_asks_nobody_any_more(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let present = world.present(&maya).await;
        let asked = agent.ask(&maya.email, &[]).await;
        let answer = agent.cancel(&asked.approval_id).await;
        assert_eq!(answer.ok()["state"], "cancelled");
        assert_eq!(answer.body["cancelled_by"], "agent");
        agent.cancel(&asked.approval_id).await.ok();
        world.deliver().await;
        assert_eq!(world.letters().len(), 0);
        let once = countersign::flow::answer::Choice::Once;
        world.try_answer(&present, &asked, once).await.expect_err("too late");
        assert_eq!(world.happened(&asked).await, ["request.opened", "request.cancelled"]);
    }
}

both! {
    async fn what_is_settled_cannot_be_withdrawn(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let approved = agent.ask(&maya.email, &[]).await;
        let denied = agent.ask(&maya.email, &[]).await;
        let redeemed = agent.ask(&maya.email, &[]).await;
        let expired = agent.ask(&maya.email, &[("requested_expiry", "10")]).await;
        world.approve(&maya, &approved).await;
        world.answer(&maya, &denied, deny("")).await;
        world.approve(&maya, &redeemed).await;
        agent.poll(&redeemed.auth_req_id).await.ok();
        world.advance(Duration::seconds(10));
        for (asked, state) in [(&approved, "approved"), (&denied, "denied"), (&redeemed, "redeemed"), (&expired, "expired")] {
            let answer = agent.cancel(&asked.approval_id).await;
            assert_eq!(answer.status, 409, "{answer:?}");
            assert_eq!(answer.body["state"], state);
        }
        agent.poll(&approved.auth_req_id).await.ok();
    }
}

#[tokio::test]
async fn an_agent_knows_at_once_that_nobody_can_be_reached() {
    let customs = Customs {
        no_mail: true,
        ..Customs::default()
    };
    let world = World::sqlite_with(customs).await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let asked = agent.ask(&maya.email, &[]).await;
    assert_eq!(
        agent.status(&asked.approval_id).await.ok()["unreachable"],
        true
    );
    // She may come by all the same.
    world.approve(&maya, &asked).await;
    assert_eq!(
        agent.status(&asked.approval_id).await.ok()["unreachable"],
        false
    );
}
