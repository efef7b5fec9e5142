//! So that a promise need not wait for the next tick.

use tokio::sync::Notify;

/// Rings when something was promised. A ring nobody hears is kept for the next who listens.
#[derive(Debug, Default)]
pub struct Wake(Notify);

impl Wake {
    /// Something was promised.
    pub fn ring(&self) {
        self.0.notify_one();
    }

    /// Waits for a ring.
    pub async fn heard(&self) {
        self.0.notified().await;
    }
}
