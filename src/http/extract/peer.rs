//! Where a request comes from: the connection's other end, and the caller behind our own proxies.
//!
//! Forwarding headers are words anybody may say. They are believed only as far as every hop that
//! passed them on is one the operator has named; with no proxies named, never. Only
//! `X-Forwarded-For` is read: a proxy that writes one such header passes others on as they came.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderName};
use ipnet::IpNet;

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The other end of a request's connection, in its extensions. Behind a proxy this is the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddr(pub SocketAddr);

impl PeerAddr {
    /// The caller: this peer, or, if that is a trusted proxy, the last address in front of our
    /// proxies that one of them vouches for.
    pub fn caller(self, headers: &HeaderMap, proxies: &[IpNet]) -> IpAddr {
        let trusted = |address: &IpAddr| proxies.iter().any(|net| net.contains(address));
        let mut caller = self.0.ip().to_canonical();
        let lines: Vec<_> = headers.get_all(&X_FORWARDED_FOR).iter().collect();
        let mut hops = lines
            .iter()
            .rev()
            .flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
        while trusted(&caller) {
            let Some(hop) = hops.next().and_then(address) else {
                break;
            };
            caller = hop;
        }
        caller
    }
}

/// The peer's address without its port, for the history.
pub fn from(extensions: &Extensions) -> Option<String> {
    extensions
        .get::<PeerAddr>()
        .map(|PeerAddr(address)| address.ip().to_canonical().to_string())
}

/// One hop as proxies write it, with or without a port.
fn address(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let parsed = hop
        .parse::<IpAddr>()
        .or_else(|_| hop.parse::<SocketAddr>().map(|socket| socket.ip()));
    parsed.ok().map(|address| address.to_canonical())
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
        let proxies = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(&X_FORWARDED_FOR, HeaderValue::from_static(line));
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
}
