//! `/livez` and `/readyz`: for balancers and whoever restarts processes.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{StatusCode, Uri, header};

use crate::app::App;
use crate::paths;

/// A database that answers more slowly than this is not ready.
const PATIENCE: Duration = Duration::from_secs(2);

/// The two of them.
pub fn router() -> Router<App> {
    Router::new()
        .route(paths::LIVE, get(live))
        .route(paths::READY, get(ready))
}

/// The process answers.
async fn live() -> Response {
    answer(StatusCode::OK, "ok\n".to_owned())
}

/// It can do its work. `?verbose` lists every check, without detail that would help a stranger.
async fn ready(State(app): State<App>, uri: Uri) -> Response {
    let ping = tokio::time::timeout(PATIENCE, app.store.ping()).await;
    let checks = [
        ("database", matches!(ping, Ok(Ok(())))),
        ("keys", !app.keyring.get().active.public().kid.is_empty()),
        ("accepting", !app.stop.is_cancelled()),
    ];
    let ready = checks.iter().all(|(_, holds)| *holds);
    let verbose = uri.query() == Some("verbose");
    let mut lines = String::new();
    for (name, holds) in checks.iter().filter(|(_, holds)| verbose || !holds) {
        lines.push_str(if *holds { "ok " } else { "failed " });
        lines.push_str(name);
        lines.push('\n');
    }
    if ready {
        answer(
            StatusCode::OK,
            if verbose { lines } else { "ok\n".to_owned() },
        )
    } else {
        answer(StatusCode::SERVICE_UNAVAILABLE, lines)
    }
}

fn answer(status: StatusCode, lines: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (status, headers, lines).into_response()
}
