//! Where a request comes from: the connection's other end, and the caller behind our own proxies.
//!
//! Forwarding headers are words anybody may say. They are believed only as far as every hop that
//! passed them on is one the operator has named; with no proxies named, never. A proxy that writes one
//! of the two headers passes the other on as it came, so where both are there they must agree.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{Extensions, HeaderMap};
use ipnet::IpNet;

use super::forwarded::Told;
use crate::app::App;

/// Hops that are followed back.
const MOST_HOPS: usize = 32;

/// The other end of a request's connection, in its extensions. Behind a proxy this is the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddr(pub SocketAddr);

impl PeerAddr {
    /// Whether it is in one of these networks.
    pub fn is_one_of(self, networks: &[IpNet]) -> bool {
        let address = self.0.ip().to_canonical();
        networks.iter().any(|net| net.contains(&address))
    }

    /// The caller: this peer, or, if that is a trusted proxy, the last address in front of our
    /// proxies that one of them vouches for.
    pub fn caller(self, headers: &HeaderMap, proxies: &[IpNet]) -> IpAddr {
        let trusted = |address: &IpAddr| proxies.iter().any(|net| net.contains(address));
        let peer = self.0.ip().to_canonical();
        let followed = |told: Told| {
            let mut caller = peer;
            for hop in told.hops(headers)?.take(MOST_HOPS) {
                let Some(hop) = hop.filter(|_| trusted(&caller)) else {
                    break;
                };
                caller = hop;
            }
            Some(caller)
        };
        if !trusted(&peer) {
            return peer;
        }
        match (followed(Told::Forwarded), followed(Told::XForwardedFor)) {
            (Some(caller), None) | (None, Some(caller)) => caller,
            (Some(one), Some(other)) if one == other => one,
            (Some(_), Some(_)) | (None, None) => peer,
        }
    }
}

/// The caller's address, for the history.
pub fn from(app: &App, headers: &HeaderMap, extensions: &Extensions) -> Option<String> {
    let peer = extensions.get::<PeerAddr>()?;
    let caller = peer.caller(headers, &app.settings.trusted_proxies);
    Some(caller.to_string())
}

/// The unspecified address stands for a request that came over no connection, as in a test.
impl<S: Sync> FromRequestParts<S> for PeerAddr {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let nowhere = Self(SocketAddr::from(([0, 0, 0, 0], 0)));
        Ok(parts.extensions.get().copied().unwrap_or(nowhere))
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn caller(peer: &str, forwarded: &[&'static str]) -> String {
        let lines: Vec<_> = forwarded
            .iter()
            .map(|line| ("x-forwarded-for", *line))
            .collect();
        told(peer, &lines)
    }

    fn told(peer: &str, lines: &[(&'static str, &'static str)]) -> String {
        let proxies = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let mut headers = HeaderMap::new();
        for (name, line) in lines {
            headers.append(*name, HeaderValue::from_static(line));
        }
        let peer = PeerAddr(SocketAddr::new(peer.parse().unwrap(), 1));
        peer.caller(&headers, &proxies).to_string()
    }

    #[test]
    fn sec_e12_a_stranger_is_not_believed() {
        assert_eq!(caller("192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(caller("192.0.2.1", &["10.0.0.1"]), "192.0.2.1");
    }

    #[test]
    fn sec_e12_our_proxies_are_believed_about_the_hop_before_them() {
        assert_eq!(caller("10.0.0.1", &["192.0.2.1"]), "192.0.2.1");
        assert_eq!(caller("10.0.0.1", &["6.6.6.6, 192.0.2.1"]), "192.0.2.1");
        assert_eq!(caller("10.0.0.1", &["6.6.6.6", "192.0.2.1"]), "192.0.2.1");
        assert_eq!(
            caller("10.0.0.1", &["6.6.6.6, 192.0.2.1, 10.2.3.4"]),
            "192.0.2.1"
        );
        assert_eq!(caller("::ffff:10.0.0.1", &["2001:db8::1"]), "2001:db8::1");
        assert_eq!(caller("fd00::1", &["[2001:db8::1]:4711"]), "2001:db8::1");
    }

    #[test]
    fn sec_e12_what_is_not_an_address_ends_the_search() {
        assert_eq!(caller("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(caller("10.0.0.1", &["6.6.6.6, unknown"]), "10.0.0.1");
        assert_eq!(caller("10.0.0.1", &["6.6.6.6,"]), "10.0.0.1");
        assert_eq!(caller("10.0.0.1", &["6.6.6.6, , 10.0.0.2"]), "10.0.0.2");
    }
    #[test]
    fn sec_e12_forwarded_counts_as_the_other_header_does() {
        let one = |peer, line| told(peer, &[("forwarded", line)]);
        assert_eq!(one("192.0.2.1", "for=6.6.6.6"), "192.0.2.1");
        assert_eq!(one("10.0.0.1", "for=6.6.6.6, for=192.0.2.1"), "192.0.2.1");
        let through = "for=6.6.6.6, for=\"[2001:db8::1]:443\", for=10.2.3.4;proto=https";
        assert_eq!(one("10.0.0.1", through), "2001:db8::1");
        assert_eq!(one("10.0.0.1", "for=192.0.2.1, for=_proxy"), "10.0.0.1");
        assert_eq!(
            one("10.0.0.1", "for=6.6.6.6;x=\", for=192.0.2.1"),
            "10.0.0.1"
        );
    }

    #[test]
    fn sec_e12_a_header_the_proxy_did_not_write_changes_nobody_s_address() {
        let lines = |mine, theirs| [("x-forwarded-for", mine), ("forwarded", theirs)];
        let both = |mine, theirs| told("10.0.0.1", &lines(mine, theirs));
        assert_eq!(both("192.0.2.1", "for=6.6.6.6"), "10.0.0.1");
        assert_eq!(both("6.6.6.6, 192.0.2.1", "for=192.0.2.1"), "192.0.2.1");
    }

    #[test]
    fn sec_e12_what_is_too_long_is_not_followed() {
        let hops: &'static str = "10.1.1.1, ".repeat(40).leak();
        let many: &'static str = format!("6.6.6.6, {hops}10.1.1.2").leak();
        assert_eq!(caller("10.0.0.1", &[many]), "10.1.1.1");
        let long: &'static str = format!("{}192.0.2.1", "6.6.6.6, ".repeat(500)).leak();
        assert_eq!(caller("10.0.0.1", &[long]), "10.0.0.1");
    }
}
