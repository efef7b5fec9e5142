//! A real PostgreSQL: a cluster of this test run's own, gone when the run ends, however it ends.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, Database, DatabaseConnection};

use super::Folder;

/// How long a cluster may take to start on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// The URL of a new, empty database.
pub async fn new_database() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let cluster = tokio::task::spawn_blocking(|| {
        static CLUSTER: OnceLock<Cluster> = OnceLock::new();
        CLUSTER.get_or_init(Cluster::start)
    });
    let cluster = cluster.await.expect("a cluster");
    let name = format!("story_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let maintenance = cluster.connect().await;
    let create = format!("CREATE DATABASE {name}");
    maintenance
        .execute_unprepared(&create)
        .await
        .expect("a new database");
    maintenance.close().await.expect("closed");
    format!("postgres://countersign@127.0.0.1:{}/{name}", cluster.port)
}

struct Cluster {
    port: u16,
}

impl Cluster {
    /// Makes a cluster and starts it under a shell that ends it when this process goes, whether it
    /// returns, panics or is killed: its standard input closes.
    fn start() -> Self {
        let bin = binaries();
        let folder = Folder::new();
        let data = folder.0.join("data");
        let root = is_root();
        if root {
            let done = Command::new("chown")
                .args(["postgres"])
                .arg(&folder.0)
                .status();
            assert!(done.expect("chown").success());
        }
        let port = free_port();
        let script = format!(
            "umask 077; '{initdb}' -D '{data}' -U countersign -A trust -E UTF8 --no-sync >'{log}' 2>&1 || exit 1
             '{postgres}' -D '{data}' -h 127.0.0.1 -p {port} -k '{folder}' -c max_connections=400 \
                -c shared_buffers=32MB >>'{log}' 2>&1 & server=$!
             cat >/dev/null; kill -INT $server; wait $server; rm -rf '{folder}'",
            initdb = bin.join("initdb").display(),
            postgres = bin.join("postgres").display(),
            data = data.display(),
            log = folder.0.join("log").display(),
            folder = folder.0.display(),
        );
        let mut shell = if root {
            // PostgreSQL refuses to run as root.
            let mut shell = Command::new("runuser");
            shell.args(["-u", "postgres", "--", "sh", "-c", &script]);
            shell
        } else {
            let mut shell = Command::new("sh");
            shell.args(["-c", &script]);
            shell
        };
        let child = shell
            .current_dir("/")
            .stdin(Stdio::piped())
            .spawn()
            .expect("a shell");
        wait_until_listening(port, &folder.0);
        // Both live as long as this process: the shell removes the folder.
        std::mem::forget(child);
        std::mem::forget(folder);
        Self { port }
    }

    async fn connect(&self) -> DatabaseConnection {
        let url = format!("postgres://countersign@127.0.0.1:{}/postgres", self.port);
        let started = Instant::now();
        loop {
            match Database::connect(&url).await {
                Ok(connection) => return connection,
                // Just started: it says so itself.
                Err(error) if started.elapsed() > PATIENCE => {
                    panic!("PostgreSQL does not answer: {error}")
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id");
    id.stdout.trim_ascii() == b"0"
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// Where the server's programs are: Debian keeps them out of the path.
fn binaries() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .collect();
    versions.sort();
    versions.reverse();
    versions.extend(std::env::split_paths(&path));
    versions
        .into_iter()
        .find(|bin| bin.join("initdb").exists() && bin.join("postgres").exists())
        .expect("PostgreSQL's server programs (script/test installs them)")
}

fn wait_until_listening(port: u16, folder: &Path) {
    let started = Instant::now();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        if started.elapsed() > PATIENCE {
            let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
            panic!("PostgreSQL did not start: {log}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
