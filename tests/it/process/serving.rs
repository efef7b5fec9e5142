//! `serve`: what it refuses to start with, how it stops, and that there is one of it.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use super::program::{Program, Ran};
use super::server::{Server, signal};
use crate::world::{Answer, tls};

on_both! {
    async fn a_stop_answers_what_is_held_and_ends_well(server: Server) {
        let agent = server.agent("Deploy Bot", &[]).await;
        let (email, _) = server.person("Maya").await;
        let asked = agent.ask(&email, &[]).await;
        // Of two held polls the older one is let go, so when one is answered the other is held.
        let poll = || {
            let (agent, id) = (agent.clone(), asked.auth_req_id.clone());
            async move { agent.wait(&id, 30).await }
        };
        let (mut one, mut other) = (tokio::spawn(poll()), tokio::spawn(poll()));
        let held = tokio::select! {
            answer = &mut one => (answer, other),
            answer = &mut other => (answer, one),
        };
        held.0.expect("a poll").refused(400, "authorization_pending");
        let asked_at = std::time::Instant::now();
        server.terminate().await;
        let answer: Answer = held.1.await.expect("a poll");
        answer.refused(400, "authorization_pending");
        let ended = server.ended().await;
        assert_eq!(ended.code(), Some(0), "{}", server.log());
        assert!(asked_at.elapsed().as_secs() < 20, "before the longest wait is over");
        // The request waits on, for whoever serves next.
        server.start_again().await;
        agent.poll(&asked.auth_req_id).await.refused(400, "authorization_pending");
        server.is_secret(&asked.auth_req_id);
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_i16_a_second_server_on_the_same_database_is_refused() {
    let mut server = Server::start(Program::sqlite()).await;
    let mut second = server.program.command(&["serve"]);
    second.env("COUNTERSIGN_LISTEN", "127.0.0.1:0");
    let refused = Ran::of(&mut second).await;
    let pid = server.pid().expect("it runs").to_string();
    refused.ended(6, &["another server", "fix: ", &pid]);
    // Neither is a second one on the same port, which is another matter.
    let elsewhere = Program::sqlite();
    let mut second = elsewhere.command(&["serve"]);
    second.env(
        "COUNTERSIGN_LISTEN",
        format!("127.0.0.1:{}", server.program.port),
    );
    Ran::of(&mut second)
        .await
        .ended(6, &["cannot listen", "fix: "]);
    // Commands beside a running server work, and so does the server after them.
    server.program.done(&["client", "list"]).await;
    server.stop().await;
    // A server that was killed leaves no lock behind.
    server.start_again().await;
    server.kill().await;
    server.start_again().await;
    server.stop().await;
}

on_both! {
    async fn a_lost_master_key_is_told_and_not_made_anew(server: Server) {
        server.stop().await;
        let key = server.program.data().join("master.key");
        let kept = std::fs::read_to_string(&key).expect("a key");
        std::fs::remove_file(&key).expect("gone");
        for command in [&["serve"][..], &["client", "list"]] {
            let refused = server.program.run(command).await;
            refused.ended(3, &["master key is missing", "fix: ", "backup"]);
            assert!(!key.exists(), "a new key would open nothing");
        }
        std::fs::write(&key, kept).expect("brought back");
        let private = Permissions::from_mode(0o600);
        std::fs::set_permissions(&key, private).expect("private");
        server.program.done(&["client", "list"]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_cannot_be_used_are_told_and_nothing_starts() {
    let program = Program::sqlite();
    let with = |name: &'static str, value: &'static str| {
        let mut command = program.command(&["serve"]);
        command.env(name, value);
        async move { Ran::of(&mut command).await }
    };
    let unknown = with("COUNTERSIGN_PUBLIC_ULR", "http://127.0.0.1:1").await;
    unknown.ended(3, &["COUNTERSIGN_PUBLIC_ULR", "COUNTERSIGN_PUBLIC_URL?"]);
    let listen = with("COUNTERSIGN_LISTEN", "everywhere").await;
    listen.ended(3, &["COUNTERSIGN_LISTEN"]);
    let log = with("COUNTERSIGN_LOG", "countersign=loud").await;
    log.ended(3, &["log"]);
    let database = with("COUNTERSIGN_DATABASE_URL", "mysql://secret@host/x").await;
    database.ended(3, &["database_url"]);
    assert!(!database.err.contains("secret@"), "{database:?}");
    let gone = with("COUNTERSIGN_CONFIG", "/nowhere/countersign.toml").await;
    gone.ended(3, &["/nowhere/countersign.toml"]);
    assert!(!program.data().join("countersign.db").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_shell_is_given_is_a_script() {
    let program = Program::sqlite();
    let script = program.done(&["completion", "bash"]).await.out;
    assert!(script.contains("countersign") && script.contains("--no-wait"));
    let file = program.folder.0.join("completion.bash");
    std::fs::write(&file, script).expect("a file");
    let bash = tokio::process::Command::new("bash")
        .arg("-n")
        .arg(&file)
        .output();
    let bash = bash.await.expect("bash");
    assert!(bash.status.success(), "{bash:?}");
    let sourced = format!("source '{}' && complete -p countersign", file.display());
    let bash = tokio::process::Command::new("bash")
        .args(["-c", &sourced])
        .output();
    assert!(bash.await.expect("bash").status.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewed_certificate_is_shown_without_a_restart() {
    let program = Program::sqlite();
    let place = |name: &str| program.folder.0.join(name);
    let put = |name: &str| {
        for ending in ["pem", "key"] {
            let from = tls::file(&format!("{name}.{ending}"));
            std::fs::copy(from, place(&format!("own.{ending}"))).expect("a file");
        }
    };
    put("server");
    let url = format!("https://127.0.0.1:{}", program.port);
    let mut serve = program.command(&["serve"]);
    serve
        .stderr(Stdio::null())
        .env("COUNTERSIGN_PUBLIC_URL", &url)
        .env("COUNTERSIGN_TLS_CERTIFICATE", place("own.pem"))
        .env("COUNTERSIGN_TLS_KEY", place("own.key"));
    let mut server = serve.kill_on_drop(true).spawn().expect("a server");
    tls::shows(&url, "server.pem").await;
    put("other");
    signal(&server, "HUP").await;
    tls::shows(&url, "other.pem").await;
    signal(&server, "TERM").await;
    let ended = server.wait().await.expect("a child");
    assert_eq!(ended.code(), Some(0));
}
