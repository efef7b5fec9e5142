//! One answer, one set of tokens (CIBA §10.1.1).

use countersign::flow::register::set_person_active;
use countersign::flow::watch;
use countersign::store::{Commit, Write};
use time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;

use crate::world::{Agent, Answer, Asked, GRANT_TYPE, World, form};

/// An agent, and something it may collect.
async fn approved(world: &World, more: &[(&str, &str)]) -> (Agent, Asked) {
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let asked = agent.ask(&maya.email, more).await;
    world.approve(&maya, &asked).await;
    (agent, asked)
}

async fn redeem(agent: &Agent, asked: &Asked, key: &str) -> Answer {
    agent
        .poll_with(&asked.auth_req_id, &[("idempotency-key", key)])
        .await
}

/// How many redeemed, if all the others were told that somebody had.
#[track_caller]
fn winners(answers: &[Answer]) -> usize {
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|it| it.status == 200);
    for one in lost {
        one.refused(400, "invalid_grant");
    }
    won.len()
}

both! {
    async fn t50_a_redeemed_id_is_dead(world: World) {
        let (agent, asked) = approved(&world, &[]).await;
        agent.poll(&asked.auth_req_id).await.ok();
        agent.poll(&asked.auth_req_id).await.refused(400, "invalid_grant");
        agent.wait(&asked.auth_req_id, 20).await.refused(400, "invalid_grant");
        let world = world.restarted().await;
        agent.poll(&asked.auth_req_id).await.refused(400, "invalid_grant");
        world.advance(Duration::days(1));
        world.sweep().await;
        agent.poll(&asked.auth_req_id).await.refused(400, "invalid_grant");
        assert_eq!(world.happened(&asked).await, ["request.opened", "request.approved", "token.issued"]);
    }
}

both! {
    async fn t51_sec_f06_of_fifty_at_once_one_redeems(world: World) {
        let maya = world.person("Maya").await;
        let worlds = world.instances().await;
        for round in 0..4 {
            let agent = worlds[0].agent(&format!("Agent {round}")).await;
            let asked = agent.ask(&maya.email, &[]).await;
            worlds[0].approve(&maya, &asked).await;
            let mut polls = JoinSet::new();
            for at in 0..50 {
                let (agent, id) = (agent.at(&worlds[at % worlds.len()]), asked.auth_req_id.clone());
                polls.spawn(async move { agent.poll(&id).await });
            }
            assert_eq!(winners(&polls.join_all().await), 1);
            let issued = worlds[0].happened(&asked).await;
            assert_eq!(issued, ["request.opened", "request.approved", "token.issued"]);
        }
        worlds[0].audit_holds().await;
    }
}

both! {
    async fn sec_f06_polls_that_were_held_redeem_once_too(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let present = world.present(&maya).await;
        let worlds = world.instances().await;
        let asked = agent.ask(&maya.email, &[]).await;
        let mut polls = JoinSet::new();
        for at in 0..8 {
            let (agent, id) = (agent.at(&worlds[at % worlds.len()]), asked.auth_req_id.clone());
            polls.spawn(async move {
                loop {
                    let answer = agent.wait(&id, 5).await;
                    if !["authorization_pending", "slow_down"].contains(&answer.error()) {
                        return answer;
                    }
                }
            });
        }
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let once = countersign::flow::answer::Choice::Once;
        worlds[0].try_answer(&present, &asked, once).await.expect("taken");
        for world in &worlds {
            let since = world.app.clock.now() - Duration::seconds(2);
            watch::notice(&world.app, since).await.expect("noticed");
        }
        assert_eq!(winners(&polls.join_all().await), 1);
    }
}

both! {
    async fn t55_tokens_are_there_after_a_restart(world: World) {
        let (agent, asked) = approved(&world, &[("resume_state", "step 7")]).await;
        let world = world.restarted().await;
        assert_eq!(agent.poll(&asked.auth_req_id).await.ok()["resume_state"], "step 7");
        world.audit_holds().await;
    }
}

both! {
    async fn a_lost_response_is_fetched_again_for_a_minute_under_its_key(world: World) {
        let (agent, asked) = approved(&world, &[("resume_state", "here")]).await;
        let other = world.agent("Other Agent").await;
        let first = redeem(&agent, &asked, "k").await;
        first.ok();
        world.advance(Duration::seconds(59));
        assert_eq!(redeem(&agent, &asked, "k").await.ok(), &first.body);
        redeem(&agent, &asked, "K").await.refused(400, "invalid_grant");
        redeem(&other, &asked, "k").await.refused(400, "invalid_grant");
        agent.poll(&asked.auth_req_id).await.refused(400, "invalid_grant");
        let world = world.restarted().await;
        assert_eq!(redeem(&agent, &asked, "k").await.ok(), &first.body);
        world.advance(Duration::SECOND);
        redeem(&agent, &asked, "k").await.refused(400, "invalid_grant");
        let issued = world.happened(&asked).await.into_iter().filter(|kind| kind == "token.issued");
        assert_eq!(issued.count(), 1);
    }
}

both! {
    async fn twenty_at_once_under_one_key_get_one_set_of_tokens(world: World) {
        let (agent, asked) = approved(&world, &[]).await;
        let worlds = world.instances().await;
        let mut polls = JoinSet::new();
        for at in 0..20 {
            let (agent, asked) = (agent.at(&worlds[at % worlds.len()]), asked.clone());
            polls.spawn(async move { redeem(&agent, &asked, "k").await.ok().to_string() });
        }
        let mut responses = polls.join_all().await;
        responses.dedup();
        assert_eq!(responses.len(), 1);
    }
}

#[tokio::test]
async fn a_key_that_did_not_come_with_the_first_is_no_key() {
    let world = World::sqlite().await;
    let (agent, asked) = approved(&world, &[]).await;
    redeem(&agent, &asked, "")
        .await
        .refused(400, "invalid_request");
    redeem(&agent, &asked, &"k".repeat(256))
        .await
        .refused(400, "invalid_request");
    agent.poll(&asked.auth_req_id).await.ok();
    redeem(&agent, &asked, "k")
        .await
        .refused(400, "invalid_grant");
}

/// Sends a token request and goes away without reading a byte of the answer.
async fn send_and_go(world: &World, agent: &Agent, asked: &Asked, key: Option<&str>) {
    use base64::Engine as _;
    let body = form(&[
        ("grant_type", GRANT_TYPE),
        ("auth_req_id", &asked.auth_req_id),
    ]);
    let credentials =
        base64::engine::general_purpose::STANDARD.encode(format!("{}:{}", agent.id, agent.secret));
    let key = key.map_or(String::new(), |key| format!("idempotency-key: {key}\r\n"));
    let request = format!(
        "POST /oauth/token HTTP/1.1\r\nhost: x\r\nauthorization: Basic {credentials}\r\n{key}content-type: \
         application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let address = world.url.strip_prefix("http://").expect("loopback");
    let mut socket = tokio::net::TcpStream::connect(address)
        .await
        .expect("connected");
    socket.write_all(request.as_bytes()).await.expect("sent");
    for _ in 0..200 {
        if world
            .happened(asked)
            .await
            .iter()
            .any(|kind| kind == "token.issued")
        {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("never redeemed");
}

both! {
    async fn sec_f16_an_answer_lost_on_its_way_is_not_made_again(world: World) {
        let (agent, asked) = approved(&world, &[]).await;
        send_and_go(&world, &agent, &asked, None).await;
        agent.poll(&asked.auth_req_id).await.refused(400, "invalid_grant");
        // With a key it is the same one that is handed out.
        let maya = world.person("Otto").await;
        let asked = agent.ask(&maya.email, &[]).await;
        world.approve(&maya, &asked).await;
        send_and_go(&world, &agent, &asked, Some("k")).await;
        redeem(&agent, &asked, "k").await.ok();
        let issued = world.happened(&asked).await.into_iter().filter(|kind| kind == "token.issued");
        assert_eq!(issued.count(), 1);
    }
}

both! {
    async fn sec_f07_bookkeeping_undoes_no_redemption(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let asked = agent.ask(&maya.email, &[]).await;
        // A hasty poll, whose note of the new pace comes only after the redemption.
        agent.poll(&asked.auth_req_id).await.refused(400, "authorization_pending");
        agent.poll(&asked.auth_req_id).await.refused(400, "slow_down");
        world.approve(&maya, &asked).await;
        agent.poll(&asked.auth_req_id).await.ok();
        let before = world.stored(&asked).await;
        world.store().commit(Commit::of(Write::Pace(asked.id(), 10))).await.expect("noted");
        world.store().commit(Commit::of(Write::DropParcels(asked.id(), world.app.clock.now()))).await.expect("noted");
        world.deliver().await;
        world.sweep().await;
        let after = world.stored(&asked).await;
        assert_eq!(after.request, before.request);
        assert_eq!(after.settled_at, before.settled_at);
        agent.poll(&asked.auth_req_id).await.refused(400, "invalid_grant");
    }
}

both! {
    async fn sec_f12_a_person_disabled_meanwhile_lets_nothing_out(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let present = world.present(&maya).await;
        let cookie = world.session_cookie(&maya).await;
        let (waiting, approved) = (agent.ask(&maya.email, &[]).await, agent.ask(&maya.email, &[]).await);
        world.approve(&maya, &approved).await;
        set_person_active(&world.app, maya.id, false).await.expect("disabled");
        // Asked, answered, redeemed: refused at each.
        agent.try_ask(&maya.email, &[]).await.refused(400, "unknown_user_id");
        let signed_in = countersign::flow::sign_in::session(&world.app, &cookie).await;
        assert_eq!(signed_in.expect("the database"), None);
        let once = countersign::flow::answer::Choice::Once;
        world.try_answer(&present, &waiting, once).await.expect_err("refused");
        agent.poll(&waiting.auth_req_id).await.refused(400, "authorization_pending");
        agent.poll(&approved.auth_req_id).await.refused(400, "invalid_grant");
        redeem(&agent, &approved, "k").await.refused(400, "invalid_grant");
        let history = world.happened(&approved).await;
        assert_eq!(history, ["request.opened", "request.approved"]);
        set_person_active(&world.app, maya.id, true).await.expect("enabled");
        agent.poll(&approved.auth_req_id).await.ok();
    }
}

both! {
    async fn sec_f14_only_this_time_is_only_this_time(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let deploy = r#"[{"type":"deploy","environment":"staging","version":"1"}]"#;
        for more in [
            ("scope", "openid"),
            ("scope", "openid calendar.read"),
            ("scope", "openid files.read"),
            ("authorization_details", deploy),
        ] {
            let asked = agent.ask(&maya.email, &[more]).await;
            world.approve(&maya, &asked).await;
            agent.poll(&asked.auth_req_id).await.ok();
            let again = agent.ask(&maya.email, &[more]).await;
            agent.poll(&again.auth_req_id).await.refused(400, "authorization_pending");
        }
        let now = world.app.clock.now();
        let client = countersign::domain::id::ClientId(agent.id.clone());
        let standing = world.store().standing_grants_for(maya.id, &client, now).await;
        assert_eq!(standing.expect("the database"), []);
    }
}
