//! One request: named, given to the router, bounded in time, and answered even if a handler panics.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::future::RouteFuture;
use http::{HeaderValue, StatusCode, header};
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use tower::Service as _;

use super::Floor;
use super::watch::{Phase, Watch};
use crate::http::extract::{ClientCertificate, PeerAddr};
use crate::http::layer::request_id::{CallId, X_REQUEST_ID};

/// What a connection needs to answer its requests.
pub(super) struct Service {
    pub(super) floor: Arc<Floor>,
    pub(super) router: Router,
    pub(super) watch: Arc<Watch>,
    pub(super) peer: PeerAddr,
    pub(super) certificate: Option<ClientCertificate>,
}

impl Service {
    /// Starts one request.
    pub(super) fn call(&self, request: hyper::Request<Incoming>) -> Answer {
        let id = self.floor.calls.next();
        self.watch.asked(!request.body().is_end_stream());

        let long = request
            .uri()
            .path_and_query()
            .is_some_and(|path| path.as_str().len() > self.floor.limits.max_uri);
        let handler = if long {
            Err(Ending::LongUri)
        } else {
            let request = self.arrive(request, id);
            let mut router = self.router.clone();
            Ok(id.during(|| router.call(request)))
        };
        let watch = Arc::clone(&self.watch);
        Answer { handler, watch, id }
    }

    fn arrive(&self, request: hyper::Request<Incoming>, id: CallId) -> Request {
        let (mut parts, body) = request.into_parts();
        parts.extensions.insert(self.peer);
        parts.extensions.insert(id);
        if let Some(certificate) = &self.certificate {
            parts.extensions.insert(certificate.clone());
        }
        let body = if body.is_end_stream() {
            Body::empty()
        } else {
            let watch = Arc::clone(&self.watch);
            Body::new(Watched { body, watch })
        };
        Request::from_parts(parts, body)
    }
}

/// The router's answer, or ours when it panics or the watch says it is late.
///
/// Written out and not an `async` block, because a block keeps room for each place its values have
/// been: 600 bytes more for every held poll.
pub(super) struct Answer {
    handler: Result<RouteFuture<Infallible>, Ending>,
    watch: Arc<Watch>,
    id: CallId,
}

impl Future for Answer {
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let mut response = match ready!(this.poll_handler(cx)) {
            Ok(response) => response,
            Err(ending) => ending.say(this.id),
        };
        let headers = response.headers_mut();
        headers.insert(&X_REQUEST_ID, this.id.header());
        this.watch.answered();
        Poll::Ready(Ok(response))
    }
}

impl Answer {
    fn poll_handler(&mut self, cx: &mut Context<'_>) -> Poll<Result<Response, Ending>> {
        let handler = match &mut self.handler {
            Ok(handler) => Pin::new(handler),
            Err(ending) => return Poll::Ready(Err(*ending)),
        };
        if self.watch.is_late() {
            return Poll::Ready(Err(match self.watch.phase() {
                Phase::Body => Ending::SlowBody,
                Phase::Head | Phase::Idle | Phase::Answer | Phase::Write => Ending::SlowAnswer,
            }));
        }
        let poll = AssertUnwindSafe(|| self.id.during(|| handler.poll(cx)));
        match catch_unwind(poll) {
            Ok(poll) => poll.map(|Ok(response)| Ok(response)),
            // The panic hook has told the operator, under this call's name.
            Err(_) => Poll::Ready(Err(Ending::Panic)),
        }
    }
}

/// How a request ends that no handler has answered.
#[derive(Clone, Copy, Debug)]
enum Ending {
    LongUri,
    SlowBody,
    SlowAnswer,
    Panic,
}

impl Ending {
    fn say(self, id: CallId) -> Response {
        let (status, error, description) = match self {
            Self::LongUri => (
                StatusCode::URI_TOO_LONG,
                "invalid_request",
                "the address is too long",
            ),
            Self::SlowBody => (
                StatusCode::REQUEST_TIMEOUT,
                "invalid_request",
                "the request's body came too slowly",
            ),
            Self::SlowAnswer => (
                StatusCode::SERVICE_UNAVAILABLE,
                "temporarily_unavailable",
                "the answer took too long",
            ),
            Self::Panic => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "server_error",
                "something went wrong here",
            ),
        };
        let body =
            format!(r#"{{"error":"{error}","error_description":"{description} (request {id})"}}"#);
        let fixed = [
            (header::CONTENT_TYPE, "application/json"),
            (header::CACHE_CONTROL, "no-store"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        let mut response = (status, fixed, body).into_response();
        match self {
            // Whatever is still on its way would be read as the next request.
            Self::LongUri | Self::SlowBody | Self::SlowAnswer => {
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(header::CONNECTION, close);
            }
            Self::Panic => {}
        }
        match self {
            Self::SlowAnswer => {
                let soon = HeaderValue::from_static("1");
                response.headers_mut().insert(header::RETRY_AFTER, soon);
            }
            Self::LongUri | Self::SlowBody | Self::Panic => {}
        }
        response
    }
}

/// A request's body that tells the watch when it is complete.
struct Watched {
    body: Incoming,
    watch: Arc<Watch>,
}

impl hyper::body::Body for Watched {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if frame.is_none() || self.body.is_end_stream() {
            self.watch.body_read();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
