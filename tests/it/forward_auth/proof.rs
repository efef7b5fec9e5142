//! Tokens that are bound to a key.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::config::Settings;
use serde_json::{Value, json};

use super::{Cast, ask, ask_with, behind_a_proxy, challenged, customs};
use crate::world::{Answer, Customs, Prover, World};

const URI: &str = "/files/plans/a.txt";

/// As `ath` names a token.
fn hash(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, token.as_bytes()))
}

/// Claims of a good proof for that request.
fn claims(world: &World, token: &str, jti: &str) -> Value {
    json!({
        "jti": jti,
        "htm": "GET",
        "htu": format!("https://files.example.com{URI}"),
        "iat": world.app.clock.now().unix_timestamp(),
        "ath": hash(token),
    })
}

async fn show(world: &World, token: &str, proof: &str) -> Answer {
    let authorization = format!("DPoP {token}");
    ask(
        world,
        "GET",
        URI,
        &[("authorization", &authorization), ("dpop", proof)],
    )
    .await
}

/// A token for reading, bound to that key.
async fn bound(world: &World, cast: &Cast<'_>, prover: &Prover) -> String {
    let asked = cast
        .agent
        .ask(&cast.maya.email, &[("scope", "openid files.read")])
        .await;
    world.approve(&cast.maya, &asked).await;
    let proof = prover.proof(world, "/oauth/token", "collecting");
    let tokens = cast.agent.poll_showing(&asked, &proof).await;
    assert_eq!(tokens.ok()["token_type"], "DPoP");
    tokens.ok()["access_token"]
        .as_str()
        .expect("a token")
        .to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t82_a_bound_token_passes_with_its_proof_and_not_as_a_bearer_s() {
    let world = World::sqlite_with(customs()).await;
    let cast = Cast::of(&world).await;
    let (prover, other) = (Prover::new(&world), Prover::new(&world));
    let token = bound(&world, &cast, &prover).await;

    let answer = ask_with(&world, "GET", URI, &token).await;
    let challenge = challenged(&answer, Some("invalid_token"));
    assert!(challenge.starts_with("DPoP "), "{challenge}");
    // Not even with a proof beside it.
    let (bearer, dpop) = (format!("Bearer {token}"), format!("DPoP {token}"));
    let proof = prover.sign(&claims(&world, &token, "beside"));
    let beside = [("authorization", bearer.as_str()), ("dpop", &proof)];
    challenged(
        &ask(&world, "GET", URI, &beside).await,
        Some("invalid_token"),
    );
    let both = [
        ("authorization", bearer.as_str()),
        ("authorization", &dpop),
        ("dpop", &proof),
    ];
    ask(&world, "GET", URI, &both)
        .await
        .refused(400, "invalid_request");
    let listed = format!("{bearer}, {dpop}");
    let listed = [("authorization", listed.as_str()), ("dpop", &proof)];
    ask(&world, "GET", URI, &listed)
        .await
        .refused(400, "invalid_request");

    let proof = prover.sign(&claims(&world, &token, "1"));
    let passed = show(&world, &token, &proof).await;
    assert_eq!(passed.status, 200, "{passed:?}");
    // Once: here, and at another instance.
    challenged(
        &show(&world, &token, &proof).await,
        Some("invalid_dpop_proof"),
    );
    let another = world.another_instance().await;
    challenged(
        &show(&another, &token, &proof).await,
        Some("invalid_dpop_proof"),
    );

    let without = ask(&world, "GET", URI, &[("authorization", &dpop)]).await;
    challenged(&without, Some("invalid_dpop_proof"));
    let stolen = other.sign(&claims(&world, &token, "2"));
    challenged(&show(&world, &token, &stolen).await, Some("invalid_token"));
    for (at, (name, value)) in [
        ("ath", json!(hash("another"))),
        ("ath", Value::Null),
        ("htm", json!("DELETE")),
        ("htu", json!("https://files.example.com/files/plans/b.txt")),
        ("htu", json!(format!("{}/forward-auth", world.url))),
    ]
    .into_iter()
    .enumerate()
    {
        let mut claims = claims(&world, &token, &format!("odd{at}"));
        claims[name] = value;
        let answer = show(&world, &token, &prover.sign(&claims)).await;
        challenged(&answer, Some("invalid_dpop_proof"));
    }
    // What is not bound is not shown as if it were.
    let free = cast.reading().await;
    let proof = prover.sign(&claims(&world, &free, "3"));
    challenged(&show(&world, &free, &proof).await, Some("invalid_token"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proof_at_the_proxy_gets_its_nonce() {
    fn with_nonces(settings: &mut Settings) {
        behind_a_proxy(settings);
        settings.dpop_nonce_required = true;
    }
    let world = World::sqlite_with(Customs {
        settings: Some(with_nonces),
        ..Customs::default()
    })
    .await;
    let cast = Cast::of(&world).await;
    let prover = Prover::new(&world);
    let asked = cast
        .agent
        .ask(&cast.maya.email, &[("scope", "openid files.read")])
        .await;
    world.approve(&cast.maya, &asked).await;
    let nonce = world.app.secrets.dpop_nonces.current(world.app.clock.now());
    let proof = prover.proof_with(&world, "/oauth/token", "collecting", &nonce);
    let tokens = cast.agent.poll_showing(&asked, &proof).await;
    let token = tokens.ok()["access_token"].as_str().expect("a token");

    let answer = show(&world, token, &prover.sign(&claims(&world, token, "1"))).await;
    challenged(&answer, Some("use_dpop_nonce"));
    let mut claims = claims(&world, token, "2");
    claims["nonce"] = json!(answer.headers["dpop-nonce"].to_str().expect("text"));
    let passed = show(&world, token, &prover.sign(&claims)).await;
    assert_eq!(passed.status, 200, "{passed:?}");
}
