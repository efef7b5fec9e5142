//! `completion`: what a shell needs to complete our words, from the same definitions.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Cli;
use super::exit::Exit;

/// Which shell.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  countersign completion bash > /etc/bash_completion.d/countersign"
)]
pub(super) struct Completion {
    /// The shell
    shell: Shell,
}

/// Prints the script.
pub(super) fn run(completion: &Completion) -> Exit {
    let mut command = Cli::command();
    clap_complete::generate(
        completion.shell,
        &mut command,
        "countersign",
        &mut std::io::stdout(),
    );
    Exit::Ok
}
