//! The service is called when there is an answer to what it has parked.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use countersign::domain::id::ClientId;
use countersign::flow::answer::Choice;
use countersign::flow::register::set_client_active;
use serde_json::{Value, json};
use time::Duration;

use super::asked_by_the_service::request;
use super::{AT, Cast, id, ten_euros};
use crate::world::receiver::{Call, Receiver};
use crate::world::{Agent, World, deny};

/// Parks, and wants to be called.
async fn parked(cast: &Cast, receiver: &Receiver) -> Value {
    let body = json!({"person": "maya", "ask": true, "webhook": receiver.url(), "expires_in": 600});
    cast.service.park(&ten_euros(body)).await
}

/// Checks a call as Standard Webhooks has it, with the secret that the operator was told.
#[track_caller]
fn checked(world: &World, service: &Agent, call: &Call) -> Value {
    let header = |name: &str| call.header(name).expect("a header").to_owned();
    let (id, at) = (header("webhook-id"), header("webhook-timestamp"));
    let age = world.app.clock.now().unix_timestamp() - at.parse::<i64>().expect("a time");
    assert!((0..300).contains(&age), "{age}");
    let secret = world
        .app
        .secrets
        .webhook(&ClientId(service.id.clone()))
        .to_text();
    let secret = STANDARD.decode(secret.strip_prefix("whsec_").expect("a secret"));
    let key = hmac::Key::new(hmac::HMAC_SHA256, &secret.expect("base64"));
    let signed = format!("{id}.{at}.{}", call.body);
    let signature = header("webhook-signature");
    let mac = STANDARD
        .decode(signature.strip_prefix("v1,").expect("v1"))
        .expect("base64");
    hmac::verify(&key, signed.as_bytes(), &mac).expect("a good signature");
    assert!(hmac::verify(&key, format!("{signed} ").as_bytes(), &mac).is_err());
    assert_eq!(call.header("content-type"), Some("application/json"));
    assert_eq!(call.header("authorization"), None);
    serde_json::from_str(&call.body).expect("JSON")
}

both! {
    async fn a_service_is_called_when_there_is_an_answer(world: World) {
        let cast = Cast::of(&world).await;
        let receiver = Receiver::start();
        for (choice, event, state) in [
            (Choice::Once, "transaction.approved", "approved"),
            (deny(""), "transaction.denied", "denied"),
        ] {
            let transaction = parked(&cast, &receiver).await;
            world.deliver().await;
            let before = receiver.calls().len();
            world.answer(&cast.maya, &request(&transaction), choice).await;
            world.deliver().await;
            world.deliver().await;
            let calls = receiver.calls();
            assert_eq!(calls.len(), before + 1);
            let told = checked(&world, &cast.service, &calls[before]);
            assert_eq!((&told["type"], &told["data"]["state"]), (&json!(event), &json!(state)));
            assert_eq!(told["data"], cast.service.transaction(id(&transaction)).await);
        }
        // Nobody answers.
        let transaction = parked(&cast, &receiver).await;
        world.advance(Duration::minutes(11));
        world.sweep().await;
        world.deliver().await;
        let calls = receiver.calls();
        assert_eq!(calls.len(), 3);
        let told = checked(&world, &cast.service, &calls[2]);
        assert_eq!(told["type"], "transaction.expired");
        assert_eq!(told["data"]["id"], transaction["id"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_made_again_under_its_first_name_until_it_is_taken() {
    let world = World::sqlite().await;
    let cast = Cast::of(&world).await;
    let receiver = Receiver::start();
    receiver.answers(500);
    let transaction = parked(&cast, &receiver).await;
    world.approve(&cast.maya, &request(&transaction)).await;
    world.deliver().await;
    let world = world.restarted().await;
    for status in [302, 401, 204] {
        receiver.answers(status);
        world.advance(Duration::minutes(5));
        world.deliver().await;
    }
    let told = checked(&world, &cast.service, &receiver.calls()[3]);
    assert_eq!(told["data"]["id"], transaction["id"]);
    // Taken is taken.
    world.advance(Duration::minutes(5));
    world.deliver().await;
    let calls = receiver.calls();
    assert_eq!(calls.len(), 4);
    let named = |call: &Call| call.header("webhook-id").expect("an id").to_owned();
    assert!(calls.iter().all(|call| named(call) == named(&calls[0])));
    // The one before is old by now: whoever replays it is found out.
    assert_ne!(
        calls[2].header("webhook-timestamp"),
        calls[3].header("webhook-timestamp")
    );
    assert_ne!(
        calls[2].header("webhook-signature"),
        calls[3].header("webhook-signature")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_called_about_what_is_over_or_for_whoever_is_disabled() {
    let world = World::sqlite().await;
    let cast = Cast::of(&world).await;
    let receiver = Receiver::start();
    let cancelled = parked(&cast, &receiver).await;
    cast.service
        .delete(&format!("{AT}/{}", id(&cancelled)))
        .await
        .ok();
    let released = parked(&cast, &receiver).await;
    world.approve(&cast.maya, &request(&released)).await;
    cast.service.release(id(&released)).await.ok();
    world.deliver().await;
    assert!(receiver.calls().is_empty());

    let approved = parked(&cast, &receiver).await;
    world.approve(&cast.maya, &request(&approved)).await;
    let service = ClientId(cast.service.id.clone());
    set_client_active(&world.app, &service, false)
        .await
        .expect("disabled");
    world.deliver().await;
    assert!(receiver.calls().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_g01_a_webhook_leads_nowhere_inside() {
    let world = World::sqlite().await;
    let cast = Cast::of(&world).await;
    for odd in [
        "",
        "nowhere",
        "file:///etc/passwd",
        "https://me:pw@pay.example/",
        "https://a/#b",
    ] {
        let body = ten_euros(json!({"webhook": odd}));
        cast.service
            .post_json(AT, &body, &[])
            .await
            .refused(400, "invalid_request");
    }
    cast.service
        .post_json(AT, &ten_euros(json!({"webhook": 1})), &[])
        .await
        .refused(400, "invalid_request");
    let inside = json!({"person": "maya", "ask": true, "webhook": "http://169.254.169.254/latest"});
    let transaction = cast.service.park(&ten_euros(inside)).await;
    let asked = request(&transaction);
    world.approve(&cast.maya, &asked).await;
    world.deliver().await;
    let promises = world
        .store()
        .parcels_of(asked.id())
        .await
        .expect("the database");
    let why: Vec<_> = promises.iter().filter_map(|it| it.why.clone()).collect();
    assert!(!why.is_empty(), "{promises:?}");
    assert_eq!(
        cast.service.transaction(id(&transaction)).await["state"],
        "approved"
    );
}
