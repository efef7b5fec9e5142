//! Public keys of clients (RFC 7517): which are taken, and what each signs with.
//!
//! The key decides the algorithm, never a header. What is signed with one is judged by whoever asks for its
//! claims: `jsonwebtoken` checks the signature and nothing else, because it would read the system's clock.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::certificate::Certificate;
use super::jws;

/// Algorithms a client may sign with.
pub const ALGORITHMS: [&str; 3] = ["ES256", "PS256", "EdDSA"];

/// Shortest RSA modulus taken, in bytes.
const SHORTEST_RSA: usize = 256;

/// Keys a client may register at once.
const MOST_KEYS: usize = 16;

/// Members only a private or a symmetric key has.
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// A client's public keys.
#[derive(Clone, Debug, PartialEq)]
pub struct PublicKeys {
    document: String,
    keys: Vec<PublicKey>,
}

/// One public key.
#[derive(Clone, Debug, PartialEq)]
pub struct PublicKey {
    kid: Option<String>,
    algorithm: Algorithm,
    jwk: Jwk,
}

/// A JWK Set that cannot be a client's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKeys {
    /// Not a JWK Set.
    #[error("it is not a JWK Set")]
    Malformed,
    /// No keys, or too many.
    #[error("it must hold 1 to 16 keys")]
    Count,
    /// A private or symmetric key.
    #[error("it holds a private or symmetric key: only public keys may be registered")]
    Private,
    /// A key of a kind that is not taken.
    #[error("only P-256 and Ed25519 keys, and RSA keys of 2048 bits or more, are taken")]
    Unsupported,
}

impl PublicKeys {
    /// Reads a JWK Set.
    pub fn read(document: &str) -> Result<Self, BadKeys> {
        let raw: Value = serde_json::from_str(document).map_err(|_| BadKeys::Malformed)?;
        let listed = raw
            .get("keys")
            .and_then(Value::as_array)
            .ok_or(BadKeys::Malformed)?;
        if listed.is_empty() || listed.len() > MOST_KEYS {
            return Err(BadKeys::Count);
        }
        if listed.iter().any(is_private) {
            return Err(BadKeys::Private);
        }
        let keys = listed
            .iter()
            .map(PublicKey::read)
            .collect::<Result<_, _>>()?;
        Ok(Self {
            document: document.to_owned(),
            keys,
        })
    }

    /// The JWK Set as registered.
    pub fn document(&self) -> &str {
        &self.document
    }

    /// Whether a certificate is for one of them.
    pub fn have_certificate(&self, certificate: &Certificate) -> bool {
        let mut thumbprints = self.keys.iter().map(PublicKey::thumbprint);
        thumbprints.any(|thumbprint| certificate.has_key(&thumbprint))
    }

    /// Whether each of those others is one of these.
    pub fn include(&self, others: &Self) -> bool {
        let mine: Vec<_> = self.keys.iter().map(PublicKey::thumbprint).collect();
        let mut others = others.keys.iter().map(PublicKey::thumbprint);
        others.all(|other| mine.contains(&other))
    }

    /// The claims of a JWS that one of these keys has signed. A `kid` names one of them and nothing else.
    pub fn claims<C: DeserializeOwned>(
        &self,
        jwt: &str,
        alg: &str,
        kid: Option<&str>,
    ) -> Option<C> {
        let named = self.keys.iter().filter(|key| match (kid, &key.kid) {
            (Some(named), Some(kid)) => named == kid,
            (Some(_), None) | (None, _) => true,
        });
        named
            .filter(|key| key.name() == alg)
            .find_map(|key| key.claims(jwt))
    }
}

impl PublicKey {
    /// Reads one key, of a set or of a header.
    pub fn read(jwk: &Value) -> Result<Self, BadKeys> {
        if is_private(jwk) {
            return Err(BadKeys::Private);
        }
        let jwk: Jwk = serde_json::from_value(jwk.clone()).map_err(|_| BadKeys::Unsupported)?;
        let algorithm = algorithm(&jwk.algorithm).ok_or(BadKeys::Unsupported)?;
        DecodingKey::from_jwk(&jwk).map_err(|_| BadKeys::Unsupported)?;
        if !is_sound(&jwk.algorithm) {
            return Err(BadKeys::Unsupported);
        }
        Ok(Self {
            kid: jwk.common.key_id.clone(),
            algorithm,
            jwk,
        })
    }

    /// `alg` as a header must have it.
    pub fn name(&self) -> &'static str {
        if self.algorithm == Algorithm::ES256 {
            "ES256"
        } else if self.algorithm == Algorithm::PS256 {
            "PS256"
        } else {
            "EdDSA"
        }
    }

    /// The claims of a JWS that this key has signed.
    pub fn claims<C: DeserializeOwned>(&self, jwt: &str) -> Option<C> {
        jws::text(jwt.split('.').nth(1)?)?;
        let key = DecodingKey::from_jwk(&self.jwk).ok()?;
        let mut validation = Validation::new(self.algorithm);
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        jsonwebtoken::decode::<C>(jwt, &key, &validation)
            .ok()
            .map(|token| token.claims)
    }

    /// Its thumbprint (RFC 7638, SHA-256): the required members, in their order, without spaces.
    pub fn thumbprint(&self) -> [u8; 32] {
        let parameters = &self.jwk.algorithm;
        let canonical = if let AlgorithmParameters::EllipticCurve(it) = parameters {
            format!(
                r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#,
                it.x, it.y
            )
        } else if let AlgorithmParameters::OctetKeyPair(it) = parameters {
            format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, it.x)
        } else if let AlgorithmParameters::RSA(it) = parameters {
            format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, it.e, it.n)
        } else {
            String::new()
        };
        sha256(canonical.as_bytes())
    }
}

fn is_private(jwk: &Value) -> bool {
    PRIVATE.iter().any(|member| jwk.get(member).is_some())
}

/// What a key of that kind signs with.
fn algorithm(parameters: &AlgorithmParameters) -> Option<Algorithm> {
    if let AlgorithmParameters::EllipticCurve(it) = parameters {
        return (it.curve == EllipticCurve::P256).then_some(Algorithm::ES256);
    }
    if let AlgorithmParameters::OctetKeyPair(it) = parameters {
        return (it.curve == EllipticCurve::Ed25519).then_some(Algorithm::EdDSA);
    }
    if let AlgorithmParameters::RSA(it) = parameters {
        let modulus = URL_SAFE_NO_PAD.decode(&it.n).ok()?;
        return (modulus.len() >= SHORTEST_RSA).then_some(Algorithm::PS256);
    }
    None
}

/// Whether the numbers make a key: a point on its curve, an exponent that is not tiny.
fn is_sound(parameters: &AlgorithmParameters) -> bool {
    let decoded = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
    if let AlgorithmParameters::EllipticCurve(it) = parameters {
        let (x, y) = (decoded(&it.x), decoded(&it.y));
        let point = [&[4], x.as_slice(), y.as_slice()].concat();
        return ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).is_ok();
    }
    if let AlgorithmParameters::OctetKeyPair(it) = parameters {
        return ParsedPublicKey::new(&ED25519, decoded(&it.x)).is_ok();
    }
    if let AlgorithmParameters::RSA(it) = parameters {
        return decoded(&it.e).len() >= 3;
    }
    false
}

/// SHA-256.
pub(in crate::domain) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_thumbprint_is_the_one_of_the_specifications() {
        let thumbprint =
            |jwk: Value| URL_SAFE_NO_PAD.encode(PublicKey::read(&jwk).unwrap().thumbprint());
        // RFC 9449 §6.1.
        let ec = json!({"kty": "EC", "crv": "P-256", "kid": "not in it",
            "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
            "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"});
        assert_eq!(
            thumbprint(ec),
            "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
        );
        // RFC 8037, appendix A.3.
        let okp = json!({"kty": "OKP", "crv": "Ed25519",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
        assert_eq!(
            thumbprint(okp),
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
        );
        // RFC 7638 §3.1.
        let rsa = json!({"kty": "RSA", "e": "AQAB", "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"});
        assert_eq!(
            thumbprint(rsa),
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
        );
    }
}
