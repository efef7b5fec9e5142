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
//! | `request_id` | the call, as in the answer's `X-Request-Id`; nobody has to write it, [`CallId::during`] knows |
//! | `approval` | the request to a person |
//! | `client` | the agent or service, by its `client_id` |
//! | `user` | the person, by id and never by address |
//! | `parcel` | the promise in the outbox |
//! | `host` | where something is sent to, without path |
//! | `attempt` | which try this was |
//! | `error` | what went wrong, with its causes |
//! | `panic`, `location` | what a panic said, and its file and line |

use std::fmt;
use std::io::IsTerminal as _;
use std::panic::PanicHookInfo;

use tracing::subscriber::{SetGlobalDefaultError, set_global_default};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::{EnvFilter, ParseError};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::registry::LookupSpan;

use crate::http::layer::request_id::CallId;

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
    // A log nobody reads any more must not take the server with it: the library would report a line
    // that could not be written on the same stderr, and panic.
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .log_internal_errors(false);
    Ok(match style {
        Style::Text => {
            let lines = lines.map_event_format(|line| Named { line, style });
            Box::new(lines.finish())
        }
        Style::Json => {
            let lines = lines.json().flatten_event(true).with_span_list(false);
            let lines = lines.map_event_format(|line| Named { line, style });
            Box::new(lines.finish())
        }
    })
}

/// A line that begins with the name of the call it belongs to, if there is one.
struct Named<F> {
    line: F,
    style: Style,
}

impl<S, N, F> FormatEvent<S, N> for Named<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'w> FormatFields<'w> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let Some(id) = CallId::current() else {
            return self.line.format_event(context, writer, event);
        };
        match self.style {
            Style::Text => {
                write!(writer, "{id} ")?;
                self.line.format_event(context, writer, event)
            }
            Style::Json => {
                let mut line = String::new();
                self.line
                    .format_event(context, Writer::new(&mut line), event)?;
                let members = line.strip_prefix('{').unwrap_or_default();
                write!(writer, r#"{{"request_id":"{id}",{members}"#)
            }
        }
    }
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
    use crate::entropy::Entropy;
    use crate::http::layer::request_id::CallIds;

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
    fn a_line_has_the_call_it_belongs_to() {
        let id = CallIds::new(&Entropy::seeded(1)).unwrap().next();
        let work = || {
            id.during(|| tracing::info!(attempt = 2, "delivered"));
            tracing::info!("later");
        };

        let text = written("info", Style::Text, work);
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[0].starts_with(&format!("{id} ")), "{text}");
        assert!(!lines[1].contains(&id.to_string()), "{text}");

        let text = written("info", Style::Json, work);
        let lines: Vec<serde_json::Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines[0]["request_id"], id.to_string());
        assert_eq!(lines[0]["message"], "delivered");
        assert_eq!(lines[0]["attempt"], 2);
        assert_eq!(lines[1].get("request_id"), None);
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
