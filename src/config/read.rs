//! From text to settings: every value is bounded, and every fault is told, not only the first.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;
use secrecy::SecretString;
use time::Duration;
use url::Url;

use super::problem::Problem;
use super::settings::{ForwardAuthHeaders, Limits, Rates, Sessions, Settings};
use super::sources::{Given, Values};
use super::{Config, Connections, Mail, TlsPaths};
use crate::domain::action::text::agent_text;
use crate::domain::action::{Tier, duration};
use crate::domain::ciba::expiry::Windows;
use crate::domain::ciba::hint_token::HintIssuer;
use crate::domain::client::document_hosts::DocumentHosts;
use crate::domain::consent::attention::Budget;
use crate::domain::consent::denials::TooMany;

/// Letters in the server's name.
const LONGEST_NAME: usize = 64;

/// Issuers of hints.
const MOST_HINT_ISSUERS: usize = 16;

/// Networks in one setting.
const MOST_NETWORKS: usize = 64;

const SECOND: Duration = Duration::SECOND;
const HOUR: Duration = Duration::HOUR;
const DAY: Duration = Duration::DAY;

/// Reads values one after the other, and remembers what was wrong.
pub(super) struct Reader<'a> {
    values: &'a Values,
    problems: &'a mut Vec<Problem>,
}

/// Every setting.
pub(super) fn read(values: &Values, problems: &mut Vec<Problem>) -> Config {
    let mut reader = Reader { values, problems };
    let mail = reader.mail();
    Config {
        listen: reader.listen(),
        public_url: reader.address("public_url"),
        data_dir: reader.path("data_dir"),
        database_url: reader.text("database_url").map(SecretString::from),
        master_key_file: reader.path("master_key_file"),
        tls: reader.tls(),
        mail,
        vapid_contact: reader.text("vapid_contact"),
        outbound_allow: reader.text("outbound_allow").unwrap_or_default(),
        extra_roots_file: reader.path("extra_roots_file"),
        log: reader.text("log").unwrap_or_default(),
        connections: reader.connections(),
        settings: reader.settings(),
    }
}

impl Reader<'_> {
    fn settings(&mut self) -> Settings {
        let settings = Settings {
            public_url: String::new(),
            mtls_url: self.address("mtls_public_url"),
            name: self.name(),
            windows: self.windows(),
            interval: self.length("interval", SECOND, Duration::MINUTE),
            limits: Limits {
                waiting_per_client_and_person: self.number(
                    "limits.waiting_per_client_and_person",
                    0,
                    10_000,
                ),
                waiting_per_person: self.number("limits.waiting_per_person", 0, 100_000),
                interrupts: Budget {
                    of_an_agent: self.number("limits.interrupts_per_10_minutes", 0, 1000),
                    of_a_day: self.number("limits.interrupts_per_day", 0, 100_000),
                },
                rates: self.rates(),
                denials: TooMany {
                    alike: self.number("limits.denials_alike_per_day", 0, 100),
                    any: self.number("limits.denials_per_hour", 0, 100),
                },
                sign_in_links_per_hour: self.number("limits.sign_in_links_per_hour", 0, 10_000),
            },
            quiet_hours_ring: match self.one_of("quiet_hours_ring", ["never", "critical", "high"]) {
                1 => Some(Tier::Critical),
                2 => Some(Tier::High),
                _ => None,
            },
            sessions: self.sessions(),
            sign_in_link_life: self.length("sign_in_link_life", Duration::MINUTE, DAY),
            trusted_proxies: self.networks("trusted_proxies"),
            asks_for_certificates: self.path("tls.client_ca").is_some(),
            client_cert_header: self.one_of("client_cert_header", ["ignore", "believe"]) == 1,
            forward_auth_headers: match self
                .one_of("forward_auth_headers", ["x-forwarded", "x-original"])
            {
                1 => ForwardAuthHeaders::XOriginal,
                _ => ForwardAuthHeaders::XForwarded,
            },
            trust_domain: self.trust_domain(),
            client_documents: self.client_documents(),
            hint_issuers: self.hint_issuers(),
            dpop_nonce_required: self.one_of("dpop_nonce", ["optional", "required"]) == 1,
        };
        if settings.mtls_url.is_some() && !settings.takes_certificates() {
            let why = "no certificate reaches us: set tls.client_ca, or client_cert_header and trusted_proxies";
            self.fault("mtls_public_url", why);
        }
        settings
    }

    fn rates(&mut self) -> Rates {
        let mut rate = |name| self.number(name, 0, 1_000_000_000);
        Rates {
            asks: rate("limits.asks_per_client_per_minute"),
            asks_of_all: rate("limits.asks_per_minute"),
            refusals: rate("limits.refusals_per_client_per_minute"),
            unknown_people: rate("limits.unknown_people_per_client_per_hour"),
        }
    }

    fn trust_domain(&mut self) -> Option<String> {
        let domain = self.text("trust_domain")?;
        let fits = domain.len() <= 256 && domain.bytes().all(|b| b.is_ascii_graphic());
        if !fits {
            self.fault(
                "trust_domain",
                "it must be a name or a URI, such as acme.internal",
            );
        }
        Some(domain)
    }

    fn client_documents(&mut self) -> DocumentHosts {
        const NAME: &str = "client_id_metadata_documents";
        let hosts = DocumentHosts::read(&self.text(NAME).unwrap_or_default());
        hosts.unwrap_or_else(|| {
            let form = "write host names with commas between (agents.example.com, *.acme.example), or * for any";
            self.fault(NAME, form);
            DocumentHosts::default()
        })
    }

    /// Pairs of an issuer and the address of its keys, with commas between.
    fn hint_issuers(&mut self) -> Vec<HintIssuer> {
        let text = self.text("hint_issuers").unwrap_or_default();
        let pairs = text.split(',').map(str::trim).filter(|it| !it.is_empty());
        let pairs: Option<Vec<HintIssuer>> = pairs.map(hint_issuer).collect();
        let pairs = pairs.filter(|pairs| pairs.len() <= MOST_HINT_ISSUERS);
        pairs.unwrap_or_else(|| {
            let form = "write an issuer and the URL of its keys, a space between, and commas between pairs";
            self.fault("hint_issuers", form);
            Vec::new()
        })
    }

    fn windows(&mut self) -> Windows {
        let windows = Windows {
            usual: self.length("window.usual", SECOND, 30 * DAY),
            shortest: self.length("window.shortest", SECOND, 30 * DAY),
            longest: self.length("window.longest", SECOND, 30 * DAY),
            collection: self.length("window.collection", 10 * SECOND, HOUR),
        };
        if !(windows.shortest..=windows.longest).contains(&windows.usual) {
            self.fault(
                "window.usual",
                "it must lie between window.shortest and window.longest",
            );
        }
        windows
    }

    fn sessions(&mut self) -> Sessions {
        let sessions = Sessions {
            idle: self.length("sessions.idle", 5 * Duration::MINUTE, 90 * DAY),
            longest: self.length("sessions.longest", 5 * Duration::MINUTE, 365 * DAY),
        };
        if sessions.idle > sessions.longest {
            self.fault(
                "sessions.idle",
                "it must not be longer than sessions.longest",
            );
        }
        sessions
    }

    fn connections(&mut self) -> Connections {
        let most = self.number("connections.most", 16, 1_000_000);
        let most_wait = 10 * Duration::MINUTE;
        Connections {
            most: usize::try_from(most).unwrap_or(usize::MAX),
            header_timeout: self.length("connections.header_timeout", SECOND, most_wait),
            body_timeout: self.length("connections.body_timeout", SECOND, most_wait),
            idle_timeout: self.length("connections.idle_timeout", SECOND, HOUR),
            request_timeout: self.length("connections.request_timeout", 31 * SECOND, most_wait),
            drain: self.length("connections.drain", SECOND, most_wait),
        }
    }

    fn listen(&mut self) -> SocketAddr {
        let text = self.text("listen").unwrap_or_default();
        text.parse().unwrap_or_else(|_| {
            self.fault(
                "listen",
                "it must be an address and a port, such as 127.0.0.1:8787 or [::]:8080",
            );
            SocketAddr::from(([127, 0, 0, 1], 0))
        })
    }

    /// An address of the server itself.
    fn address(&mut self, name: &str) -> Option<String> {
        let text = self.text(name)?;
        match read_public_url(&text) {
            Ok(url) => Some(url),
            Err(why) => {
                self.fault(name, why);
                None
            }
        }
    }

    fn name(&mut self) -> String {
        let text = self.text("name").unwrap_or_default();
        match agent_text(&text, LONGEST_NAME) {
            Ok(name) => name.into_string(),
            Err(error) => {
                self.fault("name", &error.to_string());
                text
            }
        }
    }

    fn tls(&mut self) -> Option<TlsPaths> {
        let client_ca = self.path("tls.client_ca");
        match (self.path("tls.certificate"), self.path("tls.key")) {
            (Some(certificate), Some(key)) => Some(TlsPaths {
                certificate,
                key,
                client_ca,
            }),
            (Some(_), None) => {
                self.fault("tls.key", "there is a certificate, and no key for it");
                None
            }
            (None, Some(_)) => {
                self.fault(
                    "tls.certificate",
                    "there is a key, and no certificate for it",
                );
                None
            }
            (None, None) if client_ca.is_some() => {
                let why = "clients can be asked for certificates only over TLS of our own";
                self.fault("tls.client_ca", why);
                None
            }
            (None, None) => None,
        }
    }

    fn mail(&mut self) -> Mail {
        let from = self.text("mail_from");
        let smtp = self.text("smtp_url").map(SecretString::from);
        match (smtp, self.path("mail_dir"), from) {
            (None, None, _) => Mail::Off,
            (Some(_), Some(_), _) => {
                self.fault(
                    "mail_dir",
                    "smtp_url is set too: letters go to a mail server or into a folder",
                );
                Mail::Off
            }
            (Some(url), None, Some(from)) => Mail::Smtp { url, from },
            (None, Some(folder), from) => Mail::Folder {
                folder,
                from: from.unwrap_or_else(|| "countersign@localhost".to_owned()),
            },
            (Some(_), None, None) => {
                self.fault(
                    "mail_from",
                    "mail is to be sent, and nobody is named that it comes from",
                );
                Mail::Off
            }
        }
    }

    /// Networks, or single addresses, with commas between.
    fn networks(&mut self, name: &str) -> Vec<IpNet> {
        let text = self.text(name).unwrap_or_default();
        let named = text.split(',').map(str::trim).filter(|it| !it.is_empty());
        let networks: Option<Vec<IpNet>> = named.map(network).collect();
        let networks = networks.unwrap_or_else(|| {
            let form = "write networks or addresses with commas between: 10.0.0.0/8, fd00::/8";
            self.fault(name, form);
            Vec::new()
        });
        if networks.len() > MOST_NETWORKS {
            self.fault(
                name,
                &format!("more than {MOST_NETWORKS} are not looked through"),
            );
        }
        if networks.iter().any(|net| net.prefix_len() == 0) {
            self.fault(name, "a network of everybody would believe everybody");
        }
        networks
    }

    /// A value; none when it is empty.
    fn text(&self, name: &str) -> Option<String> {
        let text = self.values.get(name)?.text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        self.text(name).map(PathBuf::from)
    }

    fn length(&mut self, name: &str, least: Duration, most: Duration) -> Duration {
        let text = self.text(name).unwrap_or_default();
        match duration::read(&text) {
            Ok(length) if (least..=most).contains(&length) => length,
            Ok(_) => {
                let bounds = format!(
                    "it must be from {} to {}",
                    duration::write(least),
                    duration::write(most)
                );
                self.fault(name, &bounds);
                least
            }
            Err(error) => {
                self.fault(name, &error.to_string());
                least
            }
        }
    }

    /// Which of these words it is.
    fn one_of<const N: usize>(&mut self, name: &str, words: [&str; N]) -> usize {
        let text = self.text(name).unwrap_or_default();
        let found = words.iter().position(|word| *word == text);
        found.unwrap_or_else(|| {
            self.fault(name, &format!("it must be {}", words.join(" or ")));
            0
        })
    }

    fn number(&mut self, name: &str, least: u64, most: u64) -> u64 {
        let text = self.text(name).unwrap_or_default();
        match text.parse() {
            Ok(number) if (least..=most).contains(&number) => number,
            Ok(_) | Err(_) => {
                let bounds = format!("it must be a whole number from {least} to {most}");
                self.fault(name, &bounds);
                least
            }
        }
    }

    fn fault(&mut self, name: &str, why: &str) {
        let given = self.values.get(name);
        let place = given.map_or_else(String::new, |given| given.place.clone());
        self.problems.push(Problem {
            place,
            cause: match given {
                Some(Given { text, .. }) if is_plain(name) && !text.is_empty() => {
                    format!("{name} is \"{}\": {why}", text.escape_debug())
                }
                Some(_) | None => format!("{name}: {why}"),
            },
            fix: format!("change {name}; it is explained in config.default.toml"),
        });
    }
}

/// An issuer, and where its keys are: both addresses.
fn hint_issuer(text: &str) -> Option<HintIssuer> {
    let (issuer, jwks_uri) = text.split_once(' ')?;
    let (issuer, jwks_uri) = (issuer.trim(), jwks_uri.trim());
    let is_address = |text: &str| {
        let url = Url::parse(text).ok();
        url.is_some_and(|url| matches!(url.scheme(), "https" | "http") && url.has_host())
    };
    (is_address(issuer) && is_address(jwks_uri)).then(|| HintIssuer {
        issuer: issuer.to_owned(),
        jwks_uri: jwks_uri.to_owned(),
    })
}

/// A network as connections are compared with it: an IPv4 one is never written as IPv6.
fn network(text: &str) -> Option<IpNet> {
    let net = text
        .parse::<IpNet>()
        .ok()
        .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))?;
    let IpAddr::V6(address) = net.addr() else {
        return Some(net.trunc());
    };
    match address.to_ipv4_mapped() {
        Some(mapped) => {
            let length = net.prefix_len().checked_sub(96)?;
            IpNet::new(mapped.into(), length)
                .ok()
                .map(|net| net.trunc())
        }
        None => Some(net.trunc()),
    }
}

/// Whether a setting's value may be shown.
fn is_plain(name: &str) -> bool {
    !name.ends_with("_url") || name.ends_with("public_url")
}

/// Reads the address of the server itself: a scheme, a host, perhaps a port, and nothing more.
fn read_public_url(text: &str) -> Result<String, &'static str> {
    const FORM: &str = "it must be https://host or http://host:port, without a path";
    let url = Url::parse(text).map_err(|_| FORM)?;
    let bare = matches!(url.scheme(), "https" | "http")
        && url.host().is_some()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if bare {
        Ok(url.as_str().trim_end_matches('/').to_owned())
    } else {
        Err(FORM)
    }
}
