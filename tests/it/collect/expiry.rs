//! Two clocks: until when the person may answer, and until when the agent may collect.

use countersign::flow::answer::{AnswerError, Choice};
use time::Duration;

use crate::world::World;

both! {
    async fn t47_t48_what_nobody_answered_is_expired_and_stays_so(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let asked = agent.ask(&maya.email, &[("requested_expiry", "120")]).await;
        agent.poll(&asked.auth_req_id).await.refused(400, "authorization_pending");
        world.advance(Duration::seconds(120) - Duration::MILLISECOND);
        agent.poll(&asked.auth_req_id).await.refused(400, "authorization_pending");
        world.advance(Duration::MILLISECOND);
        // The clock decides, whether or not anybody has noted it yet.
        agent.poll(&asked.auth_req_id).await.refused(400, "expired_token");
        assert_eq!(agent.status(&asked.approval_id).await.ok()["state"], "expired");
        world.sweep().await;
        agent.poll(&asked.auth_req_id).await.refused(400, "expired_token");
        let world = world.restarted().await;
        for _ in 0..3 {
            world.advance(Duration::days(30));
            world.sweep().await;
            agent.poll(&asked.auth_req_id).await.refused(400, "expired_token");
        }
        assert_eq!(world.happened(&asked).await, ["request.opened", "request.expired"]);
    }
}

both! {
    async fn t47_an_answer_in_the_last_moment_can_be_collected_for_a_minute(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let (collected, lost) = (agent.ask(&maya.email, &[]).await, agent.ask(&maya.email, &[]).await);
        assert_eq!(collected.expires_in, 660);
        world.advance(Duration::minutes(10) - Duration::MILLISECOND);
        world.approve(&maya, &collected).await;
        world.approve(&maya, &lost).await;
        world.advance(Duration::minutes(1));
        world.sweep().await;
        agent.poll(&collected.auth_req_id).await.ok();
        world.advance(Duration::MILLISECOND);
        agent.poll(&lost.auth_req_id).await.refused(400, "expired_token");
        world.sweep().await;
        agent.poll(&lost.auth_req_id).await.refused(400, "expired_token");
        agent.poll(&collected.auth_req_id).await.refused(400, "invalid_grant");
        let history = world.happened(&lost).await;
        assert_eq!(history, ["request.opened", "request.approved", "request.expired"]);
    }
}

both! {
    async fn t52_sec_f05_nothing_is_answered_after_its_end(world: World) {
        let agent = world.agent("Billing Agent").await;
        let (maya, otto) = (world.person("Maya").await, world.person("Otto").await);
        let (by_maya, by_otto) = (world.present(&maya).await, world.present(&otto).await);
        let (late, redeemed, cancelled) = (
            agent.ask(&maya.email, &[]).await,
            agent.ask(&maya.email, &[]).await,
            agent.ask(&maya.email, &[]).await,
        );
        // Nobody but her may answer.
        for asked in [&late, &redeemed] {
            let answer = world.try_answer(&by_otto, asked, Choice::Once).await;
            assert!(matches!(answer, Err(AnswerError::NotYours)), "{answer:?}");
        }
        world.approve(&maya, &redeemed).await;
        agent.poll(&redeemed.auth_req_id).await.ok();
        agent.cancel(&cancelled.approval_id).await.ok();
        world.advance(Duration::minutes(10));
        for (asked, state) in [(&late, "expired"), (&redeemed, "redeemed"), (&cancelled, "cancelled")] {
            // What time has made of it, and nothing else, is what is written down.
            let before = world.stored(asked).await.request.at(world.app.clock.now());
            for choice in [Choice::Once, crate::world::deny("too late")] {
                let answer = world.try_answer(&by_maya, asked, choice).await;
                assert!(matches!(answer, Err(AnswerError::Settled(_))), "{answer:?}");
            }
            assert_eq!(world.stored(asked).await.request, before);
            assert_eq!(agent.status(&asked.approval_id).await.ok()["state"], state);
        }
        agent.poll(&late.auth_req_id).await.refused(400, "expired_token");
        agent.poll(&redeemed.auth_req_id).await.refused(400, "invalid_grant");
        agent.poll(&cancelled.auth_req_id).await.refused(400, "access_denied");
    }
}
