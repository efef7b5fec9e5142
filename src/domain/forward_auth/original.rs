//! The request that waits at the proxy.
//!
//! Whoever decides about a path must read it as the server behind reads it. Servers differ about dots, doubled and
//! escaped slashes, backslashes, parameters after `;` and what is escaped twice: a request with any of these is
//! not clear, and does not pass.

use percent_encoding::percent_decode_str;

/// Longest target read, query included.
const LONGEST: usize = 8 * 1024;

/// Longest host, with its port.
const LONGEST_HOST: usize = 259;

/// A request as its proxy describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Original {
    /// Its method.
    pub method: String,
    /// Scheme, host and path as they were sent, without the query: what a DPoP proof names.
    pub url: String,
    /// The host it was sent to, small letters, with a port if one was named.
    pub host: String,
    /// The path's segments, unescaped. The last one is empty when the path ends with a slash.
    pub segments: Vec<String>,
    /// Whether it has a query.
    pub has_query: bool,
}

/// Why a request could not be told from another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unclear {
    /// A header is missing or doubled: the proxy must set each.
    #[error("the proxy must say method, scheme, host and target of the request, each once")]
    Untold,
    /// Not a method.
    #[error("the method is not one")]
    Method,
    /// A header asks the server behind for another method than this one.
    #[error("a header asks for another method than the request's own")]
    OtherMethod,
    /// Not a host.
    #[error("the host is not one")]
    Host,
    /// Neither `https` nor `http`.
    #[error("the scheme is neither https nor http")]
    Scheme,
    /// Not a path with perhaps a query, or too long.
    #[error("the target is not a path")]
    Target,
    /// A path that servers read in different ways.
    #[error("the path has dots, empty or escaped parts that servers read in different ways")]
    Path,
}

impl Original {
    /// Reads it from the four things that a proxy says.
    pub fn read(method: &str, scheme: &str, host: &str, target: &str) -> Result<Self, Unclear> {
        let method = read_method(method)?;
        let scheme = match scheme {
            "https" | "http" => scheme,
            _ => return Err(Unclear::Scheme),
        };
        let host = read_host(host)?;
        let plain = target.len() <= LONGEST
            && target.starts_with('/')
            && target.bytes().all(|b| b.is_ascii_graphic())
            && !target.contains(['#', '\\']);
        if !plain {
            return Err(Unclear::Target);
        }
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        let segments = segments(path)?;
        Ok(Self {
            method,
            url: format!("{scheme}://{host}{path}"),
            host,
            segments,
            has_query: query.is_some_and(|query| !query.is_empty()),
        })
    }
}

fn read_method(method: &str) -> Result<String, Unclear> {
    let fits = (1..=32).contains(&method.len())
        && method
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b == b'-' || b == b'_');
    fits.then(|| method.to_owned()).ok_or(Unclear::Method)
}

fn read_host(host: &str) -> Result<String, Unclear> {
    let host = host.to_ascii_lowercase();
    let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-:[]".contains(&b);
    let fits = (1..=LONGEST_HOST).contains(&host.len())
        && host.bytes().all(letter)
        && !host.ends_with(['.', ':']);
    fits.then_some(host).ok_or(Unclear::Host)
}

/// The segments of a path that has one reading only.
pub fn segments(path: &str) -> Result<Vec<String>, Unclear> {
    let rest = path.strip_prefix('/').ok_or(Unclear::Path)?;
    let raw: Vec<&str> = rest.split('/').collect();
    let last = raw.len() - 1;
    let read = raw.iter().enumerate().map(|(at, segment)| {
        if segment.is_empty() && at != last {
            return Err(Unclear::Path);
        }
        unescaped(segment)
    });
    read.collect()
}

fn unescaped(segment: &str) -> Result<String, Unclear> {
    if escapes(segment).any(|escape| !escape) {
        return Err(Unclear::Path);
    }
    let decoded = percent_decode_str(segment).decode_utf8();
    let text = decoded.map_err(|_| Unclear::Path)?.into_owned();
    let odd = text == "."
        || text == ".."
        || text.contains(['/', '\\', ';'])
        || text.chars().any(char::is_control)
        || escapes(&text).any(|escape| escape);
    if odd { Err(Unclear::Path) } else { Ok(text) }
}

/// For each `%`: whether it begins an escape.
fn escapes(text: &str) -> impl Iterator<Item = bool> {
    let hex = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_hexdigit);
    let bytes = text.as_bytes();
    let signs = (0..bytes.len()).filter(|at| bytes[*at] == b'%');
    signs.map(move |at| hex(bytes.get(at + 1)) && hex(bytes.get(at + 2)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(target: &str) -> Result<Original, Unclear> {
        Original::read("GET", "https", "Files.example:8443", target)
    }

    #[test]
    fn a_plain_request_is_read() {
        let it = read("/files/a%20b.txt?x=/../y").unwrap();
        assert_eq!(it.url, "https://files.example:8443/files/a%20b.txt");
        assert_eq!(it.host, "files.example:8443");
        assert_eq!(it.segments, ["files", "a b.txt"]);
        assert!(it.has_query);
        assert_eq!(read("/").unwrap().segments, [""]);
        assert_eq!(read("/files/").unwrap().segments, ["files", ""]);
        assert!(!read("/files?").unwrap().has_query);
        assert_eq!(read("/100%25").unwrap().segments, ["100%"]);
    }

    #[test]
    fn what_servers_read_in_different_ways_does_not_pass() {
        for target in [
            "/files/../admin",
            "/files/./a",
            "/files/%2e%2e/admin",
            "/files/%2E%2E/admin",
            "/files/%252e%252e/admin",
            "/files/..%2fadmin",
            "/files%2Fadmin",
            "/files/a%5cb",
            "/files//admin",
            "//evil.example/files",
            "/files/..;/admin",
            "/files;x=1/a",
            "/files/a%3bb",
            "/files/%00",
            "/files/%0a",
            "/files/%ff",
            "/files/%",
            "/files/%2",
            "/files/%zz",
        ] {
            assert_eq!(read(target), Err(Unclear::Path), "{target}");
        }
        for target in [
            "",
            "files",
            "*",
            "https://files.example/files",
            "/files#admin",
            "/files\\admin",
            "/a b",
            "/ü",
            &format!("/{}", "a".repeat(LONGEST)),
        ] {
            assert_eq!(read(target), Err(Unclear::Target), "{target}");
        }
    }

    #[test]
    fn a_host_is_a_host_and_a_method_a_method() {
        for host in [
            "",
            "a b",
            "files.example.",
            "files.example:",
            "me@files.example",
            "a,b",
            "a/b",
        ] {
            let read = Original::read("GET", "https", host, "/");
            assert_eq!(read, Err(Unclear::Host), "{host}");
        }
        for method in ["", "get", "GE T", "GET,DELETE"] {
            let read = Original::read(method, "https", "a", "/");
            assert_eq!(read, Err(Unclear::Method), "{method}");
        }
        let read = Original::read("GET", "ftp", "a", "/");
        assert_eq!(read, Err(Unclear::Scheme));
    }
}
