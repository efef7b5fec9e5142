//! Who asks (CIBA §7.2 step 1; RFC 6749 §2.3; RFC 7523).

use countersign::domain::ciba::approval::State;
use countersign::domain::client::AuthMethod;
use countersign::domain::id::ClientId;
use countersign::flow::register::{NewClient, set_client_active};
use serde_json::json;
use tokio::task::JoinSet;

use crate::world::{Agent, Answer, Asked, GRANT_TYPE, World, form};

/// Posts a form, with that `Authorization`.
async fn post(
    world: &World,
    path: &str,
    basic: Option<(&str, &str)>,
    pairs: &[(&str, &str)],
) -> Answer {
    let mut request = world.http.post(format!("{}{path}", world.url));
    if let Some((id, secret)) = basic {
        request = request.basic_auth(id, Some(secret));
    }
    let request = request
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form(pairs));
    Answer::of(request.send().await.expect("an answer")).await
}

async fn by_post(world: &World) -> Agent {
    let new = NewClient {
        auth: AuthMethod::ClientSecretPost,
        ..NewClient::agent("Posting Agent")
    };
    world.client(new).await
}

#[tokio::test]
async fn t18_whoever_does_not_prove_who_it_is_is_told_the_same() {
    let world = World::sqlite().await;
    let agent = world.agent("Billing Agent").await;
    let posting = by_post(&world).await;
    let (id, secret) = (agent.id.as_str(), agent.secret.as_str());
    let in_form = [("client_id", id), ("client_secret", secret)];
    let garbage = [
        ("client_assertion_type", crate::world::ASSERTION_TYPE),
        ("client_assertion", "x.y.z"),
    ];
    let mut told = Vec::new();
    for path in ["/bc-authorize", "/oauth/token"] {
        for (basic, pairs) in [
            (None, &[][..]),
            (None, &[("client_id", id)]),
            (Some((id, "wrong")), &[]),
            (Some((id, "")), &[]),
            (Some(("nobody", secret)), &[]),
            (Some((id, secret)), &in_form),
            (Some((id, secret)), &[("client_id", "somebody-else")]),
            (Some((id, secret)), &garbage),
            (None, &in_form),
            (None, &garbage),
            (Some((posting.id.as_str(), posting.secret.as_str())), &[]),
        ] {
            let answer = post(&world, path, basic, pairs).await;
            answer.refused(401, "invalid_client");
            let challenge = answer.headers.get("www-authenticate");
            let scheme = challenge.and_then(|it| it.to_str().ok()?.split(' ').next());
            assert_eq!(scheme, basic.map(|_| "Basic"), "{answer:?}");
            told.push(answer.body.to_string());
        }
    }
    told.dedup();
    assert_eq!(told.len(), 1, "one answer for all: {told:?}");
}

#[tokio::test]
async fn a_status_is_told_to_who_asked_only() {
    let world = World::sqlite().await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let asked = agent.ask(&maya.email, &[]).await;
    for path in [
        "/api/v1/approvals".to_owned(),
        format!("/api/v1/approvals/{}", asked.approval_id),
    ] {
        let bare = world.http.get(format!("{}{path}", world.url));
        let answer = Answer::of(bare.send().await.expect("an answer")).await;
        answer.refused(401, "invalid_client");
        let wrong = agent.with_a_wrong_secret();
        wrong.get(&path).await.refused(401, "invalid_client");
    }
}

#[tokio::test]
async fn every_method_serves_whoever_registered_it() {
    let world = World::sqlite().await;
    let maya = world.person("Maya").await;
    let ask = [("scope", "openid"), ("login_hint", maya.email.as_str())];
    let posting = by_post(&world).await;
    let mut pairs = ask.to_vec();
    pairs.extend([
        ("client_id", posting.id.as_str()),
        ("client_secret", posting.secret.as_str()),
    ]);
    post(&world, "/bc-authorize", None, &pairs).await.ok();

    let signer = world.signer("Signing Agent").await;
    let asked = signer
        .post("/bc-authorize", &signer.assertion(&world, "1"), &ask)
        .await;
    let auth_req_id = asked.ok()["auth_req_id"].as_str().expect("an id");
    let poll = [("grant_type", GRANT_TYPE), ("auth_req_id", auth_req_id)];
    let answer = signer
        .post("/oauth/token", &signer.assertion(&world, "2"), &poll)
        .await;
    answer.refused(400, "authorization_pending");
}

#[tokio::test]
async fn t19_an_assertion_is_fresh_complete_and_for_us_alone() {
    let world = World::sqlite().await;
    let maya = world.person("Maya").await;
    let (signer, other) = (
        world.signer("Signing Agent").await,
        world.signer("Other Agent").await,
    );
    let ask = [("scope", "openid"), ("login_hint", maya.email.as_str())];
    let now = world.app.clock.now().unix_timestamp();
    let issuer = signer.audience.clone();
    for (claim, value) in [
        ("aud", json!("https://another.example")),
        ("aud", json!([issuer])),
        ("aud", json!(format!("{issuer}/bc-authorize"))),
        ("exp", json!(now - 1)),
        ("exp", json!(now + 3600)),
        ("exp", json!(null)),
        ("jti", json!(null)),
        ("iss", json!(other.id)),
    ] {
        let mut claims = signer.claims(&world, "1");
        claims[claim] = value;
        let answer = signer
            .post("/bc-authorize", &signer.sign(&claims), &ask)
            .await;
        answer.refused(401, "invalid_client");
        assert!(!answer.headers.contains_key("www-authenticate"));
    }
    // Somebody else's key, for this client.
    let forged = other.sign(&signer.claims(&world, "1"));
    signer
        .post("/bc-authorize", &forged, &ask)
        .await
        .refused(401, "invalid_client");
    // None of these has spent the name.
    signer
        .post("/bc-authorize", &signer.assertion(&world, "1"), &ask)
        .await
        .ok();
}

#[tokio::test]
async fn sec_e08_who_registered_for_it_may_name_the_endpoints_too() {
    let world = World::sqlite().await;
    let maya = world.person("Maya").await;
    let signer = world.compatible_signer("Older Agent").await;
    let ask = [("scope", "openid"), ("login_hint", maya.email.as_str())];
    for (at, path) in ["", "/", "/oauth/token", "/bc-authorize"]
        .iter()
        .enumerate()
    {
        let mut claims = signer.claims(&world, &at.to_string());
        claims["aud"] = json!(format!("{}{path}", signer.audience));
        let answer = signer
            .post("/bc-authorize", &signer.sign(&claims), &ask)
            .await;
        answer.ok();
    }
    let mut claims = signer.claims(&world, "other");
    claims["aud"] = json!(format!("{}/oauth/introspect", signer.audience));
    signer
        .post("/bc-authorize", &signer.sign(&claims), &ask)
        .await
        .refused(401, "invalid_client");
}

both! {
    async fn sec_e07_an_assertion_has_one_effect_wherever_it_is_sent(world: World) {
        let maya = world.person("Maya").await;
        let signer = world.signer("Signing Agent").await;
        let assertion = signer.assertion(&world, "once");
        let worlds = world.instances().await;
        let mut tries = JoinSet::new();
        for at in 0..64 {
            let signer = signer.at(&worlds[at % worlds.len()]);
            let (assertion, email) = (assertion.clone(), maya.email.clone());
            tries.spawn(async move {
                let ask = [("scope", "openid"), ("login_hint", email.as_str())];
                signer.post("/bc-authorize", &assertion, &ask).await
            });
        }
        let answers = tries.join_all().await;
        let (taken, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|it| it.status == 200);
        assert_eq!(taken.len(), 1);
        for one in &refused {
            one.refused(401, "invalid_client");
        }
        let waiting = worlds[0].store().waiting_requests(maya.id, worlds[0].app.clock.now(), 100).await;
        assert_eq!(waiting.expect("the database").len(), 1);
    }
}

both! {
    async fn sec_e07_an_assertion_stays_used_after_a_restart(world: World) {
        let maya = world.person("Maya").await;
        let signer = world.signer("Signing Agent").await;
        let (asks, polls) = (signer.assertion(&world, "asks"), signer.assertion(&world, "polls"));
        let ask = [("scope", "openid"), ("login_hint", maya.email.as_str())];
        let asked = Asked::of(&signer.post("/bc-authorize", &asks, &ask).await);
        let poll = [("grant_type", GRANT_TYPE), ("auth_req_id", asked.auth_req_id.as_str())];
        signer.post("/oauth/token", &polls, &poll).await.refused(400, "authorization_pending");
        signer.post("/oauth/token", &polls, &poll).await.refused(401, "invalid_client");
        let world = world.restarted().await;
        signer.post("/bc-authorize", &asks, &ask).await.refused(401, "invalid_client");
        // Looking had no effect and may be repeated without one; collecting is refused.
        world.approve(&maya, &asked).await;
        signer.post("/oauth/token", &polls, &poll).await.refused(401, "invalid_client");
        assert_eq!(world.stored(&asked).await.request.state(), State::Approved);
        let fresh = signer.assertion(&world, "fresh");
        signer.post("/oauth/token", &fresh, &poll).await.ok();
    }
}

both! {
    async fn sec_f13_a_disabled_client_is_refused_at_every_step(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let present = world.present(&maya).await;
        let (waiting, approved) = (agent.ask(&maya.email, &[]).await, agent.ask(&maya.email, &[]).await);
        world.approve(&maya, &approved).await;
        let id = ClientId(agent.id.clone());
        set_client_active(&world.app, &id, false).await.expect("disabled");
        agent.try_ask(&maya.email, &[]).await.refused(401, "invalid_client");
        agent.poll(&approved.auth_req_id).await.refused(401, "invalid_client");
        agent.status(&waiting.approval_id).await.refused(401, "invalid_client");
        agent.cancel(&waiting.approval_id).await.refused(401, "invalid_client");
        // A yes to somebody who is not there any more is not taken.
        let answer = world.try_answer(&present, &waiting, countersign::flow::answer::Choice::Once).await;
        answer.expect_err("refused");
        set_client_active(&world.app, &id, true).await.expect("enabled");
        agent.poll(&waiting.auth_req_id).await.refused(400, "authorization_pending");
        agent.poll(&approved.auth_req_id).await.ok();
    }
}

#[tokio::test]
async fn sec_f13_what_another_instance_disabled_redeems_nothing_here() {
    let world = World::postgresql().await;
    let other = world.another_instance().await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let asked = agent.ask(&maya.email, &[]).await;
    world.approve(&maya, &asked).await;
    // This instance has just seen the client, and remembers it for a moment.
    agent.poll("unknown").await.refused(400, "invalid_grant");
    set_client_active(&other.app, &ClientId(agent.id.clone()), false)
        .await
        .expect("disabled");
    let answer = agent.poll(&asked.auth_req_id).await;
    assert!(
        ["invalid_grant", "invalid_client"].contains(&answer.error()),
        "{answer:?}"
    );
    assert_eq!(
        world.stored(&asked).await.request.state().as_str(),
        "approved"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_e13_a_thousand_wrong_secrets_lock_nobody_out() {
    let world = World::sqlite().await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    // 256 random bits, which nobody guesses.
    assert!(agent.secret.len() >= 43, "{}", agent.secret.len());
    let asked = agent.ask(&maya.email, &[]).await;
    for round in 0..10 {
        let mut tries = JoinSet::new();
        for guess in 0..100 {
            let (guesser, http) = (agent.clone(), world.http.clone());
            let secret = format!("cs_{round}-{guess}");
            tries.spawn(async move {
                let guesser = Agent::with(&guesser.id, &secret, &guesser.url, http);
                guesser.post("/bc-authorize", &[], &[]).await
            });
        }
        for answer in tries.join_all().await {
            answer.refused(401, "invalid_client");
        }
        agent.status(&asked.approval_id).await.ok();
    }
}
