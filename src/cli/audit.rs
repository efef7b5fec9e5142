//! `audit`: proof afterwards.

use std::io::Write;
use std::path::PathBuf;

use clap::Subcommand;
use serde_json::{Value, json};

use super::exit::{Exit, Failure};
use super::host::Host;
use super::output::Output;
use crate::flow::ask::hex;
use crate::flow::audit::{self, AuditError};

/// The history.
#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Check that no entry was changed, moved or removed
    Verify,
    /// Copy every entry, one JSON object a line
    Export {
        /// Write into this file instead of to stdout
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

/// Runs the command.
pub(super) async fn run(
    command: AuditCommand,
    host: &Host,
    output: Output,
) -> Result<Exit, Failure> {
    match command {
        AuditCommand::Verify => verify(host, output).await,
        AuditCommand::Export { output: file } => export(file, host, output).await,
    }
}

async fn verify(host: &Host, output: Output) -> Result<Exit, Failure> {
    let verified = match audit::verify(&host.app).await {
        Ok(verified) => verified,
        Err(AuditError::Broken(broken)) => {
            if output.json {
                output.json(&json!({
                    "intact": false,
                    "stream": broken.stream,
                    "seq": broken.seq,
                    "why": broken.why,
                }));
            }
            return Err(Failure::new(Exit::Unverified, &broken)
                .effect("what comes before it is intact; it and what comes after cannot be trusted")
                .fix("keep this database as it is, and compare it with a backup"));
        }
        Err(error) => return Err(error.into()),
    };
    let heads = verified
        .heads
        .iter()
        .map(|(stream, link)| (*stream, link.seq, hex(&link.hash)));
    output.done(format_args!("{} entries, all intact", verified.entries));
    if output.json {
        let heads: Vec<Value> = heads
            .map(|(stream, seq, hash)| json!({ "stream": stream, "seq": seq, "hash": hash }))
            .collect();
        output.json(&json!({ "intact": true, "entries": verified.entries, "heads": heads }));
    } else {
        for (stream, seq, hash) in heads {
            output.data(format_args!("stream {stream}  entry {seq}  {hash}"));
        }
    }
    Ok(Exit::Ok)
}

async fn export(file: Option<PathBuf>, host: &Host, output: Output) -> Result<Exit, Failure> {
    let entries = match &file {
        None => {
            let mut out = std::io::BufWriter::new(std::io::stdout());
            let entries = audit::export(&host.app, |line| writeln!(out, "{line}")).await?;
            out.flush().map_err(AuditError::Copy)?;
            entries
        }
        Some(path) => {
            let mut options = std::fs::OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let made = options.open(path).map_err(|error| {
                Failure::new(Exit::Usage, format_args!("{}: {error}", path.display()))
                    .fix("name a file that is not there yet")
            })?;
            let mut out = std::io::BufWriter::new(made);
            let entries = audit::export(&host.app, |line| writeln!(out, "{line}")).await?;
            out.flush().map_err(AuditError::Copy)?;
            entries
        }
    };
    output.done(format_args!(
        "{entries} entries; that they were copied is one of them"
    ));
    Ok(Exit::Ok)
}

impl From<AuditError> for Failure {
    fn from(error: AuditError) -> Self {
        match error {
            AuditError::Broken(broken) => Self::new(Exit::Unverified, broken),
            AuditError::Store(error) => error.into(),
            error @ AuditError::Copy(_) => Self::new(Exit::Failed, error),
        }
    }
}
