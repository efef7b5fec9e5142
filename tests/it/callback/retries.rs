//! A call that failed is made again, with pauses, while the request lives, and by one at a time.

use countersign::domain::parcel::Channel;
use countersign::flow::deliver;
use serde_json::json;
use time::Duration;

use crate::world::receiver::{Manner, Receiver};
use crate::world::{Agent, Asked, World};

async fn answered(world: &World, receiver: &Receiver, expiry: &str) -> (Agent, Asked) {
    let agent = world.ping_agent(receiver).await;
    let maya = world.person("Maya").await;
    let more = [("requested_expiry", expiry)];
    let asked = agent.ask_to_be_told(&maya.email, &more).await;
    world.approve(&maya, &asked).await;
    (agent, asked)
}

/// Delivers second by second; says after how many seconds the agent was called.
async fn called_at(world: &World, receiver: &Receiver, seconds: i64) -> Vec<i64> {
    let mut called = Vec::new();
    for second in 0..seconds {
        let before = receiver.calls().len();
        world.deliver().await;
        if receiver.calls().len() > before {
            called.push(second);
        }
        world.advance(Duration::SECOND);
    }
    called
}

both! {
    async fn a_broken_agent_is_called_again_with_growing_pauses_until_it_answers(world: World) {
        let receiver = Receiver::start();
        let (agent, asked) = answered(&world, &receiver, "600").await;
        receiver.answers(500);
        let called = called_at(&world, &receiver, 50).await;
        assert!((5..=8).contains(&called.len()), "{called:?}");
        let pauses: Vec<i64> = called.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(pauses.is_sorted() && pauses.last().expect("some") >= &12, "{pauses:?}");
        let line = agent.told(&asked).await;
        assert_eq!((&line["state"], &line["why"]), (&json!("waiting"), &json!("the agent's endpoint answered 500")));
        receiver.answers(204);
        assert_eq!(called_at(&world, &receiver, 33).await.len(), 1);
        assert_eq!(agent.told(&asked).await["state"], "delivered");
        let calls = receiver.calls();
        assert!(calls.iter().all(|call| call.body == calls[0].body));
        agent.poll(&asked.auth_req_id).await.ok();
    }
}

both! {
    async fn calling_again_ends_with_the_request(world: World) {
        let receiver = Receiver::start();
        let (agent, asked) = answered(&world, &receiver, "60").await;
        receiver.answers(503);
        let called = called_at(&world, &receiver, 240).await;
        assert!(called.last().expect("some") < &120, "{called:?}");
        let line = agent.told(&asked).await;
        assert_eq!((&line["state"], &line["why"]), (&json!("failed"), &json!("the agent's endpoint answered 503")));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_asks_for_patience_gets_it() {
    for status in [429, 503] {
        let world = World::sqlite().await;
        let receiver = Receiver::start();
        let (agent, asked) = answered(&world, &receiver, "600").await;
        receiver.behaves(Manner::Status(status, "Retry-After: 90\r\n".to_owned()));
        world.deliver().await;
        receiver.answers(204);
        assert_eq!(called_at(&world, &receiver, 95).await, [90], "{status}");
        assert_eq!(agent.told(&asked).await["state"], "delivered");
    }
}

both! {
    async fn a_call_left_by_who_has_died_is_made_by_the_next_when_the_lease_ends(world: World) {
        let receiver = Receiver::start();
        let (agent, asked) = answered(&world, &receiver, "600").await;
        let now = world.app.clock.now();
        let claimed = deliver::claim(&world.app, Channel::Callback, 10, now).await.expect("a claim");
        assert_eq!(claimed.len(), 1);
        let world = world.restarted().await;
        world.deliver().await;
        assert_eq!(receiver.touched(), 0, "somebody may still be at it");
        world.advance(Duration::MINUTE);
        world.deliver().await;
        assert_eq!(receiver.calls().len(), 1);
        // Whoever had claimed it wakes up, and is too late to change what came of it.
        receiver.answers(500);
        for parcel in claimed {
            deliver::keep(&world.app, parcel).await.expect("kept");
        }
        let line = agent.told(&asked).await;
        assert_eq!((&line["state"], &line["attempts"]), (&json!("delivered"), &json!(1)));
    }
}

both! {
    async fn two_instances_call_each_agent_once(world: World) {
        let receiver = Receiver::start();
        let agent = world.ping_agent(&receiver).await;
        let mut asked = Vec::new();
        for at in 0..8 {
            let person = world.person(&format!("Person{at}")).await;
            let one = agent.ask_to_be_told(&person.email, &[]).await;
            world.approve(&person, &one).await;
            asked.push(one);
        }
        let other = world.another_instance().await;
        for _ in 0..3 {
            tokio::join!(world.deliver(), other.deliver());
        }
        let mut told: Vec<String> = receiver
            .calls()
            .iter()
            .map(|call| call.json()["auth_req_id"].as_str().expect("an id").to_owned())
            .collect();
        told.sort_unstable();
        let mut expected: Vec<String> = asked.into_iter().map(|it| it.auth_req_id).collect();
        expected.sort_unstable();
        assert_eq!(told, expected);
    }
}
