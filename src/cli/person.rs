//! `person`: who can be asked.

use std::path::Path;

use clap::Subcommand;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::client::state;
use super::exit::{Exit, Failure, chain};
use super::host::Host;
use super::output::Output;
use crate::domain::action::duration;
use crate::domain::audit::Actor;
use crate::domain::consent::assurance::Assurance;
use crate::domain::user::User;
use crate::flow::register::{self, NewPerson};
use crate::flow::sign_in;
use crate::flow::user_code::{self, CodeError};

/// People who can be asked.
#[derive(Debug, Subcommand)]
pub(super) enum PersonCommand {
    /// Add a person
    #[command(after_help = "Example:\n  countersign person add maya@example.com --name Maya")]
    Add {
        /// Where letters go
        email: String,
        /// What pages call them
        #[arg(long)]
        name: Option<String>,
        /// Another name an agent may use for them
        #[arg(long)]
        username: Option<String>,
    },
    /// Print a one-time link that signs a person in
    Link {
        /// Their address, username or id
        #[arg(value_name = "EMAIL")]
        person: String,
    },
    /// Give a person a user code, which some agents must bring along to ask them
    #[command(after_help = "Example:\n  countersign person user-code maya@example.com")]
    UserCode {
        /// Their address, username or id
        #[arg(value_name = "EMAIL")]
        person: String,
        /// Read the code from stdin. Without it, one is made up and shown once
        #[arg(long, conflicts_with = "clear")]
        stdin: bool,
        /// Take it away: no agent needs one any more
        #[arg(long)]
        clear: bool,
    },
    /// List the people
    List,
    /// Ask a person nothing any more, and honour nothing they allowed
    Disable {
        /// Their address, username or id
        #[arg(value_name = "EMAIL")]
        person: String,
    },
    /// Let a disabled person take part again
    Enable {
        /// Their address, username or id
        #[arg(value_name = "EMAIL")]
        person: String,
    },
}

/// Runs the command.
pub(super) async fn run(
    command: PersonCommand,
    host: &Host,
    output: Output,
) -> Result<Exit, Failure> {
    match command {
        PersonCommand::Add {
            email,
            name,
            username,
        } => {
            let new = NewPerson {
                email,
                username,
                name,
            };
            let user = register::add_person(&host.app, new).await?;
            output.done(format_args!("{} <{}> was added", user.name, user.email));
            output.next(format_args!(
                "sign them in:  countersign person link {}",
                user.email
            ));
            show(&user, output);
            Ok(Exit::Ok)
        }
        PersonCommand::Link { person } => link(&person, host, output).await,
        PersonCommand::UserCode {
            person,
            clear: true,
            ..
        } => clear_code(&person, host, output).await,
        PersonCommand::UserCode { person, stdin, .. } => {
            set_code(&person, stdin, host, output).await
        }
        PersonCommand::List => list(host, output).await,
        PersonCommand::Disable { person } => set_active(&person, false, host, output).await,
        PersonCommand::Enable { person } => set_active(&person, true, host, output).await,
    }
}

async fn link(person: &str, host: &Host, output: Output) -> Result<Exit, Failure> {
    let user = register::person(&host.app, person).await?;
    if !user.active {
        return Err(
            Failure::new(Exit::Conflict, format_args!("{} is disabled", user.email))
                .fix(format_args!("countersign person enable {}", user.email)),
        );
    }
    let url = sign_in::make_link(&host.app, &user, Assurance::HostLink, None)
        .await
        .map_err(|error| Failure::new(Exit::Failed, chain(&error)))?;
    let life = host.app.settings.sign_in_link_life;
    output.say(format_args!(
        "Whoever opens this link is {}: once, within {}.",
        user.name,
        duration::words(life)
    ));
    if output.json {
        let expires_in = life.whole_seconds();
        output.json(&json!({ "url": url, "expires_in": expires_in, "sub": user.id }));
    } else {
        output.data(url);
    }
    Ok(Exit::Ok)
}

impl From<CodeError> for Failure {
    fn from(error: CodeError) -> Self {
        match error {
            CodeError::Store(error) => error.into(),
            error @ CodeError::Bad(_) => {
                Self::new(Exit::Usage, error).effect("nothing was changed")
            }
            error @ (CodeError::Busy | CodeError::Entropy(_)) => Self::new(Exit::Failed, error),
        }
    }
}

async fn set_code(person: &str, stdin: bool, host: &Host, output: Output) -> Result<Exit, Failure> {
    let user = register::person(&host.app, person).await?;
    let code: SecretString = if stdin {
        super::input::read(Path::new("-"))?.into()
    } else {
        user_code::make_up(&host.app).map_err(CodeError::from)?
    };
    user_code::set(&host.app, user.id, &code, Actor::Operator, None).await?;
    output.done(format_args!("{} has a user code", user.email));
    if stdin {
        show(&user, output);
        return Ok(Exit::Ok);
    }
    let code = code.expose_secret();
    if output.json {
        output.json(&json!({ "sub": user.id, "user_code": code }));
    } else {
        output.data(code);
    }
    output.warn("the code is shown this once: give it to nobody but them");
    Ok(Exit::Ok)
}

async fn clear_code(person: &str, host: &Host, output: Output) -> Result<Exit, Failure> {
    let user = register::person(&host.app, person).await?;
    user_code::remove(&host.app, user.id, Actor::Operator, None).await?;
    output.done(format_args!("{} has no user code", user.email));
    show(&user, output);
    Ok(Exit::Ok)
}

async fn list(host: &Host, output: Output) -> Result<Exit, Failure> {
    let people = register::people(&host.app).await?;
    if output.json {
        let people: Vec<Value> = people.iter().map(shown).collect();
        output.json(&json!({ "people": people }));
        return Ok(Exit::Ok);
    }
    if people.is_empty() {
        output.next("nobody yet: countersign person add maya@example.com");
        return Ok(Exit::Ok);
    }
    let rows: Vec<[String; 5]> = people
        .iter()
        .map(|user| {
            [
                user.email.clone(),
                user.name.clone(),
                user.username.clone().unwrap_or_default(),
                user.id.to_string(),
                state(user.active).to_owned(),
            ]
        })
        .collect();
    let head = ["EMAIL", "NAME", "USERNAME", "SUB", "STATE"];
    output.table(head, &rows);
    Ok(Exit::Ok)
}

async fn set_active(
    person: &str,
    active: bool,
    host: &Host,
    output: Output,
) -> Result<Exit, Failure> {
    let found = register::person(&host.app, person).await?;
    let user = register::set_person_active(&host.app, found.id, active).await?;
    output.done(format_args!("{} is {}", user.email, state(active)));
    show(&user, output);
    Ok(Exit::Ok)
}

fn show(user: &User, output: Output) {
    if output.json {
        output.json(&shown(user));
    }
}

fn shown(user: &User) -> Value {
    json!({
        "sub": user.id,
        "email": user.email,
        "username": user.username,
        "name": user.name,
        "state": state(user.active),
    })
}
