//! A token for a narrower one, for the same agent or for one that helps it.

use countersign::domain::id::ClientId;
use countersign::flow::register::{NewClient, set_client_active, set_person_active};
use serde_json::{Value, json};
use time::Duration;

use super::{Cast, access, access_token, refresh_token};
use crate::world::{Agent, Answer, World, small_payment};

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";
const CALENDAR: &str = "https://calendar.example.com";
const PAYMENTS: &str = "https://payments.example.com";

impl Agent {
    async fn exchange(&self, token: &str, more: &[(&str, &str)]) -> Answer {
        let subject = [("subject_token", token), ("subject_token_type", ACCESS)];
        self.exchange_of(&[&subject[..], more].concat()).await
    }

    async fn exchange_of(&self, form: &[(&str, &str)]) -> Answer {
        let form = [&[("grant_type", EXCHANGE)], form].concat();
        self.post("/oauth/token", &form, &[]).await
    }
}

/// An agent that may exchange.
async fn exchanger(world: &World, name: &str) -> Agent {
    let mut new = NewClient::agent(name);
    let types = [
        "urn:openid:params:grant-type:ciba",
        "refresh_token",
        EXCHANGE,
    ];
    new.grant_types = types.map(str::to_owned).to_vec();
    world.client(new).await
}

/// Somebody who allows, an agent that has helpers, and one of them.
async fn cast(world: &World) -> (Cast, Agent) {
    let mut cast = Cast::of(world).await;
    cast.agent = exchanger(world, "Planner").await;
    (cast, exchanger(world, "Helper").await)
}

both! {
    async fn a_token_is_exchanged_for_a_narrower_and_shorter_one(world: World) {
        let (mut cast, _) = cast(&world).await;
        let service = world.service(CALENDAR).await;
        let tokens = cast.calendar().await;
        let before = access(&tokens);
        world.advance(Duration::seconds(10));
        let wish = [("scope", "calendar.read"), ("requested_expiry", "60"), ("audience", CALENDAR)];
        let narrow = cast.agent.exchange(access_token(&tokens), &wish).await;
        let body = narrow.ok();
        assert_eq!(narrow.headers["cache-control"], "no-store");
        assert_eq!((&body["scope"], &body["expires_in"]), (&"calendar.read".into(), &60.into()));
        assert_eq!((&body["issued_token_type"], &body["token_type"]), (&ACCESS.into(), &"Bearer".into()));
        assert!(body.get("refresh_token").is_none() && body.get("id_token").is_none());
        let after = access(&narrow);
        for same in ["iss", "sub", "aud", "client_id", "act", "auth_time", "acr", "approval_id", "grant_id", "card_digest"] {
            assert_eq!(after[same], before[same], "{same}");
        }
        assert_ne!(after["jti"], before["jti"]);
        assert_eq!(service.introspect(access_token(&narrow)).await.active()["scope"], "calendar.read");
        // All of it, for as long as is left and no longer.
        let same = cast.agent.exchange(access_token(&tokens), &[]).await;
        assert_eq!(access(&same)["exp"], before["exp"]);
        assert_eq!(world.noted("token.exchanged").await.len(), 2);
        world.audit_holds().await;
    }
}

both! {
    async fn sec_f10_an_exchange_widens_nothing(world: World) {
        let (mut cast, _) = cast(&world).await;
        let tokens = cast.calendar().await;
        let narrow = cast.agent.exchange(access_token(&tokens), &[("scope", "calendar.read")]).await;
        let token = access_token(&narrow);
        let payment = small_payment("1.00", "Hanna");
        for (name, value, error) in [
            ("scope", "calendar.read calendar.write", "invalid_scope"),
            ("scope", "openid", "invalid_scope"),
            ("authorization_details", payment.as_str(), "invalid_authorization_details"),
            ("authorization_details", "[", "invalid_authorization_details"),
            ("resource", PAYMENTS, "invalid_target"),
            ("audience", PAYMENTS, "invalid_target"),
            ("requested_expiry", "0", "invalid_request"),
            ("requested_expiry", "-1", "invalid_request"),
            ("requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token", "invalid_request"),
            ("may_act", "caf\u{e9}", "invalid_request"),
            ("actor_token", token, "invalid_request"),
            ("actor_token_type", ACCESS, "invalid_request"),
        ] {
            cast.agent.exchange(token, &[(name, value)]).await.refused(400, error);
        }
        let long = cast.agent.exchange(token, &[("requested_expiry", "999999")]).await;
        assert_eq!(access(&long)["exp"], access(&tokens)["exp"]);

        // Nothing is taken for what it is not, and nothing is left out unnoticed.
        for form in [
            &[][..],
            &[("subject_token", token)],
            &[("subject_token_type", ACCESS)],
            &[("subject_token", ""), ("subject_token_type", ACCESS)],
            &[("subject_token", token), ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt")],
            &[("subject_token", "x"), ("subject_token_type", ACCESS)],
            &[("subject_token", refresh_token(&tokens)), ("subject_token_type", ACCESS)],
        ] {
            cast.agent.exchange_of(form).await.refused(400, "invalid_request");
        }
        world.advance(Duration::seconds(300));
        cast.agent.exchange(token, &[]).await.refused(400, "invalid_request");
    }
}

both! {
    async fn an_agent_hands_part_of_it_to_a_helper_it_names(world: World) {
        let (mut cast, helper) = cast(&world).await;
        let thief = exchanger(&world, "Thief").await;
        let service = world.service(CALENDAR).await;
        let tokens = cast.calendar().await;
        // Whoever is not named gets nothing, however it came by the token.
        helper.exchange(access_token(&tokens), &[]).await.refused(400, "invalid_request");
        let wish = [("scope", "calendar.read"), ("may_act", helper.id.as_str())];
        let named = cast.agent.exchange(access_token(&tokens), &wish).await;
        assert_eq!(access(&named)["may_act"], json!({"sub": helper.id}));
        thief.exchange(access_token(&named), &[]).await.refused(400, "invalid_request");

        let helped = helper.exchange(access_token(&named), &[]).await;
        let told = access(&helped);
        let act = json!({"sub": helper.id, "act": {"sub": cast.agent.id}});
        assert_eq!((&told["act"], &told["client_id"], &told["sub"]), (&act, &json!(helper.id), &json!(cast.maya.id.to_string())));
        assert_eq!((&told["scope"], told.get("may_act")), (&json!("calendar.read"), None));
        assert_eq!(service.introspect(access_token(&helped)).await.active()["act"], act);
        thief.exchange(access_token(&helped), &[]).await.refused(400, "invalid_request");
        // Who acts may say so with a token of its own, and with no other.
        let actor = |token: &'static str| [("actor_token", token), ("actor_token_type", ACCESS)];
        let own = access_token(&helped).to_owned().leak();
        let theirs = access_token(&tokens).to_owned().leak();
        helper.exchange(access_token(&named), &actor(own)).await.ok();
        helper.exchange(access_token(&named), &actor(theirs)).await.refused(400, "invalid_request");
        let garbage = helper.exchange(access_token(&named), &actor("x")).await;
        garbage.refused(400, "invalid_request");

        // It cannot end what is not its own; who can, ends all of it.
        let form = [("token", access_token(&helped))];
        helper.post("/oauth/revoke", &form, &[]).await.refused(400, "unsupported_token_type");
        service.introspect(access_token(&helped)).await.active();
        cast.agent.revoke(access_token(&named)).await;
        for token in [&tokens, &named, &helped] {
            service.introspect(access_token(token)).await.inactive();
        }
        helper.exchange(access_token(&named), &[]).await.refused(400, "invalid_request");
    }
}

both! {
    async fn sec_f12_sec_f13_nothing_is_exchanged_for_or_by_whoever_is_disabled(world: World) {
        let (mut cast, helper) = cast(&world).await;
        let service = world.service(CALENDAR).await;
        let tokens = cast.calendar().await;
        let named = cast.agent.exchange(access_token(&tokens), &[("may_act", helper.id.as_str())]).await;
        let helped = helper.exchange(access_token(&named), &[]).await;
        set_person_active(&world.app, cast.maya.id, false).await.expect("disabled");
        cast.agent.exchange(access_token(&tokens), &[]).await.refused(400, "invalid_request");
        helper.exchange(access_token(&named), &[]).await.refused(400, "invalid_request");
        set_person_active(&world.app, cast.maya.id, true).await.expect("enabled");
        for id in [&cast.agent.id, &helper.id] {
            let id = ClientId(id.clone());
            service.introspect(access_token(&helped)).await.active();
            set_client_active(&world.app, &id, false).await.expect("disabled");
            service.introspect(access_token(&helped)).await.inactive();
            let refused = helper.exchange(access_token(&named), &[]).await;
            assert!(["invalid_request", "invalid_client"].contains(&refused.error()), "{refused:?}");
            set_client_active(&world.app, &id, true).await.expect("enabled");
        }
    }
}

both! {
    async fn all_tokens_of_an_answer_share_its_one_use(world: World) {
        let (mut cast, helper) = cast(&world).await;
        let service = world.service(PAYMENTS).await;
        let pay = small_payment("10.00", "Hanna");
        let tokens = cast.allowed(&[("authorization_details", &pay)]).await;
        let named = cast.agent.exchange(access_token(&tokens), &[("may_act", helper.id.as_str())]).await;
        let helped = helper.exchange(access_token(&named), &[("authorization_details", &pay)]).await;
        assert_eq!(helped.ok()["authorization_details"].to_string(), pay);
        assert_eq!(service.consume(access_token(&helped)).await.active()["consumed"], true);
        for token in [&tokens, &named, &helped] {
            service.consume(access_token(token)).await.inactive();
        }
        cast.agent.exchange(access_token(&tokens), &[]).await.refused(400, "invalid_request");
    }
}

both! {
    async fn exchanging_is_for_clients_registered_for_it(world: World) {
        let mut cast = Cast::of(&world).await;
        let tokens = cast.calendar().await;
        cast.agent.exchange(access_token(&tokens), &[]).await.refused(400, "unauthorized_client");
        let other: Value = world.noted("token.exchanged").await.into();
        assert_eq!(other, json!([]));
    }
}
