//! `catalog`: whether a catalogue asks well, before anybody is asked by it.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::{Value, json};

use super::apply::unreadable;
use super::exit::{Exit, Failure};
use super::input;
use super::output::Output;
use crate::domain::action::catalogue::lint;

/// The catalogue as a file.
#[derive(Debug, Subcommand)]
pub(super) enum CatalogCommand {
    /// Name what a person could not judge: sentences, facts, and how far a yes reaches
    #[command(after_help = "Example:\n  countersign catalog lint catalogue.toml")]
    Lint {
        /// The catalogue as TOML, or - for stdin
        file: PathBuf,
    },
}

/// Runs the command.
pub(super) fn run(command: &CatalogCommand, output: Output) -> Result<Exit, Failure> {
    let CatalogCommand::Lint { file } = command;
    let name = input::name(file);
    let found = lint(&input::read(file)?).map_err(|error| unreadable(&name, &error))?;
    if output.json {
        let shown = |it: &crate::domain::action::catalogue::Problem| json!({ "line": it.line, "cause": it.cause, "fix": it.fix });
        let problems: Vec<Value> = found.iter().map(shown).collect();
        output.json(&json!({ "problems": problems }));
    } else {
        for problem in &found {
            output.data(problem);
        }
    }
    match found.len() {
        0 => {
            output.done(format_args!("{name} asks well"));
            Ok(Exit::Ok)
        }
        many => Err(Failure::new(
            Exit::Config,
            format_args!("{name} asks badly in {many} places"),
        )
        .effect("it can be applied all the same, and people will be asked so")),
    }
}
