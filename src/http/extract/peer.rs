//! Where a request's connection comes from.

use std::net::SocketAddr;

use http::Extensions;

/// The other end of the connection; behind a proxy, the proxy. The server puts it into each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddr(pub SocketAddr);

/// The peer's address without its port, for the history.
pub fn from(extensions: &Extensions) -> Option<String> {
    extensions
        .get::<PeerAddr>()
        .map(|PeerAddr(address)| address.ip().to_canonical().to_string())
}
