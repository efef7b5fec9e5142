//! A service may want tokens that say nothing, and ask about each.

use countersign::domain::action::TokenForm;
use serde_json::Value;
use time::Duration;

use super::{BOTH, Cast, access_token, refresh_token};
use crate::world::{Answer, World, small_payment};

const CALENDAR: &str = "https://calendar.example.com";
const PAYMENTS: &str = "https://payments.example.com";

fn opaque(world: &World) {
    world.catalogue(|catalogue| {
        for resource in &mut catalogue.resources {
            resource.access_token = TokenForm::Opaque;
        }
    });
}

both! {
    async fn an_opaque_token_is_known_by_asking_alone(world: World) {
        opaque(&world);
        let mut cast = Cast::of(&world).await;
        let (service, other) = (world.service(CALENDAR).await, world.service(PAYMENTS).await);
        let first = cast.calendar().await;
        let token = access_token(&first);
        assert!(token.len() == 48 && !token.contains('.'), "{token}");
        let told = service.introspect(token).await;
        assert_eq!(told.active()["scope"], BOTH);
        assert_eq!(told.body["sub"], cast.maya.id.to_string());
        assert_eq!(told.body["act"]["sub"], cast.agent.id);
        assert_eq!(told.body["grant_id"], first.ok()["grant_id"]);
        let exp = told.body["exp"].as_i64().expect("a number");
        assert_eq!(exp - told.body["iat"].as_i64().expect("a number"), 300);
        other.introspect(token).await.inactive();

        let second = cast.agent.refresh(refresh_token(&first)).await;
        let other_instance = Box::pin(world.another_instance()).await;
        service.at(&other_instance).introspect(access_token(&second)).await.active();
        // It is no refresh token, and its name alone is nothing.
        cast.agent.refresh(token).await.refused(400, "invalid_grant");
        let jti = told.body["jti"].as_str().expect("a name");
        service.introspect(jti).await.inactive();
        world.advance(Duration::seconds(300));
        service.introspect(token).await.inactive();
        let forgot = world.store().forget_expired(world.app.clock.now() + Duration::seconds(1)).await;
        assert!(forgot.expect("the database"));
        service.introspect(token).await.inactive();
    }
}

both! {
    async fn an_opaque_token_is_revoked_and_used_up_like_any(world: World) {
        opaque(&world);
        let mut cast = Cast::of(&world).await;
        let service = world.service(CALENDAR).await;
        let tokens = cast.calendar().await;
        cast.agent.revoke(access_token(&tokens)).await;
        service.introspect(access_token(&tokens)).await.inactive();
        cast.agent.refresh(refresh_token(&tokens)).await.refused(400, "invalid_grant");

        let service = world.service(PAYMENTS).await;
        let pay = small_payment("10.00", "Hanna");
        let tokens = cast.allowed(&[("authorization_details", &pay)]).await;
        assert_eq!(service.consume(access_token(&tokens)).await.active()["consumed"], true);
        service.consume(access_token(&tokens)).await.inactive();
    }
}

async fn document(world: &World, host: &str, path: &str) -> Answer {
    let request = world
        .http
        .get(format!("{}{path}", world.url))
        .header("host", host);
    Answer::of(request.send().await.expect("an answer")).await
}

#[tokio::test]
async fn a_service_s_well_known_address_says_where_its_tokens_come_from() {
    let world = World::sqlite().await;
    world.catalogue(|catalogue| {
        let mut below = catalogue.resources[0].clone();
        below.identifier = "https://api.example.com/v2/tools".to_owned();
        catalogue.resources.push(below);
    });
    let path = "/.well-known/oauth-protected-resource";
    let answer = document(&world, "calendar.example.com", path).await;
    assert_eq!(answer.headers["content-type"], "application/json");
    let expected = serde_json::json!({
        "resource": CALENDAR,
        "resource_name": "Calendar",
        "authorization_servers": [world.url],
        "bearer_methods_supported": ["header"],
        "scopes_supported": ["calendar.read", "calendar.write"],
    });
    assert_eq!(*answer.ok(), expected);
    let payments = document(&world, "PAYMENTS.example.com", path).await;
    let types = payments.ok()["authorization_details_types_supported"].clone();
    assert_eq!(
        types,
        serde_json::json!(["payment_initiation", "payment_small"])
    );
    let below = document(&world, "api.example.com", &format!("{path}/v2/tools")).await;
    assert_eq!(below.ok()["resource"], "https://api.example.com/v2/tools");
    for (host, path) in [
        ("nowhere.example.com", path.to_owned()),
        ("calendar.example.com", format!("{path}/x")),
        ("api.example.com", path.to_owned()),
        ("api.example.com", format!("{path}/v2/tools?x=1")),
    ] {
        let answer = document(&world, host, &path).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.body["error"]),
            (404, &Value::from("not_found"))
        );
    }
}
