//! An agent as others write it: the npm package `openid-client`, unchanged, through the whole flow.

use std::path::PathBuf;
use std::process::Stdio;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::program::Program;
use super::server::{PATIENCE, Server};
use crate::sources;
use crate::world::{Agent, Browser};

/// The library at work for an agent.
struct Library {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Library {
    fn start(agent: &Agent, email: &str, variables: &[(&str, &str)]) -> Self {
        let root = sources::root();
        let ours = root.join("target/tools/bin/node");
        let node = if ours.exists() {
            ours
        } else {
            PathBuf::from("node")
        };
        let mut command = Command::new(node);
        command
            .arg(root.join("tests/external/openid_client.mjs"))
            .env("ISSUER", &agent.url)
            .env("CLIENT_ID", &agent.id)
            .env("CLIENT_SECRET", &agent.secret)
            .env("LOGIN_HINT", email)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().expect("Node.js (script/setup brings it)");
        let lines = BufReader::new(child.stdout.take().expect("its words")).lines();
        Self { child, lines }
    }

    /// The next thing it tells, which must be this.
    async fn tells(&mut self, event: &str) -> Value {
        let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await;
        let line = line.expect("it goes on").expect("its words");
        let line = line.unwrap_or_else(|| panic!("it ended before {event}"));
        let told: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(told["event"], event, "{told}");
        told
    }

    async fn ends(mut self, code: i32) {
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        let ended = ended.expect("it ends").expect("a child");
        assert_eq!(ended.code(), Some(code));
    }
}

async fn press(browser: &mut Browser, asked: &Value, label: &str) {
    let id = asked["approval_id"].as_str().expect("an id");
    let page = browser.get(&format!("/r/{id}")).await;
    let page = page.press(browser, label, &[]).await;
    assert!(page.status.is_success(), "{}", page.body);
}

/// The library asks, the person allows it, and the library finds nothing wrong with what it gets.
async fn approved(server: &Server, agent: &Agent, variables: &[(&str, &str)]) {
    let email = "maya@acme.example";
    let mut browser = server.signed_in(email).await;
    let parameters = json!({"resume_state": "where it stopped", "binding_message": "Shall I?"});
    let parameters = parameters.to_string();
    let more = [
        ("SCOPE", "openid calendar.read"),
        ("PARAMETERS", &parameters),
    ];
    let variables: Vec<(&str, &str)> = variables.iter().copied().chain(more).collect();
    let mut library = Library::start(agent, email, &variables);
    library.tells("discovered").await;
    let asked = library.tells("asked").await;
    server.is_secret(asked["auth_req_id"].as_str().expect("an id"));
    press(&mut browser, &asked, "Only this time").await;
    let tokens = library.tells("tokens").await;
    library.ends(0).await;
    assert_eq!(tokens["resume_state"], "where it stopped");
    assert_eq!(tokens["scope"], "openid calendar.read");
    assert_eq!(tokens["id_token"]["aud"], agent.id);
    let access = &tokens["access_token"]["claims"];
    assert_eq!(access["sub"], tokens["id_token"]["sub"]);
    assert_eq!(access["aud"], "https://calendar.example.com");
    assert_eq!(access["client_id"], agent.id);
    assert_eq!(access["scope"], "openid calendar.read");
    let bound = variables.contains(&("DPOP", "1"));
    assert_eq!(tokens["token_type"], if bound { "dpop" } else { "bearer" });
    assert_eq!(access["cnf"]["jkt"].is_string(), bound);
}

async fn server_with_maya() -> Server {
    let server = Server::start(Program::sqlite()).await;
    let catalogue = sources::root().join("examples/catalogue.toml");
    let catalogue = catalogue.display().to_string();
    server.program.done(&["apply", &catalogue]).await;
    let add = ["person", "add", "maya@acme.example", "--name", "Maya"];
    server.program.done(&add).await;
    server
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openid_client_runs_the_whole_flow_by_secret() {
    let mut server = server_with_maya().await;
    let basic = server.agent("By basic", &[]).await;
    approved(&server, &basic, &[("AUTH", "basic")]).await;
    let flags = ["--auth", "client_secret_post"];
    let post = server.agent("By post", &flags).await;
    approved(&server, &post, &[("AUTH", "post")]).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openid_client_runs_the_whole_flow_by_key() {
    let mut server = server_with_maya().await;
    let random = SystemRandom::new();
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref()).expect("a key");
    let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
    let key = json!({
        "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "first",
        "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
    });
    let place = |name: &str| server.program.folder.0.join(name).display().to_string();
    let (public, private) = (place("jwks.json"), place("key.pem"));
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        STANDARD.encode(pkcs8.as_ref())
    );
    std::fs::write(&private, pem).expect("a file");
    std::fs::write(&public, json!({ "keys": [key] }).to_string()).expect("a file");
    let flags = ["--auth", "private_key_jwt", "--jwks", &public];
    let agent = server.agent("By key", &flags).await;
    let variables = [
        ("AUTH", "private_key_jwt"),
        ("CLIENT_KEY", &private),
        ("CLIENT_KEY_ID", "first"),
    ];
    approved(&server, &agent, &variables).await;
    let flags = [
        "--auth",
        "private_key_jwt",
        "--jwks",
        &public,
        "--dpop-bound",
    ];
    let bound = server.agent("By key, bound", &flags).await;
    let [auth, key, kid] = variables;
    approved(&server, &bound, &[auth, key, kid, ("DPOP", "1")]).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openid_client_takes_id_tokens_of_each_algorithm() {
    let mut server = server_with_maya().await;
    for algorithm in ["PS256", "RS256", "EdDSA"] {
        let agent = server
            .agent(algorithm, &["--id-token-alg", algorithm])
            .await;
        approved(&server, &agent, &[("ID_TOKEN_ALG", algorithm)]).await;
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openid_client_is_told_of_a_no() {
    let mut server = server_with_maya().await;
    let agent = server.agent("Hopeful", &[]).await;
    let mut browser = server.signed_in("maya@acme.example").await;
    let mut library = Library::start(&agent, "maya@acme.example", &[]);
    library.tells("discovered").await;
    let asked = library.tells("asked").await;
    press(&mut browser, &asked, "Deny").await;
    let refused = library.tells("refused").await;
    assert_eq!(
        (&refused["at"], &refused["error"]),
        (&json!("redeem"), &json!("access_denied"))
    );
    library.ends(3).await;
    let mut nobody = Library::start(&agent, "nobody@acme.example", &[]);
    nobody.tells("discovered").await;
    let refused = nobody.tells("refused").await;
    assert_eq!(refused["error"], "unknown_user_id");
    nobody.ends(3).await;
    server.stop().await;
}
