//! Refreshing: one answer, many short tokens, and every way it ends.

use countersign::domain::id::ClientId;
use countersign::flow::register::{NewClient, set_client_active, set_person_active};
use serde_json::Value;
use time::Duration;

use super::{BOTH, Cast, access, refresh_token, text};
use crate::world::{World, claims};

both! {
    async fn an_answer_gives_short_tokens_for_as_long_as_it_lasts(world: World) {
        let mut cast = Cast::of(&world).await;
        let first = cast.calendar().await;
        assert_eq!(first.ok()["expires_in"], 300);
        let before = access(&first);

        world.advance(Duration::minutes(10));
        let second = cast.agent.refresh(refresh_token(&first)).await;
        let body = second.ok();
        assert_eq!(second.headers["cache-control"], "no-store");
        assert_eq!((&body["scope"], &body["expires_in"]), (&BOTH.into(), &300.into()));
        assert_eq!(body["token_type"], "Bearer");
        assert_ne!(body["refresh_token"], first.body["refresh_token"]);
        let after = access(&second);
        for same in ["iss", "sub", "aud", "client_id", "auth_time", "acr", "approval_id", "card_digest", "scope"] {
            assert_eq!(before[same], after[same], "{same}");
        }
        assert_ne!(before["jti"], after["jti"]);
        let id_token = claims(text(body, "id_token"));
        assert_eq!(id_token["sub"], after["sub"]);
        assert_eq!(id_token["auth_time"], before["auth_time"]);

        let third = cast.agent.refresh(refresh_token(&second)).await;
        assert_eq!(third.ok()["scope"], BOTH);
        assert_eq!(world.noted("token.refreshed").await.len(), 2);
        world.audit_holds().await;
    }
}

both! {
    async fn an_ended_item_is_dropped_and_at_the_end_nothing_is_left(world: World) {
        let mut cast = Cast::of(&world).await;
        let first = cast.calendar().await;
        world.advance(Duration::minutes(58));
        let late = cast.agent.refresh(refresh_token(&first)).await;
        assert_eq!((&late.ok()["scope"], &late.body["expires_in"]), (&BOTH.into(), &120.into()));
        world.advance(Duration::minutes(2));
        let read = cast.agent.refresh(refresh_token(&late)).await;
        assert_eq!(read.ok()["scope"], "openid calendar.read");
        assert_eq!(access(&read)["scope"], "openid calendar.read");
        assert_eq!(read.ok()["expires_in"], 900);

        world.advance(Duration::days(30) - Duration::hours(1) - Duration::minutes(1));
        let last = cast.agent.refresh(refresh_token(&read)).await;
        assert_eq!(last.ok()["expires_in"], 60);
        world.advance(Duration::minutes(1));
        cast.agent.refresh(refresh_token(&last)).await.refused(400, "invalid_grant");
        // Over is not stolen.
        cast.agent.refresh(refresh_token(&first)).await.refused(400, "invalid_grant");
        assert!(world.noted("token.reuse_detected").await.is_empty());
    }
}

both! {
    async fn only_what_outlives_its_first_token_can_be_refreshed(world: World) {
        let mut cast = Cast::of(&world).await;
        let pay = crate::world::small_payment("10.00", "Hanna");
        let nothing: [&[(&str, &str)]; 2] = [&[("authorization_details", &pay)], &[]];
        for more in nothing {
            let answer = cast.allowed(more).await;
            assert!(answer.ok().get("refresh_token").is_none(), "{answer:?}");
        }
        let mixed = [("scope", "openid payments.read"), ("authorization_details", &pay)];
        let mixed = cast.allowed(&mixed).await;
        let next = cast.agent.refresh(refresh_token(&mixed)).await;
        assert_eq!(next.ok()["scope"], "openid payments.read");
        assert!(next.body.get("authorization_details").is_none());
        assert!(access(&next).get("authorization_details").is_none());
    }
}

both! {
    async fn t58_another_client_s_token_or_a_wider_scope_is_refused(world: World) {
        let mut cast = Cast::of(&world).await;
        let first = cast.calendar().await;
        let token = refresh_token(&first).to_owned();
        let other = world.agent("Another Agent").await;
        other.refresh(&token).await.refused(400, "invalid_grant");
        let wider = [("scope", "openid calendar.read payments.read")];
        cast.agent.refresh_with(&token, &wider, &[]).await.refused(400, "invalid_scope");
        let elsewhere = [("resource", "https://payments.example.com")];
        cast.agent.refresh_with(&token, &elsewhere, &[]).await.refused(400, "invalid_target");
        let details = crate::world::small_payment("1.00", "Hanna");
        let details = [("authorization_details", details.as_str())];
        cast.agent.refresh_with(&token, &details, &[]).await.refused(400, "invalid_authorization_details");

        // None of it has cost the token anything, and narrowing does not narrow the next one.
        let narrow = [("scope", "calendar.read")];
        let narrowed = cast.agent.refresh_with(&token, &narrow, &[]).await;
        assert_eq!(narrowed.ok()["scope"], "calendar.read");
        assert!(narrowed.body.get("id_token").is_none());
        let all = cast.agent.refresh(refresh_token(&narrowed)).await;
        assert_eq!(all.ok()["scope"], BOTH);
    }
}

both! {
    async fn what_is_no_refresh_token_is_not_known(world: World) {
        let mut cast = Cast::of(&world).await;
        let asked = cast.agent.ask(&cast.maya.email, &[]).await;
        let first = cast.calendar().await;
        let access_token = text(first.ok(), "access_token").to_owned();
        for not_one in ["x", &"A".repeat(48), &asked.auth_req_id, &access_token] {
            cast.agent.refresh(not_one).await.refused(400, "invalid_grant");
        }
        let missing = [("grant_type", "refresh_token")];
        cast.agent.post("/oauth/token", &missing, &[]).await.refused(400, "invalid_request");
        let token = refresh_token(&first);
        let doubled = [("grant_type", "refresh_token"), ("refresh_token", token), ("refresh_token", token)];
        cast.agent.post("/oauth/token", &doubled, &[]).await.refused(400, "invalid_request");
    }
}

both! {
    async fn a_client_that_did_not_register_for_it_neither_gets_nor_uses_one(world: World) {
        let mut cast = Cast::of(&world).await;
        let first = cast.calendar().await;
        let mut only_ciba = NewClient::agent("Plain Agent");
        only_ciba.grant_types = vec!["urn:openid:params:grant-type:ciba".to_owned()];
        cast.agent = world.client(only_ciba).await;
        cast.agent.refresh(refresh_token(&first)).await.refused(400, "unauthorized_client");
        let answer = cast.calendar().await;
        assert!(answer.ok().get("refresh_token").is_none());
    }
}

both! {
    async fn sec_f09_64_parallel_refreshes_make_one_child_and_64_equal_answers(world: World) {
        let mut cast = Cast::of(&world).await;
        let first = cast.calendar().await;
        let token = refresh_token(&first).to_owned();
        let other = Box::pin(world.another_instance()).await;
        let mut racing = tokio::task::JoinSet::new();
        for at in 0..64 {
            let (agent, token) = (cast.agent.at(if at % 2 == 0 { &world } else { &other }), token.clone());
            racing.spawn(async move { agent.refresh(&token).await });
        }
        let answers = racing.join_all().await;
        let answers: Vec<Value> = answers.iter().map(|answer| answer.ok().clone()).collect();
        assert!(answers.iter().all(|answer| *answer == answers[0]));
        assert_eq!(world.noted("token.refreshed").await.len(), 1);
        assert!(world.noted("token.reuse_detected").await.is_empty());
        let next = text(&answers[0], "refresh_token");
        assert_eq!(cast.agent.refresh(next).await.ok()["scope"], BOTH);
        world.audit_holds().await;
    }
}

both! {
    async fn sec_f09_a_used_token_kills_its_family(world: World) {
        let mut cast = Cast::of(&world).await;
        let first = cast.calendar().await;
        let second = cast.agent.refresh(refresh_token(&first)).await;
        let third = cast.agent.refresh(refresh_token(&second)).await;
        world.advance(Duration::seconds(9));
        assert_eq!(cast.agent.refresh(refresh_token(&first)).await.ok(), second.ok());
        // The same question gets the same answer; another gets none.
        let narrow = [("scope", "calendar.read")];
        cast.agent.refresh_with(refresh_token(&first), &narrow, &[]).await.refused(400, "invalid_grant");

        world.advance(Duration::seconds(1));
        cast.agent.refresh(refresh_token(&first)).await.refused(400, "invalid_grant");
        for dead in [&first, &second, &third] {
            cast.agent.refresh(refresh_token(dead)).await.refused(400, "invalid_grant");
        }
        let noted = world.noted("token.reuse_detected").await;
        assert_eq!(noted.len(), 1);
        assert_eq!(noted[0]["request"], first.body["approval_id"]);
        world.audit_holds().await;
        // Another answer is another family.
        let again = cast.calendar().await;
        cast.agent.refresh(refresh_token(&again)).await.ok();
    }
}

both! {
    async fn a_lost_response_is_fetched_again_under_its_key_for_a_minute(world: World) {
        let mut cast = Cast::of(&world).await;
        let first = cast.calendar().await;
        let key = [("idempotency-key", "refresh-1")];
        let second = cast.agent.refresh_with(refresh_token(&first), &[], &key).await;
        world.advance(Duration::seconds(59));
        let again = cast.agent.refresh_with(refresh_token(&first), &[], &key).await;
        assert_eq!(again.ok(), second.ok());
        world.advance(Duration::seconds(2));
        world.store().forget_expired(world.app.clock.now()).await.expect("the database");
        let late = cast.agent.refresh_with(refresh_token(&first), &[], &key).await;
        late.refused(400, "invalid_grant");
        assert_eq!(world.noted("token.reuse_detected").await.len(), 1);
    }
}

both! {
    async fn sec_f12_a_disabled_person_or_client_refreshes_nothing(world: World) {
        let mut cast = Cast::of(&world).await;
        let first = cast.calendar().await;
        set_person_active(&world.app, cast.maya.id, false).await.expect("disabled");
        cast.agent.refresh(refresh_token(&first)).await.refused(400, "invalid_grant");
        set_person_active(&world.app, cast.maya.id, true).await.expect("enabled");
        let second = cast.agent.refresh(refresh_token(&first)).await;

        let id = ClientId(cast.agent.id.clone());
        // Disabled at another instance, which this one has not noticed yet.
        let other = Box::pin(world.another_instance()).await;
        set_client_active(&other.app, &id, false).await.expect("disabled");
        let refused = cast.agent.refresh(refresh_token(&second)).await;
        assert!(["invalid_grant", "invalid_client"].contains(&refused.error()), "{refused:?}");
        let refused = cast.agent.at(&other).refresh(refresh_token(&second)).await;
        refused.refused(401, "invalid_client");
    }
}

both! {
    async fn a_stopped_always_is_refreshed_no_more(world: World) {
        let mut cast = Cast::of(&world).await;
        let given = cast.always().await;
        let asked = cast.agent.ask(&cast.maya.email, &[("scope", BOTH)]).await;
        let covered = cast.agent.poll(&asked.auth_req_id).await;
        let given = cast.agent.refresh(refresh_token(&given)).await;
        let covered = cast.agent.refresh(refresh_token(&covered)).await;
        assert_eq!((&given.ok()["scope"], &covered.ok()["scope"]), (&BOTH.into(), &BOTH.into()));

        let allowed = cast.browser.get("/allowed").await;
        let rest = allowed.press(&mut cast.browser, "Stop", &[]).await;
        let given = cast.agent.refresh(refresh_token(&given)).await;
        let covered = cast.agent.refresh(refresh_token(&covered)).await;
        let left = text(covered.ok(), "scope").to_owned();
        assert!(["openid calendar.read", "openid calendar.write"].contains(&left.as_str()), "{left}");
        assert_eq!(given.ok()["scope"], left);

        rest.press(&mut cast.browser, "Stop", &[]).await;
        for stopped in [&given, &covered] {
            cast.agent.refresh(refresh_token(stopped)).await.refused(400, "invalid_grant");
        }
        let asked = cast.agent.ask(&cast.maya.email, &[("scope", BOTH)]).await;
        assert_eq!(world.state(&asked).await, "pending");
    }
}

both! {
    async fn nothing_in_the_database_refreshes(world: World) {
        let mut cast = Cast::of(&world).await;
        let first = cast.calendar().await;
        let second = cast.agent.refresh(refresh_token(&first)).await;
        // Whoever has read the rows knows the names, which are in the access tokens anyway.
        let jti = text(&access(&second), "jti").to_owned();
        cast.agent.refresh(&jti).await.refused(400, "invalid_grant");
        let found = cast.agent.refresh(refresh_token(&second)).await;
        found.ok();
        let metadata = cast.agent.get("/.well-known/openid-configuration").await;
        let grants = metadata.ok()["grant_types_supported"].as_array().expect("a list").clone();
        assert!(grants.contains(&"refresh_token".into()));
    }
}
