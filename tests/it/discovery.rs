//! What a client finds out by itself (OpenID Connect Discovery 1.0, RFC 8414, CIBA §4).

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::world::{Answer, World};

async fn get(world: &World, path: &str) -> Answer {
    let request = world.http.get(format!("{}{path}", world.url));
    Answer::of(request.send().await.expect("an answer")).await
}

both! {
    async fn both_documents_are_one_and_say_what_is_there(world: World) {
        let openid = get(&world, "/.well-known/openid-configuration").await;
        let oauth = get(&world, "/.well-known/oauth-authorization-server").await;
        assert_eq!(openid.ok(), oauth.ok());
        assert_eq!(openid.headers["content-type"], "application/json");
        let document = &openid.body;
        let url = world.url.as_str();
        let expected = [
            ("issuer", json!(url)),
            ("token_endpoint", json!(format!("{url}/oauth/token"))),
            ("introspection_endpoint", json!(format!("{url}/oauth/introspect"))),
            ("introspection_signing_alg_values_supported", json!(["ES256"])),
            ("revocation_endpoint", json!(format!("{url}/oauth/revoke"))),
            ("request_uri_parameter_supported", json!(false)),
            ("acr_values_supported", json!(["urn:countersign:acr:email-link", "urn:countersign:acr:host-link"])),
            ("grant_management_actions_supported", json!(["query", "revoke"])),
            ("grant_management_endpoint", json!(format!("{url}/oauth/grants"))),
            ("jwks_uri", json!(format!("{url}/oauth/jwks"))),
            ("backchannel_authentication_endpoint", json!(format!("{url}/bc-authorize"))),
            ("backchannel_token_delivery_modes_supported", json!(["poll", "ping", "push"])),
            ("backchannel_user_code_parameter_supported", json!(true)),
            ("grant_types_supported", json!([
                "urn:openid:params:grant-type:ciba",
                "refresh_token",
                "urn:ietf:params:oauth:grant-type:token-exchange",
            ])),
            ("response_types_supported", json!([])),
            ("id_token_signing_alg_values_supported", json!(["ES256", "PS256", "RS256", "EdDSA"])),
            (
                "token_endpoint_auth_methods_supported",
                json!(["client_secret_basic", "client_secret_post", "private_key_jwt"]),
            ),
            (
                "authorization_details_types_supported",
                json!(["payment_initiation", "payment_small", "deploy", "file_deletion"]),
            ),
        ];
        for (name, value) in expected {
            assert_eq!(document[name], value, "{name}");
        }
        let signing = &document["backchannel_authentication_request_signing_alg_values_supported"];
        assert_eq!(signing, &json!(["ES256", "PS256", "EdDSA"]));
        let methods = document["token_endpoint_auth_signing_alg_values_supported"].to_string();
        assert!(!methods.contains("none") && !methods.contains("HS"), "{methods}");
        let scopes = document["scopes_supported"].as_array().expect("a list");
        assert!(scopes.contains(&json!("openid")) && scopes.contains(&json!("calendar.read")));
        let posted = [
            "token_endpoint",
            "backchannel_authentication_endpoint",
            "introspection_endpoint",
            "revocation_endpoint",
        ];
        for endpoint in posted {
            let endpoint = document[endpoint].as_str().expect("a URL");
            let answer = world.http.get(endpoint).send().await.expect("an answer");
            assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
        }
    }
}

both! {
    async fn only_public_halves_are_published(world: World) {
        let answer = get(&world, "/oauth/jwks").await;
        let keys = answer.ok()["keys"].as_array().expect("a list");
        assert_eq!(keys.len(), 1);
        let mut members: Vec<&str> = keys[0].as_object().expect("a key").keys().map(String::as_str).collect();
        members.sort_unstable();
        assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
        assert_eq!(keys[0]["alg"], "ES256");
        assert_eq!(keys[0]["use"], "sig");
        let before: Value = answer.body.clone();
        let world = world.restarted().await;
        assert_eq!(get(&world, "/oauth/jwks").await.ok(), &before);
    }
}

#[tokio::test]
async fn sec_e14_nothing_is_signed_with_rsa_unless_a_client_asks_for_it() {
    let world = World::sqlite().await;
    let keys = get(&world, "/oauth/jwks").await;
    let kinds: Vec<_> = keys.ok()["keys"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|key| &key["kty"])
        .collect();
    assert_eq!(kinds, ["EC"]);
    // The crate whose private operations leak by timing comes with web-push alone, and signs nothing.
    let bans = crate::sources::read("deny.toml");
    assert!(bans.contains(r#"{ crate = "rsa", wrappers = ["superboring"]"#));
    for path in crate::sources::files("src", ".rs") {
        let source = crate::sources::read(&path);
        assert!(
            !source
                .lines()
                .any(|line| line.trim().starts_with("use rsa")),
            "{path}"
        );
    }
}
