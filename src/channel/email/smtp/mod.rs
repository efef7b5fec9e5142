//! Letters through a mail server (RFC 5321), never weaker than was asked for.
//!
//! | URL | To | Connection |
//! |---|---|---|
//! | `smtps://…` | anybody | TLS from the first byte |
//! | `smtp://…` | this machine, or a host on the outbound allow list | plain; no password |
//! | `smtp://…` | anybody else | STARTTLS required: without it nothing is said |
//!
//! Certificates are always verified, and nothing falls back to a weaker row.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use url::{Host, Url};

use crate::channel::sender::OutboundAllow;
use crate::domain::parcel::Delivery;

/// How long one step of the conversation may take, and the whole of it.
const STEP: Duration = Duration::from_secs(10);
const WHOLE: Duration = Duration::from_secs(30);

/// Conversations under way at once.
const AT_ONCE: usize = 4;

/// Replies that are about us and not about the letter: it can still go once they are mended.
const ABOUT_SIGNING_IN: [&str; 4] = ["530", "534", "535", "538"];

/// A mail server, and how it is spoken to.
#[derive(Clone)]
pub(super) struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    turns: Arc<Semaphore>,
}

/// Why the mail server's URL cannot be used. Says nothing of the URL, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SmtpError {
    /// Not `smtp://host:port` or `smtps://user:password@host`.
    #[error("the mail server must be smtp://host:port or smtps://user:password@host[:port]")]
    Url,
    /// A password for a plain connection.
    #[error("a password would travel in the clear: use smtps://")]
    PlainPassword,
    /// Certificates that cannot be read.
    #[error("the extra root certificates are not PEM")]
    Roots,
}

/// Whether and when the conversation is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Security {
    FromTheStart,
    StartTls,
    Plain,
}

impl Smtp {
    pub(super) fn read(
        url: &SecretString,
        hello: &str,
        plain_to: &OutboundAllow,
        roots_pem: Option<&[u8]>,
    ) -> Result<Self, SmtpError> {
        let url = Url::parse(url.expose_secret().trim()).map_err(|_| SmtpError::Url)?;
        let extra = url.query().is_some() || url.fragment().is_some();
        if extra || !matches!(url.path(), "" | "/") {
            return Err(SmtpError::Url);
        }
        let host = host(&url)?;
        let security = security(&url, &host, plain_to)?;
        let mut server = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(bare(&host))
            .port(url.port().unwrap_or(match security {
                Security::FromTheStart => 465,
                Security::StartTls => 587,
                Security::Plain => 25,
            }))
            .hello_name(ClientId::Domain(hello.to_owned()))
            .timeout(Some(STEP))
            .tls(match security {
                Security::FromTheStart => Tls::Wrapper(tls(&host, roots_pem)?),
                Security::StartTls => Tls::Required(tls(&host, roots_pem)?),
                Security::Plain => Tls::None,
            });
        if !url.username().is_empty() {
            let password = url.password().ok_or(SmtpError::Url)?;
            if security == Security::Plain {
                return Err(SmtpError::PlainPassword);
            }
            server = server.credentials(Credentials::new(
                decoded(url.username())?,
                decoded(password)?,
            ));
        }
        Ok(Self {
            transport: server.build(),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
        })
    }

    /// Hands the letter over.
    pub(super) async fn send(&self, message: Message) -> Delivery {
        let sending = async {
            let _turn = self.turns.acquire().await;
            self.transport.send(message).await
        };
        match timeout(WHOLE, sending).await {
            Ok(Ok(_)) => Delivery::Delivered,
            Ok(Err(error)) => outcome(&error),
            Err(_) => Delivery::later("the mail server did not answer in time"),
        }
    }
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Smtp")
    }
}

/// What the mail server's answer means for the promise. Its words are not repeated: they quote
/// addresses.
fn outcome(error: &lettre::transport::smtp::Error) -> Delivery {
    if let Some(code) = error.status() {
        let code = code.to_string();
        let why = format!("the mail server answered {code}");
        if error.is_permanent() && !ABOUT_SIGNING_IN.contains(&&*code) {
            return Delivery::refused(why);
        }
        return Delivery::later(why);
    }
    Delivery::later(if error.is_tls() {
        "no trusted encrypted connection to the mail server"
    } else if error.is_client() {
        "the mail server offers no STARTTLS, or no way to sign in that we know"
    } else if error.is_timeout() {
        "the mail server did not answer in time"
    } else {
        "the mail server could not be reached"
    })
}

fn security(url: &Url, host: &Host, plain_to: &OutboundAllow) -> Result<Security, SmtpError> {
    let here = match host {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(v4) => v4.is_loopback(),
        Host::Ipv6(v6) => v6.is_loopback(),
    };
    let listed = plain_to.host(&match host {
        Host::Domain(name) => Host::Domain(&**name),
        Host::Ipv4(v4) => Host::Ipv4(*v4),
        Host::Ipv6(v6) => Host::Ipv6(*v6),
    });
    match url.scheme() {
        "smtps" => Ok(Security::FromTheStart),
        "smtp" if here || listed => Ok(Security::Plain),
        "smtp" => Ok(Security::StartTls),
        _ => Err(SmtpError::Url),
    }
}

/// The host, read as https would: for schemes it does not know, `url` leaves a host as it came.
fn host(url: &Url) -> Result<Host, SmtpError> {
    let text = url
        .host_str()
        .filter(|host| !host.is_empty())
        .ok_or(SmtpError::Url)?;
    Host::parse(text).map_err(|_| SmtpError::Url)
}

/// The host without the brackets a URL needs.
fn bare(host: &Host) -> String {
    host.to_string().trim_matches(['[', ']']).to_owned()
}

fn tls(host: &Host, roots_pem: Option<&[u8]>) -> Result<TlsParameters, SmtpError> {
    let mut parameters = TlsParameters::builder(bare(host));
    if let Some(pem) = roots_pem {
        let roots = Certificate::from_pem(pem).map_err(|_| SmtpError::Roots)?;
        parameters = parameters.add_root_certificate(roots);
    }
    parameters.build_rustls().map_err(|_| SmtpError::Roots)
}

fn decoded(text: &str) -> Result<String, SmtpError> {
    let text = percent_decode_str(text)
        .decode_utf8()
        .map_err(|_| SmtpError::Url)?;
    Ok(text.into_owned())
}

#[cfg(test)]
mod tests;
