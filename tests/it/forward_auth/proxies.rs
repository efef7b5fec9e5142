//! Debian's own nginx and Caddy, set up as the guide has it, in front of a service that knows nothing of tokens.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Request, State};
use countersign::domain::action::Catalogue;
use http::HeaderMap;
use serde_json::Value;
use tokio::process::{Child, Command};

use super::{Cast, customs};
use crate::sources;
use crate::world::{Answer, World};

/// What reached the service.
type Reached = Arc<Mutex<Vec<(String, HeaderMap)>>>;

/// A proxy at work, and the service behind it.
struct Front {
    url: String,
    reached: Reached,
    _proxy: Child,
}

impl Front {
    /// A request of a caller who names itself an approver.
    async fn send(&self, world: &World, method: &str, path: &str, token: &str) -> Answer {
        let method = method.parse().expect("a method");
        let mut request = world
            .http
            .request(method, format!("{}{path}", self.url))
            .header("host", "files.example.com")
            .header("x-approval-subject", "somebody else")
            .header("x-forwarded-uri", "/files/plans/a.txt")
            .header("x-forwarded-method", "GET")
            .header(
                "x-original-url",
                "https://files.example.com/files/plans/a.txt",
            );
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        Answer::of(request.send().await.expect("an answer")).await
    }

    fn reached(&self) -> Vec<(String, HeaderMap)> {
        std::mem::take(&mut *self.reached.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The guide's block in that language.
fn block(language: &str) -> String {
    let guide = sources::root().join("docs/how-to/protect-a-service.md");
    let guide = std::fs::read_to_string(guide).expect("the guide");
    let (_, rest) = guide
        .split_once(&format!("```{language}\n"))
        .expect("a block");
    let (block, _) = rest.split_once("```").expect("its end");
    block.to_owned()
}

/// A program that `script/setup` unpacks where the machine does not have it.
fn program(name: &str) -> PathBuf {
    let unpacked = sources::root().join("target/tools/proxies");
    let places = ["/usr/sbin", "/usr/bin"];
    let ours = places.map(|place| unpacked.join(&place[1..]).join(name));
    let installed = places.map(|place| Path::new(place).join(name));
    let found = installed.into_iter().chain(ours).find(|it| it.exists());
    found.unwrap_or_else(|| panic!("{name}: script/setup brings it"))
}

async fn free_port() -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    listener.local_addr().expect("an address").port()
}

/// A service that answers whatever reaches it.
async fn service(world: &World) -> (u16, Reached) {
    async fn reach(State(reached): State<Reached>, request: Request) -> &'static str {
        let line = format!("{} {}", request.method(), request.uri());
        let mut reached = reached.lock().unwrap_or_else(PoisonError::into_inner);
        reached.push((line, request.headers().clone()));
        "done"
    }
    let reached = Reached::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let service = Router::new()
        .fallback(reach)
        .with_state(Arc::clone(&reached));
    (world.app.tasks).spawn(async move { axum::serve(listener, service).await });
    (port, reached)
}

/// The guide's addresses become this story's.
fn ours(world: &World, block: &str, service: u16) -> String {
    let us = world.url.strip_prefix("http://").expect("loopback");
    let service = format!("127.0.0.1:{service}");
    block
        .replace("127.0.0.1:8787", us)
        .replace("127.0.0.1:9000", &service)
}

async fn started(world: &World, mut command: Command, port: u16, reached: Reached) -> Front {
    let proxy = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("a proxy");
    let front = Front {
        url: format!("http://127.0.0.1:{port}"),
        reached,
        _proxy: proxy,
    };
    for _ in 0..200 {
        if world.http.get(&front.url).send().await.is_ok() {
            return front;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the proxy does not answer");
}

async fn nginx(world: &World) -> Front {
    let (port, (service, reached)) = (free_port().await, service(world).await);
    let listen = format!("listen 127.0.0.1:{port};");
    let server = ours(world, &block("nginx"), service).replace("listen 443 ssl;", &listen);
    let folder = world.folder().join("nginx");
    std::fs::create_dir_all(&folder).expect("a folder");
    let at = folder.display();
    let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let paths = paths.map(|path| format!("{path}_temp_path {at}/{path};"));
    let file = format!(
        "daemon off;\nmaster_process off;\npid {at}/pid;\nerror_log {at}/error.log;\nevents {{}}\n\
         http {{\naccess_log off;\n{}\n{server}\n}}\n",
        paths.join("\n")
    );
    let config = folder.join("nginx.conf");
    std::fs::write(&config, file).expect("written");
    let mut command = Command::new(program("nginx"));
    let log = folder.join("error.log");
    command
        .arg("-c")
        .arg(&config)
        .arg("-p")
        .arg(&folder)
        .arg("-e")
        .arg(log);
    started(world, command, port, reached).await
}

async fn caddy(world: &World) -> Front {
    let (port, (service, reached)) = (free_port().await, service(world).await);
    let site = format!("http://127.0.0.1:{port}, http://files.example.com:{port} {{");
    let site = ours(world, &block("caddyfile"), service).replace("files.example.com {", &site);
    let folder = world.folder().join("caddy");
    std::fs::create_dir_all(&folder).expect("a folder");
    let config = folder.join("Caddyfile");
    let file = format!("{{\nadmin off\n}}\n{site}");
    std::fs::write(&config, file).expect("written");
    let mut command = Command::new(program("caddy"));
    command
        .args(["run", "--adapter", "caddyfile", "--config"])
        .arg(&config)
        .env("HOME", &folder)
        .env("XDG_DATA_HOME", &folder)
        .env("XDG_CONFIG_HOME", &folder);
    started(world, command, port, reached).await
}

async fn only_what_was_approved_reaches_the_service(world: World, front: Front) {
    let cast = Cast::of(&world).await;
    let answer = front.send(&world, "DELETE", "/files/plans/b.txt", "").await;
    assert_eq!(answer.status, 401, "{answer:?}");
    let challenge = answer.headers["www-authenticate"].to_str().expect("text");
    let metadata =
        "resource_metadata=\"https://files.example.com/.well-known/oauth-protected-resource\"";
    assert!(
        challenge.contains("file_deletion") && challenge.contains(metadata),
        "{challenge}"
    );
    let metadata = front
        .send(&world, "GET", "/.well-known/oauth-protected-resource", "")
        .await;
    assert_eq!(metadata.ok()["authorization_servers"][0], world.url);

    let reading = cast.reading().await;
    for (method, path, status) in [
        ("DELETE", "/files/plans/b.txt", 401),
        ("GET", "/admin", 403),
        ("POST", "/files/plans/a.txt", 403),
        ("GET", "/files/%2e%2e/admin", 403),
        ("GET", "/files/x%2f..%2f..%2fadmin", 403),
        ("GET", "/files//admin", 403),
    ] {
        let answer = front.send(&world, method, path, &reading).await;
        assert_eq!(
            answer.status.as_u16(),
            status,
            "{method} {path}: {answer:?}"
        );
    }
    assert!(front.reached().is_empty());

    let answer = front
        .send(&world, "GET", "/files/plans/a.txt?page=2", &reading)
        .await;
    assert_eq!(
        (answer.status.as_u16(), &answer.body),
        (200, &Value::from("done"))
    );
    let reached = front.reached();
    let [(line, headers)] = reached.as_slice() else {
        panic!("{reached:?}");
    };
    assert_eq!(line, "GET /files/plans/a.txt?page=2");
    assert_eq!(
        headers["x-approval-subject"],
        cast.maya.id.to_string().as_str()
    );
    assert_eq!(headers.get_all("x-approval-subject").iter().count(), 1);
    assert_eq!(headers["x-approval-agent"], cast.agent.id.as_str());
    assert_eq!(headers["x-approval-decision"], "once");
    assert!(headers.get("authorization").is_none());

    let deleting = cast.deleting("plans", "a b.txt").await;
    let answer = front
        .send(&world, "DELETE", "/files/plans/a%20b.txt", &deleting)
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer = front
        .send(&world, "DELETE", "/files/plans/a%20b.txt", &deleting)
        .await;
    assert_eq!(answer.status, 401, "{answer:?}");
    assert_eq!(front.reached().len(), 1);

    // Nobody answers: nothing passes.
    world.app.stop.cancel();
    world.app.store.close().await;
    let answer = front
        .send(&world, "GET", "/files/plans/a.txt", &reading)
        .await;
    assert!(answer.status.is_server_error(), "{answer:?}");
    assert!(front.reached().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx_lets_only_what_was_approved_reach_the_service() {
    let world = World::sqlite_with(customs()).await;
    let front = nginx(&world).await;
    Box::pin(only_what_was_approved_reaches_the_service(world, front)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn caddy_lets_only_what_was_approved_reach_the_service() {
    let world = World::sqlite_with(customs()).await;
    let front = caddy(&world).await;
    Box::pin(only_what_was_approved_reaches_the_service(world, front)).await;
}

#[test]
fn the_guide_s_catalogue_reads_cleanly() {
    let indented = block("toml");
    let read = Catalogue::read(&indented);
    assert_eq!(
        read.expect("the guide's catalogue").resources[0]
            .routes
            .len(),
        2
    );
}
