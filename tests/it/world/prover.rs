//! A key that an agent shows by DPoP proofs (RFC 9449).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::domain::token::keyring::SigningKey;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use super::{Agent, Answer, Asked, World};

/// A private key, and the issuer it is shown to.
#[derive(Clone)]
pub struct Prover {
    key: EncodingKey,
    jwk: Value,
    /// Its thumbprint.
    pub jkt: String,
    issuer: String,
}

impl Prover {
    pub fn new(world: &World) -> Self {
        let (public, private) = SigningKey::generate().expect("a key");
        let public = public.public();
        Self {
            key: EncodingKey::from_ec_der(&private),
            jwk: json!(public.key),
            jkt: public.kid.clone(),
            issuer: world.app.settings.public_url.clone(),
        }
    }

    /// The same key that something else is signed with.
    pub fn with(key: EncodingKey, jwk: Value, issuer: &str) -> Self {
        Self {
            key,
            jwk,
            jkt: String::new(),
            issuer: issuer.to_owned(),
        }
    }

    /// Claims of a good proof.
    pub fn claims(&self, world: &World, path: &str, jti: &str) -> Value {
        let now = world.app.clock.now().unix_timestamp();
        json!({"jti": jti, "htm": "POST", "htu": format!("{}{path}", self.issuer), "iat": now})
    }

    pub fn sign(&self, claims: &Value) -> String {
        self.sign_as(
            &json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk}),
            claims,
        )
    }

    pub fn sign_as(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &self.key, Algorithm::ES256);
        format!("{message}.{}", signature.expect("a signature"))
    }

    /// A good proof for an endpoint.
    pub fn proof(&self, world: &World, path: &str, jti: &str) -> String {
        self.sign(&self.claims(world, path, jti))
    }

    /// The same with a nonce.
    pub fn proof_with(&self, world: &World, path: &str, jti: &str, nonce: &str) -> String {
        let mut claims = self.claims(world, path, jti);
        claims["nonce"] = json!(nonce);
        self.sign(&claims)
    }
}

impl Agent {
    /// Asks, showing a key.
    pub async fn ask_showing(&self, hint: &str, proof: &str) -> Answer {
        self.try_ask_with(hint, &[], &[("dpop", proof)]).await
    }

    /// Polls, showing a key.
    pub async fn poll_showing(&self, asked: &Asked, proof: &str) -> Answer {
        self.poll_with(&asked.auth_req_id, &[("dpop", proof)]).await
    }

    /// Refreshes, showing a key if there is a proof.
    pub async fn refresh_showing(&self, refresh_token: &str, proof: Option<&str>) -> Answer {
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token),
        ];
        let headers: Vec<_> = proof.iter().map(|proof| ("dpop", *proof)).collect();
        self.post("/oauth/token", &form, &headers).await
    }
}
