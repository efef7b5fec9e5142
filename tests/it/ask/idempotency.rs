//! An agent that lost the answer asks again under the same `Idempotency-Key`: nobody is asked twice.

use time::Duration;
use tokio::task::JoinSet;

use crate::world::{Agent, Answer, Asked, World};

async fn ask(agent: &Agent, key: &str, more: &[(&str, &str)]) -> Answer {
    agent
        .try_ask_with("maya", more, &[("idempotency-key", key)])
        .await
}

/// How many requests there are, and how many letters were promised.
async fn counted(world: &World, agent: &Agent) -> (usize, usize) {
    let list = agent.get("/api/v1/approvals").await;
    let approvals = list.ok()["approvals"].as_array().expect("a list").clone();
    let mut promised = 0;
    for approval in &approvals {
        let id = approval["id"]
            .as_str()
            .expect("an id")
            .parse()
            .expect("an id");
        promised += world
            .store()
            .parcels_of(id)
            .await
            .expect("the database")
            .len();
    }
    (approvals.len(), promised)
}

both! {
    async fn the_same_question_under_the_same_key_is_the_same_request(world: World) {
        let (agent, other) = (world.agent("Billing Agent").await, world.agent("Other Agent").await);
        let maya = world.person("Maya").await;
        let first = Asked::of(&ask(&agent, "k", &[("resume_state", "here"), ("binding_message", "hi")]).await);
        world.advance(Duration::seconds(30));
        let again = Asked::of(&ask(&agent, "k", &[("binding_message", "hi"), ("resume_state", "here")]).await);
        assert_eq!(again.auth_req_id, first.auth_req_id);
        assert_eq!(again.match_code, first.match_code);
        assert_eq!(again.body["verification_uri"], first.body["verification_uri"]);
        assert_eq!(again.expires_in, first.expires_in - 30);
        assert_eq!(counted(&world, &agent).await, (1, 1));
        world.deliver().await;
        assert_eq!(world.letters().len(), 1);
        // Another question under that key is a mistake of the agent's; another agent's key is its own.
        for other_question in [
            vec![("resume_state", "there"), ("binding_message", "hi")],
            vec![("resume_state", "here")],
            vec![("resume_state", "here"), ("binding_message", "hi"), ("something_else", "x")],
        ] {
            ask(&agent, "k", &other_question).await.refused(422, "invalid_request");
        }
        let others = Asked::of(&ask(&other, "k", &[]).await);
        assert_ne!(others.auth_req_id, first.auth_req_id);
        let another_key = Asked::of(&ask(&agent, "K", &[]).await);
        assert_ne!(another_key.auth_req_id, first.auth_req_id);
        assert_eq!(counted(&world, &agent).await, (2, 2));

        let world = world.restarted().await;
        let more = [("resume_state", "here"), ("binding_message", "hi")];
        let restarted = Asked::of(&ask(&agent, "k", &more).await);
        assert_eq!(restarted.auth_req_id, first.auth_req_id);
        // Whatever became of it, it is still that request.
        world.approve(&maya, &first).await;
        assert_eq!(agent.poll(&first.auth_req_id).await.ok()["resume_state"], "here");
        world.advance(Duration::days(2));
        let late = Asked::of(&ask(&agent, "k", &more).await);
        assert_eq!(late.auth_req_id, first.auth_req_id);
        assert!(late.expires_in > 0);
        ask(&agent, "k", &[]).await.refused(422, "invalid_request");
        assert_eq!(counted(&world, &agent).await, (2, 2));
    }
}

both! {
    async fn twenty_at_once_under_one_key_are_one_request(world: World) {
        let agent = world.agent("Billing Agent").await;
        world.person("Maya").await;
        let worlds = world.instances().await;
        let mut tries = JoinSet::new();
        for at in 0..20 {
            let agent = agent.at(&worlds[at % worlds.len()]);
            tries.spawn(async move { Asked::of(&ask(&agent, "k", &[]).await).auth_req_id });
        }
        let mut ids = tries.join_all().await;
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 1);
        assert_eq!(counted(&worlds[0], &agent).await, (1, 1));
    }
}

#[tokio::test]
async fn a_key_is_one_short_word() {
    let world = World::sqlite().await;
    let agent = world.agent("Billing Agent").await;
    world.person("Maya").await;
    ask(&agent, "", &[]).await.refused(400, "invalid_request");
    ask(&agent, &"k".repeat(256), &[])
        .await
        .refused(400, "invalid_request");
    let twice = [("idempotency-key", "a"), ("idempotency-key", "b")];
    let answer = agent.try_ask_with("maya", &[], &twice).await;
    answer.refused(400, "invalid_request");
    ask(&agent, &"k".repeat(255), &[]).await.ok();
    // A question that was refused has not used its key up.
    ask(&agent, "later", &[("scope", "nothing")])
        .await
        .refused(400, "invalid_request");
    ask(&agent, "later", &[]).await.ok();
}
