//! Ctrl-C, heard from a moment of our choosing on.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::exit::{Exit, Failure};

/// Ctrl-C does not end the program from now on: it is heard.
pub(super) struct Interrupt(Signal);

impl Interrupt {
    /// Listens.
    pub(super) fn listen() -> Result<Self, Failure> {
        let listening = signal(SignalKind::interrupt());
        let why = |error| {
            Failure::new(
                Exit::Failed,
                format_args!("cannot listen for Ctrl-C: {error}"),
            )
        };
        listening.map(Self).map_err(why)
    }

    /// Waits for it.
    pub(super) async fn heard(&mut self) {
        self.0.recv().await;
    }
}
