//! A poll that is held until there is an answer (CIBA §7.3, RFC 7240 `Prefer: wait`).

use std::time::{Duration as Real, Instant};

use countersign::flow::collect::LONGEST_WAIT;
use countersign::flow::watch;
use time::Duration;
use tokio::task::JoinSet;

use crate::world::{Agent, Answer, Asked, World, deny};

/// A poll under way, and how long it took when it is over.
fn hold(polls: &mut JoinSet<(Answer, Real)>, agent: &Agent, asked: &Asked, seconds: u32) {
    let (agent, id) = (agent.clone(), asked.auth_req_id.clone());
    polls.spawn(async move {
        let began = Instant::now();
        let answer = agent.wait(&id, seconds).await;
        (answer, began.elapsed())
    });
}

/// Until the poll is surely held: it has been received and found nothing.
async fn settle() {
    tokio::time::sleep(Real::from_millis(300)).await;
}

/// Tells how late something was.
fn soon(since: Instant) {
    assert!(
        since.elapsed() < Real::from_secs(1),
        "{:?}",
        since.elapsed()
    );
}

both! {
    async fn t53_an_answer_wakes_the_poll_that_waits_for_it(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let present = world.present(&maya).await;
        for (choice, outcome) in [(countersign::flow::answer::Choice::Once, ""), (deny(""), "access_denied")] {
            let asked = agent.ask(&maya.email, &[]).await;
            let mut polls = JoinSet::new();
            hold(&mut polls, &agent, &asked, 20);
            settle().await;
            assert!(polls.try_join_next().is_none(), "held");
            let answered = Instant::now();
            world.try_answer(&present, &asked, choice).await.expect("taken");
            let (answer, _) = polls.join_next().await.expect("a poll").expect("an answer");
            soon(answered);
            assert_eq!(answer.error(), outcome);
            assert_eq!(answer.body.get("access_token").is_some(), outcome.is_empty());
        }
    }
}

both! {
    async fn a_withdrawal_or_the_end_of_time_wakes_the_poll_too(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let (withdrawn, late) = (agent.ask(&maya.email, &[]).await, agent.ask(&maya.email, &[]).await);
        let mut polls = JoinSet::new();
        hold(&mut polls, &agent, &withdrawn, 20);
        settle().await;
        agent.cancel(&withdrawn.approval_id).await.ok();
        let (answer, _) = polls.join_next().await.expect("a poll").expect("an answer");
        answer.refused(400, "access_denied");
        hold(&mut polls, &agent, &late, 20);
        settle().await;
        world.advance(Duration::minutes(10));
        let ran_out = Instant::now();
        world.sweep().await;
        let (answer, _) = polls.join_next().await.expect("a poll").expect("an answer");
        soon(ran_out);
        answer.refused(400, "expired_token");
    }
}

#[tokio::test]
async fn t54_a_poll_without_a_decision_ends_when_it_said_and_never_after_30_s() {
    assert_eq!(LONGEST_WAIT, Real::from_secs(30));
    let world = World::sqlite().await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let asked = agent.ask(&maya.email, &[]).await;
    for turn in 0..2 {
        let began = Instant::now();
        let answer = agent.wait(&asked.auth_req_id, 1).await;
        answer.refused(400, "authorization_pending");
        let took = began.elapsed();
        assert!(
            (Real::from_millis(950)..Real::from_secs(3)).contains(&took),
            "{turn}: {took:?}"
        );
        // The next may follow as soon as the interval since this one began is over.
        world.advance(Duration::seconds(5));
    }
    // Without a wait, or with one that is none, nothing is held.
    for prefer in ["wait=0", "wait=soon", "respond-async", ""] {
        let began = Instant::now();
        let answer = agent
            .poll_with(&asked.auth_req_id, &[("prefer", prefer)])
            .await;
        answer.refused(400, "authorization_pending");
        soon(began);
        world.advance(Duration::seconds(5));
    }
    // Haste is told at once, not after a while.
    let began = Instant::now();
    agent
        .poll(&asked.auth_req_id)
        .await
        .refused(400, "authorization_pending");
    agent
        .wait(&asked.auth_req_id, 20)
        .await
        .refused(400, "slow_down");
    soon(began);
}

both! {
    async fn sec_f08_the_newest_of_two_held_polls_gets_the_answer(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let present = world.present(&maya).await;
        let asked = agent.ask(&maya.email, &[]).await;
        let mut polls = JoinSet::new();
        hold(&mut polls, &agent, &asked, 20);
        settle().await;
        world.advance(Duration::seconds(6));
        let superseded = Instant::now();
        hold(&mut polls, &agent, &asked, 20);
        let (older, _) = polls.join_next().await.expect("a poll").expect("an answer");
        soon(superseded);
        older.refused(400, "authorization_pending");
        world.try_answer(&present, &asked, countersign::flow::answer::Choice::Once).await.expect("taken");
        let (newer, _) = polls.join_next().await.expect("a poll").expect("an answer");
        newer.ok();
    }
}

#[tokio::test]
async fn sec_f08_of_a_hundred_polls_at_once_one_is_held() {
    let world = World::sqlite().await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let present = world.present(&maya).await;
    let asked = agent.ask(&maya.email, &[]).await;
    let mut polls = JoinSet::new();
    for _ in 0..100 {
        hold(&mut polls, &agent, &asked, 20);
    }
    for _ in 0..99 {
        let (answer, took) = polls.join_next().await.expect("a poll").expect("an answer");
        assert!(
            ["slow_down", "authorization_pending"].contains(&answer.error()),
            "{answer:?}"
        );
        assert!(took < Real::from_secs(10), "{took:?}");
    }
    settle().await;
    assert!(polls.try_join_next().is_none(), "one is held");
    world
        .try_answer(&present, &asked, countersign::flow::answer::Choice::Once)
        .await
        .expect("taken");
    let (answer, _) = polls.join_next().await.expect("a poll").expect("an answer");
    answer.ok();
}

#[tokio::test]
async fn an_answer_given_at_another_instance_reaches_the_poll_held_here() {
    let world = World::postgresql().await;
    let other = world.another_instance().await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let present = other.present(&maya).await;
    let asked = agent.ask(&maya.email, &[]).await;
    let mut polls = JoinSet::new();
    hold(&mut polls, &agent, &asked, 20);
    settle().await;
    other
        .try_answer(&present, &asked, countersign::flow::answer::Choice::Once)
        .await
        .expect("taken");
    let noticed = Instant::now();
    watch::notice(&world.app, world.app.clock.now() - Duration::seconds(2))
        .await
        .expect("noticed");
    let (answer, _) = polls.join_next().await.expect("a poll").expect("an answer");
    soon(noticed);
    answer.ok();
    // Asked after the fact, either instance knows.
    agent
        .at(&other)
        .poll(&asked.auth_req_id)
        .await
        .refused(400, "invalid_grant");
}

both! {
    async fn an_answer_given_while_nobody_waited_is_there_at_once(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let asked = agent.ask(&maya.email, &[]).await;
        agent.poll(&asked.auth_req_id).await.refused(400, "authorization_pending");
        world.approve(&maya, &asked).await;
        let began = Instant::now();
        agent.wait(&asked.auth_req_id, 20).await.ok();
        soon(began);
    }
}

#[tokio::test]
async fn a_server_that_stops_lets_its_polls_go() {
    let world = World::sqlite().await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let asked = agent.ask(&maya.email, &[]).await;
    let mut polls = JoinSet::new();
    hold(&mut polls, &agent, &asked, 20);
    settle().await;
    world.app.signal.release_all();
    let (answer, took) = polls.join_next().await.expect("a poll").expect("an answer");
    answer.refused(400, "authorization_pending");
    assert!(took < Real::from_secs(5), "{took:?}");
}
