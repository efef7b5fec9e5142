//! Auth0's SDKs for agents, unchanged, from npm and PyPI: a tool interrupts, a person answers, the tool goes on.

use std::path::PathBuf;
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::program::Program;
use super::server::{PATIENCE, Server};
use crate::sources;
use crate::world::tls::{caller, file};
use crate::world::{Agent, claims};

/// A tool that an SDK protects.
struct Tool {
    _child: Child,
    calls: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

/// A program of `script/setup`, or the system's.
fn program(ours: &str, system: &str) -> PathBuf {
    let ours = sources::root().join(ours);
    if ours.exists() { ours } else { system.into() }
}

impl Tool {
    fn start(sdk: &str, server: &Server, agent: &Agent, user: &str) -> Self {
        let (program, script) = match sdk {
            "npm" => (program("target/tools/bin/node", "node"), "auth0_tool.cjs"),
            _ => (program("target/py/bin/python", "python3"), "auth0_tool.py"),
        };
        let ca = file("ca.pem");
        let mut child = Command::new(program)
            .arg(sources::root().join("tests/external").join(script))
            .env("DOMAIN", server.url.trim_start_matches("https://"))
            .env("CLIENT_ID", &agent.id)
            .env("CLIENT_SECRET", &agent.secret)
            .env("USER_ID", user)
            .env("NODE_EXTRA_CA_CERTS", &ca)
            .env("REQUESTS_CA_BUNDLE", &ca)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node and python (script/setup brings them)");
        let calls = child.stdin.take().expect("its ears");
        let lines = BufReader::new(child.stdout.take().expect("its words")).lines();
        Self {
            _child: child,
            calls,
            lines,
        }
    }

    /// Calls the tool, which must end so.
    async fn call(&mut self, event: &str) -> Value {
        self.calls.write_all(b"call\n").await.expect("it listens");
        let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await;
        let line = line.expect("it answers").expect("its words");
        let told: Value = serde_json::from_str(&line.expect("a line")).expect("JSON");
        assert_eq!(told["event"], event, "{told}");
        told
    }
}

/// A server over TLS, which Auth0's SDKs insist on.
async fn server() -> Server {
    let program = Program::sqlite();
    let url = format!("https://127.0.0.1:{}", program.port);
    let program = program
        .set("COUNTERSIGN_PUBLIC_URL", &url)
        .set(
            "COUNTERSIGN_TLS_CERTIFICATE",
            &file("server.pem").display().to_string(),
        )
        .set(
            "COUNTERSIGN_TLS_KEY",
            &file("server.key").display().to_string(),
        );
    let example = sources::root().join("examples/catalogue.toml");
    program
        .done(&["apply", &example.display().to_string()])
        .await;
    Server::start_at(program, url, caller(None)).await
}

async fn an_answer_reaches_a_tool(sdk: &str) {
    let mut server = server().await;
    let agent = server
        .agent("Planner", &["--auth", "client_secret_post"])
        .await;
    let (_, mut browser) = server.person("Maya").await;
    let people = server.program.json(&["person", "list"]).await;
    let sub = people["people"][0]["sub"]
        .as_str()
        .expect("an id")
        .to_owned();

    let mut tool = Tool::start(sdk, &server, &agent, &sub);
    let interrupted = tool.call("interrupted").await;
    let code = interrupted["code"].as_str().expect("a code");
    assert!(code.ends_with("_PENDING"), "{code}");
    let asked = agent.get("/api/v1/approvals").await;
    let id = asked.body["approvals"][0]["id"]
        .as_str()
        .expect("one request")
        .to_owned();
    // Called again before anybody has answered: interrupted again, and nobody is asked twice.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    tool.call("interrupted").await;
    let page = browser.get(&format!("/r/{id}")).await;
    assert!(
        page.body.contains("Shall I look?"),
        "the binding message is shown"
    );
    page.press(&mut browser, "Only this time", &[]).await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let ran = tool.call("ran").await;
    let credentials = &ran["credentials"];
    let token = credentials["accessToken"].as_str();
    let token = token.or_else(|| credentials["access_token"].as_str());
    let token = claims(token.expect("a token"));
    assert_eq!(
        (&token["sub"], &token["scope"]),
        (&json!(sub), &json!("openid calendar.read"))
    );
    let asked = agent.get("/api/v1/approvals").await;
    assert_eq!(asked.body["approvals"].as_array().expect("a list").len(), 1);

    // A no ends it.
    let mut tool = Tool::start(sdk, &server, &agent, &sub);
    tool.call("interrupted").await;
    let asked = agent.get("/api/v1/approvals").await;
    let id = asked.body["approvals"][0]["id"]
        .as_str()
        .expect("a request")
        .to_owned();
    let page = browser.get(&format!("/r/{id}")).await;
    page.press(&mut browser, "Deny", &[]).await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let refused = tool.call("refused").await;
    assert_eq!(refused["code"], "ASYNC_AUTHORIZATION_ACCESS_DENIED");

    // Somebody unknown cannot be asked.
    let mut tool = Tool::start(sdk, &server, &agent, "0192f0c1a2b37c4d8e5f60718293a4b5");
    tool.call("refused").await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn auth0_ai_of_npm_is_served_unchanged() {
    an_answer_reaches_a_tool("npm").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn auth0_ai_of_pypi_is_served_unchanged() {
    an_answer_reaches_a_tool("pypi").await;
}
