//! `ask` and `wait`: the simplest agent, its exit codes, and how it finds its way back.

use serde_json::{Value, json};
use tokio::process::Command;

use super::going::Going;
use super::program::{Program, Ran};
use super::server::Server;
use crate::world::receiver::Receiver;
use crate::world::{Agent, Browser};

const MAYA: &str = "maya@acme.example";

/// A call by an agent.
fn call(server: &Server, agent: &Agent, arguments: &[&str]) -> Command {
    let mut command = server.program.command(arguments);
    command
        .env("COUNTERSIGN_SERVER", &agent.url)
        .env("COUNTERSIGN_CLIENT_ID", &agent.id)
        .env("COUNTERSIGN_CLIENT_SECRET", &agent.secret);
    command
}

/// A question to Maya that waits for its answer; and what was told when it was asked.
async fn ask(server: &Server, agent: &Agent, arguments: &[&str]) -> (Going, Value) {
    let arguments: Vec<&str> = ["ask", MAYA]
        .into_iter()
        .chain(arguments.iter().copied())
        .chain(["--json"])
        .collect();
    let mut going = Going::start(call(server, agent, &arguments));
    let asked = going.tells("asked").await;
    server.is_secret(asked["auth_req_id"].as_str().expect("an id"));
    (going, asked)
}

/// Presses a button on the request's page, which shows the code the agent has.
async fn press(browser: &mut Browser, asked: &Value, label: &str, set: &[(&str, &str)]) {
    let path = format!("/r/{}", asked["approval_id"].as_str().expect("an id"));
    let page = browser.get(&path).await;
    let code = asked["match_code"].as_str().expect("a code");
    assert!(page.text().contains(code), "{code} in {}", page.text());
    let page = page.press(browser, label, set).await;
    assert!(page.status.is_success(), "{}", page.body);
}

async fn stage(program: Program) -> (Server, Agent, Browser) {
    let server = Server::start(program).await;
    let agent = server.agent("Deploy Bot", &[]).await;
    let (_, browser) = server.person("Maya").await;
    (server, agent, browser)
}

/// It was allowed, and the tokens were printed once.
#[track_caller]
fn allowed(server: &Server, ran: &Ran) {
    ran.ended(0, &["allowed"]);
    assert_eq!(ran.out.matches("\"access_token\"").count(), 1, "{ran:?}");
    let token = ran.out.split("\"access_token\":\"").nth(1);
    let token = token.and_then(|rest| rest.split('"').next());
    server.is_secret(token.expect("a token"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_ending_of_ask_has_its_exit_code() {
    let program = Program::sqlite()
        .set("COUNTERSIGN_WINDOW_SHORTEST", "1s")
        .set("COUNTERSIGN_LIMITS_WAITING_PER_CLIENT_AND_PERSON", "1");
    let (mut server, agent, mut browser) = stage(program).await;

    let (going, asked) = ask(&server, &agent, &["Deploy 4.2?"]).await;
    press(&mut browser, &asked, "Only this time", &[]).await;
    let ran = going.ends().await;
    allowed(&server, &ran);
    let code = asked["match_code"].as_str().expect("a code");
    assert!(ran.err.contains(&format!("Code {code}")), "{ran:?}");

    let (mut going, asked) = ask(&server, &agent, &["Deploy 4.3?"]).await;
    let reason = [("reason", "Not on a Friday.")];
    press(&mut browser, &asked, "Deny", &reason).await;
    let result = going.tells("result").await;
    let why = (&result["deny_reason"], &result["retry"], &result["reason"]);
    assert_eq!(
        why,
        (
            &json!("other"),
            &json!("with_changes"),
            &json!("Not on a Friday.")
        )
    );
    let ran = going.ends().await;
    ran.ended(10, &["No: \"Not on a Friday.\""]);
    assert!(!ran.out.contains("access_token"));

    let (going, _) = ask(&server, &agent, &["Now or never?", "--expires", "1s"]).await;
    going.ends().await.ended(11, &["Nobody answered in time"]);

    let (going, asked) = ask(&server, &agent, &["Deploy 4.4?"]).await;
    let more = ["ask", MAYA, "Deploy 4.5?"];
    let ran = Ran::of(&mut call(&server, &agent, &more)).await;
    ran.ended(13, &["nobody was asked"]);
    agent
        .cancel(asked["approval_id"].as_str().expect("an id"))
        .await
        .ok();
    going.ends().await.ended(12, &["cancelled"]);

    let paused = ["pause", "--for", "2h", "--why", "An incident", "--json"];
    let paused = server.program.done(&paused).await;
    assert_eq!(paused.json()["state"], "paused", "{paused:?}");
    let ran = Ran::of(&mut call(&server, &agent, &more)).await;
    ran.ended(
        13,
        &["paused: no agent may ask just now", "nobody was asked"],
    );
    assert!(browser.get("/").await.text().contains("An incident"));
    let resumed = server.program.done(&["resume"]).await;
    resumed.ended(0, &["agents can ask again"]);
    let resumed = server.program.done(&["resume"]).await;
    resumed.ended(0, &["were not paused"]);
    let (going, asked) = ask(&server, &agent, &["Deploy 4.5?"]).await;
    press(&mut browser, &asked, "Only this time", &[]).await;
    allowed(&server, &going.ends().await);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ask_may_want_a_sign_in_and_bring_a_code() {
    let (mut server, _, mut browser) = stage(Program::sqlite()).await;
    let agent = server.agent("Cold Caller", &["--user-code"]).await;
    let code = ["person", "user-code", MAYA];
    let code = server.program.done(&code).await.out.trim().to_owned();
    let file = server.program.folder.0.join("code");
    let without = Ran::of(&mut call(&server, &agent, &["ask", MAYA, "Now?"])).await;
    without.ended(2, &["missing_user_code", "nobody was asked"]);
    std::fs::write(&file, format!("{code}\n")).expect("a file");
    let file = file.display().to_string();
    let acr = "urn:countersign:acr:host-link";
    let more = [
        "Now?",
        "--user-code",
        &file,
        "--max-age",
        "5m",
        "--acr",
        acr,
    ];
    let (going, asked) = ask(&server, &agent, &more).await;
    let id = asked["approval_id"].as_str().expect("an id");
    let status = agent.status(id).await;
    assert_eq!(
        (&status.ok()["max_age"], &status.ok()["acr_values"]),
        (&json!(300), &json!([acr]))
    );
    press(&mut browser, &asked, "Only this time", &[]).await;
    allowed(&server, &going.ends().await);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ask_that_was_killed_is_continued_by_wait() {
    let (mut server, agent, mut browser) = stage(Program::sqlite()).await;
    let (going, asked) = ask(&server, &agent, &["Go on?", "--resume-state", "step 7"]).await;
    let id = asked["approval_id"].as_str().expect("an id").to_owned();
    let ran = going.kill().await;
    assert_eq!(ran.code, None, "killed, not ended");

    let mut going = Going::start(call(&server, &agent, &["wait", &id, "--json"]));
    press(&mut browser, &asked, "Only this time", &[]).await;
    let result = going.tells("result").await;
    assert_eq!(result["result"], "approved");
    assert_eq!(result["resume_state"], "step 7");
    allowed(&server, &going.ends().await);
    // It is over: there is nothing more to hand out, and nothing to come back to.
    let again = Ran::of(&mut call(&server, &agent, &["wait", &id])).await;
    again.ended(6, &["collected before"]);

    // An answer that came while nobody waited is told to whoever comes back.
    let (going, asked) = ask(&server, &agent, &["And now?"]).await;
    let id = asked["approval_id"].as_str().expect("an id").to_owned();
    going.kill().await;
    press(&mut browser, &asked, "Deny", &[]).await;
    let ran = Ran::of(&mut call(&server, &agent, &["wait", &id])).await;
    ran.ended(10, &["No."]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_says_how_to_come_back_and_cancels_nothing() {
    let (mut server, agent, mut browser) = stage(Program::sqlite()).await;
    let (going, asked) = ask(&server, &agent, &["Go on?"]).await;
    let id = asked["approval_id"].as_str().expect("an id").to_owned();
    let back = format!("countersign wait {id}");
    going.interrupted().await.ended(130, &[&back]);
    press(&mut browser, &asked, "Only this time", &[]).await;
    let ran = Ran::of(&mut call(&server, &agent, &["wait", &id, "--json"])).await;
    allowed(&server, &ran);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_lost_the_id_asks_again_under_its_key_and_nobody_is_asked_twice() {
    let (mut server, agent, mut browser) = stage(Program::sqlite()).await;
    let key = [
        "Deploy?",
        "--resume-state",
        "step 3",
        "--idempotency-key",
        "deploy-4.2",
    ];
    let (going, first) = ask(&server, &agent, &key).await;
    going.kill().await;
    // It has lost everything but what it wants: its notes too.
    let notes = server.program.folder.0.join(".local/state");
    std::fs::remove_dir_all(notes).expect("notes");
    let (mut going, second) = ask(&server, &agent, &key).await;
    for name in [
        "approval_id",
        "auth_req_id",
        "match_code",
        "verification_uri",
    ] {
        assert_eq!(first[name], second[name], "{name}");
    }
    let inbox = browser.get("/").await;
    let id = first["approval_id"].as_str().expect("an id");
    assert_eq!(inbox.body.matches(&format!("href=\"/r/{id}\"")).count(), 1);
    assert_eq!(
        inbox.body.matches("href=\"/r/").count(),
        1,
        "{}",
        inbox.body
    );
    press(&mut browser, &second, "Only this time", &[]).await;
    let result = going.tells("result").await;
    assert_eq!(result["resume_state"], "step 3");
    allowed(&server, &going.ends().await);
    let opened = server.history().await;
    let opened = opened.iter().filter(|it| it["kind"] == "request.opened");
    assert_eq!(opened.count(), 1, "one request, one prompt");

    // The same key for something else is a conflict, and nobody is asked.
    let other = ["ask", MAYA, "Delete?", "--idempotency-key", "deploy-4.2"];
    let ran = Ran::of(&mut call(&server, &agent, &other)).await;
    ran.ended(6, &["nobody was asked"]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ask_outlives_its_server() {
    let (mut server, agent, mut browser) = stage(Program::sqlite()).await;
    let (mut going, asked) = ask(&server, &agent, &["Still there?"]).await;
    server.kill().await;
    server.start_again().await;
    press(&mut browser, &asked, "Only this time", &[]).await;
    let result = going.tells("result").await;
    assert_eq!(result["result"], "approved");
    allowed(&server, &going.ends().await);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_calls_wrongly_is_told_how_and_exits_so() {
    let (mut server, agent, _) = stage(Program::sqlite()).await;
    let usage = Ran::of(&mut call(&server, &agent, &["ask"])).await;
    usage.ended(2, &["PERSON"]);
    let length = ["ask", MAYA, "?", "--expires", "soon"];
    let length = Ran::of(&mut call(&server, &agent, &length)).await;
    length.ended(2, &["--expires"]);
    let nobody = ["ask", "nobody@acme.example", "?"];
    let nobody = Ran::of(&mut call(&server, &agent, &nobody)).await;
    nobody.ended(2, &["nobody was asked"]);

    let mut stranger = call(&server, &agent, &["ask", MAYA, "?"]);
    stranger.env("COUNTERSIGN_CLIENT_SECRET", "not-the-secret-at-all");
    Ran::of(&mut stranger).await.ended(5, &["nobody was asked"]);

    let mut nowhere = call(&server, &agent, &["ask", MAYA, "?"]);
    nowhere.env("COUNTERSIGN_SERVER", "http://127.0.0.1:1");
    Ran::of(&mut nowhere).await.ended(4, &["no server answers"]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_s_agent_goes_on_after_the_answer() {
    let program = Program::sqlite();
    let listen = format!("127.0.0.1:{}", program.port);
    let arguments = ["demo", "--no-open", "--json", "--listen", &listen];
    let mut going = Going::start(program.command(&arguments));
    going.tells("asked").await;
    let ready = going.tells("ready").await;
    assert_eq!(ready["server"], program.url());
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let mut browser = Browser::new(&program.url(), http.build().expect("a client"));
    let page = browser.get(ready["url"].as_str().expect("a URL")).await;
    let page = page.submit(&mut browser, "/signin/", &[]).await;
    page.press(&mut browser, "Only this time", &[]).await;
    assert_eq!(going.tells("result").await["result"], "approved");

    going.types("a").await;
    let asked = going.tells("asked").await;
    let page = browser.get(asked["url"].as_str().expect("a URL")).await;
    page.press(&mut browser, "Deny", &[]).await;
    let result = going.tells("result").await;
    assert_eq!(result["result"], json!("denied"));

    going.types("q").await;
    let ran = going.ends().await;
    ran.ended(
        0,
        &[
            "you said yes",
            "goes on at",
            "you said no",
            "nothing was kept",
        ],
    );
    let folder = ran
        .err
        .split("data in ")
        .nth(1)
        .and_then(|rest| rest.split(',').next());
    let folder = std::path::Path::new(folder.expect("a folder"));
    assert!(
        folder.is_absolute() && !folder.exists(),
        "{}",
        folder.display()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_is_called_may_wait_at_the_terminal_and_one_that_is_handed_tokens_may_not() {
    let receiver = Receiver::start();
    let mut server = Server::start(Program::sqlite()).await;
    let (_, mut browser) = server.person("Maya").await;
    let notify = receiver.url();
    let called = ["--mode", "ping", "--notify", &notify];
    let agent = server.agent("Billing Agent", &called).await;
    let (going, asked) = ask(&server, &agent, &["Pay?", "--idempotency-key", "k1"]).await;
    // Asked again, by whoever comes back: the same question, and nobody is asked twice.
    let again = ["ask", MAYA, "Pay?", "--idempotency-key", "k1", "--no-wait"];
    let again = Ran::of(&mut call(&server, &agent, &again)).await;
    let id = asked["approval_id"].as_str().expect("an id");
    again.ended(0, &[]);
    assert_eq!(again.out.trim(), id);
    press(&mut browser, &asked, "Only this time", &[]).await;
    allowed(&server, &going.ends().await);

    let handed = ["--mode", "push", "--notify", &notify];
    let agent = server.agent("Deploy Bot", &handed).await;
    let ran = Ran::of(&mut call(&server, &agent, &["ask", MAYA, "Deploy?"])).await;
    ran.ended(5, &["agent's own endpoint", "push mode"]);
    server.stop().await;
}
