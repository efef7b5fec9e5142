//! What browsers fetch beside the pages: looks, scripts, icons. All of it is inside the program.

use std::sync::LazyLock;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header;
use serde_json::json;

use super::PageError;
use crate::app::App;
use crate::domain::action::json::digest;

const CSS: &str = include_str!("../../../static/app.css");
const JS: &str = include_str!("../../../static/app.js");
const WORKER: &str = include_str!("../../../static/service_worker.js");

const SCRIPT: &str = "text/javascript; charset=utf-8";
const PICTURE: &str = "image/png";

/// For what has its digest in its address.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
const A_DAY: &str = "public, max-age=86400";

static CSS_ADDRESS: LazyLock<String> = LazyLock::new(|| address("app.css", CSS));
static JS_ADDRESS: LazyLock<String> = LazyLock::new(|| address("app.js", JS));

/// Where the looks are.
pub(super) fn css() -> &'static str {
    &CSS_ADDRESS
}

/// Where the script is.
pub(super) fn js() -> &'static str {
    &JS_ADDRESS
}

/// An address that changes with the contents, so that what it gives may be kept for ever.
fn address(name: &str, contents: &str) -> String {
    let version = super::made_for::hex(&digest(contents));
    format!("/static/{name}?v={}", version.get(..12).unwrap_or_default())
}

/// One file.
pub(super) async fn file(Path(name): Path<String>) -> Result<Response, PageError> {
    let (kind, keep, contents): (_, _, &'static [u8]) = match name.as_str() {
        "app.css" => ("text/css; charset=utf-8", FOR_EVER, CSS.as_bytes()),
        "app.js" => (SCRIPT, FOR_EVER, JS.as_bytes()),
        "icon-192.png" => (
            PICTURE,
            A_DAY,
            include_bytes!("../../../static/icons/icon-192.png"),
        ),
        "icon-512.png" => (
            PICTURE,
            A_DAY,
            include_bytes!("../../../static/icons/icon-512.png"),
        ),
        "maskable-512.png" => (
            PICTURE,
            A_DAY,
            include_bytes!("../../../static/icons/maskable-512.png"),
        ),
        "apple-180.png" => (
            PICTURE,
            A_DAY,
            include_bytes!("../../../static/icons/apple-180.png"),
        ),
        "badge-96.png" => (
            PICTURE,
            A_DAY,
            include_bytes!("../../../static/icons/badge-96.png"),
        ),
        _ => return Err(PageError::NoSuchPage),
    };
    Ok((
        [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, keep)],
        contents,
    )
        .into_response())
}

/// What receives notifications. Asked for anew each time, so that a new one replaces an old one.
pub(super) async fn service_worker() -> Response {
    let headers = [
        (header::CONTENT_TYPE, SCRIPT),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, WORKER).into_response()
}

/// This server as an app on a phone.
pub(super) async fn manifest(State(app): State<App>) -> Response {
    let name = &app.settings.name;
    let short: String = name.chars().take(12).collect();
    let icon = |name: &str, size: u32, purpose: &str| {
        json!({
            "src": format!("/static/{name}"),
            "sizes": format!("{size}x{size}"),
            "type": PICTURE,
            "purpose": purpose,
        })
    };
    let shortcut = |name: &str, url: &str| json!({"name": name, "url": url});
    let manifest = json!({
        "id": "/",
        "name": name,
        "short_name": short.trim_end(),
        "description": "Answer what software agents ask you, before they act.",
        "start_url": "/",
        "scope": "/",
        "display": "standalone",
        "lang": "en",
        "dir": "ltr",
        "theme_color": "#1F2937",
        "background_color": "#F4F5F7",
        "icons": [
            icon("icon-192.png", 192, "any"),
            icon("icon-512.png", 512, "any"),
            icon("maskable-512.png", 512, "maskable"),
            icon("badge-96.png", 96, "monochrome"),
        ],
        "shortcuts": [
            shortcut("Waiting", "/"),
            shortcut("Allowed", "/allowed"),
            shortcut("History", "/history"),
        ],
        "launch_handler": {"client_mode": ["navigate-existing", "auto"]},
    });
    let headers = [
        (header::CONTENT_TYPE, "application/manifest+json"),
        (header::CACHE_CONTROL, "public, max-age=3600"),
    ];
    (headers, manifest.to_string()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_c05_no_notification_of_ours_can_allow_anything() {
        let worker = WORKER.to_lowercase();
        for word in ["approve", "allow", "'once'", "post"] {
            assert!(!worker.contains(word), "{word}");
        }
    }

    #[tokio::test]
    async fn sec_c06_a_new_worker_replaces_the_old_one_and_keeps_no_page() {
        let response = service_worker().await;
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-cache");
        assert!(WORKER.contains("self.skipWaiting()") && WORKER.contains("clients.claim()"));
        // Pages come from the network; what is kept is the one that says there is none.
        let kept: Vec<_> = WORKER.matches(".add(").collect();
        assert_eq!(kept.len(), 1);
        assert!(WORKER.contains("kept.add('/offline')"));
        for way in [
            "addAll(",
            ".put(",
            "request.method === 'POST'",
            "importScripts",
        ] {
            assert!(!WORKER.contains(way), "{way}");
        }
    }

    #[test]
    fn sec_c04_no_script_of_ours_turns_text_into_markup() {
        for script in [JS, WORKER] {
            for way in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
            ] {
                assert!(!script.contains(way), "{way}");
            }
        }
    }

    #[test]
    fn pages_are_small() {
        assert!(CSS.len() + JS.len() < 40 * 1024);
        assert!(JS.len() < 15 * 1024);
    }
}
