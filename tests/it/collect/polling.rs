//! Polls that find nothing, or a no (CIBA §11).

use time::Duration;

use crate::world::{GRANT_TYPE, World, deny};

#[tokio::test]
async fn t40_an_auth_req_id_is_there_once_and_known() {
    let world = World::sqlite().await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let asked = agent.ask(&maya.email, &[]).await;
    let id = ("auth_req_id", asked.auth_req_id.as_str());
    let grant = ("grant_type", GRANT_TYPE);
    for (form, error) in [
        (vec![grant], "invalid_request"),
        (vec![grant, ("auth_req_id", "")], "invalid_request"),
        (vec![grant, id, id], "invalid_request"),
        (vec![grant, grant, id], "invalid_request"),
        (vec![id], "invalid_request"),
        (
            vec![("grant_type", "authorization_code"), id],
            "unsupported_grant_type",
        ),
        (vec![("grant_type", "refresh_token"), id], "invalid_request"),
        (vec![grant, ("auth_req_id", "x")], "invalid_grant"),
        (vec![grant, ("auth_req_id", "' OR 1=1 --")], "invalid_grant"),
    ] {
        agent
            .post("/oauth/token", &form, &[])
            .await
            .refused(400, error);
    }
    let mut altered = asked.auth_req_id.clone().into_bytes();
    let last = altered.last_mut().expect("an end");
    *last = if *last == b'A' { b'B' } else { b'A' };
    let altered = String::from_utf8(altered).expect("ASCII");
    agent.poll(&altered).await.refused(400, "invalid_grant");
    // What the agent may show around is worth nothing here.
    for public in [&asked.approval_id, &asked.match_code] {
        agent.poll(public).await.refused(400, "invalid_grant");
    }
    agent
        .poll(&asked.auth_req_id)
        .await
        .refused(400, "authorization_pending");
}

both! {
    async fn sec_f03_no_secret_of_one_kind_passes_for_another(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let asked = agent.ask(&maya.email, &[]).await;
        world.approve(&maya, &asked).await;
        let session = world.session_cookie(&maya).await;
        let assurance = countersign::domain::consent::assurance::Assurance::HostLink;
        let link = countersign::flow::sign_in::make_link(&world.app, &maya, assurance, None).await.expect("a link");
        let handle = link.rsplit('/').next().expect("a handle");
        for other in [session.as_str(), handle] {
            agent.poll(other).await.refused(400, "invalid_grant");
        }
        let app = &world.app;
        for other in [asked.auth_req_id.as_str(), handle] {
            assert_eq!(countersign::flow::sign_in::session(app, other).await.expect("the database"), None);
        }
        for other in [asked.auth_req_id.as_str(), session.as_str()] {
            countersign::flow::sign_in::use_link(app, other, None, None, None).await.err().expect("refused");
        }
        agent.poll(&asked.auth_req_id).await.ok();
    }
}

both! {
    async fn t41_another_client_s_id_is_unknown_and_its_owner_notices_nothing(world: World) {
        let (agent, thief) = (world.agent("Billing Agent").await, world.agent("Thief").await);
        let maya = world.person("Maya").await;
        let asked = agent.ask(&maya.email, &[]).await;
        // Known to be waiting or not: the thief reads the same, and does not set the owner's pace.
        for _ in 0..3 {
            thief.poll(&asked.auth_req_id).await.refused(400, "invalid_grant");
        }
        thief.wait(&asked.auth_req_id, 1).await.refused(400, "invalid_grant");
        agent.poll(&asked.auth_req_id).await.refused(400, "authorization_pending");
        thief.poll(&asked.auth_req_id).await.refused(400, "invalid_grant");
        world.advance(Duration::seconds(5));
        agent.poll(&asked.auth_req_id).await.refused(400, "authorization_pending");
        world.approve(&maya, &asked).await;
        let unknown = thief.poll("unknown").await;
        let stolen = thief.poll(&asked.auth_req_id).await;
        stolen.refused(400, "invalid_grant");
        assert_eq!(stolen.body, unknown.body);
        agent.poll(&asked.auth_req_id).await.ok();
    }
}

both! {
    async fn t43_t44_the_first_poll_may_come_at_once_and_haste_is_remembered(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let asked = agent.ask(&maya.email, &[]).await;
        let id = asked.auth_req_id.as_str();
        agent.poll(id).await.refused(400, "authorization_pending");
        world.advance(Duration::SECOND);
        // 5 s, and 5 s more.
        agent.poll(id).await.refused(400, "slow_down");
        world.advance(Duration::seconds(10));
        agent.poll(id).await.refused(400, "authorization_pending");
        world.advance(Duration::seconds(7));
        // And 5 s more.
        agent.poll(id).await.refused(400, "slow_down");
        let world = world.restarted().await;
        agent.poll(id).await.refused(400, "authorization_pending");
        world.advance(Duration::seconds(12));
        agent.poll(id).await.refused(400, "slow_down");
        world.advance(Duration::seconds(20));
        agent.poll(id).await.refused(400, "authorization_pending");
        // Another request has its own pace.
        let other = agent.ask(&maya.email, &[]).await;
        agent.poll(&other.auth_req_id).await.refused(400, "authorization_pending");
        world.advance(Duration::seconds(5));
        agent.poll(&other.auth_req_id).await.refused(400, "authorization_pending");
    }
}

both! {
    async fn t45_twenty_rapid_polls_get_nothing_and_break_nothing(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let asked = agent.ask(&maya.email, &[]).await;
        for turn in 0..20 {
            let error = if turn == 0 { "authorization_pending" } else { "slow_down" };
            agent.poll(&asked.auth_req_id).await.refused(400, error);
        }
        // An answer is handed out however hasty the agent was.
        world.approve(&maya, &asked).await;
        agent.poll(&asked.auth_req_id).await.ok();
    }
}

#[tokio::test]
async fn a_poll_that_fails_to_authenticate_is_no_poll() {
    let world = World::sqlite().await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let asked = agent.ask(&maya.email, &[]).await;
    agent
        .poll(&asked.auth_req_id)
        .await
        .refused(400, "authorization_pending");
    let wrong = agent.with_a_wrong_secret();
    for _ in 0..3 {
        world.advance(Duration::seconds(2));
        wrong
            .poll(&asked.auth_req_id)
            .await
            .refused(401, "invalid_client");
    }
    agent
        .poll(&asked.auth_req_id)
        .await
        .refused(400, "authorization_pending");
}

both! {
    async fn t46_a_no_stays_a_no(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let asked = agent.ask(&maya.email, &[]).await;
        agent.poll(&asked.auth_req_id).await.refused(400, "authorization_pending");
        world.answer(&maya, &asked, deny("Not before Monday")).await;
        for _ in 0..3 {
            agent.poll(&asked.auth_req_id).await.refused(400, "access_denied");
        }
        let world = world.restarted().await;
        agent.poll(&asked.auth_req_id).await.refused(400, "access_denied");
        // And after its end: who said no is known better than who was late.
        world.advance(Duration::days(1));
        world.sweep().await;
        agent.poll(&asked.auth_req_id).await.refused(400, "access_denied");
    }
}

both! {
    async fn a_withdrawn_request_is_denied(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let asked = agent.ask(&maya.email, &[]).await;
        agent.cancel(&asked.approval_id).await.ok();
        agent.poll(&asked.auth_req_id).await.refused(400, "access_denied");
    }
}
