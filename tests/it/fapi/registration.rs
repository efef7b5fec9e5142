//! What the profile asks of a registration (FAPI-CIBA §5.2.2, §5.2.3), whoever registers.

use countersign::domain::ciba::mode::Mode;
use countersign::domain::client::profile::{BadProfile, Profile};
use countersign::domain::client::{AuthMethod, ProofTerms};
use countersign::flow::register::dynamic::registration_token;
use countersign::flow::register::{NewClient, RegisterError, add_client};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use time::Duration;

use super::customs;
use super::party::{Party, agent_subject, rsa};
use crate::world::{Answer, Asked, World};

#[tokio::test]
async fn a_client_that_does_not_fit_the_profile_is_not_added() {
    let world = World::sqlite_with(customs()).await;
    let party = Party::first(&world, "", AuthMethod::PrivateKeyJwt, None).await;
    let good = || party.registration(agent_subject(), None);
    for (new, why) in [
        (
            NewClient {
                auth: AuthMethod::ClientSecretBasic,
                ..good()
            },
            BadProfile::Secret,
        ),
        (
            NewClient {
                mode: Mode::Push,
                notification_endpoint: Some("http://127.0.0.1/cb".into()),
                ..good()
            },
            BadProfile::Push,
        ),
        (
            NewClient {
                request_signing_alg: None,
                ..good()
            },
            BadProfile::Signing,
        ),
        (
            NewClient {
                request_signing_alg: Some("EdDSA".into()),
                ..good()
            },
            BadProfile::Signing,
        ),
        (
            NewClient {
                proof: ProofTerms::default(),
                ..good()
            },
            BadProfile::Unbound,
        ),
    ] {
        let added = add_client(&world.app, new).await;
        assert!(
            matches!(added, Err(RegisterError::Profile(it)) if it == why),
            "{why:?}: {added:?}"
        );
    }
}

/// As the plan registers its clients.
fn metadata() -> Value {
    json!({
        "client_name": "Plan",
        "jwks": {"keys": [rsa().1]},
        "grant_types": [crate::world::GRANT_TYPE, "refresh_token"],
        "response_types": [],
        "backchannel_token_delivery_mode": "poll",
        "backchannel_authentication_request_signing_alg": "PS256",
        "id_token_signed_response_alg": "PS256",
        "backchannel_user_code_parameter": false,
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "PS256",
        "tls_client_certificate_bound_access_tokens": true,
    })
}

both! {
    async fn whoever_registers_with_a_token_of_the_profile_is_held_to_it(world: World) {
        let url = world.encrypted(true).await;
        let token = registration_token(&world.app, 1, Duration::hours(1), Profile::FapiCiba).await;
        let token = token.expect("a token").token.expose_secret().to_owned();
        let register = async |document: &Value| {
            let request = world.http.post(format!("{}/oauth/register", world.url));
            let request = request.bearer_auth(&token).json(document);
            Answer::of(request.send().await.expect("an answer")).await
        };
        let mut loose = metadata();
        loose["tls_client_certificate_bound_access_tokens"] = json!(false);
        register(&loose).await.refused(400, "invalid_client_metadata");
        let mut discouraged = metadata();
        discouraged["id_token_signed_response_alg"] = json!("RS256");
        register(&discouraged).await.refused(400, "invalid_client_metadata");
        let registered = register(&metadata()).await;
        assert_eq!(registered.status, 201, "{registered:?}");
        let maya = world.person("Maya").await;
        let party = Party::known_as(&world, &url, registered.body["client_id"].as_str().expect("text"));
        let asked = Asked::of(&party.ask(&world, &party.sign(&party.object(&world))).await);
        world.approve(&maya, &asked).await;
        let tokens = party.poll(&world, &asked.auth_req_id).await;
        let id_token = tokens.ok()["id_token"].as_str().expect("one");
        let header = jsonwebtoken::decode_header(id_token).expect("a header");
        assert_eq!(header.alg, jsonwebtoken::Algorithm::PS256);
    }
}
