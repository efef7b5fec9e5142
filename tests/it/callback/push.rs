//! Push mode: the agent is called with its tokens, or told why there are none.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::domain::ciba::mode::Mode;
use countersign::domain::id::ClientId;
use countersign::domain::parcel::Channel;
use countersign::flow::answer::Choice;
use countersign::flow::deliver;
use countersign::flow::register::{NewClient, set_client_active, set_person_active};
use countersign::flow::stop::stop_by_operator;
use serde_json::{Value, json};
use time::Duration;

use crate::world::receiver::{Manner, Receiver, TOKEN, called};
use crate::world::{Agent, Asked, GRANT_TYPE, World, claims, deny, small_payment};

/// The left half of SHA-256, as ES256 has it.
fn half(token: &Value) -> Value {
    let hash = digest(&SHA256, token.as_str().expect("a token").as_bytes());
    json!(URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16]))
}

async fn allowed(world: &World, receiver: &Receiver, more: &[(&str, &str)]) -> (Agent, Asked) {
    let agent = world.push_agent(receiver).await;
    let maya = world.person("Maya").await;
    let asked = agent.ask_to_be_told(&maya.email, more).await;
    world.approve(&maya, &asked).await;
    (agent, asked)
}

both! {
    async fn t76_an_agent_is_handed_its_tokens_and_they_name_each_other(world: World) {
        let receiver = Receiver::start();
        let more = [("scope", "openid calendar.read"), ("resume_state", "here")];
        let (agent, asked) = allowed(&world, &receiver, &more).await;
        assert!(asked.body.get("interval").is_none(), "it may not poll");
        assert_eq!(receiver.touched(), 0);
        world.deliver().await;

        let calls = receiver.calls();
        assert_eq!(calls.len(), 1);
        assert_eq!(calls[0].header("authorization"), Some(&*format!("Bearer {TOKEN}")));
        assert_eq!(calls[0].header("content-type"), Some("application/json"));
        let told = calls[0].json();
        assert_eq!(told["auth_req_id"], asked.auth_req_id);
        assert_eq!(told["token_type"], "Bearer");
        assert_eq!(told["expires_in"], 900);
        assert_eq!(told["scope"], "openid calendar.read");
        assert_eq!(told["resume_state"], "here");
        let id_token = claims(told["id_token"].as_str().expect("an ID token"));
        assert_eq!(id_token["at_hash"], half(&told["access_token"]));
        assert_eq!(id_token["urn:openid:params:jwt:claim:rt_hash"], half(&told["refresh_token"]));
        assert_eq!(id_token["urn:openid:params:jwt:claim:auth_req_id"], asked.auth_req_id);
        let (now, issued) = (world.app.clock.now().unix_timestamp(), &id_token["iat"]);
        assert_eq!(issued, now);
        assert_eq!(claims(told["access_token"].as_str().expect("one"))["client_id"], agent.id);

        // Handed over once, and good: the refresh token is an ordinary one.
        world.advance(Duration::minutes(1));
        world.deliver().await;
        assert_eq!(receiver.calls().len(), 1);
        assert_eq!(agent.told(&asked).await["state"], "delivered");
        assert_eq!(world.state(&asked).await, "redeemed");
        let expected = ["request.opened", "request.approved", "token.issued"];
        assert_eq!(world.happened(&asked).await, expected);
        let refresh = told["refresh_token"].as_str().expect("one");
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
        let refreshed = agent.post("/oauth/token", &form, &[]).await;
        let id_token = claims(refreshed.ok()["id_token"].as_str().expect("one"));
        assert!(id_token.get("urn:openid:params:jwt:claim:auth_req_id").is_none());
        assert!(refreshed.body.get("auth_req_id").is_none());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t76_without_a_refresh_token_there_is_no_hash_of_one() {
    let world = World::sqlite().await;
    let receiver = Receiver::start();
    let (_, asked) = allowed(&world, &receiver, &[]).await;
    world.deliver().await;
    let told = receiver.calls()[0].json();
    assert!(told.get("refresh_token").is_none());
    let id_token = claims(told["id_token"].as_str().expect("an ID token"));
    assert_eq!(id_token["at_hash"], half(&told["access_token"]));
    assert!(
        id_token
            .get("urn:openid:params:jwt:claim:rt_hash")
            .is_none()
    );
    // The ID token is good for as long as it may be handed over, and a little longer.
    let lives = id_token["exp"].as_i64().expect("exp") - id_token["iat"].as_i64().expect("iat");
    assert_eq!(lives, 300);
    assert_eq!(asked.expires_in, 660);
}

both! {
    async fn t42_an_agent_that_is_handed_its_tokens_collects_none(world: World) {
        let receiver = Receiver::start();
        let with_the_grant_type = NewClient {
            grant_types: vec![GRANT_TYPE.to_owned()],
            ..called("Files", Mode::Push, &receiver.url())
        };
        let maya = world.person("Maya").await;
        let without = world.push_agent(&receiver).await;
        for agent in [without, world.client(with_the_grant_type).await] {
            let asked = agent.ask_to_be_told(&maya.email, &[]).await;
            agent.poll(&asked.auth_req_id).await.refused(400, "unauthorized_client");
            world.approve(&maya, &asked).await;
            agent.poll(&asked.auth_req_id).await.refused(400, "unauthorized_client");
            agent.wait(&asked.auth_req_id, 1).await.refused(400, "unauthorized_client");
            assert_eq!(world.state(&asked).await, "approved");
            world.deliver().await;
            agent.poll(&asked.auth_req_id).await.refused(400, "unauthorized_client");
        }
        assert_eq!(receiver.calls().len(), 2);
    }
}

both! {
    async fn t77_an_agent_is_told_why_there_are_no_tokens(world: World) {
        let receiver = Receiver::start();
        let agent = world.push_agent(&receiver).await;
        let maya = world.person("Maya").await;
        let told = |auth_req_id: &str, error: &str| {
            let told = receiver.calls().pop().expect("a call").json();
            assert_eq!((&told["auth_req_id"], &told["error"]), (&json!(auth_req_id), &json!(error)));
            assert!(told["error_description"].is_string());
            assert_eq!(told.as_object().expect("an object").len(), 3);
        };
        let denied = agent.ask_to_be_told(&maya.email, &[]).await;
        world.answer(&maya, &denied, deny("a secret reason")).await;
        world.deliver().await;
        told(&denied.auth_req_id, "access_denied");
        assert!(!receiver.calls()[0].body.contains("secret"));

        let unanswered = agent.ask_to_be_told(&maya.email, &[]).await;
        let withdrawn = agent.ask_to_be_told(&maya.email, &[]).await;
        agent.cancel(&withdrawn.approval_id).await.ok();
        world.advance(Duration::minutes(10));
        world.sweep().await;
        world.deliver().await;
        assert_eq!(receiver.calls().len(), 2, "what it withdrew it knows");
        told(&unanswered.auth_req_id, "expired_token");

        // There was a yes, and then the person was disabled.
        let tom = world.person("Tom").await;
        let failed = agent.ask_to_be_told(&tom.email, &[]).await;
        world.approve(&tom, &failed).await;
        set_person_active(&world.app, tom.id, false).await.expect("disabled");
        world.deliver().await;
        told(&failed.auth_req_id, "transaction_failed");
        assert!(world.noted("token.issued").await.is_empty());
        // It is told once, and not again when the request ends.
        world.advance(Duration::minutes(20));
        world.sweep().await;
        world.deliver().await;
        assert_eq!(receiver.calls().len(), 3);
        assert_eq!(world.state(&failed).await, "expired");
    }
}

both! {
    async fn every_call_says_the_same_to_the_byte_and_what_it_says_is_kept_sealed(world: World) {
        let receiver = Receiver::start();
        let more = [("scope", "openid calendar.read")];
        let (agent, asked) = allowed(&world, &receiver, &more).await;
        receiver.answers(500);
        world.deliver().await;
        let first = receiver.calls()[0].clone();
        let loot = world.loot().await;
        for name in ["access_token", "refresh_token", "id_token"] {
            let secret = first.json()[name].as_str().expect("a token").to_owned();
            assert!(!loot.holds(secret.rsplit('.').next().expect("a part").as_bytes()), "{name}");
        }
        let world = world.restarted().await;
        for manner in [Manner::HangsUp, Manner::Status(503, String::new()), Manner::Babbles] {
            receiver.behaves(manner);
            world.advance(Duration::seconds(30));
            world.deliver().await;
        }
        receiver.answers(204);
        world.advance(Duration::minutes(1));
        world.deliver().await;
        let calls = receiver.calls();
        assert_eq!(calls.len(), 5);
        assert!(calls.iter().all(|call| call.body == first.body));
        assert_eq!(world.noted("token.issued").await.len(), 1);
        let line = agent.told(&asked).await;
        assert_eq!((&line["state"], &line["attempts"]), (&json!("delivered"), &json!(5)));
        // Nothing of it is kept once it is handed over.
        world.advance(Duration::minutes(1));
        world.deliver().await;
        assert_eq!(receiver.calls().len(), 5);
    }
}

both! {
    async fn tokens_that_nobody_takes_are_revoked_and_the_status_says_so(world: World) {
        let receiver = Receiver::start();
        let agent = world.push_agent(&receiver).await;
        let maya = world.person("Maya").await;
        let more = [("scope", "openid calendar.read"), ("requested_expiry", "60")];
        for (status, why) in [
            (401, "the agent's endpoint answered 401; its tokens are revoked"),
            (500, "the agent's endpoint answered 500; its tokens are revoked"),
        ] {
            receiver.answers(status);
            let asked = agent.ask_to_be_told(&maya.email, &more).await;
            world.approve(&maya, &asked).await;
            for _ in 0..130 {
                world.deliver().await;
                world.advance(Duration::SECOND);
            }
            let line = agent.told(&asked).await;
            assert_eq!((&line["state"], &line["why"]), (&json!("failed"), &json!(why)));
            let told = receiver.calls().pop().expect("a call").json();
            assert_eq!(told["auth_req_id"], asked.auth_req_id);
            let refresh = told["refresh_token"].as_str().expect("one");
            let form = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
            agent.post("/oauth/token", &form, &[]).await.refused(400, "invalid_grant");
            let happened = world.happened(&asked).await;
            assert_eq!(happened.last().map(String::as_str), Some("token.not_taken"));
        }
        world.audit_holds().await;
    }
}

both! {
    async fn whoever_dies_with_the_tokens_in_hand_leaves_the_same_to_the_next(world: World) {
        let receiver = Receiver::start();
        let (agent, asked) = allowed(&world, &receiver, &[("requested_expiry", "600")]).await;
        receiver.behaves(Manner::Silent);
        let now = world.app.clock.now();
        let mut claimed = deliver::claim(&world.app, Channel::Callback, 1, now).await.expect("a claim");
        let parcel = claimed.remove(0);
        // Killed while the agent has been called and has not answered.
        let calling = deliver::keep(&world.app, parcel.clone());
        let killed = tokio::time::timeout(std::time::Duration::from_secs(2), calling).await;
        assert!(killed.is_err());
        assert_eq!(receiver.calls().len(), 1);
        assert_eq!(world.state(&asked).await, "redeemed");

        receiver.answers(200);
        let world = world.restarted().await;
        world.deliver().await;
        assert_eq!(receiver.calls().len(), 1, "somebody may still be at it");
        world.advance(Duration::MINUTE);
        world.deliver().await;
        let calls = receiver.calls();
        assert_eq!((calls.len(), &calls[0].body), (2, &calls[1].body));
        // Whoever had claimed it wakes up, and has nothing to give.
        deliver::keep(&world.app, parcel).await.expect("kept");
        assert_eq!(receiver.calls().len(), 2);
        assert_eq!(world.noted("token.issued").await.len(), 1);
        assert_eq!(agent.told(&asked).await["state"], "delivered");
    }
}

both! {
    async fn two_instances_make_each_agents_tokens_once(world: World) {
        let receiver = Receiver::start();
        let agent = world.push_agent(&receiver).await;
        let mut asked = Vec::new();
        for at in 0..6 {
            let person = world.person(&format!("Person{at}")).await;
            let one = agent.ask_to_be_told(&person.email, &[]).await;
            world.approve(&person, &one).await;
            asked.push(one);
        }
        let other = world.another_instance().await;
        for _ in 0..3 {
            tokio::join!(world.deliver(), other.deliver());
        }
        assert_eq!(receiver.calls().len(), asked.len());
        assert_eq!(world.noted("token.issued").await.len(), asked.len());
    }
}

both! {
    async fn an_answer_by_a_rule_is_handed_over_too(world: World) {
        let receiver = Receiver::start();
        let agent = world.push_agent(&receiver).await;
        let maya = world.person("Maya").await;
        let details = small_payment("240.00", "Hanna");
        let more = [("authorization_details", &*details)];
        let asked = agent.ask_to_be_told(&maya.email, &more).await;
        let always = Choice::Always { until: "today".to_owned(), picks: Vec::new(), confirmed: None, trim: countersign::domain::consent::partial::Trim::default() };
        world.answer(&maya, &asked, always).await;
        let covered = agent.ask_to_be_told(&maya.email, &more).await;
        world.deliver().await;
        assert_eq!(receiver.calls().len(), 1, "the acknowledgement is on its way");
        world.advance(Duration::SECOND);
        world.deliver().await;
        let told = receiver.calls()[1].json();
        assert_eq!(told["auth_req_id"], covered.auth_req_id);
        let token = claims(told["access_token"].as_str().expect("one"));
        assert_eq!(token["authorization_details"][0]["creditor"], "Hanna");

        // A rule that is stopped in the moment between gives nothing, and that is said.
        let stopped = agent.ask_to_be_told(&maya.email, &more).await;
        let rules = world.store().standing_grants_of(maya.id, 10).await.expect("the database");
        stop_by_operator(&world.app, rules[0].0.id).await.expect("stopped");
        world.advance(Duration::SECOND);
        world.deliver().await;
        let told = receiver.calls()[2].json();
        assert_eq!(told["auth_req_id"], stopped.auth_req_id);
        assert_eq!(told["error"], "transaction_failed");
        assert_eq!(world.noted("token.issued").await.len(), 2);
    }
}

both! {
    async fn tokens_are_bound_to_the_key_that_was_named_when_it_was_asked(world: World) {
        let receiver = Receiver::start();
        let mut new = called("Billing Agent", Mode::Push, &receiver.url());
        new.proof.dpop_bound = true;
        let agent = world.client(new).await;
        let maya = world.person("Maya").await;
        let more = [("client_notification_token", TOKEN)];
        agent.try_ask(&maya.email, &more).await.refused(400, "invalid_dpop_proof");
        let key = URL_SAFE_NO_PAD.encode([7; 32]);
        let asked = agent.ask_to_be_told(&maya.email, &[("dpop_jkt", &key)]).await;
        world.approve(&maya, &asked).await;
        world.deliver().await;
        let told = receiver.calls()[0].json();
        assert_eq!(told["token_type"], "DPoP");
        assert_eq!(claims(told["access_token"].as_str().expect("one"))["cnf"], json!({"jkt": key}));
    }
}

both! {
    async fn sec_f13_an_agent_that_was_disabled_is_handed_nothing(world: World) {
        let receiver = Receiver::start();
        let agent = world.push_agent(&receiver).await;
        let id = ClientId(agent.id.clone());
        let maya = world.person("Maya").await;
        let more = [("scope", "openid calendar.read")];
        let (early, late) = (
            agent.ask_to_be_told(&maya.email, &more).await,
            agent.ask_to_be_told(&maya.email, &more).await,
        );
        world.approve(&maya, &early).await;
        receiver.answers(500);
        world.deliver().await;
        world.approve(&maya, &late).await;
        set_client_active(&world.app, &id, false).await.expect("disabled");
        receiver.answers(204);
        world.advance(Duration::seconds(2));
        world.deliver().await;
        assert_eq!(receiver.calls().len(), 1);
        // What had been made is revoked, and the rest was never made.
        assert_eq!(world.noted("token.not_taken").await.len(), 1);
        assert_eq!(world.noted("token.issued").await.len(), 1);
        set_client_active(&world.app, &id, true).await.expect("enabled");
        let why = agent.told(&early).await["why"].clone();
        assert_eq!(why, "the agent is disabled; its tokens are revoked");
        assert_eq!(agent.told(&late).await["why"], "the agent is disabled");
        let refresh = receiver.calls()[0].json()["refresh_token"].clone();
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str().expect("one"))];
        agent.post("/oauth/token", &form, &[]).await.refused(400, "invalid_grant");
    }
}

both! {
    async fn tokens_that_were_revoked_on_their_way_are_not_handed_over(world: World) {
        let receiver = Receiver::start();
        let (agent, asked) = allowed(&world, &receiver, &[("scope", "openid calendar.read")]).await;
        receiver.answers(500);
        world.deliver().await;
        let token = receiver.calls()[0].json()["refresh_token"].clone();
        let form = [("token", token.as_str().expect("one"))];
        agent.post("/oauth/revoke", &form, &[]).await.ok();
        receiver.answers(204);
        world.advance(Duration::seconds(2));
        world.deliver().await;
        assert_eq!(receiver.calls().len(), 1);
        assert_eq!(agent.told(&asked).await["state"], "failed");
        assert!(world.noted("token.not_taken").await.is_empty());
    }
}
