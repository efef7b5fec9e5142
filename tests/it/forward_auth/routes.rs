//! Who may ask, about what.

use super::{Cast, ask, ask_with, customs};
use crate::world::{Answer, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_route_names_passes_for_nobody() {
    let world = World::sqlite_with(customs()).await;
    let cast = Cast::of(&world).await;
    let token = cast.reading().await;
    for (method, uri) in [
        ("GET", "/"),
        ("GET", "/filesystem"),
        ("GET", "/Files/a"),
        ("POST", "/files/a"),
        ("OPTIONS", "/files/a"),
        ("DELETE", "/files/a"),
        ("DELETE", "/files/a/b/c"),
        ("GET", "/files/../admin"),
        ("GET", "/files/%2e%2e/admin"),
        ("GET", "/files//admin"),
        ("GET", "/files;x/admin"),
        ("get", "/files/a"),
        ("GET", "https://files.example.com/files/a"),
    ] {
        let answer = ask_with(&world, method, uri, &token).await;
        answer.refused(403, "access_denied");
    }
    let bearer = format!("Bearer {token}");
    let overridden = [
        ("authorization", bearer.as_str()),
        ("x-http-method-override", "DELETE"),
    ];
    ask(&world, "GET", "/files/a", &overridden)
        .await
        .refused(403, "access_denied");
    // A host of another service, though the caller's own header says otherwise.
    let twice = [
        ("authorization", bearer.as_str()),
        ("x-forwarded-host", "files.example.com"),
    ];
    ask(&world, "GET", "/files/a", &twice)
        .await
        .refused(403, "access_denied");
    // What the other family of headers says is the caller's word.
    let other = [
        ("authorization", bearer.as_str()),
        ("x-original-method", "GET"),
        ("x-original-url", "https://files.example.com/files/a"),
    ];
    ask(&world, "GET", "/admin", &other)
        .await
        .refused(403, "access_denied");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_e12_only_the_operator_s_proxies_ask() {
    let world = World::sqlite().await;
    let cast = Cast::of(&world).await;
    let token = cast.reading().await;
    let answer = ask_with(&world, "GET", "/files/a", &token).await;
    answer.refused(403, "access_denied");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn envoy_puts_the_request_s_own_path_behind() {
    let world = World::sqlite_with(customs()).await;
    let cast = Cast::of(&world).await;
    let token = cast.deleting("plans", "a b.txt").await;
    let delete = |path: &str| {
        let request = world
            .http
            .delete(format!("{}/forward-auth{path}", world.url))
            .header("host", "files.example.com")
            .header("x-forwarded-proto", "https")
            .bearer_auth(&token);
        async { Answer::of(request.send().await.expect("an answer")).await }
    };
    assert_eq!(delete("/files/plans/b.txt").await.status, 401);
    assert_eq!(delete("/files/plans/a%20b.txt").await.status, 200);
}
