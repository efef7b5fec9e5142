//! What proxies say about the hops before them: `Forwarded` (RFC 7239) and `X-Forwarded-For`.
//!
//! A line gives its hops in the order they were passed, the nearest last. A hop that is not an address
//! (`unknown`, a name such as `_hidden`, nonsense) is a hop of which nothing is known.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::{HeaderMap, HeaderName, header};

/// The letters of a line that is read; a longer one says nothing.
const LONGEST: usize = 4096;

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// A header that tells where a request comes from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Told {
    /// `Forwarded`.
    Forwarded,
    /// `X-Forwarded-For`.
    XForwardedFor,
}

impl Told {
    /// The hops it tells of, the nearest first; none when nobody sent it.
    pub(super) fn hops(self, headers: &HeaderMap) -> Option<impl Iterator<Item = Option<IpAddr>>> {
        let name = self.name();
        let lines: Vec<_> = headers.get_all(name).iter().collect();
        let hops = lines.into_iter().rev().flat_map(move |line| {
            let line = line.to_str().ok().filter(|line| line.len() <= LONGEST);
            let mut hops = line.map_or_else(|| vec![None], |line| self.read(line));
            hops.reverse();
            hops
        });
        headers.contains_key(name).then_some(hops)
    }

    fn name(self) -> &'static HeaderName {
        match self {
            Self::Forwarded => &header::FORWARDED,
            Self::XForwardedFor => &X_FORWARDED_FOR,
        }
    }

    /// A line that is not written as RFC 7239 has it is one hop of which nothing is known: what stands
    /// in it may be anybody's, up to its last letter.
    fn read(self, line: &str) -> Vec<Option<IpAddr>> {
        match self {
            Self::Forwarded => elements(line).unwrap_or_else(|| vec![None]),
            Self::XForwardedFor => line.split(',').map(address).collect(),
        }
    }
}

fn elements(line: &str) -> Option<Vec<Option<IpAddr>>> {
    let mut hops = Vec::new();
    let mut rest = line.trim();
    loop {
        let (hop, after) = element(rest)?;
        hops.push(hop);
        match after.strip_prefix(',') {
            Some(next) => rest = next.trim_start(),
            None if after.is_empty() => return Some(hops),
            None => return None,
        }
    }
}

/// One hop's pairs, and what comes after them.
fn element(line: &str) -> Option<(Option<IpAddr>, &str)> {
    let mut node: Option<String> = None;
    let mut rest = line;
    loop {
        let (name, value) = rest.split_once('=')?;
        if name.is_empty() || !name.bytes().all(is_token) {
            return None;
        }
        let (value, after) = value_of(value)?;
        // A second one would be read differently by different readers.
        if name.eq_ignore_ascii_case("for") && node.replace(value).is_some() {
            return None;
        }
        let after = after.trim_start();
        match after.strip_prefix(';') {
            Some(next) => rest = next.trim_start(),
            None => return Some((node.as_deref().and_then(address), after)),
        }
    }
}

/// A token or a quoted string, and what comes after it.
fn value_of(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.bytes().position(|byte| !is_token(byte));
        let (token, after) = text.split_at_checked(end.unwrap_or(text.len()))?;
        // An address with its port is not a token, but is written so all the same.
        let port = after.strip_prefix(':').map_or(0, |port| {
            1 + port.bytes().take_while(u8::is_ascii_digit).count()
        });
        let (value, after) = text.split_at_checked(token.len() + port)?;
        return (!value.is_empty()).then(|| (value.to_owned(), after));
    };
    let mut value = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, quoted.get(at + 1..)?)),
            '\\' => value.push(letters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// One hop's address as proxies write it, with or without a port.
fn address(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let bracketed = |hop: &str| {
        let inner = hop.strip_prefix('[')?.strip_suffix(']')?;
        inner.parse::<Ipv6Addr>().ok().map(IpAddr::from)
    };
    let parsed = hop
        .parse::<IpAddr>()
        .or_else(|_| hop.parse::<SocketAddr>().map(|socket| socket.ip()))
        .ok()
        .or_else(|| bracketed(hop));
    parsed.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &str) -> Vec<String> {
        let hops = Told::Forwarded.read(line).into_iter();
        hops.map(|hop| hop.map_or("-".to_owned(), |hop| hop.to_string()))
            .collect()
    }

    #[test]
    fn hops_are_read_as_rfc_7239_writes_them() {
        for (line, hops) in [
            ("for=192.0.2.43", vec!["192.0.2.43"]),
            (
                "For=192.0.2.43;proto=https;by=203.0.113.43",
                vec!["192.0.2.43"],
            ),
            ("proto=http; for=\"192.0.2.43:47011\"", vec!["192.0.2.43"]),
            ("for=192.0.2.43:47011", vec!["192.0.2.43"]),
            (
                "for=192.0.2.43, for=\"[2001:db8:cafe::17]:4711\"",
                vec!["192.0.2.43", "2001:db8:cafe::17"],
            ),
            ("for=\"[2001:db8::1]\"", vec!["2001:db8::1"]),
            ("for=\"[::ffff:192.0.2.1]:80\"", vec!["192.0.2.1"]),
            ("for=_hidden, for=unknown", vec!["-", "-"]),
            ("for=\"_gazonk:_port\"", vec!["-"]),
            (
                "by=_x;host=\"a, for=6.6.6.6\", for=1.2.3.4",
                vec!["-", "1.2.3.4"],
            ),
            ("for=\"1.2\\.3.4\"", vec!["1.2.3.4"]),
        ] {
            assert_eq!(told(line), hops, "{line}");
        }
    }

    #[test]
    fn sec_e12_a_line_that_is_not_well_formed_tells_nothing() {
        for line in [
            "",
            ",",
            "for",
            "for=",
            "=1.2.3.4",
            "for=1.2.3.4,",
            "for=1.2.3.4;",
            "for=1.2.3.4;for=6.6.6.6",
            "for=6.6.6.6 for=1.2.3.4",
            "for=[2001:db8::1]",
            "for=\"1.2.3.4",
            // A quote a caller opened, around what the proxy wrote after it.
            "for=6.6.6.6;x=\", for=1.2.3.4",
            "for=6.6.6.6;x=\", for=\"[2001:db8::1]\"",
            "f or=1.2.3.4",
        ] {
            assert_eq!(told(line), ["-"], "{line}");
        }
    }
}
