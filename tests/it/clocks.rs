//! Clocks that differ, and clocks that are set.

use countersign::clock::Clock;
use countersign::flow::answer::{AnswerError, Choice};
use countersign::flow::watch;
use time::{Duration, OffsetDateTime};

use crate::world::{Customs, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_f17_instances_with_clocks_apart_come_to_one_verdict() {
    let now = OffsetDateTime::from_unix_timestamp(
        std::time::UNIX_EPOCH
            .elapsed()
            .expect("after 1970")
            .as_secs()
            .cast_signed(),
    );
    let now = now.expect("a moment");
    let customs = Customs {
        begins: Some(now - Duration::minutes(2)),
        ..Customs::default()
    };
    let slow = World::postgresql_with(customs).await;
    let fast = slow
        .another_instance_at(Clock::by_hand(now + Duration::minutes(2)))
        .await;
    for world in [&slow, &fast] {
        watch::time(&world.app).await.expect("the time");
    }
    let apart = slow.app.clock.now() - fast.app.clock.now();
    assert!(apart.abs() < Duration::seconds(5), "{apart}");

    let agent = slow.agent("Deploy Bot").await;
    let maya = slow.person("Maya").await;
    let asked = agent.ask(&maya.email, &[("requested_expiry", "30")]).await;
    // By its own clock the fast one would have called it expired.
    agent
        .at(&fast)
        .poll(&asked.auth_req_id)
        .await
        .refused(400, "authorization_pending");
    fast.approve(&maya, &asked).await;
    agent.at(&fast).poll(&asked.auth_req_id).await.ok();
}

both! {
    async fn sec_f17_what_ended_stays_so_when_the_clock_is_set_back(world: World) {
        let agent = world.agent("Deploy Bot").await;
        let maya = world.person("Maya").await;
        let asked = agent.ask(&maya.email, &[("requested_expiry", "30")]).await;
        world.advance(Duration::minutes(5));
        agent.poll(&asked.auth_req_id).await.refused(400, "expired_token");
        world.advance(Duration::hours(-1));
        agent.poll(&asked.auth_req_id).await.refused(400, "expired_token");
        let maya = world.present(&maya).await;
        let late = world.try_answer(&maya, &asked, Choice::Once).await;
        assert!(matches!(late, Err(AnswerError::Settled(_))), "{late:?}");
        let world = world.restarted().await;
        agent.poll(&asked.auth_req_id).await.refused(400, "expired_token");
        world.audit_holds().await;
    }
}
