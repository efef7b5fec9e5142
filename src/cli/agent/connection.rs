//! Which server, and who is calling: flags and variables that `ask` and `wait` share.

use std::path::PathBuf;

use clap::Args;
use secrecy::{ExposeSecret, SecretString};

use crate::cli::exit::{Exit, Failure};
use crate::cli::input;

/// The variable with the secret itself; a file is better.
const SECRET: &str = "COUNTERSIGN_CLIENT_SECRET";

/// Which server, and who is calling.
#[derive(Debug, Args)]
pub(in crate::cli) struct Connection {
    /// The server, as it calls itself [default: http://127.0.0.1:8787]
    #[arg(
        long,
        value_name = "URL",
        env = "COUNTERSIGN_SERVER",
        hide_env_values = true
    )]
    pub(in crate::cli) server: Option<String>,
    /// The client that asks
    #[arg(long, value_name = "ID", env = "COUNTERSIGN_CLIENT_ID")]
    pub(in crate::cli) client_id: Option<String>,
    /// A file with the client's secret, or - for stdin
    #[arg(long, value_name = "FILE", env = "COUNTERSIGN_CLIENT_SECRET_FILE")]
    pub(in crate::cli) client_secret_file: Option<PathBuf>,
    /// How the client proves who it is
    #[arg(
        long,
        value_name = "METHOD",
        default_value = "client_secret_basic",
        value_parser = ["client_secret_basic", "client_secret_post"]
    )]
    pub(in crate::cli) auth: String,
}

/// Where a server is when nobody says.
pub(in crate::cli) const USUAL_SERVER: &str = "http://127.0.0.1:8787";

/// Who is calling.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Credentials {
    /// `client_id`.
    pub(in crate::cli) client_id: String,
    /// `client_secret`.
    pub(in crate::cli) secret: SecretString,
    /// Whether they go into the form instead of the header.
    pub(in crate::cli) in_form: bool,
}

impl Connection {
    /// Who is calling; `known` is the client a wait was begun by.
    pub(in crate::cli) fn credentials(&self, known: Option<&str>) -> Result<Credentials, Failure> {
        let client_id = self.client_id.as_deref().or(known).ok_or_else(|| {
            Failure::new(Exit::Usage, "nobody is named who asks").fix(
                "give --client-id or set COUNTERSIGN_CLIENT_ID \
                 (`countersign client add NAME` makes a client)",
            )
        })?;
        let secret =
            match (&self.client_secret_file, std::env::var(SECRET)) {
                (Some(file), _) => input::read(file)?,
                (None, Ok(secret)) => secret,
                (None, Err(_)) => {
                    return Err(Failure::new(Exit::Usage, "the client's secret is missing").fix(
                    "give --client-secret-file FILE, or set COUNTERSIGN_CLIENT_SECRET_FILE or \
                     COUNTERSIGN_CLIENT_SECRET",
                ));
                }
            };
        let secret = SecretString::from(secret.trim().to_owned());
        if secret.expose_secret().is_empty() {
            return Err(Failure::new(Exit::Usage, "the client's secret is empty"));
        }
        Ok(Credentials {
            client_id: client_id.to_owned(),
            secret,
            in_form: self.auth == "client_secret_post",
        })
    }
}
