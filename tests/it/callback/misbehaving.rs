//! Endpoints that misbehave: none of them costs more than its own call, and none is followed anywhere.

use std::time::{Duration, Instant};

use countersign::channel::sender::SenderOptions;
use countersign::domain::ciba::mode::Mode;
use countersign::worker;
use serde_json::json;

use crate::world::receiver::{Manner, Receiver, called};
use crate::world::{Agent, Asked, Customs, World};

/// How long a call may take in these stories.
const PATIENCE: Duration = Duration::from_millis(500);

fn customs() -> Customs {
    Customs {
        sender: Some(SenderOptions {
            allow: "127.0.0.0/8".parse().expect("a network"),
            total: PATIENCE,
            ..SenderOptions::default()
        }),
        ..Customs::default()
    }
}

async fn answered(world: &World, endpoint: &str) -> (Agent, Asked) {
    let agent = called("Billing Agent", Mode::Ping, endpoint);
    let agent = world.client(agent).await;
    let name = format!("maya{}", endpoint.len());
    let maya = world.person(&name).await;
    let asked = agent.ask_to_be_told(&maya.email, &[]).await;
    world.approve(&maya, &asked).await;
    (agent, asked)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t71_sec_g03_sec_g08_a_redirect_is_not_followed_and_the_token_goes_nowhere_else() {
    for status in [301, 302, 303, 307, 308] {
        let world = World::sqlite().await;
        let (receiver, canary) = (Receiver::start(), Receiver::start());
        let (agent, asked) = answered(&world, &receiver.url()).await;
        let location = format!("Location: {}\r\n", canary.url());
        receiver.behaves(Manner::Status(status, location));
        for _ in 0..3 {
            world.deliver().await;
            world.advance(time::Duration::seconds(20));
        }
        assert_eq!((receiver.calls().len(), canary.touched()), (1, 0));
        let line = agent.told(&asked).await;
        let why = format!("the agent's endpoint answered {status}: redirects are not followed");
        assert_eq!(
            (&line["state"], &line["why"]),
            (&json!("failed"), &json!(why))
        );
        agent.poll(&asked.auth_req_id).await.ok();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t72_an_agent_that_refuses_is_not_called_again_and_may_collect() {
    for status in [400, 401, 403, 404, 410, 422, 429] {
        let world = World::sqlite().await;
        let receiver = Receiver::start();
        let (agent, asked) = answered(&world, &receiver.url()).await;
        receiver.answers(status);
        for _ in 0..3 {
            world.deliver().await;
            world.advance(time::Duration::seconds(20));
        }
        assert_eq!(receiver.calls().len(), 1, "{status}");
        let why = format!("the agent's endpoint answered {status}");
        assert_eq!(agent.told(&asked).await["why"], why);
        agent.poll(&asked.auth_req_id).await.ok();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t73_sec_g07_what_comes_after_the_status_is_not_waited_for() {
    let huge = vec![b'x'; 64 * 1024];
    for (part, pause) in [
        (huge, Duration::ZERO),
        (b"{".to_vec(), Duration::from_millis(50)),
    ] {
        let world = World::sqlite_with(customs()).await;
        let receiver = Receiver::start();
        let (agent, asked) = answered(&world, &receiver.url()).await;
        receiver.behaves(Manner::Endless(part, pause));
        let began = Instant::now();
        world.deliver().await;
        assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
        assert_eq!(agent.told(&asked).await["state"], "delivered");
        agent.poll(&asked.auth_req_id).await.ok();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_g07_an_agent_that_does_not_answer_costs_its_own_call_and_is_called_again() {
    for (manner, why) in [
        (Manner::Silent, "no answer in time"),
        (Manner::HangsUp, "the connection broke"),
        (Manner::Babbles, "the connection broke"),
    ] {
        let world = World::sqlite_with(customs()).await;
        let receiver = Receiver::start();
        let (agent, asked) = answered(&world, &receiver.url()).await;
        receiver.behaves(manner.clone());
        let began = Instant::now();
        world.deliver().await;
        assert!(began.elapsed() < 3 * PATIENCE, "{manner:?}");
        let line = agent.told(&asked).await;
        assert_eq!(
            (&line["state"], &line["why"]),
            (&json!("waiting"), &json!(why)),
            "{manner:?}"
        );
        receiver.answers(200);
        world.advance(time::Duration::seconds(2));
        world.deliver().await;
        assert_eq!(agent.told(&asked).await["state"], "delivered", "{manner:?}");
        let calls = receiver.calls();
        assert_eq!(calls[0].body, calls[1].body);
        agent.poll(&asked.auth_req_id).await.ok();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t74_where_tls_does_not_work_nothing_is_said_in_the_clear() {
    let world = World::sqlite_with(customs()).await;
    let receiver = Receiver::start();
    let tls = receiver.url().replace("http:", "https:");
    let (agent, asked) = answered(&world, &tls).await;
    world.deliver().await;
    assert_eq!((receiver.touched(), receiver.calls().len()), (1, 0));
    let line = agent.told(&asked).await;
    assert_eq!(
        (&line["state"], &line["why"]),
        (&json!("waiting"), &json!("could not connect"))
    );
    agent.poll(&asked.auth_req_id).await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_g01_an_endpoint_that_leads_inside_is_not_called_however_it_got_in() {
    let world = World::sqlite().await;
    let receiver = Receiver::start();
    let (agent, asked) = answered(&world, &receiver.url()).await;
    // The operator has changed their mind about what may be called.
    let customs = Customs {
        sender: Some(SenderOptions::default()),
        ..Customs::default()
    };
    let world = world.restarted_with(customs).await;
    for _ in 0..3 {
        world.deliver().await;
        world.advance(time::Duration::seconds(20));
    }
    assert_eq!(receiver.touched(), 0);
    let line = agent.told(&asked).await;
    assert_eq!(line["state"], "failed");
    agent.poll(&asked.auth_req_id).await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_g07_a_hundred_dead_agents_do_not_hold_up_the_others() {
    let world = World::sqlite().await;
    let receiver = Receiver::start();
    let mut silent = Vec::new();
    for at in 0..100 {
        // A machine takes the connection, and nobody is there to answer.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let endpoint = format!("http://127.0.0.1:{port}/told");
        let new = called(&format!("Dead Agent {at}"), Mode::Ping, &endpoint);
        let agent = world.client(new).await;
        let person = world.person(&format!("Person{at}")).await;
        let asked = agent.ask_to_be_told(&person.email, &[]).await;
        world.approve(&person, &asked).await;
        silent.push(listener);
    }
    worker::start(&world.app);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let agent = world.ping_agent(&receiver).await;
    let maya = world.person("Maya").await;
    for nth in 1..=5 {
        let asked = agent.ask_to_be_told(&maya.email, &[]).await;
        let began = Instant::now();
        world.approve(&maya, &asked).await;
        while receiver.calls().len() < nth {
            assert!(began.elapsed() < Duration::from_secs(2), "the {nth}th");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
