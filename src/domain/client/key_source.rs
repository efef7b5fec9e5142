//! Where a client's public keys are: registered with it, or at an address of its own (`jwks_uri`).
//!
//! What was fetched is good for a while that its owner may say and we bound. A signature by a key we do
//! not have is a reason to look again, but not more often than [`LOOK_AGAIN`]: whoever sends garbage buys
//! one call a minute. While the owner does not answer, the keys it had stay good for [`STALE`].

use std::sync::Arc;

use time::{Duration, OffsetDateTime};

use super::keys::PublicKeys;

/// Least time between two looks.
pub const LOOK_AGAIN: Duration = Duration::MINUTE;

/// Keys are taken to be as they were at least and at most for so long, and for so long when nobody says.
const LEAST: Duration = Duration::minutes(5);
const MOST: Duration = Duration::hours(24);
const USUAL: Duration = Duration::hours(1);

/// How long keys stay good when their owner does not answer.
pub const STALE: Duration = Duration::hours(24);

/// How long what was fetched is taken to be as it was, if its owner said so.
pub fn good_for(max_age: Option<Duration>) -> Duration {
    max_age.unwrap_or(USUAL).clamp(LEAST, MOST)
}

/// Where the keys are.
#[derive(Clone, Debug, PartialEq)]
pub enum KeySource {
    /// Here.
    Registered(PublicKeys),
    /// At this address.
    At(String),
}

impl KeySource {
    /// `jwks_uri`, if they are elsewhere.
    pub fn address(&self) -> Option<&str> {
        match self {
            Self::At(url) => Some(url),
            Self::Registered(_) => None,
        }
    }

    /// The keys: those registered, or those `fetched` from the address.
    pub fn keys<'a>(&'a self, fetched: Option<&'a PublicKeys>) -> Option<&'a PublicKeys> {
        match self {
            Self::Registered(keys) => Some(keys),
            Self::At(_) => fetched,
        }
    }
}

/// What a look at an address has brought.
#[derive(Clone, Debug)]
pub struct Looked {
    keys: Option<Arc<PublicKeys>>,
    at: OffsetDateTime,
    good_until: OffsetDateTime,
}

impl Looked {
    /// Keys were there, good for that long if their owner said so.
    pub fn found(keys: PublicKeys, max_age: Option<Duration>, now: OffsetDateTime) -> Self {
        Self {
            keys: Some(Arc::new(keys)),
            at: now,
            good_until: now + good_for(max_age),
        }
    }

    /// There was no answer, or no key set in it: what was there before stays.
    pub fn failed(before: Option<&Self>, now: OffsetDateTime) -> Self {
        Self {
            keys: before.and_then(|before| before.keys.clone()),
            at: now,
            good_until: before.map_or(now, |before| before.good_until),
        }
    }

    /// The keys, unless they are too old.
    pub fn keys(&self, now: OffsetDateTime) -> Option<Arc<PublicKeys>> {
        let keys = self.keys.as_ref();
        keys.filter(|_| now < self.good_until + STALE).cloned()
    }

    /// Whether it is time to look again, because they are old, or because something is `missing`.
    pub fn is_due(&self, missing: bool, now: OffsetDateTime) -> bool {
        let old = now >= self.good_until;
        (old || missing) && now >= self.at + LOOK_AGAIN
    }
}

/// How long an answer says it may be kept: `max-age` in `Cache-Control`.
pub fn max_age(cache_control: &str) -> Option<Duration> {
    cache_control.split(',').find_map(|directive| {
        let (name, value) = directive.trim().split_once('=')?;
        let seconds: u32 = value.trim_matches('"').parse().ok()?;
        name.eq_ignore_ascii_case("max-age")
            .then(|| Duration::seconds(seconds.into()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::token::keyring::SigningKey;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn keys() -> PublicKeys {
        let (key, _) = SigningKey::generate().unwrap();
        let set = serde_json::json!({"keys": [key.public()]});
        PublicKeys::read(&set.to_string()).unwrap()
    }

    #[test]
    fn sec_g05_keys_are_kept_as_long_as_their_owner_says_within_bounds() {
        for (said, kept) in [
            (None, Duration::hours(1)),
            (Some(Duration::ZERO), Duration::minutes(5)),
            (Some(Duration::hours(2)), Duration::hours(2)),
            (Some(Duration::days(365)), Duration::hours(24)),
        ] {
            let looked = Looked::found(keys(), said, NOW);
            assert!(!looked.is_due(false, NOW + kept - Duration::SECOND));
            assert!(looked.is_due(false, NOW + kept), "{said:?}");
        }
        let age = |text| max_age(text).map(Duration::whole_seconds);
        assert_eq!(age("public, max-age=600"), Some(600));
        assert_eq!(age("Max-Age=\"60\", no-transform"), Some(60));
        for none in ["", "no-store", "max-age", "max-age=-1", "s-maxage=60"] {
            assert_eq!(age(none), None, "{none}");
        }
    }

    #[test]
    fn sec_g05_a_key_that_is_missing_is_looked_for_once_a_minute() {
        let looked = Looked::found(keys(), None, NOW);
        assert!(!looked.is_due(true, NOW + Duration::seconds(59)));
        assert!(looked.is_due(true, NOW + Duration::seconds(60)));
        let nothing = Looked::failed(None, NOW);
        assert!(nothing.keys(NOW).is_none());
        assert!(!nothing.is_due(true, NOW + Duration::seconds(59)));
        assert!(nothing.is_due(false, NOW + Duration::seconds(60)));
    }

    #[test]
    fn sec_g05_keys_stay_good_for_a_day_when_their_owner_does_not_answer() {
        let found = Looked::found(keys(), None, NOW);
        let later = NOW + Duration::hours(2);
        let failed = Looked::failed(Some(&found), later);
        assert_eq!(failed.keys(later), found.keys(NOW));
        assert!(failed.is_due(false, later + Duration::minutes(1)));
        let end = NOW + Duration::hours(25);
        assert!(failed.keys(end - Duration::SECOND).is_some());
        assert!(failed.keys(end).is_none());
    }
}
