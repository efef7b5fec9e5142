//! What the operator reads: one line for each thing worth knowing, on stderr.
//!
//! Text where a person watches (stderr is a terminal), one JSON object a line otherwise. The filter
//! (`COUNTERSIGN_LOG`, default `info`) is written as everywhere in this ecosystem:
//! `warn,countersign::channel=debug`.
//!
//! A line never holds a body, a header, a query string, an address with a token in it, or a secret.
//! Libraries that would log such things say only warnings, unless the filter names them.
//!
//! One meaning a field name, everywhere:
//!
//! | field | meaning |
//! |---|---|
//! | `request_id` | the call, as in the answer's `X-Request-Id`; on the span `call` around all work for it |
//! | `approval` | the request to a person |
//! | `client` | the agent or service, by its `client_id` |
//! | `user` | the person, by id and never by address |
//! | `parcel` | the promise in the outbox |
//! | `host` | where something is sent to, without path |
//! | `attempt` | which try this was |
//! | `error` | what went wrong, with its causes |
//! | `location` | the file and line of a panic |

use std::io::IsTerminal as _;
use std::panic::PanicHookInfo;

use tracing::Subscriber;
use tracing::subscriber::{SetGlobalDefaultError, set_global_default};
use tracing_subscriber::filter::{EnvFilter, ParseError};
use tracing_subscriber::fmt::{MakeWriter, fmt};

/// The filter where the operator gives none.
pub const DEFAULT_FILTER: &str = "info";

/// What libraries may say unless the filter names them: at `info` some print every SQL statement,
/// and at `debug` some print what they send and receive.
const QUIET: &str = "sqlx=warn,sea_orm=warn,sea_orm_migration=warn,hyper=warn,hyper_util=warn,\
    reqwest=warn,rustls=warn,lettre=warn,web_push=warn";

/// How lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// For eyes.
    Text,
    /// For machines: one JSON object a line.
    Json,
}

impl Style {
    /// Text on a terminal, JSON into anything else.
    pub fn for_stderr() -> Self {
        if std::io::stderr().is_terminal() {
            Self::Text
        } else {
            Self::Json
        }
    }
}

/// Why nothing can be logged.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter cannot be read.
    #[error("the log filter cannot be read: {0}")]
    Filter(#[from] ParseError),
    /// Logging was started before.
    #[error(transparent)]
    Twice(#[from] SetGlobalDefaultError),
}

/// Starts logging to stderr, for the whole process; a panic becomes a line like any other.
pub fn start(filter: Option<&str>, style: Style) -> Result<(), TelemetryError> {
    let filter = filter.unwrap_or(DEFAULT_FILTER);
    set_global_default(subscriber(filter, style, std::io::stderr)?)?;
    std::panic::set_hook(Box::new(on_panic));
    Ok(())
}

fn subscriber<W>(
    filter: &str,
    style: Style,
    writer: W,
) -> Result<Box<dyn Subscriber + Send + Sync>, TelemetryError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    // Of two directives the more exact one holds, of two for the same name the later one.
    let filter = EnvFilter::builder().parse(format!("{QUIET},{filter}"))?;
    let lines = fmt().with_env_filter(filter).with_writer(writer);
    Ok(match style {
        Style::Text => Box::new(lines.finish()),
        Style::Json => {
            let lines = lines.json().flatten_event(true).with_span_list(false);
            Box::new(lines.finish())
        }
    })
}

fn on_panic(panic: &PanicHookInfo<'_>) {
    let message = panic.payload_as_str().unwrap_or("(no message)");
    let location = panic.location().map(ToString::to_string);
    tracing::error!(location, panic = message, "something panicked");
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(filter: &str, style: Style, work: impl FnOnce()) -> String {
        let paper = Paper::default();
        let writer = paper.clone();
        let subscriber = subscriber(filter, style, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, work);
        let bytes = paper.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_json_line_has_the_call_it_belongs_to() {
        let line = written("info", Style::Json, || {
            let _call = tracing::error_span!("call", request_id = "0123").entered();
            tracing::info!(attempt = 2, "delivered");
        });
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["message"], "delivered");
        assert_eq!(line["attempt"], 2);
        assert_eq!(line["span"]["request_id"], "0123");
    }

    #[test]
    fn libraries_are_quiet_until_they_are_named() {
        let statement = || {
            tracing::info!(target: "sqlx::query", "SELECT 1");
            tracing::debug!(target: "countersign", "ours");
        };
        assert_eq!(written("info", Style::Text, statement), "");
        let lines = written("debug", Style::Text, statement);
        assert!(
            lines.contains("ours") && !lines.contains("SELECT"),
            "{lines}"
        );
        let lines = written("sqlx=info", Style::Text, statement);
        assert!(
            lines.contains("SELECT") && !lines.contains("ours"),
            "{lines}"
        );
    }

    #[test]
    fn a_filter_that_says_nothing_is_refused() {
        let refused = subscriber("countersign=loud", Style::Text, io::sink);
        assert!(matches!(refused, Err(TelemetryError::Filter(_))));
    }
}
