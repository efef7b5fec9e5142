//! The public half of a key, as it is published (RFC 7517, RFC 7518 §6, RFC 8037 §2), and what it can check.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::BrokenKey;
use crate::domain::token::algorithm::Algorithm;

/// The public half of a signing key, as published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicJwk {
    /// The key itself.
    #[serde(flatten)]
    pub key: PublicKey,
    /// The key's id: its thumbprint.
    pub kid: String,
    /// What it is for.
    pub alg: Algorithm,
    /// `sig`.
    #[serde(rename = "use")]
    pub usage: String,
}

/// The members a key of each type must have, and has: its numbers, in base64url.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kty")]
pub enum PublicKey {
    /// A point on an elliptic curve.
    #[serde(rename = "EC")]
    Ec {
        /// `P-256`.
        crv: String,
        /// The point's x.
        x: String,
        /// The point's y.
        y: String,
    },
    /// An RSA key.
    #[serde(rename = "RSA")]
    Rsa {
        /// The modulus.
        n: String,
        /// The exponent.
        e: String,
    },
    /// An Edwards curve's key.
    #[serde(rename = "OKP")]
    Okp {
        /// `Ed25519`.
        crv: String,
        /// The key.
        x: String,
    },
}

impl PublicJwk {
    /// The JWK of an uncompressed P-256 point.
    pub fn from_point(point: &[u8]) -> Result<Self, BrokenKey> {
        let (&[4], rest) = point.split_at_checked(1).ok_or(BrokenKey)? else {
            return Err(BrokenKey);
        };
        let (x, y) = rest.split_at_checked(32).ok_or(BrokenKey)?;
        let key = PublicKey::Ec {
            crv: "P-256".into(),
            x: URL_SAFE_NO_PAD.encode(x),
            y: URL_SAFE_NO_PAD.encode(y),
        };
        Ok(Self::of(key, Algorithm::Es256))
    }

    /// A key for that algorithm, under its own thumbprint.
    pub(super) fn of(key: PublicKey, alg: Algorithm) -> Self {
        let canonical = key.canonical();
        Self {
            kid: URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, canonical.as_bytes())),
            key,
            alg,
            usage: "sig".into(),
        }
    }

    /// Whether this key has signed that.
    pub(super) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let rsa = |scheme: &RsaParameters, n: &str, e: &str| {
            let (n, e) = (URL_SAFE_NO_PAD.decode(n), URL_SAFE_NO_PAD.decode(e));
            let (Ok(n), Ok(e)) = (n, e) else { return false };
            let key = RsaPublicKeyComponents { n, e };
            key.verify(scheme, message, signature).is_ok()
        };
        match (self.alg, &self.key) {
            (Algorithm::Es256, PublicKey::Ec { x, y, .. }) => {
                let mut point = [4; 65];
                let (left, right) = point[1..].split_at_mut(32);
                let decoded = [(x, left), (y, right)]
                    .map(|(text, into)| URL_SAFE_NO_PAD.decode_slice(text, into) == Ok(32));
                decoded == [true; 2]
                    && UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &point)
                        .verify(message, signature)
                        .is_ok()
            }
            (Algorithm::EdDsa, PublicKey::Okp { x, .. }) => {
                URL_SAFE_NO_PAD.decode(x).is_ok_and(|key| {
                    UnparsedPublicKey::new(&ED25519, key)
                        .verify(message, signature)
                        .is_ok()
                })
            }
            (Algorithm::Ps256, PublicKey::Rsa { n, e }) => rsa(&RSA_PSS_2048_8192_SHA256, n, e),
            (Algorithm::Rs256, PublicKey::Rsa { n, e }) => rsa(&RSA_PKCS1_2048_8192_SHA256, n, e),
            (
                Algorithm::Es256 | Algorithm::EdDsa | Algorithm::Ps256 | Algorithm::Rs256,
                PublicKey::Ec { .. } | PublicKey::Okp { .. } | PublicKey::Rsa { .. },
            ) => false,
        }
    }
}

impl PublicKey {
    /// RFC 7638: the required members, in their order, without spaces.
    fn canonical(&self) -> String {
        match self {
            Self::Ec { crv, x, y } => {
                format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#)
            }
            Self::Rsa { n, e } => format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#),
            Self::Okp { crv, x } => format!(r#"{{"crv":"{crv}","kty":"OKP","x":"{x}"}}"#),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_published_key_is_a_jwk_under_its_thumbprint() {
        // RFC 8037, appendix A.
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let key = json!({"kty": "OKP", "crv": "Ed25519", "x": x});
        let key: PublicKey = serde_json::from_value(key).unwrap();
        let jwk = PublicJwk::of(key, Algorithm::EdDsa);
        let published = json!({
            "kty": "OKP", "crv": "Ed25519", "x": x, "use": "sig", "alg": "EdDSA",
            "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
        });
        assert_eq!(json!(jwk), published);
        assert_eq!(serde_json::from_value::<PublicJwk>(published).unwrap(), jwk);
        let signed = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
        let signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        assert!(jwk.has_signed(signed.as_bytes(), &signature));
        assert!(!jwk.has_signed(b"another", &signature));
    }

    #[test]
    fn a_key_of_another_type_checks_nothing() {
        let point = PublicJwk::from_point(&[4; 65]).unwrap();
        for alg in Algorithm::ALL {
            let odd = PublicJwk {
                alg,
                ..point.clone()
            };
            assert!(!odd.has_signed(b"", &[0; 64]));
        }
        assert!(PublicJwk::from_point(&[2; 65]).is_err());
        assert!(PublicJwk::from_point(&[4; 20]).is_err());
    }
}
