//! A key pair of ours: made, opened, and signed with.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use super::public_jwk::{PublicJwk, PublicKey};
use super::{BrokenKey, Kind};
use crate::domain::token::algorithm::Algorithm;

/// A key pair, parsed once, for one algorithm. Does not print its private half.
#[derive(Clone)]
pub struct SigningKey {
    pair: Arc<Pair>,
    public: PublicJwk,
    headers: Arc<Headers>,
}

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
    Ed25519(Ed25519KeyPair),
}

/// Encoded JOSE headers, made once.
struct Headers {
    access: String,
    id: String,
    introspection: String,
    transaction: String,
    callback: String,
    receipt: String,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public.kid)
    }
}

impl SigningKey {
    /// Makes a new ES256 key and returns its PKCS#8 form, to be sealed.
    pub fn generate() -> Result<(Self, Vec<u8>), BrokenKey> {
        Self::generate_for(Algorithm::Es256)
    }

    /// The same for any algorithm. An RSA key takes long: not on the way of a request.
    pub fn generate_for(algorithm: Algorithm) -> Result<(Self, Vec<u8>), BrokenKey> {
        let random = SystemRandom::new();
        let pkcs8 = match algorithm {
            Algorithm::Es256 => {
                EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)?
                    .as_ref()
                    .to_vec()
            }
            Algorithm::Ps256 | Algorithm::Rs256 => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048)?;
                AsDer::<Pkcs8V1Der<'_>>::as_der(&pair)?.as_ref().to_vec()
            }
            Algorithm::EdDsa => Ed25519KeyPair::generate_pkcs8(&random)?.as_ref().to_vec(),
        };
        Ok((Self::from_pkcs8(algorithm, &pkcs8)?, pkcs8))
    }

    /// Reads a key from its PKCS#8 form.
    pub fn from_pkcs8(algorithm: Algorithm, pkcs8: &[u8]) -> Result<Self, BrokenKey> {
        let pair = match algorithm {
            Algorithm::Es256 => {
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8)?;
                Pair::Ecdsa(pair)
            }
            Algorithm::Ps256 => Pair::Rsa(RsaKeyPair::from_pkcs8(pkcs8)?, &RSA_PSS_SHA256),
            Algorithm::Rs256 => Pair::Rsa(RsaKeyPair::from_pkcs8(pkcs8)?, &RSA_PKCS1_SHA256),
            Algorithm::EdDsa => Pair::Ed25519(Ed25519KeyPair::from_pkcs8(pkcs8)?),
        };
        let public = PublicJwk::of(pair.public()?, algorithm);
        let header = |kind: Kind| {
            URL_SAFE_NO_PAD.encode(format!(
                r#"{{"alg":"{}","typ":"{}","kid":"{}"}}"#,
                algorithm.as_str(),
                kind.typ(),
                public.kid
            ))
        };
        let headers = Headers {
            access: header(Kind::AccessToken),
            id: header(Kind::IdToken),
            introspection: header(Kind::Introspection),
            transaction: header(Kind::Transaction),
            callback: header(Kind::Callback),
            receipt: header(Kind::Receipt),
        };
        Ok(Self {
            pair: Arc::new(pair),
            public,
            headers: Arc::new(headers),
        })
    }

    /// The public half.
    pub fn public(&self) -> &PublicJwk {
        &self.public
    }

    /// What it signs.
    pub fn algorithm(&self) -> Algorithm {
        self.public.alg
    }

    /// A compact JWS over the claims.
    pub fn sign<C: Serialize>(&self, kind: Kind, claims: &C) -> Result<String, BrokenKey> {
        let header = match kind {
            Kind::AccessToken => &self.headers.access,
            Kind::IdToken => &self.headers.id,
            Kind::Introspection => &self.headers.introspection,
            Kind::Transaction => &self.headers.transaction,
            Kind::Callback => &self.headers.callback,
            Kind::Receipt => &self.headers.receipt,
        };
        let claims = serde_json::to_vec(claims).map_err(|_| BrokenKey)?;
        let room = 16 + self.pair.signature_length() * 4 / 3;
        let mut token = String::with_capacity(header.len() + claims.len() * 4 / 3 + room);
        token.push_str(header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        self.pair.sign(&mut token)?;
        Ok(token)
    }
}

impl Pair {
    fn signature_length(&self) -> usize {
        match self {
            Self::Ecdsa(_) | Self::Ed25519(_) => 64,
            Self::Rsa(pair, _) => pair.public_modulus_len(),
        }
    }

    /// Puts the signature of what is there behind it.
    fn sign(&self, token: &mut String) -> Result<(), BrokenKey> {
        let random = SystemRandom::new();
        let put = |signature: &[u8], token: &mut String| {
            token.push('.');
            URL_SAFE_NO_PAD.encode_string(signature, token);
        };
        match self {
            Self::Ecdsa(pair) => {
                let signature = pair.sign(&random, token.as_bytes())?;
                put(signature.as_ref(), token);
            }
            Self::Rsa(pair, padding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*padding, &random, token.as_bytes(), &mut signature)?;
                put(&signature, token);
            }
            Self::Ed25519(pair) => {
                let signature = pair.try_sign(token.as_bytes())?;
                put(signature.as_ref(), token);
            }
        }
        Ok(())
    }

    fn public(&self) -> Result<PublicKey, BrokenKey> {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        Ok(match self {
            Self::Ecdsa(pair) => PublicJwk::from_point(pair.public_key().as_ref())?.key,
            Self::Rsa(pair, _) => {
                let public = pair.public_key();
                PublicKey::Rsa {
                    n: text(public.modulus().big_endian_without_leading_zero()),
                    e: text(public.exponent().big_endian_without_leading_zero()),
                }
            }
            Self::Ed25519(pair) => PublicKey::Okp {
                crv: "Ed25519".into(),
                x: text(pair.public_key().as_ref()),
            },
        })
    }
}
