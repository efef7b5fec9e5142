//! One connection: hyper in the middle, our one timer and the bell for closing time around it.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, sleep_until};

use super::service::Service;
use super::stream::Stream;
use super::watch::{Phase, Watch};
use super::wire::Wire;
use super::{Floor, Stage};
use crate::http::extract::{ClientCertificate, PeerAddr};

/// Serves one connection until it ends, is cut, or the server has closed.
///
/// hyper's own header timer is off: it would count a kept-alive connection's rest as a slow header,
/// and sets a new timer for every request. Ours is one for the whole connection, moved only when
/// it fires too early or would fire too late.
pub(super) async fn serve(
    floor: Arc<Floor>,
    router: Router,
    stream: Stream,
    peer: PeerAddr,
    certificate: Option<ClientCertificate>,
) {
    let watch = Arc::new(Watch::new(floor.now()));
    let io = TokioIo::new(Wire::new(stream, Arc::clone(&watch)));
    let service = Service {
        floor: Arc::clone(&floor),
        router,
        watch: Arc::clone(&watch),
        peer,
        certificate,
    };
    let http = floor
        .http
        .serve_connection(io, service_fn(move |request| service.call(request)));
    let mut http = pin!(http);

    let mut alarm = watch.due(&floor.limits);
    let mut timer = pin!(sleep_until(floor.moment(alarm)));
    let mut timer_is_set = false;
    let mut bell = pin!(floor.end_of(Stage::Serving).notified());
    let mut heard = None;

    poll_fn(|cx| {
        let now = floor.now();
        watch.tick(now);

        // Registered before the stage is read, so that no change goes unheard; once for each stage,
        // because a task's waker does not change.
        while heard != Some(floor.stage()) {
            let stage = floor.stage();
            heard = Some(stage);
            match stage {
                Stage::Serving => {}
                Stage::Closing => http.as_mut().graceful_shutdown(),
                Stage::Closed => return Poll::Ready(()),
            }
            bell.set(floor.end_of(stage).notified());
            if bell.as_mut().poll(cx).is_ready() {
                cx.waker().wake_by_ref();
            }
        }

        if let Poll::Ready(ended) = http.as_mut().poll(cx) {
            if let Err(error) = ended {
                tracing::debug!(%error, "connection ended");
            }
            return Poll::Ready(());
        }
        if watch.is_gone() {
            return Poll::Ready(());
        }
        watch.ran(floor.now());

        loop {
            let due = watch.due(&floor.limits);
            if due < alarm {
                alarm = due;
                timer.as_mut().reset(floor.moment(alarm));
                timer_is_set = false;
            }
            if timer_is_set && now < alarm {
                return Poll::Pending;
            }
            if timer.as_mut().poll(cx).is_pending() {
                timer_is_set = true;
                return Poll::Pending;
            }
            if due > alarm {
                alarm = due;
                timer.as_mut().reset(floor.moment(alarm));
                continue;
            }

            watch.tick(floor.now());
            let held = matches!(watch.phase(), Phase::Body | Phase::Answer);
            if !held || watch.is_late() {
                return Poll::Ready(());
            }
            // The service answers that it is late; hyper writes that, and gets time to do so.
            watch.hurry();
            if http.as_mut().poll(cx).is_ready() || watch.is_late() {
                return Poll::Ready(());
            }
        }
    })
    .await;
}

impl Floor {
    /// Milliseconds since the server began.
    fn now(&self) -> u64 {
        super::watch::millis(self.began.elapsed())
    }

    /// The moment of [`Floor::now`]'s count at which `count` is reached.
    fn moment(&self, count: u64) -> Instant {
        self.began + Duration::from_millis(count)
    }
}
