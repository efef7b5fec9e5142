//! Client secrets: only their hashes are kept, and after a rotation the one before for a while.

use aws_lc_rs::constant_time;
use time::OffsetDateTime;

use super::keys::sha256;

/// What is kept of a client's secrets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SecretHashes {
    /// The one it has now.
    pub current: [u8; 32],
    /// The one before, and until when it is still taken.
    pub previous: Option<([u8; 32], OffsetDateTime)>,
}

impl SecretHashes {
    /// One secret, and none before it.
    pub fn of(current: [u8; 32]) -> Self {
        Self {
            current,
            previous: None,
        }
    }

    /// Whether a secret is taken.
    pub fn take(&self, secret: &str, now: OffsetDateTime) -> bool {
        let presented = secret_hash(secret);
        let same =
            |hash: &[u8; 32]| constant_time::verify_slices_are_equal(hash, &presented).is_ok();
        let before = self.previous.filter(|(_, until)| now < *until);
        same(&self.current) || before.is_some_and(|(hash, _)| same(&hash))
    }
}

/// What is kept of a client secret. It has 256 random bits, so nothing slower is needed.
pub fn secret_hash(secret: &str) -> [u8; 32] {
    sha256(secret.as_bytes())
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;

    #[test]
    fn the_secret_before_is_taken_until_its_end() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let until = now + Duration::hours(1);
        let hashes = SecretHashes {
            current: secret_hash("new"),
            previous: Some((secret_hash("old"), until)),
        };
        assert!(hashes.take("new", now) && hashes.take("new", until));
        assert!(hashes.take("old", now) && !hashes.take("old", until));
        assert!(!hashes.take("", now) && !hashes.take("older", now));
        assert!(!SecretHashes::of(secret_hash("new")).take("old", now));
    }
}
