//! The settings that decide how the server behaves, as every flow sees them.

use ipnet::IpNet;
use time::Duration;

use crate::domain::action::Tier;
use crate::domain::ciba::expiry::Windows;
use crate::domain::ciba::hint_token::HintIssuer;
use crate::domain::client::document_hosts::DocumentHosts;
use crate::domain::consent::attention::Budget;
use crate::domain::consent::denials::TooMany;

/// How the server behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where people and agents reach it; also the issuer. Without a slash at the end.
    pub public_url: String,
    /// Where agents reach it with a certificate, if that is elsewhere. Without a slash at the end.
    pub mtls_url: Option<String>,
    /// What it calls itself to people.
    pub name: String,
    /// Bounds on the answer window.
    pub windows: Windows,
    /// Least time between two polls.
    pub interval: Duration,
    /// How much may wait at once.
    pub limits: Limits,
    /// From which tier on a question may ring in a person's quiet hours if they want it; none never does.
    pub quiet_hours_ring: Option<Tier>,
    /// How long a browser stays signed in.
    pub sessions: Sessions,
    /// How long a sign-in link lives.
    pub sign_in_link_life: Duration,
    /// Proxies of the operator's own, which are believed about where a request comes from.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether we ask clients for certificates ourselves.
    pub asks_for_certificates: bool,
    /// Whether those proxies replace `Client-Cert`, so that it is believed.
    pub client_cert_header: bool,
    /// How those proxies describe the request that waits with them.
    pub forward_auth_headers: ForwardAuthHeaders,
    /// The trust domain that transaction tokens are for, if there is one.
    pub trust_domain: Option<String>,
    /// Hosts whose documents make clients.
    pub client_documents: DocumentHosts,
    /// Whose tokens may hint at people.
    pub hint_issuers: Vec<HintIssuer>,
    /// Whether a DPoP proof needs a nonce of ours.
    pub dpop_nonce_required: bool,
}

/// How much may wait at once: an agent that floods a person buys itself refusals, not a tired yes.
/// Zero is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests of one client waiting for one person.
    pub waiting_per_client_and_person: u64,
    /// Requests of all clients waiting for one person.
    pub waiting_per_person: u64,
    /// How often agents may interrupt a person.
    pub interrupts: Budget,
    /// How often clients may ask.
    pub rates: Rates,
    /// How often a person says no to an agent before it may not ask.
    pub denials: TooMany,
    /// Sign-in links one person can be sent in an hour.
    pub sign_in_links_per_hour: u64,
}

/// How often clients may ask one instance. What runs wild is slowed down; what is only busy is not. Zero is no
/// limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Requests of one client in a minute.
    pub asks: u64,
    /// Requests of all clients together in a minute.
    pub asks_of_all: u64,
    /// Refused requests of one client in a minute, before it is refused whatever it asks.
    pub refusals: u64,
    /// Hints of one client at nobody in an hour, before it is refused whatever it asks.
    pub unknown_people: u64,
}

/// How long a browser stays signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sessions {
    /// Unused for this long, it ends.
    pub idle: Duration,
    /// After this, it ends whatever happens.
    pub longest: Duration,
}

/// The headers in which a proxy describes a request. Only one family is read: the other one may be the caller's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForwardAuthHeaders {
    /// `X-Forwarded-Method`, `-Proto`, `-Host` and `-Uri`.
    XForwarded,
    /// `X-Original-Method` and `X-Original-URL`.
    XOriginal,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            public_url: "http://127.0.0.1:8787".into(),
            mtls_url: None,
            name: "Countersign".into(),
            windows: Windows::default(),
            interval: Duration::seconds(5),
            limits: Limits::default(),
            quiet_hours_ring: Some(Tier::High),
            sessions: Sessions::default(),
            sign_in_link_life: Duration::minutes(15),
            trusted_proxies: Vec::new(),
            asks_for_certificates: false,
            client_cert_header: false,
            forward_auth_headers: ForwardAuthHeaders::XForwarded,
            trust_domain: None,
            client_documents: DocumentHosts::default(),
            hint_issuers: Vec::new(),
            dpop_nonce_required: false,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            waiting_per_client_and_person: 10,
            waiting_per_person: 50,
            interrupts: Budget {
                of_an_agent: 3,
                of_a_day: 20,
            },
            rates: Rates::default(),
            denials: TooMany { alike: 2, any: 3 },
            sign_in_links_per_hour: 10,
        }
    }
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            asks: 60_000,
            asks_of_all: 240_000,
            refusals: 300,
            unknown_people: 60,
        }
    }
}

impl Rates {
    /// No limits at all.
    pub const NONE: Self = Self {
        asks: 0,
        asks_of_all: 0,
        refusals: 0,
        unknown_people: 0,
    };
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            idle: Duration::hours(12),
            longest: Duration::days(30),
        }
    }
}

impl Settings {
    /// Whether client certificates reach us.
    pub fn takes_certificates(&self) -> bool {
        let passed_on = self.client_cert_header && !self.trusted_proxies.is_empty();
        passed_on || self.asks_for_certificates
    }

    /// Whether browsers reach us over TLS.
    pub fn is_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }
}
