//! The headers that tell a browser how little an answer of ours may do.
//!
//! Put once around the whole router, so that no page can be forgotten:
//! `router.layer(SecurityHeaders::new(https).layer())`. Pages (`text/html`) get all of them, other
//! answers the few that mean something there. A handler chooses only its `Cache-Control`, and a
//! page not even that; everything else is overwritten.
//!
//! There is no `Server` header to take away: nothing here adds one.

use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use tower::util::MapResponseLayer;

/// For pages, and for scripts because a service worker's own answer rules it: only our own files, no frames, no plugins, no strings turned into scripts.
static PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'",
);

/// For files: opened by themselves, they load nothing and sit in no frame.
static FILE_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// Everything off that a page of ours has no use for; passkeys stay. What a browser does not know it
/// complains about on every page: nothing that only some have.
static PERMISSIONS: HeaderValue = HeaderValue::from_static(
    "accelerometer=(), autoplay=(), browsing-topics=(), \
    camera=(), clipboard-read=(), display-capture=(), encrypted-media=(), fullscreen=(), \
    geolocation=(), gyroscope=(), hid=(), idle-detection=(), local-fonts=(), magnetometer=(), \
    microphone=(), midi=(), payment=(), picture-in-picture=(), screen-wake-lock=(), serial=(), \
    usb=(), xr-spatial-tracking=(), publickey-credentials-create=(self), \
    publickey-credentials-get=(self)",
);

/// A year, this host only: names below it may be somebody else's.
static STRICT_TRANSPORT: HeaderValue = HeaderValue::from_static("max-age=31536000");

static NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
static NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
static NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");
static SAME_ORIGIN: HeaderValue = HeaderValue::from_static("same-origin");

static PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
static OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
static RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Sets the headers.
#[derive(Clone, Copy, Debug)]
pub struct SecurityHeaders {
    https: bool,
}

impl SecurityHeaders {
    /// `https`: whether people reach us that way, whatever the proxy in front speaks with us.
    pub fn new(https: bool) -> Self {
        Self { https }
    }

    /// As a layer around a router.
    pub fn layer(self) -> MapResponseLayer<impl Fn(Response) -> Response + Clone + Send + Sync> {
        MapResponseLayer::new(move |mut response: Response| {
            self.dress(response.headers_mut());
            response
        })
    }

    /// Completes the headers of one answer.
    pub fn dress(self, headers: &mut HeaderMap) {
        let kind = Kind::of(headers);
        headers.reserve(kind.headers());
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF.clone());
        if self.https {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, STRICT_TRANSPORT.clone());
        }
        match kind {
            Kind::Page => {
                headers.insert(header::CONTENT_SECURITY_POLICY, PAGE_POLICY.clone());
                headers.insert(&RESOURCE_POLICY, SAME_ORIGIN.clone());
                headers.insert(header::REFERRER_POLICY, NO_REFERRER.clone());
                headers.insert(&OPENER_POLICY, SAME_ORIGIN.clone());
                headers.insert(&PERMISSIONS_POLICY, PERMISSIONS.clone());
                // A decision is made on what is true now: not even a handler may have it kept.
                headers.insert(header::CACHE_CONTROL, NO_STORE.clone());
            }
            Kind::Script => {
                headers.insert(header::CONTENT_SECURITY_POLICY, PAGE_POLICY.clone());
                headers.insert(&RESOURCE_POLICY, SAME_ORIGIN.clone());
                keep_out_of_caches(headers);
            }
            Kind::Json => keep_out_of_caches(headers),
            Kind::File => {
                headers.insert(header::CONTENT_SECURITY_POLICY, FILE_POLICY.clone());
                headers.insert(&RESOURCE_POLICY, SAME_ORIGIN.clone());
                keep_out_of_caches(headers);
            }
        }
    }
}

/// Unless a handler has said that this answer may be kept.
fn keep_out_of_caches(headers: &mut HeaderMap) {
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert_with(|| NO_STORE.clone());
}

/// What a browser would take an answer for.
#[derive(Clone, Copy)]
enum Kind {
    Page,
    Script,
    /// What agents get, often; a browser that must not guess a type does nothing with it.
    Json,
    File,
}

impl Kind {
    fn of(headers: &HeaderMap) -> Self {
        let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
        let is = |name: &str| {
            kind.and_then(|kind| kind.get(..name.len()))
                .is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
        };
        if is("application/json") {
            Self::Json
        } else if is("text/html") {
            Self::Page
        } else if is("text/javascript") || is("application/javascript") {
            Self::Script
        } else {
            Self::File
        }
    }

    /// How many headers come, so that their table grows once.
    fn headers(self) -> usize {
        match self {
            Self::Page => 10,
            Self::Script | Self::File => 7,
            Self::Json => 5,
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::response::IntoResponse as _;
    use axum::routing::get;
    use http::{Request, StatusCode};
    use tower::ServiceExt as _;

    use super::*;

    async fn answer(kind: &'static str, cache: Option<&'static str>, https: bool) -> HeaderMap {
        let handler = move || async move {
            let mut response = ([(header::CONTENT_TYPE, kind)], "x").into_response();
            if let Some(cache) = cache {
                let cache = HeaderValue::from_static(cache);
                response.headers_mut().insert(header::CACHE_CONTROL, cache);
            }
            response
        };
        let router: Router = Router::new()
            .route("/", get(handler))
            .layer(SecurityHeaders::new(https).layer());
        let response = router.oneshot(Request::new(Body::empty())).await.unwrap();
        response.headers().clone()
    }

    #[tokio::test]
    async fn sec_c04_a_page_may_do_next_to_nothing() {
        let headers = answer("text/html; charset=utf-8", Some("max-age=60"), true).await;
        for (name, value) in [
            (
                "content-security-policy",
                "default-src 'none'; script-src 'self'; ",
            ),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("permissions-policy", "accelerometer=(), "),
            ("cache-control", "no-store"),
            ("strict-transport-security", "max-age=31536000"),
        ] {
            let said = headers.get(name).expect(name).to_str().unwrap();
            assert!(said.starts_with(value), "{name}: {said}");
            assert!(
                !said.contains("unsafe") && !said.contains("  "),
                "{name}: {said}"
            );
        }
        assert!(!headers.contains_key("server"));
    }

    #[tokio::test]
    async fn data_is_not_kept_unless_its_handler_says_so() {
        let headers = answer("application/json", None, false).await;
        assert_eq!(headers[header::CACHE_CONTROL], "no-store");
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert!(!headers.contains_key(header::STRICT_TRANSPORT_SECURITY));

        let headers = answer("text/css", Some("max-age=31536000, immutable"), false).await;
        assert_eq!(
            headers[header::CACHE_CONTROL],
            "max-age=31536000, immutable"
        );
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    }

    #[tokio::test]
    async fn a_service_worker_may_still_fetch_from_us() {
        let headers = answer("text/javascript", Some("no-cache"), false).await;
        assert_eq!(headers[header::CONTENT_SECURITY_POLICY], PAGE_POLICY);
        assert_eq!(headers[header::CACHE_CONTROL], "no-cache");
    }

    #[tokio::test]
    async fn what_the_router_itself_answers_is_dressed_too() {
        let router: Router = Router::new()
            .route("/", get(|| async { "x" }))
            .layer(SecurityHeaders::new(true).layer());
        for (method, path, status) in [
            ("GET", "/nowhere", StatusCode::NOT_FOUND),
            ("POST", "/", StatusCode::METHOD_NOT_ALLOWED),
        ] {
            let request = Request::builder().method(method).uri(path);
            let request = request.body(Body::empty()).unwrap();
            let response = router.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status(), status);
            assert_eq!(
                response.headers()[header::X_CONTENT_TYPE_OPTIONS],
                "nosniff"
            );
        }
    }
}
