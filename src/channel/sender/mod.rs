//! The one way out: every HTTP call this server makes to somebody else.
//!
//! The addresses come from browsers, agents and catalogues, so each is taken for an attempt to
//! make the server call something behind its own walls:
//!
//! * a URL is checked by its text when it is registered and before each call (`target`);
//! * the name is resolved once, every answer is checked, and exactly those are connected to
//!   (`resolver`, `address`);
//! * an operator, never a client, may [allow](OutboundAllow) hosts that are not public;
//! * a redirect is an answer and is not followed; proxies, cookies and compression are off;
//! * time, size and the number of calls to one destination at once are bounded, and who does not
//!   answer holds up nobody else (`destination`).
//!
//! Who is called, and what an answer means, is the caller's business.

mod address;
mod allow;
mod call;
mod destination;
mod resolver;
mod retry_after;
mod target;

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use url::Url;

use self::destination::Destinations;
use self::resolver::{Lookup, Resolver};

pub use self::address::{is_never, is_public};
pub use self::allow::{MalformedAllow, OutboundAllow};
pub use self::call::{Answer, Outgoing, READ_AT_MOST, READ_CEILING, SendError};
pub use self::target::RefusedUrl;
#[doc(no_inline)]
pub use reqwest::Certificate;

/// The guarded client. Cheap to clone; clones share connections and bounds.
#[derive(Clone)]
pub struct Sender(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    allow: Arc<OutboundAllow>,
    total: Duration,
    destinations: Destinations,
}

/// What may be set, and rarely is.
#[derive(Clone, Debug)]
pub struct SenderOptions {
    /// What may be called although it is not public.
    pub allow: OutboundAllow,
    /// Roots to trust besides the machine's: a private certificate authority.
    pub tls_roots: Vec<Certificate>,
    /// Where a name leads, whatever DNS says. Port 0 means the URL's own port.
    pub overrides: HashMap<String, Vec<SocketAddr>>,
    /// How long a call may take, from waiting for its turn to the last byte.
    pub total: Duration,
    /// How long connecting may take.
    pub connect: Duration,
    /// How many calls to one destination may be under way at once: 2 to 8.
    pub per_destination: usize,
}

impl Default for SenderOptions {
    fn default() -> Self {
        Self {
            allow: OutboundAllow::default(),
            tls_roots: Vec::new(),
            overrides: HashMap::new(),
            total: Duration::from_secs(10),
            connect: Duration::from_secs(5),
            per_destination: 8,
        }
    }
}

/// The HTTP client could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("outgoing HTTPS could not be set up")]
pub struct SenderError(#[source] reqwest::Error);

impl Sender {
    /// A sender that may reach the public internet, and what `allow` lists.
    pub fn new(allow: OutboundAllow) -> Result<Self, SenderError> {
        Self::with(SenderOptions {
            allow,
            ..SenderOptions::default()
        })
    }

    /// A sender set up in every detail.
    pub fn with(options: SenderOptions) -> Result<Self, SenderError> {
        Self::looking_up(options, &resolver::system())
    }

    fn looking_up(options: SenderOptions, lookup: &Lookup) -> Result<Self, SenderError> {
        let allow = Arc::new(options.allow.clone());
        let overrides = Arc::new(options.overrides.clone());
        let client = || {
            reqwest::Client::builder()
                .user_agent("countersign")
                .dns_resolver(Resolver {
                    allow: Arc::clone(&allow),
                    overrides: Arc::clone(&overrides),
                    lookup: Arc::clone(lookup),
                })
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .referer(false)
                .no_proxy()
                .no_gzip()
                .no_brotli()
                .no_zstd()
                .no_deflate()
                .http1_only()
                .connect_timeout(options.connect)
                .pool_idle_timeout(Duration::from_secs(30))
                .pool_max_idle_per_host(2)
        };
        let http = match client().tls_certs_merge(options.tls_roots.clone()).build() {
            Ok(http) => http,
            // A machine without root certificates can still serve, and call what is allowed.
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "this machine's root certificates cannot be used: outgoing HTTPS will fail \
                     (install ca-certificates)"
                );
                client()
                    .tls_certs_only(options.tls_roots)
                    .build()
                    .map_err(SenderError)?
            }
        };
        Ok(Self(Arc::new(Inner {
            http,
            allow,
            total: options.total,
            destinations: Destinations::new(options.per_destination.clamp(2, 8)),
        })))
    }

    /// Reads a URL that this sender would call: ask before storing one.
    pub fn check(&self, url: &str) -> Result<Url, RefusedUrl> {
        target::check(url, &self.0.allow)
    }

    /// Whether the operator has listed this URL's host.
    pub fn is_allowed(&self, url: &Url) -> bool {
        url.host().is_some_and(|host| self.0.allow.host(&host))
    }

    /// Calls, and waits for the answer.
    pub async fn send(&self, call: Outgoing) -> Result<Answer, SendError> {
        let url = self.check(&call.url)?;
        let start = Instant::now();
        // Whoever waits longer than half the time would not get an answer in the other half.
        let turn = self.0.destinations.turn(url.origin().ascii_serialization());
        let turn = timeout_at(start + self.0.total / 2, turn).await;
        let turn = turn.ok().flatten().ok_or(SendError::Busy)?;
        let deadline = start + self.0.total;
        let request = self
            .0
            .http
            .request(call.method, url)
            .headers(call.headers)
            .body(call.body)
            .send();
        let response = match timeout_at(deadline, request).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(SendError::of(&error)),
            Err(_) => Err(SendError::Timeout),
        };
        turn.answered(!matches!(
            response,
            Err(SendError::Timeout | SendError::Connect)
        ));
        let response = response?;
        Ok(read(response, call.read_at_most.min(READ_CEILING), deadline).await)
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("allow", &self.0.allow)
            .finish_non_exhaustive()
    }
}

/// Reads what it may of the body. A status has been given, so nothing here is an error.
async fn read(mut response: reqwest::Response, at_most: usize, deadline: Instant) -> Answer {
    let mut answer = Answer {
        status: response.status(),
        headers: std::mem::take(response.headers_mut()),
        body: Vec::new(),
        whole: false,
    };
    if at_most == 0 {
        return answer;
    }
    while let Ok(Ok(chunk)) = timeout_at(deadline, response.chunk()).await {
        let Some(chunk) = chunk else {
            answer.whole = true;
            break;
        };
        let room = at_most - answer.body.len();
        answer
            .body
            .extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            break;
        }
    }
    answer
}

#[cfg(test)]
mod tests;
