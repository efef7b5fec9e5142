//! A person's user code (CIBA §7.1.2): a word they tell an agent, without which it cannot have them asked.
//!
//! It keeps agents from disturbing people whose address they merely know, and proves nothing else. What is kept of
//! it is a slow hash over a keyed one, so that the database alone does not tell it however short it is.
//! Wrong codes are counted, and too many in a row lock it for a while.

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use time::{Duration, OffsetDateTime};

use crate::domain::id::UserId;

/// Letters of a code.
pub const LENGTH: std::ops::RangeInclusive<usize> = 6..=64;

/// So many wrong codes in a row lock it.
pub const MOST_WRONG: u32 = 5;

/// For how long, the first time; each further time twice as long.
pub const FIRST_LOCK: Duration = Duration::minutes(15);

/// The longest lock.
pub const LONGEST_LOCK: Duration = Duration::DAY;

/// What one hash costs: memory in KiB, passes, lanes (OWASP's first choice for Argon2id).
const COST: (u32, u32, u32) = (19_456, 2, 1);

/// A text that cannot be a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a user code has 6 to 64 letters, digits and signs, without spaces")]
pub struct BadCode;

/// Reads a code that is to be kept. What surrounds it is cut off, as people copy a space along.
pub fn read(text: &str) -> Result<&str, BadCode> {
    let code = text.trim();
    let plain = code.bytes().all(|b| b.is_ascii_graphic());
    if plain && LENGTH.contains(&code.len()) {
        Ok(code)
    } else {
        Err(BadCode)
    }
}

/// Makes up a code of eight letters that nobody mistakes for others.
pub fn make_up(random: [u8; 8]) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let letter = |byte: u8| char::from(LETTERS[usize::from(byte % 32)]);
    random.into_iter().map(letter).collect()
}

/// What is kept of a code: a salted, slow hash over its keyed one. Does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct CodeHash {
    cost: (u32, u32, u32),
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl CodeHash {
    /// Hashes a code, of which the keyed hash is given. Takes tens of milliseconds.
    pub fn make(keyed: &[u8; 32], salt: [u8; 16]) -> Option<Self> {
        let hash = slow(COST, keyed, &salt)?;
        Some(Self {
            cost: COST,
            salt: salt.to_vec(),
            hash: hash.to_vec(),
        })
    }

    /// What no code matches, which takes as long to find out.
    pub fn of_nobody() -> Self {
        Self {
            cost: COST,
            salt: vec![0; 16],
            hash: vec![0; 32],
        }
    }

    /// Whether it is this code's; in constant time. Takes tens of milliseconds.
    pub fn matches(&self, keyed: &[u8; 32]) -> bool {
        slow(self.cost, keyed, &self.salt)
            .is_some_and(|hash| verify_slices_are_equal(&hash, &self.hash).is_ok())
    }

    /// As it is stored: the usual form of such hashes (PHC).
    pub fn as_stored(&self) -> String {
        let (memory, passes, lanes) = self.cost;
        let (salt, hash) = (
            STANDARD_NO_PAD.encode(&self.salt),
            STANDARD_NO_PAD.encode(&self.hash),
        );
        format!("$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${hash}")
    }

    /// Reads the stored form.
    pub fn from_stored(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix("$argon2id$v=19$")?.split('$');
        let mut cost = parts.next()?.split(',');
        let mut number = |name: &str| cost.next()?.strip_prefix(name)?.parse().ok();
        let cost = (number("m=")?, number("t=")?, number("p=")?);
        let mut bytes = || STANDARD_NO_PAD.decode(parts.next()?).ok();
        let (salt, hash) = (bytes()?, bytes()?);
        Some(Self { cost, salt, hash })
    }
}

fn slow((memory, passes, lanes): (u32, u32, u32), keyed: &[u8], salt: &[u8]) -> Option<[u8; 32]> {
    let params = Params::new(memory, passes, lanes, Some(32)).ok()?;
    let mut out = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(keyed, salt, &mut out)
        .ok()?;
    Some(out)
}

/// A code as it is kept. Does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct UserCode {
    /// Whose.
    pub user: UserId,
    /// What is kept of it.
    pub hash: CodeHash,
    /// How it was tried.
    pub tries: Tries,
}

/// How a code was tried since it was last right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tries {
    /// Wrong ones in a row.
    pub wrong: u32,
    /// No code is right until then.
    pub locked_until: Option<OffsetDateTime>,
}

impl Tries {
    /// Whether even the right code is refused.
    pub fn locked(&self, now: OffsetDateTime) -> bool {
        self.locked_until.is_some_and(|until| now < until)
    }

    /// After one that was wrong. Each fifth in a row locks, each time for twice as long.
    #[must_use]
    pub fn one_wrong(self, now: OffsetDateTime) -> Self {
        let wrong = self.wrong.saturating_add(1);
        let locks = wrong / MOST_WRONG;
        let locked_until = wrong.is_multiple_of(MOST_WRONG).then(|| {
            let doubled = 2_i32.saturating_pow(locks.saturating_sub(1).min(16));
            now + (FIRST_LOCK * doubled).min(LONGEST_LOCK)
        });
        Self {
            wrong,
            locked_until,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_six_plain_letters_at_least() {
        assert_eq!(read(" Kite-4711\n"), Ok("Kite-4711"));
        for odd in [
            "",
            "12345",
            "with space",
            "käse-brot",
            "a\u{7}bcdef",
            &"x".repeat(65),
        ] {
            assert_eq!(read(odd), Err(BadCode), "{odd:?}");
        }
        let made = make_up([0, 31, 32, 255, 7, 8, 9, 10]);
        assert_eq!(made, "a9a9hijk");
        assert_eq!(read(&made), Ok(&*made));
    }

    #[test]
    fn a_hash_is_the_code_s_and_nothing_else_s_and_survives_the_database() {
        let hash = CodeHash::make(&[1; 32], [2; 16]).unwrap();
        let stored = hash.as_stored();
        assert!(
            stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$AgICAg"),
            "{stored}"
        );
        let back = CodeHash::from_stored(&stored).unwrap();
        assert!(back == hash && back.matches(&[1; 32]) && !back.matches(&[0; 32]));
        assert!(!CodeHash::of_nobody().matches(&[1; 32]));
        for odd in [
            "",
            "$argon2i$v=19$m=8,t=1,p=1$AA$AA",
            "$argon2id$v=19$m=8,t=1$AA$AA",
        ] {
            assert!(CodeHash::from_stored(odd).is_none(), "{odd}");
        }
    }

    #[test]
    fn each_fifth_wrong_code_in_a_row_locks_for_longer() {
        let mut now = OffsetDateTime::UNIX_EPOCH;
        let mut tries = Tries::default();
        let mut locks = Vec::new();
        for _ in 0..60 {
            assert!(!tries.locked(now));
            tries = tries.one_wrong(now);
            if let Some(until) = tries.locked_until {
                assert!(tries.locked(until - Duration::MILLISECOND) && !tries.locked(until));
                locks.push((until - now).whole_minutes());
                now = until;
            }
        }
        assert_eq!(
            locks,
            [15, 30, 60, 120, 240, 480, 960, 1440, 1440, 1440, 1440, 1440]
        );
        let many = Tries {
            wrong: u32::MAX - 1,
            locked_until: None,
        };
        assert_eq!(many.one_wrong(now).locked_until, Some(now + LONGEST_LOCK));
        assert_eq!(many.one_wrong(now).one_wrong(now).wrong, u32::MAX);
    }
}
