//! Ping mode: the agent is called when there is an answer, and collects it.

use countersign::domain::ciba::mode::Mode;
use countersign::domain::id::ClientId;
use countersign::flow::answer::Choice;
use countersign::flow::register::set_client_active;
use serde_json::json;
use time::Duration;

use crate::world::receiver::{Receiver, TOKEN, called};
use crate::world::{Asked, World, deny, small_payment};

both! {
    async fn t70_a_ping_is_one_member_and_the_agents_own_token_to_the_byte(world: World) {
        let receiver = Receiver::start();
        let agent = world.ping_agent(&receiver).await;
        let maya = world.person("Maya").await;
        let longest = format!("{}~+/-._=", "x".repeat(1017));
        for token in [TOKEN, &longest] {
            let before = receiver.calls().len();
            let more = [("client_notification_token", token), ("resume_state", "here")];
            let asked = agent.ask(&maya.email, &more).await;
            world.deliver().await;
            assert_eq!(receiver.calls().len(), before, "there is nothing to tell yet");
            world.approve(&maya, &asked).await;
            world.deliver().await;

            let calls = receiver.calls();
            assert_eq!(calls.len(), before + 1);
            let call = &calls[before];
            assert_eq!(call.line, "POST /ciba/told?by=us HTTP/1.1");
            assert_eq!(call.body, format!(r#"{{"auth_req_id":"{}"}}"#, asked.auth_req_id));
            assert_eq!(call.header("authorization"), Some(&*format!("Bearer {token}")));
            assert_eq!(call.header("content-type"), Some("application/json"));
            let line = agent.told(&asked).await;
            assert_eq!((&line["state"], &line["attempts"]), (&json!("delivered"), &json!(1)));

            // What it was called about, it collects at once.
            let tokens = agent.poll(&asked.auth_req_id).await;
            assert_eq!(tokens.ok()["resume_state"], "here");
            world.advance(Duration::minutes(1));
            world.deliver().await;
            assert_eq!(receiver.calls().len(), before + 1, "it is told once");
        }
    }
}

both! {
    async fn t75_a_no_is_told_and_what_nobody_answered_is_not(world: World) {
        let receiver = Receiver::start();
        let agent = world.ping_agent(&receiver).await;
        let maya = world.person("Maya").await;
        let asked = agent.ask_to_be_told(&maya.email, &[]).await;
        world.answer(&maya, &asked, deny("Not today")).await;
        world.deliver().await;
        let calls = receiver.calls();
        assert_eq!(calls.len(), 1);
        // Whoever reads it on its way does not learn which answer it was.
        assert_eq!(calls[0].json(), json!({"auth_req_id": asked.auth_req_id}));
        agent.poll(&asked.auth_req_id).await.refused(400, "access_denied");

        let unanswered = agent.ask_to_be_told(&maya.email, &[]).await;
        let withdrawn = agent.ask_to_be_told(&maya.email, &[]).await;
        agent.cancel(&withdrawn.approval_id).await.ok();
        world.advance(Duration::minutes(10));
        world.sweep().await;
        world.deliver().await;
        assert_eq!(receiver.calls().len(), 1, "it knows the end it was told, and what it did itself");
        agent.poll(&unanswered.auth_req_id).await.refused(400, "expired_token");
    }
}

both! {
    async fn t49_an_agent_that_could_wait_to_be_called_may_poll_all_the_same(world: World) {
        let receiver = Receiver::start();
        let agent = world.ping_agent(&receiver).await;
        let maya = world.person("Maya").await;
        let asked = agent.ask_to_be_told(&maya.email, &[]).await;
        assert_eq!(asked.body["interval"], 5);
        agent.poll(&asked.auth_req_id).await.refused(400, "authorization_pending");
        world.advance(Duration::SECOND);
        agent.poll(&asked.auth_req_id).await.refused(400, "slow_down");

        // A held poll is answered as in poll mode, and then there is nothing left to be told of.
        world.advance(Duration::seconds(10));
        let (held, ()) = tokio::join!(agent.wait(&asked.auth_req_id, 20), async {
            world.approve(&maya, &asked).await;
        });
        held.ok();
        world.deliver().await;
        assert_eq!(receiver.calls().len(), 0);
        assert_eq!(agent.told(&asked).await["state"], "dropped");
    }
}

both! {
    async fn an_answer_by_a_rule_is_told_after_the_agent_knows_what_it_is_about(world: World) {
        let receiver = Receiver::start();
        let agent = world.ping_agent(&receiver).await;
        let maya = world.person("Maya").await;
        let details = small_payment("240.00", "Hanna");
        let more = [("authorization_details", &*details)];
        let asked = agent.ask_to_be_told(&maya.email, &more).await;
        let always = Choice::Always { until: "today".to_owned(), picks: Vec::new(), confirmed: None, trim: countersign::domain::consent::partial::Trim::default() };
        world.answer(&maya, &asked, always).await;
        world.deliver().await;
        assert_eq!(receiver.calls().len(), 1);

        let covered = agent.ask_to_be_told(&maya.email, &more).await;
        assert_eq!(world.state(&covered).await, "approved");
        world.deliver().await;
        assert_eq!(receiver.calls().len(), 1, "the acknowledgement is on its way");
        world.advance(Duration::SECOND);
        world.deliver().await;
        assert_eq!(receiver.calls()[1].json(), json!({"auth_req_id": covered.auth_req_id}));
        agent.poll(&covered.auth_req_id).await.ok();
    }
}

both! {
    async fn t14_who_is_called_says_with_which_token_and_it_is_kept_sealed(world: World) {
        let receiver = Receiver::start();
        let agent = world.ping_agent(&receiver).await;
        let maya = world.person("Maya").await;
        agent.try_ask(&maya.email, &[]).await.refused(400, "invalid_request");
        let long = "x".repeat(1025);
        for bad in ["a b", "a%20b", "a=b", "ä", "a\r\nX-Y: z", "=", &long] {
            let answer = agent.try_ask(&maya.email, &[("client_notification_token", bad)]).await;
            answer.refused(400, "invalid_request");
        }
        let canary = "canary.of.the.agents.own.token";
        let asked = agent.ask(&maya.email, &[("client_notification_token", canary)]).await;
        // An agent that polls may send one: nobody keeps it.
        let polls = world.agent("Deploy Bot").await;
        for ignored in ["another.canary.of.a.token", "not a token"] {
            let asked = polls.ask(&maya.email, &[("client_notification_token", ignored)]).await;
            world.approve(&maya, &asked).await;
        }
        world.approve(&maya, &asked).await;
        receiver.answers(500);
        world.deliver().await;
        assert_eq!(receiver.calls().len(), 1);
        let loot = world.loot().await;
        assert!(loot.holds(receiver.url().as_bytes()), "what is looked for can be found");
        for hidden in [canary, "another.canary.of.a.token", &asked.auth_req_id] {
            assert!(!loot.holds(hidden.as_bytes()), "{hidden}");
        }
    }
}

both! {
    async fn sec_f13_an_agent_that_was_disabled_is_not_called(world: World) {
        let receiver = Receiver::start();
        let agent = world.ping_agent(&receiver).await;
        let maya = world.person("Maya").await;
        let asked = agent.ask_to_be_told(&maya.email, &[]).await;
        world.approve(&maya, &asked).await;
        let id = ClientId(agent.id.clone());
        set_client_active(&world.app, &id, false).await.expect("disabled");
        world.deliver().await;
        assert_eq!(receiver.touched(), 0);
        set_client_active(&world.app, &id, true).await.expect("enabled");
        assert_eq!(agent.told(&asked).await["why"], "the agent is disabled");
    }
}

both! {
    async fn the_same_question_under_the_same_key_is_told_of_once(world: World) {
        let receiver = Receiver::start();
        let agent = world.ping_agent(&receiver).await;
        let maya = world.person("Maya").await;
        let more = [("client_notification_token", TOKEN)];
        let key = [("idempotency-key", "question 1")];
        let asked = Asked::of(&agent.try_ask_with(&maya.email, &more, &key).await);
        let again = Asked::of(&agent.try_ask_with(&maya.email, &more, &key).await);
        assert_eq!(asked.auth_req_id, again.auth_req_id);
        let other = [("client_notification_token", "another-token")];
        let refused = agent.try_ask_with(&maya.email, &other, &key).await;
        refused.refused(422, "invalid_request");
        world.approve(&maya, &asked).await;
        world.deliver().await;
        assert_eq!(receiver.calls().len(), 1);
    }
}

both! {
    async fn each_agent_is_called_at_its_own_endpoint(world: World) {
        let maya = world.person("Maya").await;
        let mut all = Vec::new();
        for name in ["Billing Agent", "Deploy Bot", "Files"] {
            let receiver = Receiver::start();
            let agent = world.client(called(name, Mode::Ping, &receiver.url())).await;
            let token = format!("{TOKEN}-{name}").replace([' ', '='], "");
            let more = [("client_notification_token", token.as_str())];
            let asked = agent.ask(&maya.email, &more).await;
            world.approve(&maya, &asked).await;
            all.push((receiver, token, asked));
        }
        let other = world.another_instance().await;
        tokio::join!(world.deliver(), other.deliver());
        for (receiver, token, asked) in all {
            let calls = receiver.calls();
            assert_eq!(calls.len(), 1);
            assert_eq!(calls[0].header("authorization"), Some(&*format!("Bearer {token}")));
            assert_eq!(calls[0].json(), json!({"auth_req_id": asked.auth_req_id}));
        }
    }
}
