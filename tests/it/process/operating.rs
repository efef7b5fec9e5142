//! What an operator does on the host: the catalogue, the keys, the history.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sea_orm::{ConnectionTrait, Database};
use serde_json::{Value, json};

use super::program::Program;
use super::server::{PATIENCE, Server};
use crate::sources;
use crate::world::{Agent, Browser};

/// A file of the story's own.
fn file(program: &Program, name: &str, text: &str) -> String {
    let path = program.folder.0.join(name);
    std::fs::write(&path, text).expect("a file");
    path.display().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_catalogue_is_applied_once_whole_or_not_at_all() {
    let program = Program::sqlite();
    let example = sources::read("examples/catalogue.toml");
    let good = file(&program, "good.toml", &example);
    let plan = program.done(&["apply", &good, "--dry-run"]).await;
    assert!(plan.out.contains("payments.read"), "{plan:?}");
    let none = program.done(&["export"]).await;
    assert_eq!(none.out.trim(), "", "a plan changes nothing");
    let first = program.done(&["apply", &good]).await;
    assert_eq!(first.out, plan.out, "what was planned is what was done");
    let second = program.done(&["apply", &good]).await;
    second.ended(0, &["nothing to do"]);
    assert_eq!(second.out, "");

    let exported = program.done(&["export"]).await.out;
    let copy = file(&program, "copy.toml", &exported);
    program
        .done(&["apply", &copy])
        .await
        .ended(0, &["nothing to do"]);

    // One fault, at the end, and nothing of the rest is taken.
    let line = example.lines().count() + 4;
    let bad = format!(
        "{}\n[[resource.permission]]\nscope = \"files.write\"\ntitle = \"Write\"\nteir = \"low\"\n",
        example
            .trim_end()
            .replace("See your payments", "See everything")
    );
    let line = line.min(bad.lines().count());
    let bad = file(&program, "bad.toml", &bad);
    let refused = program.run(&["apply", &bad]).await;
    refused.ended(
        3,
        &["bad.toml", "teir", "fix: ", "tier", "nothing was applied"],
    );
    assert!(
        refused.err.contains(&format!("line {line}")),
        "{line}: {refused:?}"
    );
    assert_eq!(program.done(&["export"]).await.out, exported);

    let elsewhere = Program::sqlite();
    let copy = file(&elsewhere, "copy.toml", &exported);
    elsewhere.done(&["apply", &copy]).await;
    assert_eq!(elsewhere.done(&["export"]).await.out, exported);
}

/// Asks, is allowed, and gets an access token.
async fn token(agent: &Agent, browser: &mut Browser) -> String {
    let asked = agent.ask("maya@acme.example", &[]).await;
    let page = browser.get(&asked.page()).await;
    page.press(browser, "Only this time", &[]).await;
    let told = agent.poll(&asked.auth_req_id).await;
    told.ok()["access_token"]
        .as_str()
        .expect("a token")
        .to_owned()
}

fn kid(token: &str) -> String {
    let head = token.split('.').next().expect("a head");
    let head = URL_SAFE_NO_PAD.decode(head).expect("base64url");
    let head: Value = serde_json::from_slice(&head).expect("JSON");
    head["kid"].as_str().expect("a key's name").to_owned()
}

/// The published keys' names.
fn kids(published: &Value) -> Vec<&str> {
    let keys = published["keys"].as_array().expect("keys");
    keys.iter().filter_map(|key| key["kid"].as_str()).collect()
}

/// A relying service's own look at a token, with what is published and nothing else.
fn verifies(token: &str, published: &Value) -> bool {
    let keys = published["keys"].as_array().expect("keys");
    let key = keys.iter().find(|key| key["kid"] == kid(token).as_str());
    let Some(key) = key else { return false };
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).expect("base64url");
    let point = [
        vec![4],
        decode(key["x"].as_str().expect("x")),
        decode(key["y"].as_str().expect("y")),
    ];
    let (signed, signature) = token.rsplit_once('.').expect("three parts");
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point.concat())
        .verify(signed.as_bytes(), &decode(signature))
        .is_ok()
}

on_both! {
    async fn keys_rotate_under_a_running_server(server: Server) {
        let agent = server.agent("Deploy Bot", &[]).await;
        let (_, mut browser) = server.person("Maya").await;
        let old = token(&agent, &mut browser).await;
        let rotated = server.program.json(&["keys", "rotate"]).await;
        assert_eq!(rotated["replaces"], kid(&old));
        let new_kid = rotated["kid"].as_str().expect("a name");
        let published = tokio::time::timeout(PATIENCE, async {
            loop {
                let published = agent.get("/oauth/jwks").await.body;
                if kids(&published).contains(&new_kid) {
                    return published;
                }
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        });
        let published = published.await.expect("the new key is published");
        let new = token(&agent, &mut browser).await;
        assert_eq!(kid(&new), new_kid, "what is published first signs then");
        assert!(verifies(&old, &published), "the old token is as good as before");
        assert!(verifies(&new, &published));
        server.kill().await;
        server.start_again().await;
        let published = agent.get("/oauth/jwks").await.body;
        assert!(verifies(&old, &published) && verifies(&new, &published));
        server.is_secret(&old);
        server.is_secret(&new);
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_catalogue_that_asks_badly_is_told_so_before_anybody_is_asked() {
    let program = Program::sqlite();
    let good = file(
        &program,
        "good.toml",
        &sources::read("examples/catalogue.toml"),
    );
    program
        .done(&["catalog", "lint", &good])
        .await
        .ended(0, &["asks well"]);
    let bad = "[[resource]]\nidentifier = \"https://a.example\"\nname = \"A\"\n\
        [[resource.permission]]\nscope = \"mail.send\"\ntitle = \"Manage mail.send\"\ntier = \"low\"\n";
    let bad = file(&program, "bad.toml", bad);
    let found = program.run(&["catalog", "lint", &bad]).await;
    found.ended(3, &["asks badly in 2 places"]);
    assert!(
        found.out.contains("line 6") && found.out.contains("fix: "),
        "{found:?}"
    );
    let none = file(&program, "none.toml", "[[resource]]\n");
    program
        .run(&["catalog", "lint", &none])
        .await
        .ended(3, &["none.toml", "fix: "]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_changed_byte_in_the_history_is_found() {
    let mut server = Server::start(Program::sqlite()).await;
    let agent = server.agent("Deploy Bot", &[]).await;
    let (_, mut browser) = server.person("Maya").await;
    token(&agent, &mut browser).await;
    let records = server.history().await;
    let kinds: Vec<_> = records
        .iter()
        .filter_map(|it| it["kind"].as_str())
        .collect();
    for kind in [
        "client.added",
        "request.opened",
        "request.approved",
        "token.issued",
    ] {
        assert!(kinds.contains(&kind), "{kind} in {kinds:?}");
    }
    assert_eq!(kinds.last(), Some(&"audit.exported"), "the copy is noted");
    let into = server.program.folder.0.join("copy.jsonl");
    let into = into.display().to_string();
    server.program.done(&["audit", "export", "-o", &into]).await;
    let copied = std::fs::read_to_string(&into).expect("a copy");
    assert!(
        copied
            .lines()
            .all(|line| serde_json::from_str::<Value>(line).is_ok())
    );
    let exists = server.program.run(&["audit", "export", "-o", &into]).await;
    exists.ended(2, &["not there yet"]);
    server.stop().await;
    server
        .program
        .done(&["audit", "verify"])
        .await
        .ended(0, &["all intact"]);

    let file = server.program.data().join("countersign.db");
    let connection = Database::connect(format!("sqlite://{}", file.display())).await;
    let connection = connection.expect("the database");
    let change = "UPDATE audit_events SET content = replace(content, 'request.approved', 'request.approvee')";
    let guarded = connection.execute_unprepared(change).await;
    let guarded = guarded
        .expect_err("the database itself refuses")
        .to_string();
    assert!(guarded.contains("append-only"), "{guarded}");
    let remove = "DROP TRIGGER audit_events_update";
    connection
        .execute_unprepared(remove)
        .await
        .expect("dropped");
    let changed = connection.execute_unprepared(change).await;
    changed.expect("changed by somebody who may do anything");
    connection.close().await.expect("closed");

    let broken = server.program.run(&["audit", "verify", "--json"]).await;
    broken.ended(20, &["intact"]);
    let at = kinds
        .iter()
        .position(|kind| *kind == "request.approved")
        .expect("an entry")
        + 1;
    assert_eq!(broken.json()["seq"], at, "{broken:?}");
    assert_eq!(broken.json()["intact"], false);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_command_did_is_in_its_exit_code() {
    let program = Program::sqlite();
    program.run(&["frobnicate"]).await.ended(2, &["frobnicate"]);
    let person = ["person", "add", "maya@acme.example"];
    program.done(&person).await;
    program.run(&person).await.ended(6, &["maya@acme.example"]);
    let bot = program.json(&["client", "add", "Bot"]).await;
    program.done(&["client", "disable", "bot"]).await;
    let nobody = ["client", "disable", "nobody"];
    program.run(&nobody).await.ended(2, &["nobody"]);
    let copy = program.done(&["audit", "export"]).await;
    let secret = bot["client_secret"].as_str().expect("a secret");
    assert!(copy.out.contains("audit.exported") && !copy.out.contains(secret));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quiet_hours_are_set_and_printed() {
    let program = Program::sqlite();
    program.done(&["person", "add", "maya@acme.example"]).await;
    let quiet = ["person", "quiet-hours", "maya@acme.example"];
    assert!(program.json(&quiet).await["quiet_hours"].is_null());
    let set = [
        "--from",
        "22:00",
        "--to",
        "07:00",
        "--zone",
        "Europe/Zurich",
    ];
    let more = ["--days", "fri,sat", "--tell-agents"];
    let set = program.json(&[&quiet[..], &set, &more].concat()).await;
    let hours = &set["quiet_hours"];
    assert_eq!(
        (&hours["from"], &hours["zone"]),
        (&json!("22:00"), &json!("Europe/Zurich"))
    );
    assert_eq!(hours["days"], json!(["fri", "sat"]));
    assert_eq!(
        (&hours["tells_agents"], &hours["urgent_rings"]),
        (&json!(true), &json!(false))
    );
    let printed = program.done(&quiet).await;
    assert_eq!(printed.out.trim(), "22:00 to 07:00 Europe/Zurich, fri sat");
    let nowhere = ["--from", "22:00", "--to", "07:00", "--zone", "Mars/Olympus"];
    let nowhere = program.run(&[&quiet[..], &nowhere].concat()).await;
    nowhere.ended(2, &["no such time zone"]);
    let off = program.done(&[&quiet[..], &["--off"]].concat()).await;
    off.ended(0, &["has no quiet hours"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_code_is_made_up_or_read_and_never_an_argument() {
    let program = Program::sqlite();
    program.done(&["person", "add", "maya@acme.example"]).await;
    let code = ["person", "user-code", "maya@acme.example"];
    let made = program.done(&code).await;
    made.ended(0, &["has a user code", "shown this once"]);
    assert_eq!(made.out.trim().len(), 8, "{made:?}");
    let json = program.json(&code).await;
    assert_ne!(json["user_code"], made.out.trim());
    // The tests' programs have an empty stdin, and nothing is no code.
    let empty = program.run(&[&code[..], &["--stdin"]].concat()).await;
    empty.ended(2, &["6 to 64", "nothing was changed"]);
    let cleared = program.done(&[&code[..], &["--clear"]].concat()).await;
    cleared.ended(0, &["has no user code"]);
    let client = ["client", "add", "Cold Caller", "--user-code"];
    let added = program.json(&client).await;
    assert_eq!(added["backchannel_user_code_parameter"], true);
    let shown = program.done(&["client", "show", "cold-caller"]).await;
    assert!(
        shown.out.contains("backchannel_user_code_parameter"),
        "{shown:?}"
    );
}
