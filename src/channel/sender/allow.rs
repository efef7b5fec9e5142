//! What an operator lets outgoing calls reach although it is not the public internet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::IpNet;
use url::Host;

use super::address::{is_never, unwrapped};

/// Hosts and networks that outgoing calls may reach although they are not public.
///
/// Written as a comma-separated list: `127.0.0.0/8, ::1, push.lan, *.agents.lan`.
///
/// * A **name** may be called in plain http, on any port, wherever it leads.
/// * A **network** (or single address) may be called by literal address, in plain http, on any
///   port; and a name that leads into it may be called over https. `localhost` counts as named
///   when a loopback address is on the list.
///
/// Link-local addresses, multicast and cloud metadata services stay refused whatever is listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutboundAllow {
    names: Vec<String>,
    networks: Vec<IpNet>,
}

/// An entry of the list is neither a host name nor a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither a host name nor a network such as 10.0.0.0/8 (no scheme, no port)")]
pub struct MalformedAllow(String);

impl FromStr for OutboundAllow {
    type Err = MalformedAllow;

    fn from_str(list: &str) -> Result<Self, MalformedAllow> {
        let mut allow = Self::default();
        for entry in list.split(',').map(str::trim).filter(|e| !e.is_empty()) {
            if let Ok(network) = entry.parse::<IpNet>() {
                allow.networks.push(network.trunc());
            } else if let Ok(address) = entry.parse::<IpAddr>() {
                allow.networks.push(address.into());
            } else if is_name(entry) {
                allow.names.push(entry.to_ascii_lowercase());
            } else {
                return Err(MalformedAllow(entry.chars().take(80).collect()));
            }
        }
        Ok(allow)
    }
}

impl OutboundAllow {
    /// Whether this host was listed, by name or by address.
    pub fn host(&self, host: &Host<&str>) -> bool {
        match host {
            Host::Domain(name) => self.name(name),
            Host::Ipv4(v4) => self.address(IpAddr::V4(*v4)),
            Host::Ipv6(v6) => self.address(IpAddr::V6(*v6)),
        }
    }

    /// Whether this name was listed.
    pub(super) fn name(&self, name: &str) -> bool {
        let listed = self
            .names
            .iter()
            .any(|entry| match entry.strip_prefix('*') {
                Some(suffix) => name.len() > suffix.len() && name.ends_with(suffix),
                None => name == entry,
            });
        listed || (is_localhost(name) && LOOPBACK.iter().any(|&address| self.address(address)))
    }

    /// Whether this address lies in a listed network.
    pub(super) fn address(&self, address: IpAddr) -> bool {
        let address = unwrapped(address);
        !is_never(address)
            && self
                .networks
                .iter()
                .any(|network| network.contains(&address))
    }

    /// Where `localhost` leads: to the loopback addresses on the list, without asking any DNS.
    pub(super) fn localhost(&self) -> Vec<IpAddr> {
        let listed = LOOPBACK
            .into_iter()
            .filter(|&a| self.address(a))
            .collect::<Vec<_>>();
        if listed.is_empty() && self.names.iter().any(|name| name.ends_with("localhost")) {
            return LOOPBACK.to_vec();
        }
        listed
    }
}

const LOOPBACK: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::LOCALHOST),
    IpAddr::V6(Ipv6Addr::LOCALHOST),
];

pub(super) fn is_localhost(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

/// A host name as a URL has it: labels of letters, digits, `-` and `_`, the last not a number
/// (else it would be an address in some notation). `*.` in front stands for any subdomain.
fn is_name(entry: &str) -> bool {
    let name = entry.strip_prefix("*.").unwrap_or(entry);
    let label = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let last = name.rsplit('.').next().unwrap_or_default();
    name.len() <= 253
        && name.split('.').all(label)
        && !last.starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allow(list: &str) -> OutboundAllow {
        list.parse().unwrap()
    }

    #[test]
    fn names_networks_and_addresses_are_told_apart() {
        let allow = allow("127.0.0.0/8, push.lan ,*.agents.lan, 10.1.2.3, fd00::/8,");
        for host in ["push.lan", "a.agents.lan", "a.b.agents.lan", "localhost"] {
            assert!(allow.host(&Host::Domain(host)), "{host}");
        }
        for host in ["agents.lan", "evil-push.lan", "push.lan.evil.com", "lan"] {
            assert!(!allow.host(&Host::Domain(host)), "{host}");
        }
        for address in ["127.9.9.9", "10.1.2.3", "fd00::1", "::ffff:127.0.0.1"] {
            assert!(allow.address(address.parse().unwrap()), "{address}");
        }
        for address in ["10.1.2.4", "128.0.0.1", "::1", "fd00:ec2::254"] {
            assert!(!allow.address(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn localhost_leads_only_to_what_is_listed() {
        assert_eq!(allow("127.0.0.0/8").localhost(), [LOOPBACK[0]]);
        assert_eq!(allow("localhost").localhost(), LOOPBACK);
        assert!(allow("10.0.0.0/8").localhost().is_empty());
    }

    #[test]
    fn sec_g01_metadata_services_stay_refused_in_an_allowed_network() {
        let everything = allow("0.0.0.0/0, ::/0");
        for address in [
            "169.254.169.254",
            "fd00:ec2::254",
            "fe80::1",
            "::ffff:169.254.1.1",
        ] {
            assert!(!everything.address(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn what_is_neither_name_nor_network_is_refused_by_name() {
        for entry in [
            "http://push.lan",
            "push.lan:8080",
            "127.0.0/8",
            "10.0.0.256",
            "*",
            "a b",
        ] {
            let error = entry.parse::<OutboundAllow>().unwrap_err();
            assert_eq!(error, MalformedAllow(entry.to_owned()));
        }
        assert_eq!(allow(""), OutboundAllow::default());
    }
}
