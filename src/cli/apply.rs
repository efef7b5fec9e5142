//! `apply` and `export`: the catalogue, as a file.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::exit::{Exit, Failure};
use super::host::Host;
use super::input;
use super::output::Output;
use crate::domain::action::{Catalogue, CatalogueError, Change};
use crate::flow::StoreError;
use crate::flow::catalogue::{self, Applied};

/// What to apply.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  countersign apply catalogue.toml --dry-run")]
pub(super) struct Apply {
    /// The catalogue as TOML, or - for stdin
    file: PathBuf,
    /// Say what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Applies a catalogue: all of it, or nothing.
pub(super) async fn apply(apply: &Apply, host: &Host, output: Output) -> Result<Exit, Failure> {
    let text = input::read(&apply.file)?;
    let next = Catalogue::read(&text).map_err(|error| {
        unreadable(&input::name(&apply.file), &error).effect("nothing was applied")
    })?;
    if apply.dry_run {
        let changes = catalogue::plan(&host.app, &next).await?;
        show(&changes, None, output);
        return Ok(Exit::Ok);
    }
    match catalogue::apply(&host.app, next).await {
        Ok(Applied::Nothing) => show(&[], None, output),
        Ok(Applied::Version(version, changes)) => show(&changes, Some(version), output),
        Err(StoreError::Overtaken) => {
            return Err(Failure::new(
                Exit::Conflict,
                "another catalogue was applied at the same moment",
            )
            .effect("nothing was applied")
            .fix("look at the difference (--dry-run) and apply again"));
        }
        Err(error) => return Err(error.into()),
    }
    Ok(Exit::Ok)
}

/// A file that is no catalogue.
pub(super) fn unreadable(file: &str, error: &CatalogueError) -> Failure {
    let many = match error.problems.len() {
        1 => "a fault".to_owned(),
        many => format!("{many} faults"),
    };
    Failure::new(Exit::Config, format_args!("{file} has {many}:\n{error}"))
}

fn show(changes: &[Change], version: Option<i32>, output: Output) {
    let lines = changes.iter().map(ToString::to_string);
    if output.json {
        let lines: Vec<String> = lines.collect();
        output.json(&json!({ "changes": lines, "applied": version.is_some(), "version": version }));
    } else {
        lines.for_each(|line| output.data(line));
    }
    match version {
        Some(version) => output.done(format_args!(
            "applied as version {version}; a running server takes it over within seconds"
        )),
        None if changes.is_empty() => {
            output.done("nothing to do: the catalogue is in force already");
        }
        None => output.next("nothing was applied: leave out --dry-run to apply it"),
    }
}

/// Prints the catalogue in force as a file that can be applied.
pub(super) async fn export(host: &Host, output: Output) -> Result<Exit, Failure> {
    let (version, catalogue) = catalogue::current(&host.app).await?;
    if output.json {
        output.json(&json!({ "version": version, "toml": catalogue.to_toml() }));
    } else {
        output.data(catalogue.to_toml().trim_end());
    }
    if version == 0 {
        output.next("the catalogue is empty: countersign apply FILE");
    }
    Ok(Exit::Ok)
}
