//! What is wanted of the sign-in behind a yes: by how grave the question is, and by who asks (RFC 9470).
//!
//! An agent that met a service's challenge passes it on as `max_age` and `acr_values`. They only ever add to
//! what the tier wants: the stricter wins, and nothing an agent says loosens. A no needs neither.

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::assurance::{Assurance, fresh_enough};
use crate::domain::action::Tier;
use crate::domain::ciba::refusal::Refusal;

/// A sign-in made for this very request is fresh for so long, however young the agent wants it: people
/// read before they answer.
pub const TO_READ: Duration = Duration::minutes(1);

/// Longest `acr_values`, in bytes.
const LONGEST_ACR_VALUES: usize = 2048;

/// What an agent wants of the sign-in behind a yes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// `max_age`: so many seconds old at most, when it is answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<u32>,
    /// `acr_values`: those of them that are ours, in the agent's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acr_values: Vec<Assurance>,
}

/// How somebody signed in, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// How.
    pub how: Assurance,
    /// When.
    pub at: OffsetDateTime,
}

/// Why a sign-in does not do for a yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FallsShort {
    /// It rests on less than the agent wants, which is at least this.
    #[error("the sign-in rests on less than the agent wants")]
    TooWeak(Assurance),
    /// For so grave a question it is too old.
    #[error("the sign-in is older than five minutes")]
    TooOldForTier,
    /// It is older than the agent wants it.
    #[error("the sign-in is older than the agent wants it")]
    TooOld(Duration),
}

impl Wanted {
    /// Reads `max_age` and `acr_values`. Values of `acr_values` that are not ours are ignored, as they are
    /// voluntary (CIBA §7.1, OpenID Connect Core §5.5.1.1).
    pub fn read(max_age: Option<&str>, acr_values: Option<&str>) -> Result<Self, Refusal> {
        Ok(Self {
            max_age: max_age.map(read_max_age).transpose()?,
            acr_values: acr_values
                .map(read_acr_values)
                .transpose()?
                .unwrap_or_default(),
        })
    }

    /// `acr_values`, as far as they are ours, in the words of tokens.
    pub fn acr_words(&self) -> Vec<&'static str> {
        self.acr_values.iter().map(|it| it.acr()).collect()
    }

    /// Whether nothing is wanted.
    pub fn is_nothing(&self) -> bool {
        self.max_age.is_none() && self.acr_values.is_empty()
    }

    /// Whether a sign-in is what the agent wants, for a question of that moment.
    pub fn met_by(
        &self,
        sign_in: SignIn,
        asked_at: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<(), FallsShort> {
        // Any of its values will do, so the least of them is what is needed.
        match self.acr_values.iter().min() {
            Some(least) if sign_in.how < *least => return Err(FallsShort::TooWeak(*least)),
            Some(_) | None => {}
        }
        let Some(max_age) = self.max_age.map(|it| Duration::seconds(i64::from(it))) else {
            return Ok(());
        };
        let age = now - sign_in.at;
        let made_for_it = sign_in.at >= asked_at && age <= TO_READ;
        if age <= max_age || made_for_it {
            Ok(())
        } else {
            Err(FallsShort::TooOld(max_age))
        }
    }
}

/// Whether a sign-in may say yes to a question of that tier and moment, of an agent that wants this of it.
pub fn enough(
    tier: Tier,
    wanted: &Wanted,
    sign_in: SignIn,
    asked_at: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<(), FallsShort> {
    let by_tier = fresh_enough(tier, sign_in.at, now).map_err(|_| FallsShort::TooOldForTier);
    match wanted.met_by(sign_in, asked_at, now) {
        // Said first: whoever signs in more surely is fresh as well.
        Err(weak @ FallsShort::TooWeak(_)) => Err(weak),
        other => by_tier.and(other),
    }
}

fn read_max_age(text: &str) -> Result<u32, Refusal> {
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        let why = "max_age must be a non-negative integer";
        return Err(Refusal::InvalidRequest(why));
    }
    // More digits than fit are a very long time.
    Ok(text.parse().unwrap_or(u32::MAX))
}

fn read_acr_values(text: &str) -> Result<Vec<Assurance>, Refusal> {
    if text.len() > LONGEST_ACR_VALUES {
        let why = "acr_values is longer than 2048 bytes";
        return Err(Refusal::InvalidRequest(why));
    }
    let mut known = Vec::new();
    for value in text.split(' ') {
        let ours = Assurance::ALL.into_iter().find(|it| it.acr() == value);
        known.extend(ours.filter(|it| !known.contains(it)));
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn seconds(n: i64) -> OffsetDateTime {
        START + Duration::seconds(n)
    }

    fn by_letter(at: i64) -> SignIn {
        SignIn {
            how: Assurance::EmailLink,
            at: seconds(at),
        }
    }

    #[test]
    fn an_age_is_digits_and_acr_values_are_ours_or_nothing() {
        let age = |text| Wanted::read(Some(text), None).map(|it| it.max_age);
        assert_eq!(age("0"), Ok(Some(0)));
        assert_eq!(age("007"), Ok(Some(7)));
        assert_eq!(age("99999999999999999999"), Ok(Some(u32::MAX)));
        for odd in ["-1", "+1", "1.5", "1e3", " 1", "soon", "٣"] {
            assert_eq!(age(odd).unwrap_err().code(), "invalid_request", "{odd}");
        }
        let acr = |text| Wanted::read(None, Some(text)).map(|it| it.acr_values);
        let (letter, host) = (Assurance::EmailLink, Assurance::HostLink);
        let both = format!("x {}  {} {0}", host.acr(), letter.acr());
        assert_eq!(acr(&both), Ok(vec![host, letter]));
        assert_eq!(acr("1 urn:mace:incommon:iap:silver \n"), Ok(vec![]));
        assert!(acr(&"x".repeat(2049)).is_err());
        assert!(Wanted::read(None, None).is_ok_and(|it| it.is_nothing()));
    }

    #[test]
    fn a_sign_in_is_as_young_as_the_agent_wants_it_or_made_for_the_request() {
        let wanted = Wanted::read(Some("30"), None).unwrap();
        let met = |at, asked, now| wanted.met_by(by_letter(at), seconds(asked), seconds(now));
        assert_eq!(met(0, 10, 30), Ok(()));
        let too_old = Err(FallsShort::TooOld(Duration::seconds(30)));
        assert_eq!(met(0, 10, 31), too_old);
        assert_eq!(met(10, 10, 70), Ok(()));
        assert_eq!(met(10, 10, 71), too_old);
    }

    #[test]
    fn the_least_of_what_is_named_is_what_is_needed() {
        let wanted = |acr: &[Assurance]| Wanted {
            max_age: None,
            acr_values: acr.to_vec(),
        };
        let (letter, host) = (Assurance::EmailLink, Assurance::HostLink);
        let met = |acr: &[Assurance]| wanted(acr).met_by(by_letter(0), START, START);
        assert_eq!(met(&[]), Ok(()));
        assert_eq!(met(&[letter]), Ok(()));
        assert_eq!(met(&[host, letter]), Ok(()));
        assert_eq!(met(&[host]), Err(FallsShort::TooWeak(host)));
        // Weak and old: what helps is said.
        let all = Wanted {
            max_age: Some(0),
            acr_values: vec![host],
        };
        let old = enough(Tier::Critical, &all, by_letter(0), START, seconds(900));
        assert_eq!(old, Err(FallsShort::TooWeak(host)));
    }

    fn wanted() -> impl Strategy<Value = Wanted> {
        let acr = prop::collection::vec(prop::sample::select(Assurance::ALL.to_vec()), 0..3);
        (prop::option::of(0_u32..1000), acr).prop_map(|(max_age, acr_values)| Wanted {
            max_age,
            acr_values,
        })
    }

    proptest! {
        #[test]
        fn nothing_an_agent_says_loosens(
            tier in prop::sample::select(Tier::ALL.to_vec()),
            wanted in wanted(),
            how in prop::sample::select(Assurance::ALL.to_vec()),
            (at, asked, now) in (0_i64..1000, 0_i64..1000, 1000_i64..2000),
            more in 0_i64..1000,
        ) {
            let sign_in = SignIn { how, at: seconds(at) };
            let with = |wanted: &Wanted, now| enough(tier, wanted, sign_in, seconds(asked), seconds(now));
            if with(&wanted, now).is_ok() {
                prop_assert_eq!(with(&Wanted::default(), now), Ok(()));
                prop_assert_eq!(wanted.met_by(sign_in, seconds(asked), seconds(now)), Ok(()));
            }
            // Nor does waiting.
            if with(&wanted, now + more).is_ok() {
                prop_assert_eq!(with(&wanted, now), Ok(()));
            }
            // Whoever signs in as surely as can be, just now, may always answer.
            let best = SignIn { how: Assurance::HostLink, at: seconds(now) };
            prop_assert_eq!(enough(tier, &wanted, best, seconds(asked), seconds(now)), Ok(()));
        }
    }
}
