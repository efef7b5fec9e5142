//! Many kinds of JWT are about, and one key may have signed several of them: each opens its own door alone.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use countersign::domain::ciba::hint_token::HintIssuer;
use countersign::domain::client::Role;
use countersign::flow::register::NewClient;
use serde_json::{Value, json};

use crate::world::{Agent, Asked, Customs, GRANT_TYPE, Signer, Site, World};

const ASK: &str = "/bc-authorize";
const TOKEN: &str = "/oauth/token";
const CALENDAR: &str = "https://calendar.example.com";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";

/// The client's own site also hands out hint tokens, signed with the client's key.
static IDP: LazyLock<Site> = LazyLock::new(Site::start);

fn trusting() -> Customs {
    Customs {
        settings: Some(|settings| {
            settings.hint_issuers = vec![HintIssuer {
                issuer: IDP.url(""),
                jwks_uri: IDP.url("/keys"),
            }];
        }),
        ..Customs::default()
    }
}

const KINDS: [&str; 7] = [
    "assertion",
    "request object",
    "DPoP proof",
    "hint token",
    "ID token",
    "access token",
    "introspection answer",
];

/// A client whose one key signs everything, and what we have signed for it.
struct Cast {
    world: World,
    signer: Signer,
    service: Agent,
    id_token: String,
    access_token: String,
    introspected: String,
}

fn fresh() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("jti-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

impl Cast {
    async fn of(world: World) -> Self {
        let signer = Signer::unregistered(&world);
        IDP.put("/keys", &signer.jwks());
        let new = NewClient {
            jwks: Some(signer.jwks()),
            request_signing_alg: Some("ES256".to_owned()),
            grant_types: [GRANT_TYPE, EXCHANGE].map(str::to_owned).to_vec(),
            ..NewClient::agent("Signing Agent")
        };
        let signer = signer.register(&world, new).await;
        let service = NewClient {
            role: Role::ResourceServer,
            resources: vec![CALENDAR.to_owned()],
            ..NewClient::agent("Calendar")
        };
        let service = world.client(service).await;
        let maya = world.person("Maya").await;
        let mut cast = Self {
            world,
            signer,
            service,
            id_token: String::new(),
            access_token: String::new(),
            introspected: String::new(),
        };
        let asked = Asked::of(&cast.ask(&cast.request(&[]), &[]).await);
        cast.world.approve(&maya, &asked).await;
        let collect = [
            ("grant_type", GRANT_TYPE),
            ("auth_req_id", asked.auth_req_id.as_str()),
        ];
        let tokens = cast.post(TOKEN, &collect, &[]).await;
        let text = |name: &str| tokens.ok()[name].as_str().expect("text").to_owned();
        (cast.id_token, cast.access_token) = (text("id_token"), text("access_token"));
        let signed = [("accept", "application/token-introspection+jwt")];
        let form = [("token", cast.access_token.as_str())];
        let answer = cast.service.post("/oauth/introspect", &form, &signed).await;
        let introspected = answer.ok().as_str().expect("a JWT").to_owned();
        Self {
            introspected,
            ..cast
        }
    }

    /// A good request, but for these claims.
    fn request(&self, more: &[(&str, &str)]) -> String {
        let mut claims = self.signer.claims(&self.world, &fresh());
        claims["nbf"] = claims["iat"].clone();
        claims["scope"] = json!("openid calendar.read");
        claims["login_hint"] = json!("maya@acme.example");
        let object = claims.as_object_mut().expect("an object");
        object.remove("sub");
        for (name, value) in more {
            object.remove("login_hint");
            object.insert((*name).to_owned(), json!(value));
        }
        self.signer.sign(&claims)
    }

    async fn post(
        &self,
        path: &str,
        form: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> crate::world::Answer {
        let assertion = self.signer.assertion(&self.world, &fresh());
        self.signer.post_with(path, &assertion, form, headers).await
    }

    async fn ask(&self, request: &str, headers: &[(&str, &str)]) -> crate::world::Answer {
        self.post(ASK, &[("request", request)], headers).await
    }

    /// A new JWT of that kind, good where it belongs.
    fn jwt(&self, kind: &str) -> String {
        let now = self.world.app.clock.now().unix_timestamp();
        match kind {
            "assertion" => self.signer.assertion(&self.world, &fresh()),
            "request object" => self.request(&[]),
            "DPoP proof" => self.signer.prover().proof(&self.world, ASK, &fresh()),
            "hint token" => {
                let sub_id = json!({"format": "email", "email": "maya@acme.example"});
                let claims = json!({"iss": IDP.url(""), "aud": self.signer.audience, "exp": now + 60,
                    "nbf": now, "iat": now, "jti": fresh(), "sub_id": sub_id});
                self.signer.sign(&claims)
            }
            "ID token" => self.id_token.clone(),
            "access token" => self.access_token.clone(),
            "introspection answer" => self.introspected.clone(),
            other => panic!("{other}"),
        }
    }

    /// At which doors it is taken.
    async fn opens(&self, kind: &str) -> Vec<&'static str> {
        let mut opened = Vec::new();
        let nothing = [("grant_type", GRANT_TYPE), ("auth_req_id", "x")];
        let answer = self.signer.post(TOKEN, &self.jwt(kind), &nothing).await;
        if answer.error() != "invalid_client" {
            opened.push("client_assertion");
        }
        if self.ask(&self.jwt(kind), &[]).await.status.is_success() {
            opened.push("request");
        }
        let proof = self.jwt(kind);
        let shown = self.ask(&self.request(&[]), &[("dpop", &proof)]).await;
        if shown.error() != "invalid_dpop_proof" {
            opened.push("DPoP");
        }
        for hint in ["id_token_hint", "login_hint_token"] {
            let jwt = self.jwt(kind);
            let answer = self.ask(&self.request(&[(hint, jwt.as_str())]), &[]).await;
            if answer.status.is_success() {
                opened.push(hint);
            }
        }
        let jwt = self.jwt(kind);
        let told = self
            .service
            .post("/oauth/introspect", &[("token", &jwt)], &[])
            .await;
        if told.ok()["active"] == Value::Bool(true) {
            opened.push("introspection");
        }
        let subject = [
            ("grant_type", EXCHANGE),
            ("subject_token", jwt.as_str()),
            ("subject_token_type", ACCESS),
        ];
        if self.post(TOKEN, &subject, &[]).await.status.is_success() {
            opened.push("subject_token");
        }
        opened
    }
}

#[tokio::test]
async fn sec_e09_no_jwt_passes_for_one_of_another_kind() {
    let cast = Cast::of(World::sqlite_with(trusting()).await).await;
    let mut opened = Vec::new();
    for kind in KINDS {
        opened.push((kind, cast.opens(kind).await));
    }
    assert_eq!(
        opened,
        [
            ("assertion", vec!["client_assertion"]),
            ("request object", vec!["request"]),
            ("DPoP proof", vec!["DPoP"]),
            ("hint token", vec!["login_hint_token"]),
            ("ID token", vec!["id_token_hint"]),
            ("access token", vec!["introspection", "subject_token"]),
            ("introspection answer", vec![]),
        ]
    );
}
