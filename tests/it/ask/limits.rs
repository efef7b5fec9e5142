//! How much one agent, or all of them, may ask at once, and how large a question may be.

use time::Duration;

use crate::world::{Customs, World};

both! {
    async fn an_agent_that_floods_a_person_is_refused_before_it_disturbs_anyone(world: World) {
        let (agent, other) = (world.agent("Billing Agent").await, world.agent("Other Agent").await);
        let (maya, otto) = (world.person("Maya").await, world.person("Otto").await);
        let mut asked = Vec::new();
        for _ in 0..10 {
            asked.push(agent.ask(&maya.email, &[]).await);
        }
        let answer = agent.try_ask(&maya.email, &[]).await;
        answer.refused(429, "slow_down");
        let seconds = answer.headers["retry-after"].to_str().expect("text");
        assert!(seconds.parse::<u32>().is_ok_and(|it| it > 0), "{seconds}");
        // Others may ask her, and it may ask others.
        other.ask(&maya.email, &[]).await;
        agent.ask(&otto.email, &[]).await;
        // What is settled waits no more, whoever settled it.
        agent.cancel(&asked[0].approval_id).await.ok();
        agent.ask(&maya.email, &[]).await;
        world.approve(&maya, &asked[1]).await;
        agent.ask(&maya.email, &[]).await;
        agent.try_ask(&maya.email, &[]).await.refused(429, "slow_down");
        world.advance(Duration::minutes(10));
        agent.ask(&maya.email, &[]).await;
    }
}

#[tokio::test]
async fn all_agents_together_may_not_flood_a_person_either() {
    let world = World::sqlite().await;
    let maya = world.person("Maya").await;
    for number in 0..5 {
        let agent = world.agent(&format!("Agent {number}")).await;
        for _ in 0..10 {
            agent.ask(&maya.email, &[]).await;
        }
    }
    let one_more = world.agent("One more").await;
    let answer = one_more.try_ask(&maya.email, &[]).await;
    answer.refused(429, "slow_down");
}

#[tokio::test]
async fn sec_a01_an_agent_that_runs_wild_is_told_when_to_come_again_and_others_are_served() {
    let customs = Customs {
        settings: Some(|settings| {
            settings.limits.rates.asks = 3;
            settings.limits.rates.asks_of_all = 5;
        }),
        ..Customs::default()
    };
    let world = World::sqlite_with(customs).await;
    let (wild, other) = (world.agent("Wild").await, world.agent("Other").await);
    let maya = world.person("Maya").await;
    let asked = wild.ask(&maya.email, &[]).await;
    for _ in 0..2 {
        wild.ask(&maya.email, &[]).await;
    }
    let answer = wild.try_ask(&maya.email, &[]).await;
    answer.refused(429, "slow_down");
    assert_eq!(answer.headers["retry-after"], "20");
    // What it has asked goes on, and so do the others, until all together are too many.
    wild.poll(&asked.auth_req_id)
        .await
        .refused(400, "authorization_pending");
    other.ask(&maya.email, &[]).await;
    other.ask(&maya.email, &[]).await;
    other
        .try_ask(&maya.email, &[])
        .await
        .refused(429, "slow_down");
    world.advance(Duration::seconds(20));
    wild.ask(&maya.email, &[]).await;
}

#[tokio::test]
async fn sec_d01_who_guesses_at_people_soon_learns_nothing_more() {
    let customs = Customs {
        settings: Some(|settings| settings.limits.rates.unknown_people = 20),
        ..Customs::default()
    };
    let world = World::sqlite_with(customs).await;
    let (agent, other) = (world.agent("Guessing").await, world.agent("Other").await);
    let maya = world.person("Maya").await;
    for number in 0..20 {
        let hint = format!("guess-{number}@acme.example");
        agent
            .try_ask(&hint, &[])
            .await
            .refused(400, "unknown_user_id");
    }
    let (hit, miss) = (
        agent.try_ask(&maya.email, &[]).await,
        agent.try_ask("guess-20@acme.example", &[]).await,
    );
    hit.refused(429, "slow_down");
    assert_eq!((hit.status, &hit.body), (miss.status, &miss.body));
    assert_eq!(hit.headers["retry-after"], miss.headers["retry-after"]);
    other.ask(&maya.email, &[]).await;
    world.advance(Duration::minutes(3));
    agent.ask(&maya.email, &[]).await;
}

#[tokio::test]
async fn what_is_too_large_is_refused_in_the_same_form() {
    let world = World::sqlite().await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let huge = "x".repeat(70_000);
    let answer = agent
        .try_ask(&maya.email, &[("something_else", &huge)])
        .await;
    answer.refused(400, "invalid_request");
    let names: Vec<String> = (0..70).map(|at| format!("p{at}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
    let answer = agent.try_ask(&maya.email, &many).await;
    answer.refused(400, "invalid_request");
    let long = "x".repeat(20_000);
    let answer = agent
        .try_ask_with(&maya.email, &[], &[("x-long", &long)])
        .await;
    assert_eq!(answer.status, 431);
    let hint = "m".repeat(600);
    agent
        .try_ask(&hint, &[])
        .await
        .refused(400, "invalid_request");
    agent
        .poll(&"x".repeat(5000))
        .await
        .refused(400, "invalid_grant");
    // Whatever was refused, the next question is served.
    agent.ask(&maya.email, &[]).await;
}

both! {
    async fn resume_state_comes_back_as_it_was_and_is_bounded(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let longest: String = "line\n\"Zoë\" \u{202E}\u{0}😀".chars().cycle().take(20_000).collect();
        let end = (0..=16 * 1024).rev().find(|&end| longest.is_char_boundary(end)).expect("a place to cut");
        let longest = &longest[..end];
        assert!(longest.len() > 16 * 1024 - 4);
        let asked = agent.ask(&maya.email, &[("resume_state", longest)]).await;
        assert_eq!(agent.status(&asked.approval_id).await.ok()["resume_state"], longest);
        world.approve(&maya, &asked).await;
        let world = world.restarted().await;
        assert_eq!(agent.status(&asked.approval_id).await.ok()["resume_state"], longest);
        assert_eq!(agent.poll(&asked.auth_req_id).await.ok()["resume_state"], longest);
        let longer = "x".repeat(16 * 1024 + 1);
        agent.try_ask(&maya.email, &[("resume_state", &longer)]).await.refused(400, "invalid_request");
        drop(world);
    }
}
