//! What tokens cost the server: redeemed with and without a DPoP proof, refreshed, asked about; beside the floor.
//!
//! Starts `bench-server` on a database of its own, gets tokens, and then sends one kind of request after the other in
//! closed loops over loopback. What counts is the CPU time of the server's process, as the operating system says
//! it (`/proc`). See `docs/performance.md`.
//!
//! ```sh
//! cargo build --release --examples && target/release/examples/bench-tokens
//! ```

use std::future::Future;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::process::{Child, Command};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const SECRET: &str = "bench-secret-0123456789-0123456789";
const ADDRESS: &str = "127.0.0.1:8097";
const GRANT_TYPE: &str = "urn:openid:params:grant-type:ciba";

/// Requests under way at once.
const CONNECTIONS: usize = 64;

/// Tokens of each kind that are redeemed, and how long what can be repeated is repeated.
const REDEEMED: usize = 8_000;
const LENGTH: Duration = Duration::from_secs(6);

/// How often everything is measured.
const ROUNDS: usize = 2;

/// The server under measurement.
struct Server {
    child: Child,
    http: reqwest::Client,
    folder: std::path::PathBuf,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.start_kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Server {
    async fn start() -> Result<Self, Failure> {
        let folder = std::env::temp_dir().join(format!("bench-tokens-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let program = std::env::current_exe()?.with_file_name("bench-server");
        let database = format!("sqlite://{}", folder.join("bench.db").display());
        let child = Command::new(program)
            .env("BENCH_DATABASE", database)
            .env("BENCH_LISTEN", ADDRESS)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let http = reqwest::Client::builder()
            .pool_max_idle_per_host(CONNECTIONS)
            .build()?;
        let server = Self {
            child,
            http,
            folder,
        };
        for _ in 0..200 {
            if server
                .post("bench-basic", "/bench/floor", &[], None)
                .await
                .is_ok()
            {
                return Ok(server);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err("the server does not answer".into())
    }

    /// CPU seconds its process has used.
    fn cpu(&self) -> Result<f64, Failure> {
        /// Ticks a second, on every Linux there is.
        const TICKS: f64 = 100.0;
        let pid = self.child.id().ok_or("the server has ended")?;
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let rest = stat.rsplit_once(") ").ok_or("an odd /proc")?.1;
        let fields: Vec<&str> = rest.split(' ').collect();
        let ticks = |at: usize| -> Result<f64, Failure> {
            Ok(fields.get(at).ok_or("an odd /proc")?.parse()?)
        };
        Ok((ticks(11)? + ticks(12)?) / TICKS)
    }

    async fn post(
        &self,
        client: &str,
        path: &str,
        form: &[(&str, &str)],
        proof: Option<&str>,
    ) -> Result<Value, Failure> {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let mut request = self
            .http
            .post(format!("http://{ADDRESS}{path}"))
            .basic_auth(client, Some(SECRET))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        if let Some(proof) = proof {
            request = request.header("dpop", proof);
        }
        let response = request.send().await?;
        let (status, text) = (response.status(), response.text().await?);
        if !status.is_success() {
            return Err(format!("{path}: {status} {text}").into());
        }
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }

    /// Asks, and has it approved.
    async fn approved(&self, number: usize) -> Result<String, Failure> {
        let hint = format!("user-{}", number % 100);
        let ask = [("scope", "openid calendar.read"), ("login_hint", &*hint)];
        let asked = self
            .post("bench-basic", "/bc-authorize", &ask, None)
            .await?;
        let id = asked["auth_req_id"].as_str().ok_or("no id")?.to_owned();
        let approve = self.http.post(format!("http://{ADDRESS}/bench/approve"));
        let body = json!({"auth_req_id": id}).to_string();
        let answer = approve.body(body).send().await?;
        answer.error_for_status()?;
        Ok(id)
    }

    async fn redeem(&self, id: &str, proof: Option<&str>) -> Result<Value, Failure> {
        let collect = [("grant_type", GRANT_TYPE), ("auth_req_id", id)];
        self.post("bench-basic", "/oauth/token", &collect, proof)
            .await
    }
}

/// A key, and proofs by it.
struct Prover {
    pair: EcdsaKeyPair,
    header: String,
}

impl Prover {
    fn new() -> Result<Self, Failure> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
        let point = pair.public_key().as_ref().to_vec();
        let part = |range| URL_SAFE_NO_PAD.encode(&point[range]);
        let jwk = json!({"kty": "EC", "crv": "P-256", "x": part(1..33), "y": part(33..65)});
        let header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk}).to_string();
        let header = URL_SAFE_NO_PAD.encode(header);
        Ok(Self { pair, header })
    }

    fn proof(&self, number: usize) -> Result<String, Failure> {
        let now = std::time::UNIX_EPOCH.elapsed()?.as_secs();
        let url = format!("http://{ADDRESS}/oauth/token");
        let claims =
            json!({"jti": format!("proof-{number}"), "htm": "POST", "htu": url, "iat": now});
        let message = format!(
            "{}.{}",
            self.header,
            URL_SAFE_NO_PAD.encode(claims.to_string())
        );
        let signature = self.pair.sign(&SystemRandom::new(), message.as_bytes())?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// What one kind of request did.
struct Measured {
    done: usize,
    cpu: f64,
    wall: f64,
}

/// Sends requests in closed loops until `enough`, and measures the server meanwhile. `one` is told its loop and
/// its number.
async fn measure<F, R>(
    server: &Arc<Server>,
    enough: impl Fn(usize, Duration) -> bool + Copy + Send + 'static,
    one: F,
) -> Result<Measured, Failure>
where
    F: Fn(usize, usize) -> R + Clone + Send + 'static,
    R: Future<Output = Result<(), Failure>> + Send,
{
    let (began, before) = (Instant::now(), server.cpu()?);
    let next = Arc::new(AtomicUsize::new(0));
    let mut loops = tokio::task::JoinSet::new();
    for this in 0..CONNECTIONS {
        let (next, one) = (Arc::clone(&next), one.clone());
        loops.spawn(async move {
            let mut done = 0;
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if enough(number, began.elapsed()) {
                    return Ok::<usize, Failure>(done);
                }
                one(this, number).await?;
                done += 1;
            }
        });
    }
    let mut done = 0;
    while let Some(finished) = loops.join_next().await {
        done += finished??;
    }
    Ok(Measured {
        done,
        cpu: server.cpu()? - before,
        wall: began.elapsed().as_secs_f64(),
    })
}

#[expect(clippy::print_stdout, reason = "figures are what this is for")]
#[expect(clippy::cast_precision_loss, reason = "a count of requests")]
fn say(what: &str, measured: &Measured) {
    let done = measured.done as f64;
    println!(
        "{what:<28} {:>7.0} µs CPU each {:>8.0} a CPU-second {:>8.0} a second",
        measured.cpu / done * 1e6,
        done / measured.cpu,
        done / measured.wall,
    );
}

async fn round(server: &Arc<Server>) -> Result<(), Failure> {
    let long_enough = |_: usize, elapsed: Duration| elapsed >= LENGTH;
    let all = |number: usize, _: Duration| number >= REDEEMED;

    let this = Arc::clone(server);
    let floor = measure(server, long_enough, move |_, _| {
        let server = Arc::clone(&this);
        async move {
            server
                .post("bench-basic", "/bench/floor", &[("token", "x")], None)
                .await
                .map(|_| ())
        }
    });
    say("floor", &floor.await?);

    let prover = Arc::new(Prover::new()?);
    let mut tokens = Vec::new();
    for bound in [false, true] {
        let slots: Arc<Vec<std::sync::Mutex<String>>> =
            Arc::new((0..REDEEMED).map(|_| std::sync::Mutex::default()).collect());
        let (this, ids) = (Arc::clone(server), Arc::clone(&slots));
        measure(server, all, move |_, number| {
            let (server, ids) = (Arc::clone(&this), Arc::clone(&ids));
            async move {
                let id = server.approved(number).await?;
                *ids[number].lock().map_err(|_| "poisoned")? = id;
                Ok(())
            }
        })
        .await?;
        let (this, ids, prover) = (Arc::clone(server), Arc::clone(&slots), Arc::clone(&prover));
        let kept = Arc::new(std::sync::Mutex::new(Vec::new()));
        let keep = Arc::clone(&kept);
        let redeemed = measure(server, all, move |_, number| {
            let (server, ids, keep) = (Arc::clone(&this), Arc::clone(&ids), Arc::clone(&keep));
            let proof = bound.then(|| prover.proof(number)).transpose();
            async move {
                let id = ids[number].lock().map_err(|_| "poisoned")?.clone();
                let answer = server.redeem(&id, proof?.as_deref()).await?;
                if number < CONNECTIONS {
                    keep.lock().map_err(|_| "poisoned")?.push(answer);
                }
                Ok(())
            }
        });
        let what = if bound {
            "redemption with DPoP"
        } else {
            "redemption"
        };
        say(what, &redeemed.await?);
        if !bound {
            tokens.clone_from(&*kept.lock().map_err(|_| "poisoned")?);
        }
    }

    let text = |answer: &Value, name: &str| answer[name].as_str().unwrap_or_default().to_owned();
    let access: Arc<Vec<String>> =
        Arc::new(tokens.iter().map(|it| text(it, "access_token")).collect());
    let this = Arc::clone(server);
    let introspected = measure(server, long_enough, move |_, number| {
        let (server, access) = (Arc::clone(&this), Arc::clone(&access));
        async move {
            let form = [("token", access[number % access.len()].as_str())];
            let told = server
                .post("bench-service", "/oauth/introspect", &form, None)
                .await?;
            if told["active"] == true {
                Ok(())
            } else {
                Err("not active".into())
            }
        }
    });
    say("introspection", &introspected.await?);

    let refresh = tokens
        .iter()
        .map(|it| tokio::sync::Mutex::new(text(it, "refresh_token")));
    let refresh: Arc<Vec<_>> = Arc::new(refresh.collect());
    let this = Arc::clone(server);
    let refreshed = measure(server, long_enough, move |own, _| {
        let (server, refresh) = (Arc::clone(&this), Arc::clone(&refresh));
        async move {
            let mut token = refresh[own].lock().await;
            let form = [
                ("grant_type", "refresh_token"),
                ("refresh_token", token.as_str()),
            ];
            let answer = server
                .post("bench-basic", "/oauth/token", &form, None)
                .await?;
            let next = answer["refresh_token"].as_str().ok_or("no refresh token")?;
            next.clone_into(&mut token);
            Ok(())
        }
    });
    say("refresh", &refreshed.await?);
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let server = Arc::new(Server::start().await?);
    for _ in 0..ROUNDS {
        round(&server).await?;
    }
    Ok(())
}
