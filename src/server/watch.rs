//! What one connection is doing, since when, and until when it may.
//!
//! ```text
//!         first byte         head complete      body complete      answered
//! Idle ──────────────► Head ──────────────► Body ─────────────► Answer ─────────► Write ──► Idle
//!                       ▲                     └──────────── no body ──────────────►
//!                    accepted
//! ```
//!
//! The socket, the service and the request's body each report what they see; the connection asks
//! [`Watch::due`] and holds the one timer. All of them run in one task, so the atomics are there to
//! satisfy the compiler, not to order anything.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::Limits;

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    /// Sending the request line and headers, or about to.
    Head,
    /// Kept alive between two requests.
    Idle,
    /// Sending a request's body.
    Body,
    /// Waiting for our answer.
    Answer,
    /// Taking our answer.
    Write,
}

impl Phase {
    const ALL: [Self; 5] = [
        Self::Head,
        Self::Idle,
        Self::Body,
        Self::Answer,
        Self::Write,
    ];
}

/// Shared by everything that sees a part of one connection.
#[derive(Debug)]
pub(super) struct Watch {
    /// Milliseconds on the server's own count, read before and after the connection runs.
    now: AtomicU64,
    phase: AtomicU8,
    since: AtomicU64,
    /// When the request in hand began.
    asked: AtomicU64,
    late: AtomicBool,
    gone: AtomicBool,
}

impl Watch {
    /// A connection accepted now owes us a head.
    pub(super) fn new(now: u64) -> Self {
        Self {
            now: AtomicU64::new(now),
            phase: AtomicU8::new(Phase::Head as u8),
            since: AtomicU64::new(now),
            asked: AtomicU64::new(now),
            late: AtomicBool::new(false),
            gone: AtomicBool::new(false),
        }
    }

    pub(super) fn tick(&self, now: u64) {
        self.now.store(now, Relaxed);
    }

    pub(super) fn phase(&self) -> Phase {
        let index = usize::from(self.phase.load(Relaxed));
        Phase::ALL.get(index).copied().unwrap_or(Phase::Head)
    }

    /// The connection has run, until now. What began meanwhile begins now: a turn may have taken long, because
    /// a handler panicked and its panic was written up, and that is not the caller's fault.
    pub(super) fn ran(&self, now: u64) {
        let turn = self.now.swap(now, Relaxed);
        for began in [&self.since, &self.asked] {
            let _ = began.compare_exchange(turn, now, Relaxed, Relaxed);
        }
    }

    fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Relaxed);
        self.since.store(self.now.load(Relaxed), Relaxed);
    }

    /// The server looks for bytes: an answer still being written before has left.
    pub(super) fn reads(&self) {
        if self.phase() == Phase::Write {
            self.enter(Phase::Idle);
        }
    }

    /// Bytes have come.
    pub(super) fn received(&self) {
        if self.phase() == Phase::Idle {
            self.enter(Phase::Head);
        }
    }

    /// A head is complete.
    pub(super) fn asked(&self, has_body: bool) {
        self.enter(if has_body { Phase::Body } else { Phase::Answer });
        self.asked.store(self.now.load(Relaxed), Relaxed);
    }

    /// The request's body is complete.
    pub(super) fn body_read(&self) {
        if self.phase() == Phase::Body {
            self.enter(Phase::Answer);
        }
    }

    /// An answer begins to leave.
    pub(super) fn answered(&self) {
        self.enter(Phase::Write);
        self.late.store(false, Relaxed);
    }

    /// The moment by which this phase must be over.
    pub(super) fn due(&self, limits: &Limits) -> u64 {
        let after = |start: &AtomicU64, limit| start.load(Relaxed).saturating_add(millis(limit));
        match self.phase() {
            Phase::Head => after(&self.since, limits.header_timeout),
            Phase::Idle => after(&self.since, limits.idle_timeout),
            Phase::Body => after(&self.since, limits.body_timeout),
            Phase::Answer => after(&self.asked, limits.request_timeout),
            Phase::Write => after(&self.since, limits.request_timeout),
        }
    }

    /// The request in hand has used up its time; its service is to say so at once.
    pub(super) fn hurry(&self) {
        self.late.store(true, Relaxed);
    }

    /// Whether the request in hand has used up its time.
    pub(super) fn is_late(&self) -> bool {
        self.late.load(Relaxed)
    }

    /// The other side has closed, so nobody waits for the answer.
    pub(super) fn hung_up(&self) {
        self.gone.store(true, Relaxed);
    }

    pub(super) fn is_gone(&self) -> bool {
        self.gone.load(Relaxed)
    }
}

/// Whole milliseconds, rounded down.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_phase_has_its_own_end() {
        let limits = Limits {
            header_timeout: Duration::from_millis(1),
            body_timeout: Duration::from_millis(2),
            idle_timeout: Duration::from_millis(3),
            request_timeout: Duration::from_millis(10),
            ..Limits::default()
        };
        let watch = Watch::new(100);
        assert_eq!(watch.due(&limits), 101, "a new connection owes a head");

        watch.tick(200);
        watch.asked(true);
        assert_eq!(watch.due(&limits), 202);
        watch.tick(201);
        watch.body_read();
        assert_eq!(watch.due(&limits), 210, "counted from the request's head");
        watch.tick(205);
        watch.answered();
        assert_eq!(watch.due(&limits), 215);

        watch.tick(300);
        watch.reads();
        assert_eq!(watch.due(&limits), 303, "idle between two requests");
        watch.tick(301);
        watch.received();
        assert_eq!(watch.due(&limits), 302, "the next head has begun");
        watch.received();
        watch.reads();
        assert_eq!(watch.due(&limits), 302, "and dripping does not prolong it");
    }

    #[test]
    fn sec_i15_what_begins_in_a_long_turn_begins_at_its_end() {
        let limits = Limits {
            idle_timeout: Duration::from_millis(3),
            ..Limits::default()
        };
        let watch = Watch::new(100);
        watch.tick(200);
        watch.asked(false);
        watch.answered();
        watch.reads();
        watch.ran(900);
        assert_eq!(watch.due(&limits), 903, "idle since the answer has left");
        watch.tick(901);
        watch.ran(902);
        assert_eq!(
            watch.due(&limits),
            903,
            "and a turn without news adds nothing"
        );
    }
}
