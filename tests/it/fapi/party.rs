//! A client of the plan: its keys, its certificate, and what it sends.

use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use countersign::domain::ciba::mode::Mode;
use countersign::domain::client::certificate::Subject;
use countersign::domain::client::profile::Profile;
use countersign::domain::client::{AuthMethod, ProofTerms};
use countersign::domain::token::keyring::SigningKey;
use countersign::flow::register::{NewClient, add_client};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::world::receiver::TOKEN;
use crate::world::tls::{caller, file};
use crate::world::{ASSERTION_TYPE, Answer, GRANT_TYPE, World, form};

/// What it asks for.
pub const SCOPE: &str = "openid calendar.read";

/// A client of the plan.
#[derive(Clone)]
pub struct Party {
    pub id: String,
    pub auth: AuthMethod,
    pub algorithm: Algorithm,
    key: EncodingKey,
    public: Value,
    /// With which it speaks TLS, showing its certificate.
    pub http: reqwest::Client,
    pub url: String,
    pub issuer: String,
    /// By which it is called, in ping mode.
    pub token: Option<String>,
    /// Whom its assertions name, if not the endpoint they are sent to.
    pub audience: Option<String>,
}

/// The RSA key of the first client.
pub fn rsa() -> (EncodingKey, Value) {
    let pem = std::fs::read_to_string(file("signer.key")).expect("a file");
    let lines: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let key = EncodingKey::from_rsa_der(&STANDARD.decode(lines).expect("a key"));
    let public = std::fs::read_to_string(file("signer.jwk")).expect("a file");
    (key, serde_json::from_str(&public).expect("a key"))
}

/// Whom the first client's certificate names.
pub fn agent_subject() -> Subject {
    Subject::Dns("agent.example".to_owned())
}

/// A name nobody has used.
pub fn fresh() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("jti-{:016}", NEXT.fetch_add(1, Ordering::Relaxed))
}

impl Party {
    /// The first client: PS256, and the certificate of `agent`.
    pub async fn first(world: &World, url: &str, auth: AuthMethod, called: Option<&str>) -> Self {
        let party = Self {
            auth,
            token: called.map(|_| TOKEN.to_owned()),
            ..Self::known_as(world, url, "")
        };
        party.register(world, agent_subject(), called).await
    }

    /// One with the first client's keys that has registered elsewhere.
    pub fn known_as(world: &World, url: &str, id: &str) -> Self {
        let (key, public) = rsa();
        Self {
            id: id.to_owned(),
            auth: AuthMethod::PrivateKeyJwt,
            algorithm: Algorithm::PS256,
            key,
            public,
            http: caller(Some("agent")),
            url: url.to_owned(),
            issuer: world.app.settings.public_url.clone(),
            token: None,
            audience: None,
        }
    }

    /// The second: ES256, the certificate of `other`, and the longest token to be called with.
    pub async fn second(world: &World, url: &str, auth: AuthMethod, called: Option<&str>) -> Self {
        let (public, private) = SigningKey::generate().expect("a key");
        let party = Self {
            auth,
            algorithm: Algorithm::ES256,
            key: EncodingKey::from_ec_der(&private),
            public: json!(public.public()),
            http: caller(Some("other")),
            token: called.map(|_| format!("{}~+/-._=", "x".repeat(1017))),
            ..Self::known_as(world, url, "")
        };
        let subject = "CN=other,OU=Bots,O=Acme\\, Inc.,C=DE";
        party
            .register(world, Subject::Dn(subject.to_owned()), called)
            .await
    }

    async fn register(self, world: &World, subject: Subject, called: Option<&str>) -> Self {
        let added = add_client(&world.app, self.registration(subject, called)).await;
        Self {
            id: added.expect("a client").client.id.0,
            ..self
        }
    }

    /// What it registers as.
    pub fn registration(&self, subject: Subject, called: Option<&str>) -> NewClient {
        let by_name = self.auth == AuthMethod::TlsClientAuth;
        NewClient {
            profile: Profile::FapiCiba,
            auth: self.auth,
            jwks: Some(json!({"keys": [self.public]}).to_string()),
            tls_subject: by_name.then_some(subject),
            request_signing_alg: Some(self.alg().to_owned()),
            proof: ProofTerms {
                certificate_bound: true,
                audience: Profile::FapiCiba.usual_audience(),
                ..ProofTerms::default()
            },
            mode: called.map_or(Mode::Poll, |_| Mode::Ping),
            notification_endpoint: called.map(str::to_owned),
            ..NewClient::agent("Party")
        }
    }

    fn alg(&self) -> &'static str {
        if self.algorithm == Algorithm::PS256 {
            "PS256"
        } else {
            "ES256"
        }
    }

    /// The claims of a good request.
    pub fn object(&self, world: &World) -> Value {
        let now = world.app.clock.now().unix_timestamp();
        let mut claims = json!({
            "iss": self.id, "aud": self.issuer, "jti": fresh(),
            "iat": now, "nbf": now, "exp": now + 300,
            "scope": SCOPE, "login_hint": "maya@acme.example", "binding_message": "1234",
        });
        if let Some(token) = &self.token {
            claims["client_notification_token"] = json!(token);
        }
        claims
    }

    /// A JWS with its key and that algorithm.
    pub fn sign_as(&self, header: &Header, claims: &Value) -> String {
        jsonwebtoken::encode(header, claims, &self.key).expect("a JWS")
    }

    /// A JWS, as it registered.
    pub fn sign(&self, claims: &Value) -> String {
        let mut header = Header::new(self.algorithm);
        header.kid = self.public["kid"].as_str().map(str::to_owned);
        self.sign_as(&header, claims)
    }

    /// The claims of an assertion for that audience.
    pub fn assertion(&self, world: &World, audience: &str) -> Value {
        let now = world.app.clock.now().unix_timestamp();
        json!({"iss": self.id, "sub": self.id, "aud": audience, "jti": fresh(),
            "iat": now, "nbf": now, "exp": now + 60})
    }

    /// Asks with a signed request.
    pub async fn ask(&self, world: &World, object: &str) -> Answer {
        self.post(world, "/bc-authorize", &[("request", object)])
            .await
    }

    /// Polls.
    pub async fn poll(&self, world: &World, auth_req_id: &str) -> Answer {
        let collect = [("grant_type", GRANT_TYPE), ("auth_req_id", auth_req_id)];
        self.post(world, "/oauth/token", &collect).await
    }

    /// Posts a form, authenticated as it registered.
    pub async fn post(&self, world: &World, path: &str, pairs: &[(&str, &str)]) -> Answer {
        let usual = format!("{}{path}", self.issuer);
        let audience = self.audience.as_deref().unwrap_or(&usual);
        let assertion = self.sign(&self.assertion(world, audience));
        let credentials = match self.auth {
            AuthMethod::PrivateKeyJwt => vec![
                ("client_assertion_type", ASSERTION_TYPE),
                ("client_assertion", assertion.as_str()),
            ],
            AuthMethod::ClientSecretBasic
            | AuthMethod::ClientSecretPost
            | AuthMethod::TlsClientAuth
            | AuthMethod::SelfSignedTlsClientAuth => vec![("client_id", self.id.as_str())],
        };
        self.post_as(path, &credentials, pairs).await
    }

    /// Posts a form with other credentials.
    pub async fn post_as(
        &self,
        path: &str,
        credentials: &[(&str, &str)],
        pairs: &[(&str, &str)],
    ) -> Answer {
        let all = [credentials, pairs].concat();
        let request = self.http.post(format!("{}{path}", self.url));
        let request = request
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "text/html, */*;q=0.1")
            .body(form(&all));
        Answer::of(request.send().await.expect("an answer")).await
    }
}

/// A JWS nobody has signed.
pub fn unsigned(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", part(&json!({"alg": "none"})), part(claims))
}

/// The same JWS with a signature of the same length by nobody.
pub fn corrupted(jws: &str) -> String {
    let (message, signature) = jws.rsplit_once('.').expect("three parts");
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
    for byte in &mut bytes {
        *byte ^= 0x5a;
    }
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(bytes))
}
