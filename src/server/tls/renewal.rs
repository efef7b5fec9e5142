//! Renewed certificates are taken over without a restart: every few seconds, and at once on SIGHUP, the files are
//! read again. What cannot be used is said once and changes nothing.
//!
//! Their contents are compared, not their dates: some programs put a new folder under an old name. Connections
//! that are open go on as they began.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::{Tls, TlsError};

/// How long a renewed certificate may lie there unseen.
const EVERY: Duration = Duration::from_secs(2);

/// Looks at the files until the server stops.
pub(super) async fn renew(tls: Arc<Tls>) {
    let mut hangup = match signal(SignalKind::hangup()) {
        Ok(hangup) => Some(hangup),
        Err(error) => {
            tracing::warn!(%error, "SIGHUP is not heard; TLS files are read again all the same");
            None
        }
    };
    let mut said = None;
    loop {
        let told = async {
            match &mut hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = tls.app.stop.cancelled() => return,
            _ = told => {}
            () = sleep(EVERY) => {}
        }
        let looking = Arc::clone(&tls);
        match spawn_blocking(move || looking.look_again()).await {
            Ok(seen) => tell(seen, &mut said),
            Err(error) => tracing::error!(%error, "TLS files could not be looked at"),
        }
    }
}

/// Says what has changed; the same trouble once.
fn tell(seen: Result<bool, TlsError>, said: &mut Option<String>) {
    match seen {
        Ok(true) => tracing::info!("the TLS files have changed: new connections use the new ones"),
        Ok(false) if said.is_some() => tracing::info!("the TLS files are again those in use"),
        Ok(false) => {}
        Err(error) => {
            let error = error.to_string();
            if said.as_ref() != Some(&error) {
                tracing::error!(%error, "the TLS files have changed and cannot be used: those before stay in use");
            }
            *said = Some(error);
            return;
        }
    }
    *said = None;
}
