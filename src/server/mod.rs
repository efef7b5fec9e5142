//! The accept loop: how bytes become requests, and how long anything may take.
//!
//! Stock `axum::serve` waits for ever for a header, a body or an answer. Here every phase of a
//! connection has an end ([`Limits`]), there is a cap on connections, a full file table does not
//! spin, and a panic in a handler is one 500. Each request carries a
//! [`CallId`](crate::http::layer::request_id::CallId) and its [`PeerAddr`].
//!
//! What a request means, and which headers an answer needs, is left to [`http`](crate::http).
//! TLS is left to a proxy in front, or done here ([`Tls`]).

mod connection;
mod service;
mod stream;
mod tls;
mod watch;
mod wire;

#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::stream::Stream;
use crate::entropy::Entropy;
use crate::http::layer::request_id::CallIds;

pub use self::tls::{Tls, TlsError, TlsFiles};
pub use crate::http::extract::peer::PeerAddr;

/// How long to leave a full file table alone before the next accept.
const BACK_OFF: Duration = Duration::from_millis(100);

/// The least hyper can work with.
const LEAST_BUFFER: usize = 8 * 1024;

/// What one connection may use.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For a request's line and headers: from the accept, or from the first byte of a later
    /// request, to the empty line. Dripping does not prolong it. Default: 10 s.
    pub header_timeout: Duration,
    /// For a request's body, from the end of its headers. Default: 10 s.
    pub body_timeout: Duration,
    /// For a kept-alive connection between two requests. Default: 75 s.
    pub idle_timeout: Duration,
    /// For an answer, from the end of the request's headers, and again for the caller to take it.
    /// Longer than the longest poll (30 s). Default: 60 s.
    pub request_timeout: Duration,
    /// Connections held at the same time; the next one is closed at once, so that a balancer tries
    /// another instance. Above the 20 000 polls that may be held, so that one poll more can be
    /// told so. Default: 24 000.
    pub max_connections: usize,
    /// A request's line and headers together; beyond: 431. At least 8 KiB. Default: 16 KiB.
    pub max_header_bytes: usize,
    /// Header lines; beyond: 431. Default: 64.
    pub max_headers: usize,
    /// A request's path and query; beyond: 414. Default: 4 KiB.
    pub max_uri: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            request_timeout: Duration::from_mins(1),
            max_connections: 24_000,
            max_header_bytes: 16 * 1024,
            max_headers: 64,
            max_uri: 4 * 1024,
        }
    }
}

/// How far the server is on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Stage {
    Serving,
    Closing,
    Closed,
}

/// What all connections share.
#[derive(Debug)]
struct Floor {
    limits: Limits,
    http: http1::Builder,
    calls: CallIds,
    began: Instant,
    stage: AtomicU8,
    /// Rung after [`Stage::Serving`] is over.
    closing: Notify,
    /// Rung after [`Stage::Closing`] is over.
    closed: Notify,
}

impl Floor {
    fn new(limits: Limits) -> io::Result<Self> {
        let mut http = http1::Builder::new();
        http.header_read_timeout(None)
            .half_close(true)
            .max_buf_size(limits.max_header_bytes.max(LEAST_BUFFER))
            .max_header_size(limits.max_header_bytes)
            .max_headers(limits.max_headers);
        Ok(Self {
            limits,
            http,
            calls: CallIds::new(&Entropy::system()).map_err(io::Error::other)?,
            began: Instant::now(),
            stage: AtomicU8::new(Stage::Serving as u8),
            closing: Notify::new(),
            closed: Notify::new(),
        })
    }

    fn stage(&self) -> Stage {
        match self.stage.load(Ordering::Acquire) {
            0 => Stage::Serving,
            1 => Stage::Closing,
            _ => Stage::Closed,
        }
    }

    /// The bell that ends `stage`. The last stage has none: it shares one that has rung.
    fn end_of(&self, stage: Stage) -> &Notify {
        match stage {
            Stage::Serving => &self.closing,
            Stage::Closing | Stage::Closed => &self.closed,
        }
    }

    fn announce(&self, stage: Stage) {
        let before = self.stage();
        self.stage.store(stage as u8, Ordering::Release);
        self.end_of(before).notify_waiters();
    }
}

/// Serves `router` on `listener` until `stop`; then lets requests in hand finish for up to `drain`,
/// and returns when the last connection has gone.
///
/// # Errors
///
/// The operating system gave no random bytes for the calls' names.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    stop: CancellationToken,
    drain: Duration,
) -> io::Result<()> {
    serve_with(listener, None, router, limits, stop, drain).await
}

/// The same, through TLS if it is set up.
///
/// # Errors
///
/// The operating system gave no random bytes for the calls' names.
pub async fn serve_with(
    listener: TcpListener,
    tls: Option<Tls>,
    router: Router,
    limits: Limits,
    stop: CancellationToken,
    drain: Duration,
) -> io::Result<()> {
    let tls = tls.map(Arc::new);
    if let Some(tls) = &tls {
        tls.watch_files();
    }
    let floor = Arc::new(Floor::new(limits)?);
    let connections = TaskTracker::new();

    while let Some((stream, peer)) = next(&listener, &stop).await {
        if connections.len() >= limits.max_connections {
            tracing::debug!("connection refused: as many as allowed are open");
            continue;
        }
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "connection gone before it began");
            continue;
        }
        let (floor, router, peer) = (Arc::clone(&floor), router.clone(), PeerAddr(peer));
        match &tls {
            None => {
                let stream = Stream::Plain(stream);
                connections.spawn(connection::serve(floor, router, stream, peer, None));
            }
            Some(tls) => {
                connections.spawn(encrypted(Arc::clone(tls), floor, router, stream, peer));
            }
        }
    }

    drop(listener);
    connections.close();
    floor.announce(Stage::Closing);
    if timeout(drain, connections.wait()).await.is_err() {
        tracing::warn!(open = connections.len(), "closing with requests unanswered");
        floor.announce(Stage::Closed);
        connections.wait().await;
    }
    Ok(())
}

/// A connection that begins with shaking hands.
async fn encrypted(
    tls: Arc<Tls>,
    floor: Arc<Floor>,
    router: Router,
    stream: TcpStream,
    peer: PeerAddr,
) {
    // Boxed: it is over before the first request, and would be carried along by every held poll.
    let hands = Box::pin(tls.accept(stream, floor.limits.header_timeout));
    let hands = tokio::select! {
        hands = hands => hands,
        () = floor.closing.notified() => return,
    };
    match hands {
        Ok((stream, shown)) => {
            let stream = Stream::Tls(Box::new(stream));
            connection::serve(floor, router, stream, peer, shown).await;
        }
        Err(error) => tracing::debug!(%error, "no TLS connection"),
    }
}

/// The next connection; none once it is time to stop.
async fn next(listener: &TcpListener, stop: &CancellationToken) -> Option<(TcpStream, SocketAddr)> {
    loop {
        let error = tokio::select! {
            biased;
            () = stop.cancelled() => return None,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => return Some(accepted),
                Err(error) => error,
            },
        };
        if is_about_one_connection(&error) {
            continue;
        }
        // Most likely the file table is full: asking again at once would only burn the processor.
        tracing::warn!(%error, "cannot accept connections");
        tokio::select! {
            () = stop.cancelled() => return None,
            () = sleep(BACK_OFF) => {}
        }
    }
}

/// Whether an accept failed because that one caller has left again.
fn is_about_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}
