//! The service asks in its own name, waits, and releases the action itself.

use serde_json::{Value, json};
use time::Duration;
use tokio::task::JoinSet;

use super::{AT, Cast, id, ten_euros};
use crate::world::{Asked, World};

fn by_itself() -> Value {
    ten_euros(json!({"person": "maya", "ask": true, "expires_in": 120}))
}

/// The request a transaction has opened.
pub fn request(transaction: &Value) -> Asked {
    Asked {
        auth_req_id: String::new(),
        approval_id: transaction["approval_id"]
            .as_str()
            .expect("an id")
            .to_owned(),
        match_code: String::new(),
        expires_in: 0,
        body: Value::Null,
    }
}

both! {
    async fn a_service_waits_and_releases_exactly_once(world: World) {
        let cast = Cast::of(&world).await;
        let parked = cast.service.park(&by_itself()).await;
        assert_eq!((&parked["state"], &parked["client_id"]), (&json!("pending"), &json!(cast.service.id)));
        let asked = request(&parked);
        assert_eq!(world.happened(&asked).await[0], "request.opened");
        let at = format!("{AT}/{}?wait=30", id(&parked));
        let mut waiting = JoinSet::new();
        let service = cast.service.clone();
        waiting.spawn(async move { service.get(&at).await });
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        world.approve(&cast.maya, &asked).await;
        let began = std::time::Instant::now();
        assert_eq!(waiting.join_all().await[0].ok()["state"], "approved");
        assert!(began.elapsed() < std::time::Duration::from_secs(20));

        let instances = world.instances().await;
        let mut racing = JoinSet::new();
        for n in 0..32 {
            let service = cast.service.at(&instances[n % instances.len()]);
            let id = id(&parked).to_owned();
            racing.spawn(async move { service.release(&id).await.status.as_u16() });
        }
        let mut answers = racing.join_all().await;
        answers.sort_unstable();
        assert_eq!((answers[0], answers[1], answers[31]), (200, 409, 409));
        let world = &instances[0];
        assert_eq!(cast.service.transaction(id(&parked)).await["state"], "released");
        assert_eq!(world.state(&asked).await, "redeemed");
        assert_eq!(world.noted("transaction.released").await.len(), 1);
        assert!(world.noted("token.issued").await.is_empty());
        world.audit_holds().await;
    }
}

both! {
    async fn silence_and_a_yes_that_nobody_came_for_release_nothing(world: World) {
        let cast = Cast::of(&world).await;
        let silent = cast.service.park(&by_itself()).await;
        world.advance(Duration::seconds(120));
        assert_eq!(cast.service.transaction(id(&silent)).await["state"], "expired");
        assert_eq!(cast.service.release(id(&silent)).await.status, 409);

        let late = cast.service.park(&by_itself()).await;
        world.approve(&cast.maya, &request(&late)).await;
        world.advance(Duration::seconds(181));
        assert_eq!(cast.service.release(id(&late)).await.status, 409);
        assert_eq!(cast.service.transaction(id(&late)).await["state"], "expired");
    }
}

both! {
    async fn an_answer_is_there_after_a_restart(world: World) {
        let cast = Cast::of(&world).await;
        let parked = cast.service.park(&by_itself()).await;
        let world = Box::pin(world.restarted()).await;
        assert_eq!(cast.service.transaction(id(&parked)).await["state"], "pending");
        world.approve(&cast.maya, &request(&parked)).await;
        let world = Box::pin(world.restarted()).await;
        assert_eq!(cast.service.release(id(&parked)).await.ok()["state"], "released");
        world.audit_holds().await;
    }
}

both! {
    async fn sec_a01_a_pause_holds_a_service_back_too_and_nothing_is_parked(world: World) {
        let cast = Cast::of(&world).await;
        let mut browser = world.signed_in(&cast.maya).await;
        let page = browser.get("/history").await;
        page.press(&mut browser, "Pause", &[]).await;
        let answer = cast.service.post_json(AT, &by_itself(), &[]).await;
        answer.refused(403, "access_denied");
        assert_eq!(cast.service.get(AT).await.ok()["transactions"], json!([]));
        // To hold is not to ask.
        let parked = cast.service.park(&ten_euros(json!({"person": "maya"}))).await;
        let named = [("transaction", id(&parked))];
        cast.agent.try_ask(&cast.maya.email, &named).await.refused(403, "access_denied");
        assert_eq!(cast.service.transaction(id(&parked)).await["state"], "held");
    }
}
