//! What may be parked, by whom, and who sees it.

use serde_json::{Value, json};
use time::Duration;

use super::{AT, Cast, PAYMENTS, id, ten_euros};
use crate::world::World;

both! {
    async fn what_is_parked_waits_with_a_challenge_for_the_agent(world: World) {
        let cast = Cast::of(&world).await;
        let parked = cast.service.park(&ten_euros(json!({"expires_in": 300}))).await;
        let challenge = format!(
            "Bearer error=\"insufficient_authorization\", \
             error_description=\"a person has to approve this\", transaction=\"{}\"", id(&parked));
        assert_eq!(parked["www_authenticate"], challenge);
        assert_eq!((&parked["state"], &parked["resource"]), (&json!("held"), &json!(PAYMENTS)));
        assert_eq!(cast.service.transaction(id(&parked)).await, parked);
        let listed = cast.service.get(AT).await;
        assert_eq!(listed.ok()["transactions"], json!([parked]));
        assert_eq!(world.noted("transaction.held").await.len(), 1);
        world.advance(Duration::minutes(5));
        assert_eq!(cast.service.transaction(id(&parked)).await["state"], "expired");
        world.audit_holds().await;
    }
}

both! {
    async fn the_same_key_parks_once(world: World) {
        let cast = Cast::of(&world).await;
        let key = [("idempotency-key", "order-1042")];
        let mut racing = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let service = cast.service.clone();
            racing.spawn(async move { service.post_json(AT, &ten_euros(json!({})), &key).await });
        }
        let answers = racing.join_all().await;
        let first = answers[0].body.clone();
        for answer in &answers {
            assert_eq!((answer.status.as_u16(), &answer.body), (201, &first));
        }
        assert_eq!(cast.service.get(AT).await.ok()["transactions"].as_array().map(Vec::len), Some(1));
        let other = ten_euros(json!({"expires_in": 60}));
        cast.service.post_json(AT, &other, &key).await.refused(422, "invalid_request");
    }
}

both! {
    async fn only_its_own_service_sees_it_or_ends_it(world: World) {
        let cast = Cast::of(&world).await;
        let other = world.service("https://calendar.example.com").await;
        let parked = cast.service.park(&ten_euros(json!({}))).await;
        let at = format!("{AT}/{}", id(&parked));
        assert_eq!(other.get(&at).await.status, 404);
        assert_eq!(other.delete(&at).await.status, 404);
        assert_eq!(other.release(id(&parked)).await.status, 404);
        assert_eq!(other.get(AT).await.ok()["transactions"], json!([]));
        for odd in ["x", "00000000000000000000000000000000"] {
            assert_eq!(cast.service.get(&format!("{AT}/{odd}")).await.status, 404);
        }
        cast.agent.get(&at).await.refused(400, "unauthorized_client");
        cast.agent.post_json(AT, &ten_euros(json!({})), &[]).await.refused(400, "unauthorized_client");
        let stranger = cast.service.with_a_wrong_secret();
        stranger.post_json(AT, &ten_euros(json!({})), &[]).await.refused(401, "invalid_client");
        other.post_json(AT, &ten_euros(json!({})), &[]).await.refused(400, "invalid_target");
        cast.service.post(AT, &[("resource", PAYMENTS)], &[]).await.refused(400, "invalid_request");
        let nobody = ten_euros(json!({"person": "nobody@acme.example"}));
        cast.service.post_json(AT, &nobody, &[]).await.refused(400, "unknown_user_id");
        let prose = ten_euros(json!({"statement": "Nothing to see"}));
        cast.service.post_json(AT, &prose, &[]).await.refused(400, "invalid_request");
        let long = ten_euros(json!({"person": "x".repeat(70_000)}));
        cast.service.post_json(AT, &long, &[]).await.refused(400, "invalid_request");
    }
}

both! {
    async fn what_is_given_up_is_asked_about_by_nobody(world: World) {
        let cast = Cast::of(&world).await;
        let parked = cast.service.park(&ten_euros(json!({}))).await;
        let at = format!("{AT}/{}", id(&parked));
        for _ in 0..2 {
            assert_eq!(cast.service.delete(&at).await.ok()["state"], "cancelled");
        }
        let ask = cast.agent.try_ask(&cast.maya.email, &[("transaction", id(&parked))]).await;
        ask.refused(400, "invalid_request");
        assert_eq!(cast.service.release(id(&parked)).await.status, 409);
        assert_eq!(world.noted("transaction.cancelled").await.len(), 1);

        // Who is being asked is asked no more.
        let parked = cast.service.park(&ten_euros(json!({}))).await;
        let asked = cast.agent.ask(&cast.maya.email, &[("transaction", id(&parked))]).await;
        let gone: Value = cast.service.delete(&format!("{AT}/{}", id(&parked))).await.ok().clone();
        assert_eq!(gone["state"], "cancelled");
        assert_eq!(world.state(&asked).await, "cancelled");
        assert_eq!(cast.agent.status(&asked.approval_id).await.ok()["cancelled_by"], "service");
        cast.agent.poll(&asked.auth_req_id).await.refused(400, "access_denied");
        world.audit_holds().await;
    }
}
