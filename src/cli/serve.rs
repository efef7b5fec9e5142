//! `serve`: the server, until it is told to stop.

use std::path::Path;
use std::time::Instant;

use clap::Args;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::exit::{Exit, Failure};
use super::host::{self, Host};
use super::output::Output;
use crate::app::App;
use crate::config::{self, Config, ConfigError, Connections, TlsPaths};
use crate::flow::sign_in;
use crate::server::{self, Limits, Tls, TlsFiles};
use crate::telemetry::{self, Style, TelemetryError};
use crate::{http, worker};

/// How often polls that came in the meantime are let go while the server stops.
const RELEASE_EVERY: std::time::Duration = std::time::Duration::from_millis(100);

/// The server's flags; everything else is a setting.
#[derive(Debug, Args)]
#[command(after_help = "Every setting is explained by `countersign serve --default-config`.")]
pub(super) struct Serve {
    /// Print every setting with its default, as a settings file, and do nothing else
    #[arg(long)]
    default_config: bool,
}

/// Runs the command.
pub(super) async fn run(
    serve: &Serve,
    file: Option<&Path>,
    output: Output,
) -> Result<Exit, Failure> {
    if serve.default_config {
        output.data(config::DEFAULT.trim_end());
        return Ok(Exit::Ok);
    }
    let began = Instant::now();
    let loaded = config::load(file)?;
    let style = Style::for_stderr();
    start_log(&loaded.config, style)?;
    let signals = Signals::listen()?;
    let (listener, address) = listen(&loaded.config).await?;
    let connections = loaded.config.connections;
    let public_url = loaded
        .config
        .public_url
        .clone()
        .unwrap_or_else(|| format!("{}://{address}", scheme(&loaded.config)));
    let tls = loaded.config.tls.clone();
    let host = host::open_locked(loaded.config, public_url).await?;
    let tls = tls.map(|files| encrypted(&host.app, files)).transpose()?;
    worker::start(&host.app);
    let ready = Ready {
        address: address.to_string(),
        settings: loaded.file.as_deref(),
        took: began.elapsed(),
    };
    ready.tell(&host, style, output);
    until_stopped(&host.app, (listener, tls), connections, signals).await?;
    tracing::info!("stopped");
    host.close().await;
    Ok(Exit::Ok)
}

fn start_log(config: &Config, style: Style) -> Result<(), Failure> {
    telemetry::start(Some(&config.log), style).map_err(|error| match error {
        TelemetryError::Filter(_) => ConfigError::one(
            "log",
            error.to_string(),
            "write a level such as info, or a filter such as \"warn,countersign=debug\"",
        )
        .into(),
        TelemetryError::Twice(_) => Failure::new(Exit::Failed, error),
    })
}

fn scheme(config: &Config) -> &'static str {
    if config.tls.is_some() {
        "https"
    } else {
        "http"
    }
}

fn encrypted(app: &App, files: TlsPaths) -> Result<Tls, Failure> {
    let files = TlsFiles {
        certificate: files.certificate,
        key: files.key,
        client_ca: files.client_ca,
    };
    Tls::open(app.clone(), &files).map_err(|error| {
        Failure::new(Exit::Config, error)
            .effect("without it nobody could be served over TLS")
            .fix("tls.certificate and tls.key are PEM files that belong together")
    })
}

async fn listen(config: &Config) -> Result<(TcpListener, std::net::SocketAddr), Failure> {
    let cannot = |error: std::io::Error| {
        let exit = if error.kind() == std::io::ErrorKind::AddrInUse {
            Exit::Conflict
        } else {
            Exit::Config
        };
        Failure::new(
            exit,
            format_args!("cannot listen on {}: {error}", config.listen),
        )
        .fix("choose another address with COUNTERSIGN_LISTEN, or stop what is using it")
    };
    let listener = TcpListener::bind(config.listen).await.map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    Ok((listener, address))
}

/// Serves until a signal, then answers what is held, finishes what is in hand and returns.
pub(super) async fn until_stopped(
    app: &App,
    (listener, tls): (TcpListener, Option<Tls>),
    connections: Connections,
    mut signals: Signals,
) -> Result<(), Failure> {
    let stopping = async {
        signals.stop().await;
        tracing::info!("stopping: what is held is answered, what is in hand is finished");
        app.stop.cancel();
        loop {
            app.signal.release_all();
            tokio::select! {
                () = tokio::time::sleep(RELEASE_EVERY) => {}
                () = signals.stop() => return,
            }
        }
    };
    let limits = limits(connections);
    let drain = connections.drain.unsigned_abs();
    let serving = server::serve_with(
        listener,
        tls,
        http::router(app.clone()),
        limits,
        app.stop.clone(),
        drain,
    );
    tokio::select! {
        ended = serving => ended.map_err(|error| Failure::new(Exit::Failed, error)),
        () = stopping => Err(Failure::new(Exit::Interrupted, "stopped at once, as asked twice")),
    }
}

/// What one connection may use, as the server wants it.
fn limits(connections: Connections) -> Limits {
    Limits {
        header_timeout: connections.header_timeout.unsigned_abs(),
        body_timeout: connections.body_timeout.unsigned_abs(),
        idle_timeout: connections.idle_timeout.unsigned_abs(),
        request_timeout: connections.request_timeout.unsigned_abs(),
        max_connections: connections.most,
        ..Limits::default()
    }
}

/// What ends the server.
#[derive(Debug)]
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Listens from now on.
    pub(super) fn listen() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(|error| Failure::new(Exit::Failed, error));
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    /// Waits until the server is told to stop.
    pub(super) async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// What an operator wants to know when the server has started.
struct Ready<'a> {
    address: String,
    settings: Option<&'a Path>,
    took: std::time::Duration,
}

impl Ready<'_> {
    fn tell(&self, host: &Host, style: Style, output: Output) {
        let app = &host.app;
        let url = &app.settings.public_url;
        let kid = app.keyring.get().active.public().kid.clone();
        match style {
            Style::Json => tracing::info!(
                listen = self.address,
                url,
                data = %host.place.dir.display(),
                settings = self.settings.map(|path| path.display().to_string()),
                kid,
                catalogue = app.catalogue.get().version,
                ready_ms = u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
                "ready"
            ),
            Style::Text => self.say(host, &kid, output),
        }
        warn_of(app, output, style);
    }

    fn say(&self, host: &Host, kid: &str, output: Output) {
        let app = &host.app;
        let settings = self.settings.map_or_else(
            || "defaults and environment".to_owned(),
            |path| path.display().to_string(),
        );
        let database = match &host.place.file {
            Some(file) => format!("SQLite {}", file.display()),
            None => "PostgreSQL".to_owned(),
        };
        output.say(format_args!(
            "countersign {}  settings: {settings}  data: {}",
            env!("CARGO_PKG_VERSION"),
            host.place.dir.display()
        ));
        output.done(format_args!("database ready: {database}"));
        output.done(format_args!("signing key {}", kid.get(..8).unwrap_or(kid)));
        output.done(format_args!(
            "listening on {}, reached at {}",
            self.address, app.settings.public_url
        ));
        if host.new {
            output.next("add yourself:      countersign person add you@example.com");
            output.next("add an agent:      countersign client add \"Deploy Bot\"");
            output.next("say what there is: countersign apply catalogue.toml");
        }
        output.say(format_args!(
            "Ready in {:.2} s. Ctrl-C to stop.",
            self.took.as_secs_f32()
        ));
    }
}

/// What works less well than it could.
fn warn_of(app: &App, output: Output, style: Style) {
    let warn = |words: &str| match style {
        Style::Json => tracing::warn!("{words}"),
        Style::Text => output.warn(words),
    };
    if !sign_in::can_send(app) {
        warn("mail is off: people without a browser that takes notifications cannot be reached");
    }
    let url = &app.settings.public_url;
    let local = ["http://127.", "http://localhost", "http://[::1]"]
        .iter()
        .any(|front| url.starts_with(front));
    if !app.settings.is_https() && !local {
        warn(
            "the public URL is plain http: browsers refuse notifications there, and others can listen",
        );
    }
}
