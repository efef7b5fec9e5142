//! How strictly a client is held: by CIBA Core alone, or by the FAPI-CIBA profile (FAPI-CIBA §5.2.2, §5.2.3).
//!
//! What the profile asks of a registration is judged once, here; what it asks of each request is asked where
//! requests are judged. Nothing a client says of itself chooses or leaves its profile.

use super::assertion::Audience;
use super::{Client, Credentials};
use crate::domain::ciba::mode::Mode;

/// Algorithms of FAPI-CIBA §7.10.
const FAPI_ALGORITHMS: [&str; 2] = ["ES256", "PS256"];

/// How strictly a client is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// By CIBA Core 1.0.
    #[default]
    Core,
    /// By FAPI-CIBA as well.
    FapiCiba,
}

/// A registration the profile does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadProfile {
    /// A secret.
    #[error("fapi-ciba: a client signs for itself or shows a certificate, it has no secret")]
    Secret,
    /// Push mode.
    #[error("fapi-ciba: there is no push mode")]
    Push,
    /// Requests that are not signed, or with another algorithm.
    #[error("fapi-ciba: requests are signed with ES256 or PS256")]
    Signing,
    /// ID tokens signed with another algorithm.
    #[error("fapi-ciba: ID tokens are signed with ES256 or PS256")]
    IdTokens,
    /// Tokens that anybody can use.
    #[error("fapi-ciba: tokens are bound to a certificate or to a key")]
    Unbound,
}

impl Profile {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Core, Self::FapiCiba];

    /// The word as registered.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Core => "ciba-core",
            Self::FapiCiba => "fapi-ciba",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == word)
    }

    /// Whom assertions of a client under it may be addressed to, unless an operator says otherwise: who follows
    /// FAPI-CIBA follows CIBA §7.1, which lets it name our endpoints.
    pub fn usual_audience(self) -> Audience {
        match self {
            Self::Core => Audience::Strict,
            Self::FapiCiba => Audience::CibaCompat,
        }
    }

    /// Whether a client under it may sign with that algorithm.
    pub fn takes(self, algorithm: &str) -> bool {
        match self {
            Self::Core => true,
            Self::FapiCiba => FAPI_ALGORITHMS.contains(&algorithm),
        }
    }

    /// Whether each request says something that tells it from others: details, or words of the agent's own
    /// (FAPI-CIBA §5.2.2 item 2).
    pub fn wants_context(self) -> bool {
        match self {
            Self::Core => false,
            Self::FapiCiba => true,
        }
    }

    /// Judges a registration.
    pub fn judge(self, client: &Client) -> Result<(), BadProfile> {
        match self {
            Self::Core => return Ok(()),
            Self::FapiCiba => {}
        }
        match client.credentials {
            Credentials::SecretBasic(_) | Credentials::SecretPost(_) => {
                return Err(BadProfile::Secret);
            }
            Credentials::PrivateKeyJwt(_) | Credentials::Tls(_) | Credentials::SelfSignedTls(_) => {
            }
        }
        match client.mode {
            Mode::Push => return Err(BadProfile::Push),
            Mode::Poll | Mode::Ping => {}
        }
        let signing = client.request_signing.as_ref();
        if !signing.is_some_and(|signing| self.takes(signing.algorithm())) {
            return Err(BadProfile::Signing);
        }
        if !self.takes(client.id_token_alg.as_str()) {
            return Err(BadProfile::IdTokens);
        }
        if !client.proof.certificate_bound && !client.proof.dpop_bound {
            return Err(BadProfile::Unbound);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;
    use crate::domain::ciba::mode::Mode;
    use crate::domain::client::ProofTerms;
    use crate::domain::client::certificate::Subject;
    use crate::domain::client::key_source::KeySource;
    use crate::domain::client::request_signing::RequestSigning;
    use crate::domain::client::secret::SecretHashes;
    use crate::domain::id::ClientId;
    use crate::domain::token::algorithm::Algorithm;

    fn keys() -> KeySource {
        KeySource::At("https://agent.example/jwks".into())
    }

    fn signing(algorithm: &str) -> Option<RequestSigning> {
        RequestSigning::read(algorithm, None, Some(keys())).ok()
    }

    fn good() -> Client {
        let id = ClientId("agent".into());
        let credentials = Credentials::PrivateKeyJwt(keys());
        Client {
            profile: Profile::FapiCiba,
            proof: ProofTerms {
                certificate_bound: true,
                ..ProofTerms::default()
            },
            request_signing: signing("PS256"),
            id_token_alg: Algorithm::Ps256,
            ..Client::agent(id, credentials, OffsetDateTime::UNIX_EPOCH)
        }
    }

    fn judged(change: impl FnOnce(&mut Client)) -> Result<(), BadProfile> {
        let mut client = good();
        change(&mut client);
        client.profile.judge(&client)
    }

    #[test]
    fn a_fapi_client_signs_and_is_bound_and_has_no_secret() {
        let unbound = |client: &mut Client| client.proof = ProofTerms::default();
        let secret = Credentials::SecretPost(SecretHashes::of([0; 32]));
        for (judged, expected) in [
            (judged(|_| {}), Ok(())),
            (judged(|it| it.mode = Mode::Ping), Ok(())),
            (judged(|it| it.mode = Mode::Push), Err(BadProfile::Push)),
            (
                judged(|it| it.id_token_alg = Algorithm::Rs256),
                Err(BadProfile::IdTokens),
            ),
            (judged(|it| it.request_signing = signing("ES256")), Ok(())),
            (
                judged(|it| it.request_signing = signing("EdDSA")),
                Err(BadProfile::Signing),
            ),
            (
                judged(|it| it.request_signing = None),
                Err(BadProfile::Signing),
            ),
            (judged(unbound), Err(BadProfile::Unbound)),
            (
                judged(|it| {
                    unbound(it);
                    it.proof.dpop_bound = true;
                }),
                Ok(()),
            ),
            (
                judged(|it| it.credentials = Credentials::Tls(Subject::Dns("a.example".into()))),
                Ok(()),
            ),
            (
                judged(|it| it.credentials = Credentials::SelfSignedTls(keys())),
                Ok(()),
            ),
            (
                judged(|it| it.credentials = secret.clone()),
                Err(BadProfile::Secret),
            ),
        ] {
            assert_eq!(judged, expected);
        }
        // Whoever is held by CIBA alone may do all of this.
        let all = |it: &mut Client| {
            it.profile = Profile::Core;
            it.credentials = secret;
            it.mode = Mode::Push;
            it.request_signing = None;
            unbound(it);
        };
        assert_eq!(judged(all), Ok(()));
    }

    #[test]
    fn a_profile_is_read_as_it_is_written() {
        for profile in Profile::ALL {
            assert_eq!(Profile::from_word(profile.as_str()), Some(profile));
        }
        assert_eq!(Profile::from_word("fapi"), None);
        assert!(Profile::Core.takes("EdDSA") && !Profile::FapiCiba.takes("EdDSA"));
    }
}
