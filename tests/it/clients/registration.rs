//! Clients that register themselves (RFC 7591, RFC 7592).

use countersign::domain::client::profile::Profile;
use countersign::flow::register::dynamic::registration_token;
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use time::Duration;
use tokio::task::JoinSet;

use crate::person::allow_always;
use crate::world::{Agent, Answer, Asked, GRANT_TYPE, Signer, World};

const REGISTER: &str = "/oauth/register";

async fn token(world: &World, uses: u32) -> String {
    let made = registration_token(&world.app, uses, Duration::hours(1), Profile::Core).await;
    made.expect("a token").token.expose_secret().to_owned()
}

async fn call(world: &World, method: Method, url: &str, token: &str, body: &Value) -> Answer {
    let request = world.http.request(method, url);
    let request = request
        .bearer_auth(token)
        .header("content-type", "application/json")
        .body(body.to_string());
    Answer::of(request.send().await.expect("an answer")).await
}

async fn register(world: &World, token: &str, body: &Value) -> Answer {
    let url = format!("{}{REGISTER}", world.url);
    call(world, Method::POST, &url, token, body).await
}

fn bot() -> Value {
    json!({"client_name": "Deploy Bot", "scope": "openid calendar.read", "software_id": "x"})
}

both! {
    async fn an_agent_registers_itself_asks_and_takes_it_back(world: World) {
        let maya = world.person("Maya").await;
        let token = token(&world, 1).await;
        let mut bot = bot();
        bot["backchannel_user_code_parameter"] = json!(true);
        let answer = register(&world, &token, &bot).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        assert_eq!(answer.body["backchannel_user_code_parameter"], true);
        assert_eq!(answer.headers["cache-control"], "no-store");
        let text = |name: &str| answer.body[name].as_str().expect("text").to_owned();
        assert_eq!(answer.body["client_secret_expires_at"], 0);
        assert_eq!(answer.body["token_endpoint_auth_method"], "client_secret_basic");
        assert_eq!(answer.body["id_token_signed_response_alg"], "ES256");
        assert!(text("client_id").starts_with("deploy-bot-"));
        let agent = Agent::with(&text("client_id"), &text("client_secret"), &world.url, world.http.clone());
        agent.ask(&maya.email, &[("scope", "openid calendar.read")]).await;
        agent.try_ask(&maya.email, &[("scope", "openid calendar.write")]).await.refused(400, "invalid_scope");
        // Its registration is its own affair, and nobody else's.
        let (url, access) = (text("registration_client_uri"), text("registration_access_token"));
        let read = call(&world, Method::GET, &url, &access, &json!({})).await;
        assert_eq!(read.ok()["client_name"], "Deploy Bot");
        assert!(read.body.get("client_secret").is_none());
        for wrong in ["", "x", token.as_str(), agent.secret.as_str()] {
            let answer = call(&world, Method::GET, &url, wrong, &json!({})).await;
            answer.refused(401, "invalid_token");
            assert!(answer.headers.contains_key("www-authenticate"));
        }
        assert_eq!(call(&world, Method::DELETE, &url, &access, &json!({})).await.status, 204);
        call(&world, Method::GET, &url, &access, &json!({})).await.refused(401, "invalid_token");
        call(&world, Method::DELETE, &url, &access, &json!({})).await.refused(401, "invalid_token");
        agent.try_ask(&maya.email, &[]).await.refused(401, "invalid_client");
        let added = world.noted("client.added").await;
        assert_eq!(added[0]["by"], "client");
        let log = format!("{:?}", world.history().await);
        assert!(!log.contains(&agent.secret) && !log.contains(&access) && !log.contains(&token));
    }
}

both! {
    async fn sec_e15_a_token_is_good_for_so_many_and_so_long(world: World) {
        let three = token(&world, 3).await;
        let mut tries = JoinSet::new();
        for _ in 0..10 {
            let request = world.http.post(format!("{}{REGISTER}", world.url));
            let request = request
                .bearer_auth(&three)
                .header("content-type", "application/json")
                .body(bot().to_string());
            tries.spawn(async move { Answer::of(request.send().await.expect("an answer")).await });
        }
        let answers = tries.join_all().await;
        let (taken, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|it| it.status == 201);
        assert_eq!(taken.len(), 3);
        for one in &refused {
            one.refused(401, "invalid_token");
        }
        let late = token(&world, 1).await;
        world.advance(Duration::hours(1));
        register(&world, &late, &bot()).await.refused(401, "invalid_token");
        for nothing in ["", "nonsense"] {
            register(&world, nothing, &bot()).await.refused(401, "invalid_token");
        }
    }
}

#[tokio::test]
async fn t01_t04_t05_t09_metadata_that_cannot_be_had_costs_no_use_of_the_token() {
    let world = World::sqlite().await;
    let token = token(&world, 1).await;
    let with = |name: &str, value: Value| {
        let mut document = bot();
        document[name] = value;
        document
    };
    let ping = |endpoint: &str| {
        let mut document = with("backchannel_token_delivery_mode", json!("ping"));
        document["backchannel_client_notification_endpoint"] = json!(endpoint);
        document
    };
    for wrong in [
        json!([]),
        json!({}),
        with("client_name", json!("Countersign\u{202e}")),
        with("backchannel_token_delivery_mode", json!("pull")),
        with("backchannel_token_delivery_mode", json!("ping")),
        ping("http://agent.example/cb"),
        ping("https://10.0.0.1/cb"),
        with(
            "backchannel_authentication_request_signing_alg",
            json!("none"),
        ),
        with("id_token_signed_response_alg", json!("none")),
        with("id_token_signed_response_alg", json!("HS256")),
        with("token_endpoint_auth_method", json!("private_key_jwt")),
        with("jwks_uri", json!("https://169.254.169.254/keys")),
        with("scope", json!("openid \"x")),
        with("grant_types", json!(["authorization_code"])),
    ] {
        let answer = register(&world, &token, &wrong).await;
        answer.refused(400, "invalid_client_metadata");
    }
    assert_eq!(register(&world, &token, &bot()).await.status, 201);
}

/// A client that has registered itself: where its registration is, and what gives access to it.
struct Registered {
    id: String,
    secret: String,
    url: String,
    access: String,
}

impl Registered {
    async fn new(world: &World, document: &Value) -> Self {
        let token = token(world, 1).await;
        let answer = register(world, &token, document).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let text = |name: &str| answer.body[name].as_str().unwrap_or_default().to_owned();
        Self {
            id: text("client_id"),
            secret: text("client_secret"),
            url: text("registration_client_uri"),
            access: text("registration_access_token"),
        }
    }

    async fn put(&self, world: &World, document: &Value) -> Answer {
        call(world, Method::PUT, &self.url, &self.access, document).await
    }

    /// The document of a replacement.
    fn as_bot(&self, more: &[(&str, Value)]) -> Value {
        let mut document = bot();
        document["client_id"] = json!(self.id);
        for (name, value) in more {
            document[*name] = value.clone();
        }
        document
    }

    fn agent(&self, world: &World) -> Agent {
        Agent::with(&self.id, &self.secret, &world.url, world.http.clone())
    }
}

both! {
    async fn a_client_that_is_replaced_is_all_it_says_now_and_loses_what_was_always_allowed(world: World) {
        let maya = world.person("Maya").await;
        let mut browser = world.signed_in(&maya).await;
        let bot = Registered::new(&world, &bot()).await;
        let agent = bot.agent(&world);
        let read = [("scope", "openid calendar.read")];
        let asked = agent.ask(&maya.email, &read).await;
        allow_always(&mut browser, &asked, &[]).await;
        let covered = agent.ask(&maya.email, &read).await;
        agent.poll(&covered.auth_req_id).await.ok();
        // Another name and other permissions: the same client, with the same secret.
        let document = bot.as_bot(&[("client_name", json!("Release Bot")), ("scope", json!("openid"))]);
        let answer = bot.put(&world, &document).await;
        assert_eq!(answer.ok()["client_name"], "Release Bot");
        assert_eq!(answer.body["client_id"], bot.id.as_str());
        assert!(answer.body.get("client_secret").is_none() && answer.body.get("scope").is_none());
        let covered = agent.ask(&maya.email, &read).await;
        agent.poll(&covered.auth_req_id).await.ok();
        // A key of its own: the secret is gone, and what was always allowed is asked again.
        let mut signer = Signer::unregistered(&world);
        signer.id.clone_from(&bot.id);
        let keys: Value = serde_json::from_str(&signer.jwks()).expect("JSON");
        let document = bot.as_bot(&[("token_endpoint_auth_method", json!("private_key_jwt")), ("jwks", keys)]);
        let answer = bot.put(&world, &document).await;
        assert_eq!(answer.ok()["token_endpoint_auth_method"], "private_key_jwt");
        agent.try_ask(&maya.email, &read).await.refused(401, "invalid_client");
        let ask = [("login_hint", maya.email.as_str()), read[0]];
        let asked = Asked::of(&signer.post("/bc-authorize", &signer.assertion(&world, "1"), &ask).await);
        let waits = [("grant_type", GRANT_TYPE), ("auth_req_id", asked.auth_req_id.as_str())];
        let answer = signer.post("/oauth/token", &signer.assertion(&world, "2"), &waits).await;
        answer.refused(400, "authorization_pending");
        // And back: a secret it has never seen.
        let answer = bot.put(&world, &bot.as_bot(&[])).await;
        let secret = answer.ok()["client_secret"].as_str().expect("a secret").to_owned();
        assert_ne!(secret, bot.secret);
        assert_eq!(answer.body["client_name"], "Deploy Bot");
        let again = Registered { secret, ..bot };
        again.agent(&world).ask(&maya.email, &[]).await;
        let changed = world.noted("client.changed").await;
        let parts: Vec<_> = changed.iter().map(|it| it["facts"]["changed"].clone()).collect();
        assert_eq!(parts[0], json!(["name", "allowed"]));
        assert_eq!(parts[1], json!(["name", "auth", "keys", "allowed"]));
        let ended: Vec<_> = changed.iter().map(|it| it["facts"]["standing_grants_ended"].clone()).collect();
        assert_eq!(ended, [json!(false), json!(true), json!(true)]);
        assert_eq!(world.noted("client.added").await.len(), 1);
    }
}

#[tokio::test]
async fn a_replacement_says_whose_it_is_and_nothing_that_is_ours_to_say() {
    let world = World::sqlite().await;
    let (bot, other) = (
        Registered::new(&world, &bot()).await,
        Registered::new(&world, &bot()).await,
    );
    for (name, value) in [
        ("client_id", json!(other.id)),
        ("client_id", json!(7)),
        ("client_secret", json!("of my own choosing")),
        ("registration_access_token", json!(bot.access)),
        ("registration_client_uri", json!(bot.url)),
        ("client_secret_expires_at", json!(0)),
        ("client_id_issued_at", json!(1)),
        ("subject_type", json!("pairwise")),
        ("backchannel_token_delivery_mode", json!("ping")),
        ("token_endpoint_auth_method", json!("private_key_jwt")),
    ] {
        let answer = bot.put(&world, &bot.as_bot(&[(name, value)])).await;
        answer.refused(400, "invalid_client_metadata");
    }
    let mut nobody = bot.as_bot(&[]);
    nobody.as_object_mut().expect("members").remove("client_id");
    bot.put(&world, &nobody)
        .await
        .refused(400, "invalid_client_metadata");
    let same = bot.as_bot(&[("client_secret", json!(bot.secret))]);
    bot.put(&world, &same).await.ok();
    // With another's token, or once it is gone, there is nothing to replace.
    let document = bot.as_bot(&[]);
    let answer = call(&world, Method::PUT, &bot.url, &other.access, &document).await;
    answer.refused(401, "invalid_token");
    call(&world, Method::DELETE, &bot.url, &bot.access, &json!({})).await;
    bot.put(&world, &document)
        .await
        .refused(401, "invalid_token");
    assert!(world.noted("client.changed").await.is_empty());
}

both! {
    async fn t05_an_agent_says_what_its_id_tokens_are_signed_with(world: World) {
        let token = token(&world, 2).await;
        for algorithm in ["EdDSA", "ES256"] {
            let mut document = bot();
            document["id_token_signed_response_alg"] = json!(algorithm);
            let answer = register(&world, &token, &document).await;
            assert_eq!(answer.status, 201, "{answer:?}");
            let text = |name: &str| answer.body[name].as_str().expect("text").to_owned();
            let (url, access) = (text("registration_client_uri"), text("registration_access_token"));
            let read = call(&world, Method::GET, &url, &access, &json!({})).await;
            for described in [&answer, &read] {
                assert_eq!(described.body["id_token_signed_response_alg"], algorithm);
            }
        }
        let published = world.app.keyring.get().published(world.app.clock.now());
        assert_eq!(published.len(), 2, "the key was made before the agent was told");
    }
}
