//! What a client registered about the requests it signs (CIBA §4). From then on it signs each of them.

use super::key_source::KeySource;
use super::keys::ALGORITHMS;

/// How a client signs its requests.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestSigning {
    algorithm: &'static str,
    keys: Option<KeySource>,
}

/// A registration that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRequestSigning {
    /// An algorithm that is not taken: unsigned, symmetric or unknown.
    #[error("requests may be signed with ES256, PS256 or EdDSA")]
    Algorithm,
    /// There is no key to check them with.
    #[error("signed requests need the client's public keys")]
    KeysMissing,
}

impl RequestSigning {
    /// Judges a registration: `own` are the keys the client has to authenticate with, `other` those it
    /// registered besides.
    pub fn read(
        algorithm: &str,
        own: Option<&KeySource>,
        other: Option<KeySource>,
    ) -> Result<Self, BadRequestSigning> {
        let known = ALGORITHMS.into_iter().find(|it| *it == algorithm);
        let algorithm = known.ok_or(BadRequestSigning::Algorithm)?;
        if own.is_none() && other.is_none() {
            return Err(BadRequestSigning::KeysMissing);
        }
        Ok(Self {
            algorithm,
            keys: other,
        })
    }

    /// `backchannel_authentication_request_signing_alg`.
    pub fn algorithm(&self) -> &'static str {
        self.algorithm
    }

    /// Keys it registered for this alone: whoever authenticates with keys signs with the same.
    pub fn keys(&self) -> Option<&KeySource> {
        self.keys.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t05_requests_are_signed_with_an_asymmetric_algorithm_and_a_key_there_is() {
        let at = || KeySource::At("https://agent.example/jwks".into());
        for bad in ["none", "HS256", "RS256", "es256", ""] {
            let judged = RequestSigning::read(bad, Some(&at()), None);
            assert_eq!(judged, Err(BadRequestSigning::Algorithm), "{bad}");
        }
        let judged = RequestSigning::read("ES256", None, None);
        assert_eq!(judged, Err(BadRequestSigning::KeysMissing));
        assert!(RequestSigning::read("PS256", Some(&at()), None).is_ok());
        assert!(RequestSigning::read("EdDSA", None, Some(at())).is_ok());
    }
}
