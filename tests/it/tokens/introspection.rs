//! A service asks about a token, and uses up what is good for one use.

use countersign::domain::id::ClientId;
use countersign::flow::register::{set_client_active, set_person_active};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};
use time::Duration;

use super::{Cast, access, access_token, refresh_token, text};
use crate::world::{Agent, World, payment, small_payment};

const CALENDAR: &str = "https://calendar.example.com";
const PAYMENTS: &str = "https://payments.example.com";
const SIGNED: (&str, &str) = ("accept", "application/token-introspection+jwt");

both! {
    async fn a_service_is_told_what_a_token_of_its_own_is_good_for(world: World) {
        let mut cast = Cast::of(&world).await;
        let service = world.service(CALENDAR).await;
        let tokens = cast.calendar().await;
        let mut expected = access(&tokens);
        expected["active"] = true.into();
        expected["token_type"] = "Bearer".into();
        let told = service.introspect(access_token(&tokens)).await;
        assert_eq!(*told.active(), expected);
        assert_eq!(told.headers["cache-control"], "no-store");
        assert_eq!(told.headers["content-type"], "application/json");
        // Asking changes nothing, and a token that is good for many uses is not used up.
        assert_eq!(*service.consume(access_token(&tokens)).await.active(), expected);

        let told = service.introspect(refresh_token(&tokens)).await;
        let days = Duration::days(30).whole_seconds();
        assert_eq!(*told.active(), json!({
            "active": true,
            "iss": world.url,
            "sub": cast.maya.id.to_string(),
            "aud": CALENDAR,
            "client_id": cast.agent.id,
            "exp": world.app.clock.now().unix_timestamp() + days,
            "scope": "openid calendar.read calendar.write",
            "approval_id": tokens.ok()["approval_id"],
            "grant_id": tokens.ok()["grant_id"],
        }));
        cast.agent.refresh(refresh_token(&tokens)).await.ok();
        service.introspect(refresh_token(&tokens)).await.inactive();
        assert!(world.noted("token.reuse_detected").await.is_empty());
    }
}

both! {
    async fn t90_unknown_ended_and_other_services_tokens_look_the_same(world: World) {
        let mut cast = Cast::of(&world).await;
        let (service, other) = (world.service(CALENDAR).await, world.service(PAYMENTS).await);
        let asked = cast.agent.ask(&cast.maya.email, &[]).await;
        let tokens = cast.calendar().await;
        let id_token = text(tokens.ok(), "id_token").to_owned();
        for not_one in ["x", &"A".repeat(48), "a.b.c", &asked.auth_req_id, &id_token] {
            service.introspect(not_one).await.inactive();
        }
        for token in [access_token(&tokens), refresh_token(&tokens)] {
            service.introspect(token).await.active();
            other.introspect(token).await.inactive();
            other.consume(token).await.inactive();
        }
        // A token for nobody in particular is no service's.
        let person = cast.allowed(&[]).await;
        service.introspect(access_token(&person)).await.inactive();
        world.advance(Duration::seconds(299));
        service.introspect(access_token(&tokens)).await.active();
        world.advance(Duration::seconds(1));
        service.introspect(access_token(&tokens)).await.inactive();
        world.advance(Duration::days(30));
        service.introspect(refresh_token(&tokens)).await.inactive();
    }
}

both! {
    async fn t91_only_a_service_that_proves_itself_is_told_anything(world: World) {
        let mut cast = Cast::of(&world).await;
        let service = world.service(CALENDAR).await;
        let tokens = cast.calendar().await;
        let form = [("token", access_token(&tokens))];
        let stranger = service.with_a_wrong_secret();
        stranger.post("/oauth/introspect", &form, &[]).await.refused(401, "invalid_client");
        stranger.post("/oauth/introspect", &form, &[SIGNED]).await.refused(400, "invalid_client");
        cast.agent.introspect(access_token(&tokens)).await.refused(400, "unauthorized_client");
        service.post("/oauth/introspect", &[], &[]).await.refused(400, "invalid_request");
        let odd = [("token", access_token(&tokens)), ("consume", "yes")];
        service.post("/oauth/introspect", &odd, &[]).await.refused(400, "invalid_request");
        let get = service.get("/oauth/introspect").await;
        assert_eq!(get.status, 405);
    }
}

/// The signed answer's claims, checked as a service would.
async fn signed(world: &World, service: &Agent, token: &str) -> Value {
    let form = [("token", token)];
    let answer = service.post("/oauth/introspect", &form, &[SIGNED]).await;
    assert_eq!(answer.headers["content-type"], SIGNED.1);
    assert_eq!(answer.headers["cache-control"], "no-store");
    let jwt = answer.ok().as_str().expect("a JWT").to_owned();
    let header = jsonwebtoken::decode_header(&jwt).expect("a header");
    assert_eq!(header.typ.as_deref(), Some("token-introspection+jwt"));
    let keys = service.get("/oauth/jwks").await;
    let keys: JwkSet = serde_json::from_value(keys.ok().clone()).expect("a JWK Set");
    let key = keys
        .find(&header.kid.expect("the key's name"))
        .expect("a published key");
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_audience(&[&service.id]);
    validation.set_issuer(&[&world.url]);
    validation.set_required_spec_claims(&["iss", "aud"]);
    let key = DecodingKey::from_jwk(key).expect("a key");
    jsonwebtoken::decode(&jwt, &key, &validation)
        .expect("a good signature")
        .claims
}

both! {
    async fn the_signed_answer_says_the_same_and_passes_for_no_token(world: World) {
        let mut cast = Cast::of(&world).await;
        let (service, other) = (world.service(CALENDAR).await, world.service(PAYMENTS).await);
        let tokens = cast.calendar().await;
        let plain = service.introspect(access_token(&tokens)).await;
        let now = world.app.clock.now().unix_timestamp();
        let claims = signed(&world, &service, access_token(&tokens)).await;
        assert_eq!(claims, json!({
            "iss": world.url, "aud": service.id, "iat": now, "token_introspection": plain.ok(),
        }));
        let claims = signed(&world, &other, access_token(&tokens)).await;
        assert_eq!(claims["token_introspection"], json!({"active": false}));
        let form = [("token", access_token(&tokens))];
        let jwt = service.post("/oauth/introspect", &form, &[SIGNED]).await;
        service.introspect(jwt.ok().as_str().expect("a JWT")).await.inactive();
    }
}

both! {
    async fn sec_f12_sec_f13_nothing_of_whoever_is_disabled_is_active(world: World) {
        let mut cast = Cast::of(&world).await;
        let service = world.service(CALENDAR).await;
        let tokens = cast.calendar().await;
        let both = [access_token(&tokens), refresh_token(&tokens)];
        let agent = ClientId(cast.agent.id.clone());
        for token in both {
            set_person_active(&world.app, cast.maya.id, false).await.expect("disabled");
            service.introspect(token).await.inactive();
            set_person_active(&world.app, cast.maya.id, true).await.expect("enabled");
            service.introspect(token).await.active();
            set_client_active(&world.app, &agent, false).await.expect("disabled");
            service.introspect(token).await.inactive();
            set_client_active(&world.app, &agent, true).await.expect("enabled");
        }
        set_client_active(&world.app, &ClientId(service.id.clone()), false).await.expect("disabled");
        service.introspect(both[0]).await.refused(401, "invalid_client");
    }
}

both! {
    async fn sec_f11_a_stopped_always_is_active_no_more_at_any_instance(world: World) {
        let mut cast = Cast::of(&world).await;
        let service = world.service(CALENDAR).await;
        let given = cast.always().await;
        let asked = cast.agent.ask(&cast.maya.email, &[("scope", super::BOTH)]).await;
        let covered = cast.agent.poll(&asked.auth_req_id).await;
        let other = Box::pin(world.another_instance()).await;
        let elsewhere = service.at(&other);
        let allowed = cast.browser.get("/allowed").await;
        let rest = allowed.press(&mut cast.browser, "Stop", &[]).await;
        for tokens in [&given, &covered] {
            let told = elsewhere.introspect(access_token(tokens)).await;
            let left = text(told.active(), "scope").to_owned();
            assert!(["openid calendar.read", "openid calendar.write"].contains(&left.as_str()), "{left}");
            assert_eq!(elsewhere.introspect(refresh_token(tokens)).await.active()["scope"], left);
        }
        rest.press(&mut cast.browser, "Stop", &[]).await;
        for tokens in [&given, &covered] {
            for token in [access_token(tokens), refresh_token(tokens)] {
                elsewhere.introspect(token).await.inactive();
            }
        }
    }
}

both! {
    async fn sec_f11_what_a_rule_allowed_is_not_collected_once_it_is_stopped(world: World) {
        let mut cast = Cast::of(&world).await;
        cast.always().await;
        let asked = cast.agent.ask(&cast.maya.email, &[("scope", super::BOTH)]).await;
        assert_eq!(world.state(&asked).await, "approved");
        let other = Box::pin(world.another_instance()).await;
        let allowed = cast.browser.get("/allowed").await;
        allowed.press(&mut cast.browser, "Stop", &[]).await;
        for agent in [cast.agent.clone(), cast.agent.at(&other)] {
            agent.poll(&asked.auth_req_id).await.refused(400, "invalid_grant");
        }
        assert_eq!(world.noted("token.issued").await.len(), 1);
        world.audit_holds().await;
    }
}

both! {
    async fn what_is_good_for_one_use_is_used_once_by_fifty_at_once(world: World) {
        let mut cast = Cast::of(&world).await;
        let service = world.service(PAYMENTS).await;
        let pay = small_payment("10.00", "Hanna");
        let tokens = cast.allowed(&[("authorization_details", &pay)]).await;
        let token = access_token(&tokens).to_owned();
        // To look is not to use.
        assert!(service.introspect(&token).await.active().get("consumed").is_none());
        let other = Box::pin(world.another_instance()).await;
        let mut racing = tokio::task::JoinSet::new();
        for at in 0..50 {
            let service = service.at(if at % 2 == 0 { &world } else { &other });
            let token = token.clone();
            racing.spawn(async move { service.consume(&token).await });
        }
        let answers = racing.join_all().await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|it| it.ok()["active"] == true);
        assert_eq!((won.len(), lost.len()), (1, 49));
        assert_eq!(won[0].body["consumed"], true);
        assert_eq!(won[0].body["authorization_details"].to_string(), pay);
        for answer in lost {
            answer.inactive();
        }
        service.introspect(&token).await.inactive();
        service.consume(&token).await.inactive();
        let noted = world.noted("token.consumed").await;
        assert_eq!(noted.len(), 1);
        assert_eq!(noted[0]["facts"]["service"], service.id);
        assert_eq!(noted[0]["facts"]["grant"], tokens.ok()["grant_id"]);
        world.audit_holds().await;
    }
}

both! {
    async fn a_use_takes_what_is_good_for_one_use_and_leaves_the_rest(world: World) {
        let mut cast = Cast::of(&world).await;
        let service = world.service(PAYMENTS).await;
        let pay = payment("10.00", "Hanna");
        let mixed = [("scope", "openid payments.read"), ("authorization_details", pay.as_str())];
        let tokens = cast.allowed(&mixed).await;
        let told = service.consume(access_token(&tokens)).await;
        assert_eq!(told.active()["scope"], "openid payments.read");
        assert_eq!(told.body["authorization_details"].to_string(), pay);
        let rest = service.introspect(access_token(&tokens)).await;
        assert_eq!(rest.active()["scope"], "openid payments.read");
        assert!(rest.body.get("authorization_details").is_none());
        service.consume(access_token(&tokens)).await.inactive();
        // Nobody uses what has ended.
        let late = cast.allowed(&[("authorization_details", &pay)]).await;
        world.advance(Duration::seconds(30));
        service.consume(access_token(&late)).await.inactive();
        assert_eq!(world.noted("token.consumed").await.len(), 1);
    }
}
