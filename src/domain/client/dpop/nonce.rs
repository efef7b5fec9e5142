//! Nonces (RFC 9449 §8): they say when a proof can have been made at the earliest.
//!
//! Nothing is kept for them: a nonce is the number of a stretch of time and a MAC of it, so every instance
//! with the same master key knows its own and the others'.

use std::fmt;

use aws_lc_rs::{constant_time, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use time::OffsetDateTime;

use crate::domain::token::master_key::{MasterKey, Purpose};

/// Seconds one nonce is handed out. It is taken for this stretch and the next.
const STRETCH: i64 = 120;

/// Bytes of MAC.
const MAC_LENGTH: usize = 16;

/// Makes and recognises nonces. Does not print.
#[derive(Clone)]
pub struct Nonces {
    key: hmac::Key,
}

impl fmt::Debug for Nonces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nonces(…)")
    }
}

impl Nonces {
    /// Derives the key.
    pub fn new(master: &MasterKey) -> Self {
        Self {
            key: master.mac(Purpose::DpopNonce),
        }
    }

    /// The nonce to hand out.
    pub fn current(&self, now: OffsetDateTime) -> String {
        URL_SAFE_NO_PAD.encode(self.make(now.unix_timestamp().div_euclid(STRETCH)))
    }

    /// When a nonce of ours is taken no more; none if it is not one, or that moment has passed.
    pub(super) fn good_until(&self, nonce: &str, now: OffsetDateTime) -> Option<OffsetDateTime> {
        let bytes = URL_SAFE_NO_PAD.decode(nonce).ok()?;
        let stretch = bytes.first_chunk::<8>().copied().map(i64::from_be_bytes)?;
        constant_time::verify_slices_are_equal(&bytes, &self.make(stretch)).ok()?;
        let present = now.unix_timestamp().div_euclid(STRETCH);
        // One from the next stretch is another instance's, whose clock is a little ahead.
        if !(present - 1..=present + 1).contains(&stretch) {
            return None;
        }
        let end = stretch.checked_add(2)?.checked_mul(STRETCH)?;
        OffsetDateTime::from_unix_timestamp(end).ok()
    }

    fn make(&self, stretch: i64) -> [u8; 8 + MAC_LENGTH] {
        let mut out = [0; 8 + MAC_LENGTH];
        out[..8].copy_from_slice(&stretch.to_be_bytes());
        let mac = hmac::sign(&self.key, &out[..8]);
        out[8..].copy_from_slice(&mac.as_ref()[..MAC_LENGTH]);
        out
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;

    fn nonces(key: u8) -> Nonces {
        Nonces::new(&MasterKey::new(&[key; MasterKey::LENGTH]))
    }

    #[test]
    fn t83_a_nonce_is_good_for_two_to_four_minutes_and_then_another_is_handed_out() {
        let (nonces, now) = (
            nonces(1),
            OffsetDateTime::UNIX_EPOCH + Duration::days(20_000),
        );
        let nonce = nonces.current(now);
        let until = nonces.good_until(&nonce, now).unwrap();
        assert_eq!(until, now + Duration::minutes(4));
        let last = until - Duration::SECOND;
        assert!(nonces.good_until(&nonce, last).is_some());
        assert!(nonces.good_until(&nonce, until).is_none());
        assert_ne!(nonces.current(now + Duration::minutes(2)), nonce);
    }

    #[test]
    fn t83_another_server_s_nonce_and_an_altered_one_are_not_ours() {
        let now = OffsetDateTime::UNIX_EPOCH + Duration::days(20_000);
        let nonce = nonces(1).current(now);
        assert!(nonces(2).good_until(&nonce, now).is_none());
        for at in 0..nonce.len() {
            let mut altered = nonce.clone().into_bytes();
            altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).unwrap();
            assert!(nonces(1).good_until(&altered, now).is_none(), "{altered}");
        }
        assert!(nonces(1).good_until("", now).is_none());
    }
}
