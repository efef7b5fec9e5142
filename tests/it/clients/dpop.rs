//! Proofs of possession (RFC 9449): at the two endpoints an agent talks to, and on what it gets there.

use countersign::config::Settings;
use countersign::domain::client::ProofTerms;
use countersign::flow::register::NewClient;
use serde_json::json;
use time::Duration;
use tokio::task::JoinSet;

use crate::world::{Agent, Asked, Customs, Prover, World, claims};

const ASK: &str = "/bc-authorize";
const TOKEN: &str = "/oauth/token";

async fn bound_agent(world: &World) -> Agent {
    let proof = ProofTerms {
        dpop_bound: true,
        ..ProofTerms::default()
    };
    let new = NewClient {
        proof,
        ..NewClient::agent("Bound Agent")
    };
    world.client(new).await
}

/// A request for something that can be refreshed, asked without showing a key, and answered.
async fn allowed(world: &World, agent: &Agent) -> Asked {
    let maya = world.person("Maya").await;
    let asked = agent
        .ask(&maya.email, &[("scope", "openid calendar.read")])
        .await;
    world.approve(&maya, &asked).await;
    asked
}

both! {
    async fn a_token_is_bound_to_the_key_that_was_shown(world: World) {
        let agent = world.agent("Billing Agent").await;
        let (key, other) = (Prover::new(&world), Prover::new(&world));
        let asked = allowed(&world, &agent).await;
        let answer = agent.poll_showing(&asked, &key.proof(&world, TOKEN, "1")).await;
        assert_eq!(answer.ok()["token_type"], "DPoP");
        let access = claims(answer.body["access_token"].as_str().expect("a token"));
        assert_eq!(access["cnf"], json!({"jkt": key.jkt}));
        assert!(answer.headers.contains_key("dpop-nonce"));
        let service = world.service("https://calendar.example.com").await;
        let token = answer.body["access_token"].as_str().expect("a token");
        let told = service.post("/oauth/introspect", &[("token", token)], &[]).await;
        assert_eq!((&told.ok()["token_type"], &told.body["cnf"]), (&json!("DPoP"), &access["cnf"]));
        // What was bound is refreshed with a proof only; a confidential client may bring another key.
        let refresh = answer.body["refresh_token"].as_str().expect("a refresh token");
        agent.refresh_showing(refresh, None).await.refused(400, "invalid_dpop_proof");
        let proof = other.proof(&world, TOKEN, "2");
        let again = agent.refresh_showing(refresh, Some(&proof)).await;
        assert_eq!(again.ok()["token_type"], "DPoP");
        let access = claims(again.body["access_token"].as_str().expect("a token"));
        assert_eq!(access["cnf"], json!({"jkt": other.jkt}));
        // The response is kept for a moment, for that key alone.
        let proof = key.proof(&world, TOKEN, "3");
        agent.refresh_showing(refresh, Some(&proof)).await.refused(400, "invalid_grant");
        let proof = other.proof(&world, TOKEN, "4");
        assert_eq!(agent.refresh_showing(refresh, Some(&proof)).await.ok(), &again.body);
    }
}

both! {
    async fn t56_a_bad_proof_costs_nothing(world: World) {
        let agent = bound_agent(&world).await;
        let key = Prover::new(&world);
        let asked = allowed(&world, &agent).await;
        agent.poll(&asked.auth_req_id).await.refused(400, "invalid_dpop_proof");
        for bad in ["x.y.z", &key.proof(&world, ASK, "1")] {
            agent.poll_showing(&asked, bad).await.refused(400, "invalid_dpop_proof");
        }
        let two = [("dpop", "x.y.z"), ("dpop", &*key.proof(&world, TOKEN, "1"))];
        agent.poll_with(&asked.auth_req_id, &two).await.refused(400, "invalid_dpop_proof");
        assert_eq!(world.state(&asked).await, "approved");
        let good = key.proof(&world, TOKEN, "1");
        agent.poll_showing(&asked, &good).await.ok();
    }
}

both! {
    async fn t57_the_key_shown_when_asking_is_needed_when_collecting(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let (key, other) = (Prover::new(&world), Prover::new(&world));
        let shown = Asked::of(&agent.ask_showing(&maya.email, &key.proof(&world, ASK, "1")).await);
        let named = agent.ask(&maya.email, &[("dpop_jkt", &key.jkt)]).await;
        for asked in [&shown, &named] {
            world.approve(&maya, asked).await;
            agent.poll(&asked.auth_req_id).await.refused(400, "invalid_dpop_proof");
            let theirs = other.proof(&world, TOKEN, &asked.approval_id);
            agent.poll_showing(asked, &theirs).await.refused(400, "invalid_dpop_proof");
            let ours = key.proof(&world, TOKEN, &asked.approval_id);
            assert_eq!(agent.poll_showing(asked, &ours).await.ok()["token_type"], "DPoP");
        }
        let proof = other.proof(&world, ASK, "2");
        let both = [("dpop_jkt", key.jkt.as_str())];
        let answer = agent.try_ask_with(&maya.email, &both, &[("dpop", &proof)]).await;
        answer.refused(400, "invalid_dpop_proof");
    }
}

both! {
    async fn sec_e10_a_proof_has_one_effect_wherever_it_is_sent(world: World) {
        let maya = world.person("Maya").await;
        let agent = world.agent("Billing Agent").await;
        let proof = Prover::new(&world).proof(&world, ASK, "once");
        let worlds = world.instances().await;
        let mut tries = JoinSet::new();
        for at in 0..32 {
            let agent = agent.at(&worlds[at % worlds.len()]);
            let (proof, email) = (proof.clone(), maya.email.clone());
            tries.spawn(async move { agent.ask_showing(&email, &proof).await });
        }
        let answers = tries.join_all().await;
        let (taken, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|it| it.status == 200);
        assert_eq!(taken.len(), 1);
        for one in &refused {
            one.refused(400, "invalid_dpop_proof");
        }
    }
}

both! {
    async fn sec_e10_a_proof_stays_used_after_a_restart_and_is_forgotten_in_the_end(world: World) {
        let maya = world.person("Maya").await;
        let agent = world.agent("Billing Agent").await;
        let key = Prover::new(&world);
        let proof = key.proof(&world, ASK, "once");
        Asked::of(&agent.ask_showing(&maya.email, &proof).await);
        let world = world.restarted().await;
        agent.ask_showing(&maya.email, &proof).await.refused(400, "invalid_dpop_proof");
        world.advance(Duration::minutes(3));
        agent.ask_showing(&maya.email, &proof).await.refused(400, "invalid_dpop_proof");
        let now = world.app.clock.now();
        assert!(world.store().forget_expired(now).await.expect("the database"));
        assert!(!world.store().forget_expired(now).await.expect("the database"));
    }
}

#[tokio::test]
async fn a_replayed_proof_and_a_replayed_assertion_are_told_apart() {
    let world = World::postgresql().await;
    let other = world.another_instance().await;
    let maya = world.person("Maya").await;
    let signer = world.signer("Signing Agent").await;
    let key = Prover::new(&world);
    let ask = [("scope", "openid"), ("login_hint", maya.email.as_str())];
    let (proof, assertion) = (key.proof(&world, ASK, "1"), signer.assertion(&world, "1"));
    let first = signer
        .post_with(ASK, &assertion, &ask, &[("dpop", &proof)])
        .await;
    first.ok();
    let there = signer.at(&other);
    let fresh = signer.assertion(&world, "2");
    let answer = there
        .post_with(ASK, &fresh, &ask, &[("dpop", &proof)])
        .await;
    answer.refused(400, "invalid_dpop_proof");
    let fresh = key.proof(&world, ASK, "2");
    let answer = there
        .post_with(ASK, &assertion, &ask, &[("dpop", &fresh)])
        .await;
    answer.refused(401, "invalid_client");
}

both! {
    async fn a_pending_poll_with_a_proof_writes_nothing(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let key = Prover::new(&world);
        let asked = agent.ask(&maya.email, &[]).await;
        let first = key.proof(&world, TOKEN, "1");
        agent.poll_showing(&asked, &first).await.refused(400, "authorization_pending");
        world.advance(Duration::seconds(6));
        // This process remembers it.
        agent.poll_showing(&asked, &first).await.refused(400, "invalid_dpop_proof");
        let next = key.proof(&world, TOKEN, "2");
        agent.poll_showing(&asked, &next).await.refused(400, "authorization_pending");
        let far = world.app.clock.now() + Duration::days(1);
        assert!(!world.store().forget_expired(far).await.expect("the database"), "no row was left");
    }
}

fn nonce_required(settings: &mut Settings) {
    settings.dpop_nonce_required = true;
}

#[tokio::test]
async fn t83_where_a_nonce_is_required_it_is_handed_out_and_no_poll_is_counted() {
    let customs = Customs {
        settings: Some(nonce_required),
        ..Customs::default()
    };
    let world = World::sqlite_with(customs).await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let key = Prover::new(&world);
    let asked = agent.ask(&maya.email, &[]).await;
    let mut nonce = String::new();
    for (at, odd) in ["", "stale", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]
        .into_iter()
        .enumerate()
    {
        let jti = at.to_string();
        let proof = match odd {
            "" => key.proof(&world, TOKEN, &jti),
            odd => key.proof_with(&world, TOKEN, &jti, odd),
        };
        let answer = agent.poll_showing(&asked, &proof).await;
        answer.refused(400, "use_dpop_nonce");
        assert_eq!(answer.headers.get_all("dpop-nonce").iter().count(), 1);
        let handed = answer.headers["dpop-nonce"].to_str().expect("text");
        nonce = handed.to_owned();
    }
    // The first poll that counts is the first that was served.
    let served = key.proof_with(&world, TOKEN, "a", &nonce);
    agent
        .poll_showing(&asked, &served)
        .await
        .refused(400, "authorization_pending");
    world.approve(&maya, &asked).await;
    world.advance(Duration::minutes(5));
    let late = key.proof_with(&world, TOKEN, "b", &nonce);
    let answer = agent.poll_showing(&asked, &late).await;
    answer.refused(400, "use_dpop_nonce");
    let fresh = answer.headers["dpop-nonce"].to_str().expect("text");
    assert_ne!(fresh, nonce);
    let good = key.proof_with(&world, TOKEN, "c", fresh);
    agent.poll_showing(&asked, &good).await.ok();
}

#[tokio::test]
async fn t83_a_client_that_is_sent_back_for_a_nonce_may_send_its_assertion_again() {
    let customs = Customs {
        settings: Some(nonce_required),
        ..Customs::default()
    };
    let world = World::sqlite_with(customs).await;
    let maya = world.person("Maya").await;
    let signer = world.signer("Signing Agent").await;
    let key = Prover::new(&world);
    let ask = [("scope", "openid"), ("login_hint", maya.email.as_str())];
    let assertion = signer.assertion(&world, "1");
    let proof = key.proof(&world, ASK, "1");
    let answer = signer
        .post_with(ASK, &assertion, &ask, &[("dpop", &proof)])
        .await;
    answer.refused(400, "use_dpop_nonce");
    let nonce = answer.headers["dpop-nonce"].to_str().expect("text");
    let proof = key.proof_with(&world, ASK, "2", nonce);
    let answer = signer
        .post_with(ASK, &assertion, &ask, &[("dpop", &proof)])
        .await;
    answer.ok();
}

#[tokio::test]
async fn a_lost_response_is_fetched_again_by_the_key_it_was_given_to_alone() {
    let world = World::sqlite().await;
    let agent = world.agent("Billing Agent").await;
    let (key, other) = (Prover::new(&world), Prover::new(&world));
    let asked = allowed(&world, &agent).await;
    let collect = async |key: &Prover, jti: &str| {
        let proof = key.proof(&world, TOKEN, jti);
        let headers = [("dpop", proof.as_str()), ("idempotency-key", "k")];
        agent.poll_with(&asked.auth_req_id, &headers).await
    };
    let first = collect(&key, "1").await;
    first.ok();
    collect(&other, "2").await.refused(400, "invalid_grant");
    assert_eq!(collect(&key, "3").await.ok(), &first.body);
}
