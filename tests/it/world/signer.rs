//! An agent that signs for itself (`private_key_jwt`).

use countersign::domain::client::assertion::Audience;
use countersign::domain::client::{AuthMethod, ProofTerms};
use countersign::domain::token::keyring::SigningKey;
use countersign::flow::register::{NewClient, add_client};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::{Answer, Prover, World};

/// What a form says beside an assertion.
pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// An agent and its private key.
#[derive(Clone)]
pub struct Signer {
    pub id: String,
    key: EncodingKey,
    public: Value,
    pub url: String,
    /// Our issuer, wherever the agent talks to us.
    pub audience: String,
    http: reqwest::Client,
}

impl World {
    /// An agent with a key of its own.
    pub async fn signer(&self, name: &str) -> Signer {
        self.signer_with(name, ProofTerms::default()).await
    }

    /// One that addresses its assertions as CIBA Core allows.
    pub async fn compatible_signer(&self, name: &str) -> Signer {
        let proof = ProofTerms {
            audience: Audience::CibaCompat,
            ..ProofTerms::default()
        };
        self.signer_with(name, proof).await
    }

    async fn signer_with(&self, name: &str, proof: ProofTerms) -> Signer {
        let signer = Signer::unregistered(self);
        let new = NewClient {
            proof,
            jwks: Some(signer.jwks()),
            ..NewClient::agent(name)
        };
        signer.register(self, new).await
    }

    /// One whose keys are at an address of its own.
    pub async fn signer_elsewhere(&self, name: &str, jwks_uri: &str) -> Signer {
        let new = NewClient {
            jwks_uri: Some(jwks_uri.to_owned()),
            ..NewClient::agent(name)
        };
        Signer::unregistered(self).register(self, new).await
    }
}

impl Signer {
    /// A key of nobody yet.
    pub fn unregistered(world: &World) -> Self {
        let (public, private) = SigningKey::generate().expect("a key");
        Self {
            id: String::new(),
            key: EncodingKey::from_ec_der(&private),
            public: json!(public.public()),
            url: world.url.clone(),
            audience: world.app.settings.public_url.clone(),
            http: world.http.clone(),
        }
    }

    /// Registers with its key.
    pub async fn register(self, world: &World, new: NewClient) -> Self {
        let new = NewClient {
            auth: AuthMethod::PrivateKeyJwt,
            ..new
        };
        let added = add_client(&world.app, new).await.expect("a client");
        assert!(added.secret.is_none());
        Self {
            id: added.client.id.0,
            ..self
        }
    }

    /// The same key, shown by DPoP proofs.
    pub fn prover(&self) -> Prover {
        let mut jwk = self.public.clone();
        let members = jwk.as_object_mut().expect("an object");
        members.retain(|name, _| ["kty", "crv", "x", "y"].contains(&name.as_str()));
        Prover::with(self.key.clone(), jwk, &self.audience)
    }

    /// Its public keys.
    pub fn jwks(&self) -> String {
        json!({"keys": [self.public]}).to_string()
    }

    /// The same agent with a key nobody has seen yet.
    pub fn with_another_key(&self) -> Self {
        let (public, private) = SigningKey::generate().expect("a key");
        Self {
            key: EncodingKey::from_ec_der(&private),
            public: json!(public.public()),
            ..self.clone()
        }
    }

    /// The same agent, talking to another instance.
    pub fn at(&self, world: &World) -> Self {
        Self {
            url: world.url.clone(),
            ..self.clone()
        }
    }

    /// Good claims, by that clock.
    pub fn claims(&self, world: &World, jti: &str) -> Value {
        let now = world.app.clock.now().unix_timestamp();
        json!({"iss": self.id, "sub": self.id, "aud": self.audience, "jti": jti, "iat": now, "exp": now + 120})
    }

    pub fn sign(&self, claims: &Value) -> String {
        let header = Header::new(Algorithm::ES256);
        jsonwebtoken::encode(&header, claims, &self.key).expect("an assertion")
    }

    /// A good assertion.
    pub fn assertion(&self, world: &World, jti: &str) -> String {
        self.sign(&self.claims(world, jti))
    }

    /// Posts a form with an assertion.
    pub async fn post(&self, path: &str, assertion: &str, form: &[(&str, &str)]) -> Answer {
        self.post_with(path, assertion, form, &[]).await
    }

    /// Posts a form with an assertion, and headers.
    pub async fn post_with(
        &self,
        path: &str,
        assertion: &str,
        form: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut form = form.to_vec();
        form.push(("client_assertion_type", ASSERTION_TYPE));
        form.push(("client_assertion", assertion));
        let request = self.http.post(format!("{}{path}", self.url));
        let mut request = request
            .header("content-type", "application/x-www-form-urlencoded")
            .body(super::form(&form));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::of(request.send().await.expect("an answer")).await
    }
}
