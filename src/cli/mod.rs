//! What a terminal can do: one file a subcommand.
//!
//! Data goes to stdout, words go to stderr, `--json` makes the data JSON, and the [exit code](exit::Exit)
//! says how it ended. Commands on the server's host work on its database; `ask` and `wait` are clients
//! like any other and use public endpoints only. None of them can answer a request.

mod agent;
mod apply;
mod ask;
mod audit;
mod catalog;
mod client;
mod completion;
mod demo;
pub mod exit;
mod grant;
mod host;
mod input;
mod interrupt;
mod keys;
mod output;
mod pause;
mod person;
mod receipt;
mod serve;
mod wait;
mod webhook_secret;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use exit::{Exit, Failure};
use host::Host;
use output::Output;

/// What a bare `countersign` prints.
const SHORT_HELP: &str = "\
countersign – software agents ask a person before they act

  countersign demo                      try everything here, nothing is kept
  countersign serve                     run it for real
  countersign ask maya \"Deploy 4.2?\"    ask and wait (exit 0 = yes, 10 = no)

More: countersign --help";

const EXIT_CODES: &str = "\
Exit codes:
  0 done, or approved    10 denied       2 bad usage            6 exists already, or in use
  1 failed               11 no answer    3 bad configuration   20 verification failed
                         12 cancelled    4 cannot connect     130 interrupted
                         13 blocked      5 not authorised";

/// Software agents ask a person before they act
#[derive(Debug, Parser)]
#[command(name = "countersign", version, after_help = EXIT_CODES, disable_help_subcommand = false)]
struct Cli {
    /// The settings file
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print data as JSON
    #[arg(long, global = true)]
    json: bool,
    /// No colours
    #[arg(long, global = true)]
    no_color: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Try everything here; nothing is kept
    Demo(demo::Demo),
    /// Run the server
    Serve(serve::Serve),
    /// Ask a person, and wait for the answer
    Ask(Box<ask::Ask>),
    /// Come back to a request that was asked before
    Wait(wait::Wait),
    /// Look over a catalogue before it is applied
    #[command(subcommand)]
    Catalog(catalog::CatalogCommand),
    /// Prove an answer to somebody who was not there, and check such a proof
    #[command(subcommand)]
    Receipt(receipt::ReceiptCommand),
    #[command(flatten)]
    Host(HostCommand),
    /// Print a shell's completion script
    Completion(completion::Completion),
}

/// Commands that work on the server's own database.
#[derive(Debug, Subcommand)]
enum HostCommand {
    /// Apply a catalogue: what may be asked for
    Apply(apply::Apply),
    /// Print the catalogue as a file that can be applied
    Export,
    /// Register, list and disable clients
    #[command(subcommand)]
    Client(client::ClientCommand),
    /// Add, list, disable and sign in people
    #[command(subcommand)]
    Person(person::PersonCommand),
    /// List and stop what people always allow
    #[command(subcommand)]
    Grant(grant::GrantCommand),
    /// Let no agent ask anybody for a while
    Pause(pause::Pause),
    /// Let agents ask again
    Resume,
    /// List and rotate signing keys
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Verify and copy the history
    #[command(subcommand)]
    Audit(audit::AuditCommand),
}

/// Runs the program.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(Exit::Usage as u8));
        }
    };
    let output = Output::new(cli.json, cli.no_color);
    let Some(command) = cli.command else {
        output.data(SHORT_HELP);
        return Exit::Ok.into();
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Failed, error));
    let ended = runtime.and_then(|runtime| {
        let ended = runtime.block_on(dispatch(command, cli.config, output));
        // A thread that waits for a line nobody types must not keep the process.
        runtime.shutdown_background();
        ended
    });
    ended
        .unwrap_or_else(|failure| {
            output.failure(&failure);
            failure.exit
        })
        .into()
}

async fn dispatch(
    command: Command,
    config: Option<PathBuf>,
    output: Output,
) -> Result<Exit, Failure> {
    let config = config.as_deref();
    match command {
        Command::Demo(demo) => demo::run(&demo, output).await,
        Command::Serve(serve) => serve::run(&serve, config, output).await,
        Command::Ask(ask) => ask::run(*ask, output).await,
        Command::Wait(wait) => wait::run(wait, output).await,
        Command::Catalog(command) => catalog::run(&command, output),
        Command::Receipt(command) => receipt::run(command, config, output).await,
        Command::Completion(completion) => Ok(completion::run(&completion)),
        Command::Host(command) => {
            let host = host::open(config, output).await?;
            let ended = on_host(command, &host, output).await;
            host.close().await;
            ended
        }
    }
}

/// What works on the server's own database, running or not.
async fn on_host(command: HostCommand, host: &Host, output: Output) -> Result<Exit, Failure> {
    match command {
        HostCommand::Client(command) => client::run(command, host, output).await,
        HostCommand::Person(command) => person::run(command, host, output).await,
        HostCommand::Grant(command) => grant::run(command, host, output).await,
        HostCommand::Apply(apply) => apply::apply(&apply, host, output).await,
        HostCommand::Export => apply::export(host, output).await,
        HostCommand::Pause(command) => pause::pause(&command, host, output).await,
        HostCommand::Resume => pause::resume(host, output).await,
        HostCommand::Keys(command) => keys::run(&command, host, output).await,
        HostCommand::Audit(command) => audit::run(command, host, output).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
