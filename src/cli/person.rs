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
use crate::domain::user::quiet_hours::{Days, QuietHours};
use crate::flow::quiet_hours;
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
    /// Leave a person alone at certain hours, or print when they are
    #[command(
        after_help = "Example:\n  countersign person quiet-hours maya@example.com --from 22:00 --to 07:00 --zone Europe/Zurich"
    )]
    QuietHours {
        /// Their address, username or id
        #[arg(value_name = "EMAIL")]
        person: String,
        /// When they begin, by the clock on their wall
        #[arg(long, value_name = "HH:MM", requires_all = ["to", "zone"])]
        from: Option<String>,
        /// When they end
        #[arg(long, value_name = "HH:MM", requires = "from")]
        to: Option<String>,
        /// The time zone, such as Europe/Zurich
        #[arg(long, requires = "from")]
        zone: Option<String>,
        /// On which days they begin; every day without it
        #[arg(long, value_name = "DAYS", value_delimiter = ',', requires = "from")]
        days: Vec<String>,
        /// What is important may ring all the same, if quiet_hours_ring lets it
        #[arg(long, requires = "from")]
        urgent_rings: bool,
        /// Agents that ask may know when they end
        #[arg(long, requires = "from")]
        tell_agents: bool,
        /// Take them away
        #[arg(long, conflicts_with = "from")]
        off: bool,
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
        PersonCommand::QuietHours {
            person,
            from: Some(from),
            to,
            zone,
            days,
            urgent_rings,
            tell_agents,
            ..
        } => {
            let (to, zone) = (to.unwrap_or_default(), zone.unwrap_or_default());
            let days = match days.as_slice() {
                [] => Ok(Days::ALL),
                some => Days::named(some.iter().map(String::as_str)),
            };
            let hours = days.and_then(|days| QuietHours::read(&zone, days, &from, &to));
            let hours = hours.map_err(|why| Failure::new(Exit::Usage, why))?;
            let hours = hours.with(urgent_rings, tell_agents);
            set_quiet_hours(&person, hours, host, output).await
        }
        PersonCommand::QuietHours { person, off, .. } => quiet(&person, off, host, output).await,
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

async fn set_quiet_hours(
    person: &str,
    hours: QuietHours,
    host: &Host,
    output: Output,
) -> Result<Exit, Failure> {
    let user = register::person(&host.app, person).await?;
    quiet_hours::set(&host.app, user.id, hours, Actor::Operator, None).await?;
    output.done(format_args!("{} is left alone then", user.email));
    quiet(person, false, host, output).await
}

/// Prints when a person is left alone, having ended that if it is to end.
async fn quiet(person: &str, off: bool, host: &Host, output: Output) -> Result<Exit, Failure> {
    let user = register::person(&host.app, person).await?;
    if off {
        quiet_hours::remove(&host.app, user.id, Actor::Operator, None).await?;
    }
    let hours = quiet_hours::of(&host.app, user.id).await?;
    if output.json {
        output.json(&json!({ "sub": user.id, "quiet_hours": hours.as_ref().map(quiet_shown) }));
        return Ok(Exit::Ok);
    }
    match hours {
        Some(hours) => {
            let ((from, to), days) = (hours.times(), hours.days());
            let days: Vec<&str> = days.names().collect();
            let zone = hours.zone();
            output.data(format_args!("{from} to {to} {zone}, {}", days.join(" ")));
        }
        None => output.done(format_args!("{} has no quiet hours", user.email)),
    }
    Ok(Exit::Ok)
}

fn quiet_shown(hours: &QuietHours) -> Value {
    let (from, to) = hours.times();
    json!({
        "from": from,
        "to": to,
        "zone": hours.zone(),
        "days": hours.days().names().collect::<Vec<_>>(),
        "urgent_rings": hours.urgent_rings,
        "tells_agents": hours.tells_agents,
    })
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
