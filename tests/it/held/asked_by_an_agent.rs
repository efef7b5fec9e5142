//! An agent names a transaction, and cannot change what it is about.

use countersign::domain::consent::partial::{Lowered, Trim};
use countersign::domain::id::ClientId;
use countersign::flow::answer::{AnswerError, Choice};
use countersign::flow::register::{NewClient, set_client_active};
use serde_json::json;
use time::Duration;
use tokio::task::JoinSet;

use super::{AT, Cast, id, ten_euros};
use crate::tokens::{access, access_token, permission};
use crate::world::{Signer, World, deny, small_payment};

both! {
    async fn the_token_names_the_transaction_and_its_exact_details(world: World) {
        let cast = Cast::of(&world).await;
        let parked = cast.service.park(&ten_euros(json!({"person": "maya@acme.example"}))).await;
        let asked = cast.agent.ask(&cast.maya.email, &[("transaction", id(&parked))]).await;
        let pending = cast.service.transaction(id(&parked)).await;
        assert_eq!((&pending["state"], &pending["client_id"]), (&json!("pending"), &json!(cast.agent.id)));
        assert_eq!(cast.service.release(id(&parked)).await.status, 409);

        let mut browser = world.signed_in(&cast.maya).await;
        let page = browser.get(&asked.page()).await;
        assert!(page.body.contains("holds this until you answer"), "{}", page.body);
        assert!(!page.body.contains("Always…"), "{}", page.body);
        page.press(&mut browser, "Only this time", &[]).await;

        let tokens = cast.agent.poll(&asked.auth_req_id).await;
        let claims = access(&tokens);
        assert_eq!(claims["txn"], parked["id"]);
        assert_eq!(claims["aud"], super::PAYMENTS);
        assert_eq!(claims["authorization_details"], parked["authorization_details"]);
        assert!(tokens.ok().get("refresh_token").is_none());
        let told = cast.service.introspect(access_token(&tokens)).await;
        assert_eq!(told.active()["txn"], parked["id"]);

        let approved = cast.service.transaction(id(&parked)).await;
        assert_eq!((&approved["state"], &approved["sub"]), (&json!("approved"), &claims["sub"]));
        assert_eq!(approved["card_digest"], claims["card_digest"]);
        assert_eq!(cast.service.release(id(&parked)).await.ok()["state"], "released");
        assert_eq!(cast.service.release(id(&parked)).await.status, 409);
        assert_eq!(world.noted("transaction.released").await.len(), 1);
        world.audit_holds().await;
    }
}

both! {
    async fn sec_a10_an_agent_changes_nothing_about_it(world: World) {
        let cast = Cast::of(&world).await;
        let parked = cast.service.park(&ten_euros(json!({}))).await;
        let (same, other) = (small_payment("10.00", "Hanna"), small_payment("9.00", "Hanna"));
        let ask = async |more: &[(&str, &str)]| {
            let more = [&[("transaction", id(&parked))], more].concat();
            cast.agent.try_ask(&cast.maya.email, &more).await
        };
        for more in [
            ("authorization_details", other.as_str()),
            ("scope", "openid payments.read"),
            ("binding_message", "only a test"),
            ("binding_message", "Free of charge!"),
        ] {
            ask(&[more]).await.refused(400, "invalid_request");
        }
        ask(&[("resource", "https://calendar.example.com")]).await.refused(400, "invalid_target");
        let same = [("authorization_details", same.as_str()), ("resource", super::PAYMENTS)];
        ask(&same).await.ok();
    }
}

both! {
    async fn what_is_unknown_foreign_over_or_for_somebody_else_is_not_asked(world: World) {
        let cast = Cast::of(&world).await;
        let noah = world.person("Noah").await;
        let other = world.agent("Other Agent").await;
        let bound = json!({"person": "maya@acme.example", "client_id": cast.agent.id, "expires_in": 60});
        let parked = cast.service.park(&ten_euros(bound)).await;
        let named = [("transaction", id(&parked))];
        for odd in ["", "x", "00000000000000000000000000000000"] {
            let odd = [("transaction", odd), ("scope", "openid payments.read")];
            let answer = cast.agent.try_ask(&cast.maya.email, &odd).await;
            if odd[0].1.is_empty() {
                // An empty parameter counts as absent.
                answer.ok();
            } else {
                answer.refused(400, "invalid_request");
            }
        }
        other.try_ask(&cast.maya.email, &named).await.refused(400, "invalid_request");
        cast.agent.try_ask(&noah.email, &named).await.refused(400, "invalid_request");
        // An agent asks within its registration.
        let new = NewClient { types: vec!["deploy".into()], ..NewClient::agent("Deployer") };
        let deployer = world.client(new).await;
        let free = cast.service.park(&ten_euros(json!({}))).await;
        let more = [("transaction", id(&free))];
        deployer.try_ask(&cast.maya.email, &more).await.refused(400, "invalid_authorization_details");
        // A service that is disabled holds nothing.
        let service = ClientId(cast.service.id.clone());
        set_client_active(&world.app, &service, false).await.expect("disabled");
        cast.agent.try_ask(&cast.maya.email, &named).await.refused(400, "invalid_request");
        set_client_active(&world.app, &service, true).await.expect("enabled");
        world.advance(Duration::seconds(60));
        cast.agent.try_ask(&cast.maya.email, &named).await.refused(400, "invalid_request");
    }
}

both! {
    async fn of_many_who_ask_at_once_one_asks(world: World) {
        let cast = Cast::of(&world).await;
        let parked = cast.service.park(&ten_euros(json!({}))).await;
        let instances = world.instances().await;
        let mut racing = JoinSet::new();
        for at in 0..16 {
            let agent = cast.agent.at(&instances[at % instances.len()]);
            let (maya, id) = (cast.maya.email.clone(), id(&parked).to_owned());
            racing.spawn(async move { agent.try_ask(&maya, &[("transaction", &id)]).await });
        }
        let answers = racing.join_all().await;
        let (asked, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|it| it.status.is_success());
        assert_eq!((asked.len(), refused.len()), (1, 15));
        for answer in refused {
            answer.refused(400, "invalid_request");
        }
        instances[0].audit_holds().await;
    }
}

both! {
    async fn who_did_not_answer_can_be_asked_again_and_who_said_no_cannot(world: World) {
        let cast = Cast::of(&world).await;
        let parked = cast.service.park(&ten_euros(json!({"expires_in": 600}))).await;
        let named = [("transaction", id(&parked)), ("requested_expiry", "60")];
        cast.agent.ask(&cast.maya.email, &named).await;
        world.advance(Duration::seconds(60));
        assert_eq!(cast.service.transaction(id(&parked)).await["state"], "held");
        let asked = cast.agent.ask(&cast.maya.email, &named).await;
        cast.agent.cancel(&asked.approval_id).await.ok();
        let asked = cast.agent.ask(&cast.maya.email, &named).await;
        world.answer(&cast.maya, &asked, deny("Not that much")).await;
        let denied = cast.service.transaction(id(&parked)).await;
        assert_eq!((&denied["state"], &denied["reason"]), (&json!("denied"), &json!("Not that much")));
        cast.agent.try_ask(&cast.maya.email, &named).await.refused(400, "invalid_request");
        assert_eq!(cast.service.release(id(&parked)).await.status, 409);
        assert_eq!(cast.service.delete(&format!("{AT}/{}", id(&parked))).await.status, 409);
    }
}

both! {
    async fn no_rule_answers_for_a_transaction_and_none_is_made_of_one(world: World) {
        let cast = Cast::of(&world).await;
        let pay = small_payment("10.00", "Hanna");
        let asked = cast.agent.ask(&cast.maya.email, &[("authorization_details", &pay)]).await;
        let mut browser = world.signed_in(&cast.maya).await;
        let sheet = browser.get(&format!("{}/always", asked.page())).await;
        sheet.press(&mut browser, "Allow within these limits", &[]).await;
        let covered = cast.agent.ask(&cast.maya.email, &[("authorization_details", &pay)]).await;
        assert_eq!(world.state(&covered).await, "approved");
        let parked = cast.service.park(&ten_euros(json!({}))).await;
        let asked = cast.agent.ask(&cast.maya.email, &[("transaction", id(&parked))]).await;
        assert_eq!(world.state(&asked).await, "pending");
        let present = world.present(&cast.maya).await;
        let always = Choice::Always {
            until: "30d".into(),
            picks: Vec::new(),
            trim: Trim::default(),
            confirmed: None,
        };
        let refused = world.try_answer(&present, &asked, always).await;
        assert!(refused.is_err(), "{refused:?}");
        // Nor is it answered in part: the service would run all of it.
        let page = browser.get(&asked.page()).await;
        assert!(!page.body.contains("narrow"), "{}", page.body);
        let lower = Lowered::To("5.00".into());
        let part = Choice::Part(Trim {
            lowered: [((0, "amount".to_owned()), lower)].into(),
            ..Trim::default()
        });
        let refused = world.try_answer(&present, &asked, part).await;
        assert!(matches!(refused, Err(AnswerError::Part(_))), "{refused:?}");
        assert_eq!(world.state(&asked).await, "pending");
        assert_eq!(world.noted("standing_grant.made").await.len(), 1);
    }
}

both! {
    async fn a_signed_request_names_it_inside(world: World) {
        let cast = Cast::of(&world).await;
        let mut signer = Signer::unregistered(&world);
        let new = NewClient {
            jwks: Some(signer.jwks()),
            request_signing_alg: Some("ES256".into()),
            ..NewClient::agent("Signing Agent")
        };
        let agent = world.client(new).await;
        signer.id.clone_from(&agent.id);
        let parked = cast.service.park(&ten_euros(json!({}))).await;
        let mut claims = signer.claims(&world, "1");
        let object = claims.as_object_mut().expect("an object");
        object.remove("sub");
        object.insert("nbf".into(), object["iat"].clone());
        object.insert("login_hint".into(), json!(cast.maya.email));
        object.insert("transaction".into(), parked["id"].clone());
        let jwt = signer.sign(&claims);
        let beside = [("request", jwt.as_str()), ("transaction", id(&parked))];
        agent.post("/bc-authorize", &beside, &[]).await.refused(400, "invalid_request");
        agent.post("/bc-authorize", &beside[..1], &[]).await.ok();
        assert_eq!(cast.service.transaction(id(&parked)).await["state"], "pending");
    }
}

both! {
    async fn sec_f11_what_was_taken_back_is_not_released(world: World) {
        let cast = Cast::of(&world).await;
        world.catalogue(|catalogue| permission(catalogue, "payment_small").single_use = false);
        let parked = cast.service.park(&ten_euros(json!({}))).await;
        let asked = cast.agent.ask(&cast.maya.email, &[("transaction", id(&parked))]).await;
        world.approve(&cast.maya, &asked).await;
        let tokens = cast.agent.poll(&asked.auth_req_id).await;
        cast.agent.revoke(access_token(&tokens)).await;
        assert_eq!(cast.service.release(id(&parked)).await.status, 409);
        assert!(world.noted("transaction.released").await.is_empty());
    }
}
