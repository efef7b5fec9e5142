//! What ID tokens can be signed with (`id_token_signed_response_alg`), each client's as it registered.
//!
//! Access tokens, transaction tokens and signed introspection are ES256: whoever reads those has the choice of
//! its library, not of a registration.

use serde::{Deserialize, Serialize};

/// A signature algorithm of ours, by its JOSE name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    /// ECDSA on P-256: what a client gets that asks for nothing else.
    #[default]
    #[serde(rename = "ES256")]
    Es256,
    /// RSASSA-PSS.
    #[serde(rename = "PS256")]
    Ps256,
    /// RSASSA-PKCS1-v1_5: OpenID Connect wants it offered. FAPI advises against it.
    #[serde(rename = "RS256")]
    Rs256,
    /// Ed25519 (RFC 8037).
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl Algorithm {
    /// Every one that is offered.
    pub const ALL: [Self; 4] = [Self::Es256, Self::Ps256, Self::Rs256, Self::EdDsa];

    /// The JOSE name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Ps256 => "PS256",
            Self::Rs256 => "RS256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// Reads the name, letter for letter.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t05_a_name_is_read_back_and_nothing_else_is_one() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::from_word(algorithm.as_str()), Some(algorithm));
            assert_eq!(serde_json::json!(algorithm), algorithm.as_str());
        }
        for other in ["none", "HS256", "ES384", "es256", "Ed25519", ""] {
            assert_eq!(Algorithm::from_word(other), None, "{other}");
        }
    }
}
