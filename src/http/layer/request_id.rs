//! A name for each call, in its answer (`X-Request-Id`) and on every line logged about it.
//!
//! The server names calls itself: what a caller sends under that name is not looked at. The name
//! says nothing else; it is not a count that tells strangers how busy we are, and not a secret.

use std::cell::Cell;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderName, HeaderValue};

use crate::entropy::{Entropy, NoEntropy};

/// The header that carries a [`CallId`].
pub static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Which call this was. Not to be confused with a `RequestId`, which names a question to a person.
///
/// Handlers find it in the request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallId(u64);

impl CallId {
    fn digits(self) -> [u8; 16] {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut digits = [b'0'; 16];
        let mut rest = self.0;
        for digit in digits.iter_mut().rev() {
            *digit = HEX[(rest & 15) as usize];
            rest >>= 4;
        }
        digits
    }

    /// Does a piece of the work for this call; what is logged meanwhile carries its name.
    ///
    /// Not a tracing span: a span costs each call more than a microsecond, and each held poll more
    /// than a KiB. What is spawned elsewhere does not carry the name.
    pub fn during<T>(self, work: impl FnOnce() -> T) -> T {
        struct Back(Option<CallId>);

        impl Drop for Back {
            fn drop(&mut self) {
                CURRENT.set(self.0);
            }
        }

        let _back = Back(CURRENT.replace(Some(self)));
        work()
    }

    /// The call this thread works for right now.
    pub fn current() -> Option<Self> {
        CURRENT.get()
    }

    /// As it stands in the header.
    pub fn header(self) -> HeaderValue {
        HeaderValue::from_bytes(&self.digits())
            .unwrap_or_else(|_| HeaderValue::from_static("0000000000000000"))
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.digits()).unwrap_or_default())
    }
}

thread_local! {
    static CURRENT: Cell<Option<CallId>> = const { Cell::new(None) };
}

/// Names calls, each once in 2⁶⁴.
#[derive(Debug)]
pub struct CallIds(AtomicU64);

impl CallIds {
    /// Starts at a random place, so that two instances do not say the same names.
    pub fn new(entropy: &Entropy) -> Result<Self, NoEntropy> {
        Ok(Self(AtomicU64::new(u64::from_be_bytes(entropy.bytes()?))))
    }

    /// The next name. A counter through a bijective mixer (splitmix64): no two are equal, no two
    /// look alike, and it costs a few nanoseconds.
    pub fn next(&self) -> CallId {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut x = self.0.fetch_add(STEP, Ordering::Relaxed);
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        CallId(x ^ (x >> 31))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_calls_have_one_name() {
        let ids = CallIds::new(&Entropy::seeded(1)).unwrap();
        let seen: HashSet<String> = (0..10_000).map(|_| ids.next().to_string()).collect();
        assert_eq!(seen.len(), 10_000);
        assert!(seen.iter().all(|id| id.len() == 16));
    }

    #[test]
    fn a_call_is_current_only_during_its_work() {
        let (outer, inner) = (CallId(1), CallId(2));
        outer.during(|| {
            inner.during(|| assert_eq!(CallId::current(), Some(inner)));
            assert_eq!(CallId::current(), Some(outer));
        });
        let panicked = std::panic::catch_unwind(|| outer.during(|| panic!("on purpose")));
        assert!(panicked.is_err());
        assert_eq!(CallId::current(), None);
    }

    #[test]
    fn the_header_says_what_is_printed() {
        let id = CallId(0x0123_4567_89ab_cdef);
        assert_eq!(id.to_string(), "0123456789abcdef");
        assert_eq!(id.header(), "0123456789abcdef");
    }
}
