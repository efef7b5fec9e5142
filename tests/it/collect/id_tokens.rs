//! ID tokens signed as each client registered, checked with the published keys by a library that is not ours.

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::domain::ciba::mode::Mode;
use countersign::domain::token::algorithm::Algorithm;
use countersign::flow::register::NewClient;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation};
use serde_json::{Value, json};

use crate::world::receiver::{Receiver, called};
use crate::world::{Agent, GRANT_TYPE, World};

/// `at_hash` or `rt_hash` of a token beside an ID token of that algorithm.
fn half(algorithm: Algorithm, token: &Value) -> Value {
    let hash = match algorithm {
        Algorithm::Es256 | Algorithm::Ps256 | Algorithm::Rs256 => &SHA256,
        Algorithm::EdDsa => &SHA512,
    };
    let hash = digest(hash, token.as_str().expect("a token").as_bytes());
    let hash = hash.as_ref();
    json!(URL_SAFE_NO_PAD.encode(&hash[..hash.len() / 2]))
}

/// The claims of an ID token, verified as a stranger would.
async fn verified(agent: &Agent, algorithm: Algorithm, token: &Value) -> Value {
    let token = token.as_str().expect("an ID token");
    let published = agent.get("/oauth/jwks").await;
    let keys: JwkSet = serde_json::from_value(published.ok().clone()).expect("a JWK Set");
    let header = jsonwebtoken::decode_header(token).expect("a header");
    assert_eq!(json!(header.alg), algorithm.as_str());
    let kid = header.kid.expect("the key's name");
    let key = keys.find(&kid).expect("a published key");
    let named = published.body["keys"].as_array().expect("a list");
    let named = named
        .iter()
        .find(|it| it["kid"] == kid.as_str())
        .expect("it");
    assert_eq!(
        (&named["alg"], &named["use"]),
        (&json!(algorithm), &json!("sig"))
    );
    let key = DecodingKey::from_jwk(key).expect("a key");
    let mut validation = Validation::new(header.alg);
    validation.set_audience(&[&agent.id]);
    validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
    let read = jsonwebtoken::decode(token, &key, &validation);
    read.expect("a good ID token").claims
}

both! {
    async fn t76_an_id_token_is_signed_as_its_client_registered(world: World) {
        let maya = world.person("Maya").await;
        let beside = world.another_instance().await;
        for algorithm in Algorithm::ALL {
            let new = NewClient {
                id_token_alg: algorithm,
                ..NewClient::agent(algorithm.as_str())
            };
            // Registered at one instance, served by another that has not looked for keys since.
            let agent = world.client(new).await.at(&beside);
            let scopes = [("scope", "openid calendar.read")];
            let asked = agent.ask(&maya.email, &scopes).await;
            beside.approve(&maya, &asked).await;
            let answer = agent.poll(&asked.auth_req_id).await;
            let response = answer.ok().clone();
            let claims = verified(&agent, algorithm, &response["id_token"]).await;
            assert_eq!(claims["at_hash"], half(algorithm, &response["access_token"]));
            let access = response["access_token"].as_str().expect("one");
            let access = jsonwebtoken::decode_header(access).expect("a header");
            assert_eq!(json!(access.alg), "ES256", "services have no say in a client's registration");

            let refresh = response["refresh_token"].as_str().expect("one");
            let form = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
            let renewed = agent.post("/oauth/token", &form, &[]).await;
            let token = &renewed.ok()["id_token"];
            let claims = verified(&agent, algorithm, token).await;
            assert_eq!(claims["at_hash"], half(algorithm, &renewed.body["access_token"]));

            // Whatever it is signed with, it says later whom to ask.
            let hint = [("scope", "openid"), ("id_token_hint", token.as_str().expect("one"))];
            let again = agent.post("/bc-authorize", &hint, &[]).await;
            let again = again.ok()["auth_req_id"].as_str().expect("an id").to_owned();
            let form = [("grant_type", GRANT_TYPE), ("auth_req_id", &*again)];
            agent.post("/oauth/token", &form, &[]).await.refused(400, "authorization_pending");
        }
        let published = beside.http.get(format!("{}/oauth/jwks", beside.url)).send().await;
        let published: Value = published.expect("an answer").json().await.expect("JSON");
        let mut kinds: Vec<_> = published["keys"].as_array().expect("a list").iter()
            .map(|key| (key["kty"].as_str().expect("a type"), key["alg"].as_str().expect("a name")))
            .collect();
        kinds.sort_unstable();
        let expected = [("EC", "ES256"), ("OKP", "EdDSA"), ("RSA", "PS256"), ("RSA", "RS256")];
        assert_eq!(kinds, expected, "one key each, whoever needed it");
        let text = published.to_string();
        for private in ["\"d\"", "\"p\"", "\"q\"", "\"dp\"", "\"k\""] {
            assert!(!text.contains(private), "{private}");
        }
        assert_eq!(world.noted("key.made").await.len(), 5, "and one for push services");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t76_pushed_tokens_are_hashed_as_the_id_token_is_signed() {
    let world = World::sqlite().await;
    let maya = world.person("Maya").await;
    for algorithm in [Algorithm::Ps256, Algorithm::EdDsa] {
        let receiver = Receiver::start();
        let new = NewClient {
            id_token_alg: algorithm,
            ..called(algorithm.as_str(), Mode::Push, &receiver.url())
        };
        let agent = world.client(new).await;
        let more = [("scope", "openid calendar.read")];
        let asked = agent.ask_to_be_told(&maya.email, &more).await;
        world.approve(&maya, &asked).await;
        world.deliver().await;
        let told = receiver.calls()[0].json();
        let claims = verified(&agent, algorithm, &told["id_token"]).await;
        assert_eq!(claims["at_hash"], half(algorithm, &told["access_token"]));
        let rt_hash = &claims["urn:openid:params:jwt:claim:rt_hash"];
        assert_eq!(rt_hash, &half(algorithm, &told["refresh_token"]));
        assert_eq!(
            claims["urn:openid:params:jwt:claim:auth_req_id"],
            asked.auth_req_id
        );
    }
}
