//! What a token is bound to (RFC 7800 `cnf`): a key that is shown again whenever the token is used.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::domain::ciba::refusal::Refusal;

/// A key, as `cnf` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Confirmation {
    /// The key of DPoP proofs (RFC 9449 §6.1).
    #[serde(rename = "jkt")]
    Key(Thumbprint),
    /// A client certificate (RFC 8705 §3.1).
    #[serde(rename = "x5t#S256")]
    Certificate(Thumbprint),
}

/// SHA-256 of a key or certificate, base64url where it is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Thumbprint(pub [u8; 32]);

impl Thumbprint {
    /// Reads one.
    pub fn read(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Thumbprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Thumbprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::read(&text).ok_or_else(|| de::Error::custom("no SHA-256 in base64url"))
    }
}

/// How a token is shown (RFC 6750 §2.1, RFC 9449 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `Bearer`: whoever has it.
    Bearer,
    /// `DPoP`: with a proof.
    Dpop,
}

impl Scheme {
    /// The scheme of a header; its letters may be of any size (RFC 9110 §11.1).
    pub fn read(word: &str) -> Option<Self> {
        let all = [Self::Bearer, Self::Dpop];
        all.into_iter()
            .find(|it| it.as_str().eq_ignore_ascii_case(word))
    }

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
            Self::Dpop => "DPoP",
        }
    }
}

impl Confirmation {
    /// Which kind, and which key.
    pub fn bytes(self) -> [u8; 33] {
        let (kind, Thumbprint(bytes)) = match self {
            Self::Key(key) => (1, key),
            Self::Certificate(certificate) => (2, certificate),
        };
        let mut out = [kind; 33];
        out[1..].copy_from_slice(&bytes);
        out
    }

    /// `token_type` of a token bound to this, or to nothing.
    pub fn token_type(bound_to: Option<Self>) -> &'static str {
        Self::scheme(bound_to).as_str()
    }

    /// How a token bound to this, or to nothing, is shown.
    pub fn scheme(bound_to: Option<Self>) -> Scheme {
        match bound_to {
            Some(Self::Key(_)) => Scheme::Dpop,
            Some(Self::Certificate(_)) | None => Scheme::Bearer,
        }
    }
}

/// What a request is tied to when it is asked: the key that was shown, or the one `dpop_jkt` names
/// (RFC 9449 §10).
pub fn at_asking(
    shown: Option<Confirmation>,
    dpop_jkt: Option<&str>,
) -> Result<Option<Confirmation>, Refusal> {
    let Some(named) = dpop_jkt else {
        return Ok(shown);
    };
    let named = Thumbprint::read(named).ok_or(Refusal::InvalidRequest(
        "dpop_jkt must be a SHA-256 thumbprint",
    ))?;
    match shown {
        Some(Confirmation::Key(key)) if key != named => Err(Refusal::InvalidDpopProof(
            "dpop_jkt names another key than the proof",
        )),
        Some(_) | None => Ok(Some(Confirmation::Key(named))),
    }
}

/// Whoever showed a key when it asked must show the same one when it collects.
pub fn at_collecting(
    asked: Option<Confirmation>,
    shown: Option<Confirmation>,
) -> Result<(), Refusal> {
    match (asked, shown) {
        (Some(Confirmation::Key(asked)), Some(Confirmation::Key(shown))) if asked == shown => {
            Ok(())
        }
        (Some(Confirmation::Key(_)), _) => Err(Refusal::InvalidDpopProof(
            "this needs a proof by the key that was shown when it was asked",
        )),
        // A certificate may be renewed between asking and collecting.
        (Some(Confirmation::Certificate(_)) | None, _) => Ok(()),
    }
}

/// What was bound stays bound when it is refreshed. The key may be another one: the client proves who it
/// is by other means (RFC 9449 §5, RFC 8705 §7.1).
pub fn at_refreshing(
    first: Option<Confirmation>,
    shown: Option<Confirmation>,
) -> Result<(), Refusal> {
    match (first, shown) {
        (None, _)
        | (Some(_), Some(Confirmation::Key(_)))
        | (Some(Confirmation::Certificate(_)), Some(Confirmation::Certificate(_))) => Ok(()),
        (Some(Confirmation::Key(_)), Some(Confirmation::Certificate(_)) | None) => {
            Err(Refusal::InvalidDpopProof(
                "what was granted is bound to a key: a refresh needs a proof, too",
            ))
        }
        (Some(Confirmation::Certificate(_)), None) => Err(Refusal::InvalidGrant(
            "what was granted is bound to a certificate, and none was shown",
        )),
    }
}

/// Whether a token is used by whom it is bound to (RFC 9449 §7.1, RFC 8705 §3): why not, if not.
pub fn at_using(
    bound_to: Option<Confirmation>,
    scheme: Scheme,
    shown: Option<Confirmation>,
    certificate: Option<Thumbprint>,
) -> Result<(), &'static str> {
    match (bound_to, scheme) {
        (Some(Confirmation::Key(_)), Scheme::Bearer) => {
            Err("it is bound to a key, and was shown without a proof")
        }
        (None | Some(Confirmation::Certificate(_)), Scheme::Dpop) => {
            Err("it is not bound to a key, and was shown as if it were")
        }
        (Some(Confirmation::Key(_)), Scheme::Dpop) if shown != bound_to => {
            Err("it is bound to another key than the proof's")
        }
        (Some(Confirmation::Certificate(bound)), Scheme::Bearer) if certificate != Some(bound) => {
            Err("it is bound to a certificate that was not shown")
        }
        (Some(_) | None, Scheme::Dpop | Scheme::Bearer) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Confirmation = Confirmation::Key(Thumbprint([1; 32]));
    const B: Confirmation = Confirmation::Key(Thumbprint([2; 32]));
    const CERTIFICATE: Confirmation = Confirmation::Certificate(Thumbprint([1; 32]));

    #[test]
    fn it_is_written_as_cnf_and_read_again() {
        for (it, member) in [(A, "jkt"), (CERTIFICATE, "x5t#S256")] {
            let json = serde_json::to_value(it).unwrap();
            assert_eq!(json[member], "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE");
            assert_eq!(serde_json::from_value::<Confirmation>(json).unwrap(), it);
        }
        assert_eq!(Thumbprint::read("AQEB"), None);
    }

    #[test]
    fn t57_the_key_shown_when_it_was_asked_is_required_when_it_is_collected() {
        assert!(at_collecting(Some(A), Some(A)).is_ok());
        assert!(at_collecting(None, Some(A)).is_ok());
        assert!(at_collecting(None, None).is_ok());
        for other in [Some(B), Some(CERTIFICATE), None] {
            let refused = at_collecting(Some(A), other);
            assert!(matches!(refused, Err(Refusal::InvalidDpopProof(_))));
        }
    }

    #[test]
    fn t82_a_bound_token_is_used_with_what_it_is_bound_to() {
        let own = Some(Thumbprint([1; 32]));
        assert!(at_using(None, Scheme::Bearer, None, None).is_ok());
        assert!(at_using(Some(A), Scheme::Dpop, Some(A), None).is_ok());
        assert!(at_using(Some(CERTIFICATE), Scheme::Bearer, None, own).is_ok());
        for (bound, scheme, shown, certificate) in [
            (Some(A), Scheme::Bearer, None, None),
            (Some(A), Scheme::Bearer, Some(A), None),
            (Some(A), Scheme::Dpop, Some(B), None),
            (Some(A), Scheme::Dpop, None, own),
            (None, Scheme::Dpop, Some(A), None),
            (Some(CERTIFICATE), Scheme::Bearer, None, None),
            (
                Some(CERTIFICATE),
                Scheme::Bearer,
                Some(A),
                Some(Thumbprint([2; 32])),
            ),
            (Some(CERTIFICATE), Scheme::Dpop, Some(A), own),
        ] {
            let refused = at_using(bound, scheme, shown, certificate);
            assert!(refused.is_err(), "{bound:?} {scheme:?} {shown:?}");
        }
    }

    #[test]
    fn dpop_jkt_names_the_key_that_is_shown() {
        let named = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";
        assert_eq!(at_asking(None, Some(named)), Ok(Some(A)));
        assert_eq!(at_asking(Some(A), Some(named)), Ok(Some(A)));
        assert_eq!(at_asking(Some(A), None), Ok(Some(A)));
        assert!(matches!(
            at_asking(Some(B), Some(named)),
            Err(Refusal::InvalidDpopProof(_))
        ));
        for odd in ["", "AQEB", "====", "not base64url at all"] {
            let refused = at_asking(None, Some(odd));
            assert!(matches!(refused, Err(Refusal::InvalidRequest(_))), "{odd}");
        }
    }

    #[test]
    fn what_was_bound_is_never_refreshed_unbound() {
        assert!(at_refreshing(None, None).is_ok());
        assert!(at_refreshing(Some(A), Some(B)).is_ok(), "another key");
        assert!(at_refreshing(Some(CERTIFICATE), Some(CERTIFICATE)).is_ok());
        assert!(at_refreshing(Some(A), None).is_err());
        assert!(at_refreshing(Some(A), Some(CERTIFICATE)).is_err());
        assert!(at_refreshing(Some(CERTIFICATE), None).is_err());
    }
}
