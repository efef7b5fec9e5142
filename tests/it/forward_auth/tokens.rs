//! The token that came with the request.

use std::sync::Arc;

use serde_json::json;
use time::Duration;
use tokio::task::JoinSet;

use super::{Cast, ask, ask_with, challenged, customs};
use crate::world::World;

async fn a_request_passes_with_a_token_for_it(world: World) {
    let cast = Cast::of(&world).await;
    let answer = ask(&world, "GET", "/files/plans/a.txt", &[]).await;
    let challenge = challenged(&answer, None);
    assert!(
        challenge.starts_with("Bearer scope=\"files.read\""),
        "{challenge}"
    );
    let metadata =
        "resource_metadata=\"https://files.example.com/.well-known/oauth-protected-resource\"";
    assert!(challenge.contains(metadata), "{challenge}");

    let token = cast.reading().await;
    for _ in 0..2 {
        let passed = ask_with(&world, "GET", "/files/plans/a.txt?page=2", &token).await;
        assert_eq!(passed.status, 200, "{passed:?}");
        assert_eq!(passed.body, json!(""));
        let told = |name: &str| passed.headers[name].to_str().expect("text").to_owned();
        assert_eq!(told("x-approval-subject"), cast.maya.id.to_string());
        assert_eq!(told("x-approval-agent"), cast.agent.id);
        assert_eq!(told("x-approval-decision"), "once");
        assert_eq!(told("x-approval-id").len(), 32);
    }
    // The token is good, but not for this.
    let answer = ask_with(&world, "DELETE", "/files/plans/a.txt", &token).await;
    let challenge = challenged(&answer, Some("insufficient_authorization"));
    assert!(
        challenge.contains("authorization_details=\"[{\\\"folder\\\":\\\"plans\\\""),
        "{challenge}"
    );
    assert_eq!(
        answer.body["authorization_details"],
        json!([{"type": "file_deletion", "folder": "plans", "name": "a.txt"}])
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_passes_with_a_token_for_it_sqlite() {
    Box::pin(a_request_passes_with_a_token_for_it(
        World::sqlite_with(customs()).await,
    ))
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_passes_with_a_token_for_it_postgresql() {
    Box::pin(a_request_passes_with_a_token_for_it(
        World::postgresql_with(customs()).await,
    ))
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_b12_what_was_approved_is_what_runs_and_runs_once() {
    let world = World::sqlite_with(customs()).await;
    let cast = Cast::of(&world).await;
    let token = cast.deleting("plans", "a.txt").await;
    for (method, uri) in [
        ("DELETE", "/files/plans/b.txt"),
        ("DELETE", "/files/other/a.txt"),
        ("DELETE", "/files/plans/a.txt%20"),
        ("GET", "/files/plans/a.txt"),
    ] {
        let answer = ask_with(&world, method, uri, &token).await;
        challenged(&answer, Some("insufficient_authorization"));
    }
    // Nobody was shown a query.
    let answer = ask_with(&world, "DELETE", "/files/plans/a.txt?recursive=1", &token).await;
    answer.refused(403, "access_denied");
    let (world, mut racing) = (Arc::new(world), JoinSet::new());
    for _ in 0..50 {
        let (world, token) = (Arc::clone(&world), token.clone());
        racing.spawn(async move {
            let answer = ask_with(&world, "DELETE", "/files/plans/a.txt", &token).await;
            answer.status.as_u16()
        });
    }
    let answers = racing.join_all().await;
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1);
    assert!(answers.iter().all(|status| matches!(status, 200 | 401)));
    let consumed = world.noted("token.consumed").await;
    assert_eq!(consumed.len(), 1);
    let answer = ask_with(&world, "DELETE", "/files/plans/a.txt", &token).await;
    challenged(&answer, Some("invalid_token"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_over_or_elsewhere_passes_nowhere() {
    let world = World::sqlite_with(customs()).await;
    let cast = Cast::of(&world).await;
    let elsewhere = cast.token(&[("scope", "openid calendar.read")]).await;
    let plain = cast.token(&[]).await;
    let reading = cast.reading().await;
    let (signed, signature) = reading.rsplit_once('.').expect("a JWT");
    let tampered = format!("{signed}.AAAAAA{}", &signature[6..]);
    for token in [elsewhere.as_str(), &plain, &tampered, "x", "a.b.c"] {
        let answer = ask_with(&world, "GET", "/files/a", token).await;
        challenged(&answer, Some("invalid_token"));
    }
    assert_eq!(
        ask_with(&world, "GET", "/files/a", &reading).await.status,
        200
    );
    let form = [("token", reading.as_str())];
    cast.agent.post("/oauth/revoke", &form, &[]).await.ok();
    challenged(
        &ask_with(&world, "GET", "/files/a", &reading).await,
        Some("invalid_token"),
    );
    let reading = cast.reading().await;
    world.advance(Duration::minutes(5));
    challenged(
        &ask_with(&world, "GET", "/files/a", &reading).await,
        Some("invalid_token"),
    );
}
