//! What a registration must say about how the client learns answers (CIBA §4).
//!
//! Whether the endpoint may be called at all is judged where calls are made (`channel/sender`).

use super::Role;
use crate::domain::ciba::GRANT_TYPE;
use crate::domain::ciba::mode::Mode;

/// Why a client cannot be told answers as it wants to be: `invalid_client_metadata`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadDelivery {
    /// Ping or push without an endpoint.
    #[error("a client that is called needs an endpoint to be called at")]
    EndpointMissing,
    /// An endpoint that would never be called.
    #[error("a client that polls is not called: it has no endpoint")]
    EndpointUnused,
    /// Poll or ping without the grant type it collects with.
    #[error("a client that collects answers needs the grant type {GRANT_TYPE}")]
    GrantTypeMissing,
    /// A relying service asks nothing, and so is told nothing.
    #[error("a relying service asks nothing, and so is not called")]
    NotAnAgent,
}

/// Judges a registration's mode, endpoint and grant types together.
pub fn judge(
    role: Role,
    mode: Mode,
    endpoint: Option<&str>,
    grant_types: &[String],
) -> Result<(), BadDelivery> {
    match (mode.calls(), endpoint) {
        (true, _) if role == Role::ResourceServer => return Err(BadDelivery::NotAnAgent),
        (true, None) => return Err(BadDelivery::EndpointMissing),
        (false, Some(_)) => return Err(BadDelivery::EndpointUnused),
        (true, Some(_)) | (false, None) => {}
    }
    let collects = match role {
        Role::Agent => mode.collects(),
        Role::ResourceServer => false,
    };
    if collects
        && !grant_types
            .iter()
            .any(|registered| registered == GRANT_TYPE)
    {
        return Err(BadDelivery::GrantTypeMissing);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDPOINT: Option<&str> = Some("https://agent.example.com/cb");

    fn agent(mode: Mode, endpoint: Option<&str>, grant_types: &[&str]) -> Result<(), BadDelivery> {
        let grant_types: Vec<String> = grant_types.iter().map(|&it| it.to_owned()).collect();
        judge(Role::Agent, mode, endpoint, &grant_types)
    }

    #[test]
    fn t03_who_is_called_has_an_endpoint_and_nobody_else() {
        for called in [Mode::Ping, Mode::Push] {
            assert_eq!(agent(called, ENDPOINT, &[GRANT_TYPE]), Ok(()));
            let missing = agent(called, None, &[GRANT_TYPE]);
            assert_eq!(missing, Err(BadDelivery::EndpointMissing));
        }
        assert_eq!(agent(Mode::Poll, None, &[GRANT_TYPE]), Ok(()));
        let unused = agent(Mode::Poll, ENDPOINT, &[GRANT_TYPE]);
        assert_eq!(unused, Err(BadDelivery::EndpointUnused));
    }

    #[test]
    fn t06_who_collects_has_the_grant_type() {
        for (mode, endpoint) in [(Mode::Poll, None), (Mode::Ping, ENDPOINT)] {
            for without in [&[][..], &["refresh_token"]] {
                let judged = agent(mode, endpoint, without);
                assert_eq!(judged, Err(BadDelivery::GrantTypeMissing), "{mode:?}");
                assert_eq!(agent(Mode::Push, ENDPOINT, without), Ok(()));
            }
        }
    }

    #[test]
    fn a_relying_service_is_not_called() {
        assert_eq!(judge(Role::ResourceServer, Mode::Poll, None, &[]), Ok(()));
        let called = judge(Role::ResourceServer, Mode::Ping, ENDPOINT, &[]);
        assert_eq!(called, Err(BadDelivery::NotAnAgent));
    }
}
