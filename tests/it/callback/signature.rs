//! Calls are signed: an agent that checks as `docs/how-to/receive-callbacks.md` says acts on ours, once each.

use std::collections::HashSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::Value;
use time::Duration;

use crate::world::receiver::{Call, Receiver};
use crate::world::{Agent, Answer, Signer, World};

/// An agent's memory, and what it knows of us.
struct Checks {
    keys: JwkSet,
    issuer: String,
    client: String,
    seen: HashSet<String>,
}

impl Checks {
    async fn new(world: &World, agent: &Agent) -> Self {
        let keys = world.http.get(format!("{}/oauth/jwks", world.url));
        let keys = Answer::of(keys.send().await.expect("an answer")).await;
        Self {
            keys: serde_json::from_value(keys.ok().clone()).expect("a key set"),
            issuer: world.url.clone(),
            client: agent.id.clone(),
            seen: HashSet::new(),
        }
    }

    /// Whether the agent acts on a call.
    fn acts_on(&mut self, world: &World, signature: &str, body: &str) -> bool {
        let Ok(header) = jsonwebtoken::decode_header(signature) else {
            return false;
        };
        let key = header.kid.as_deref().and_then(|kid| self.keys.find(kid));
        let (Some(key), Some("callback+jwt")) = (key, header.typ.as_deref()) else {
            return false;
        };
        let mut validation = Validation::new(Algorithm::ES256);
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let key = DecodingKey::from_jwk(key).expect("a key");
        let Ok(token) = jsonwebtoken::decode::<Value>(signature, &key, &validation) else {
            return false;
        };
        let claims = token.claims;
        let age = world.app.clock.now().unix_timestamp() - claims["iat"].as_i64().expect("iat");
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, body.as_bytes());
        claims["iss"] == self.issuer.as_str()
            && claims["aud"] == self.client.as_str()
            && (-60..=300).contains(&age)
            && claims["body_sha256"] == URL_SAFE_NO_PAD.encode(digest)
            && self.seen.insert(claims["jti"].to_string())
    }
}

fn signature(call: &Call) -> &str {
    call.header("countersign-signature").expect("a signature")
}

both! {
    async fn sec_g08_a_call_that_is_forged_altered_old_or_replayed_is_ignored(world: World) {
        let receiver = Receiver::start();
        let agent = world.ping_agent(&receiver).await;
        let other = world.push_agent(&receiver).await;
        let maya = world.person("Maya").await;
        let asked = agent.ask_to_be_told(&maya.email, &[]).await;
        world.approve(&maya, &asked).await;
        // The first try is not taken: the second is about the same promise.
        receiver.answers(503);
        world.deliver().await;
        receiver.answers(204);
        world.advance(Duration::seconds(2));
        world.deliver().await;
        let calls = receiver.calls();
        let (first, second) = (&calls[0], &calls[1]);
        assert_eq!(first.body, second.body);

        let fresh = Checks::new(&world, &agent).await;
        let acts = |signature: &str, body: &str| {
            let mut checks = Checks { keys: fresh.keys.clone(), issuer: fresh.issuer.clone(), client: agent.id.clone(), seen: HashSet::new() };
            checks.acts_on(&world, signature, body)
        };
        assert!(acts(signature(first), &first.body) && acts(signature(second), &second.body));
        // Altered, or about something else.
        assert!(!acts(signature(first), &first.body.replace("auth_req_id\":\"", "auth_req_id\":\"x")));
        assert!(!acts(&format!("{}x", signature(first)), &first.body));
        // Signed by somebody else, or for something else.
        let stranger = Signer::unregistered(&world);
        assert!(!acts(&stranger.assertion(&world, "1"), &first.body));
        let tokens = agent.poll(&asked.auth_req_id).await;
        assert!(!acts(tokens.ok()["access_token"].as_str().expect("a token"), &first.body));
        assert!(!acts(tokens.ok()["id_token"].as_str().expect("a token"), &first.body));
        // For another agent.
        let mut another = Checks::new(&world, &other).await;
        assert!(!another.acts_on(&world, signature(first), &first.body));
        // Again, also when we call again.
        let mut checks = Checks::new(&world, &agent).await;
        assert!(checks.acts_on(&world, signature(first), &first.body));
        assert!(!checks.acts_on(&world, signature(first), &first.body));
        assert!(!checks.acts_on(&world, signature(second), &second.body));
        // And late.
        world.advance(Duration::minutes(5));
        assert!(!acts(signature(first), &first.body));

        // What is handed over is signed as well, and by its signature nothing can be done.
        let asked = other.ask_to_be_told(&maya.email, &[]).await;
        world.approve(&maya, &asked).await;
        world.deliver().await;
        let call = receiver.calls().pop().expect("a call");
        let mut checks = Checks::new(&world, &other).await;
        assert!(checks.acts_on(&world, signature(&call), &call.body));
    }
}
