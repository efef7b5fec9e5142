//! `htu` (RFC 9449 §4.3 item 9): whether two URLs name the same endpoint, by RFC 3986's normalisation of
//! syntax and scheme. Query and fragment do not count.

use percent_encoding::percent_decode_str;
use url::Url;

/// Whether `htu` names the endpoint.
pub(super) fn names(htu: &str, endpoint: &str) -> bool {
    if htu == endpoint {
        return true;
    }
    match (normal(htu), normal(endpoint)) {
        (Some(one), Some(other)) => one == other,
        (None, _) | (_, None) => false,
    }
}

/// Scheme, host and port as [`Url`] writes them (small letters, no port that goes without saying, no dot
/// segments), and the path with every character that need not be escaped written as itself.
fn normal(text: &str) -> Option<(String, Vec<u8>)> {
    let url = Url::parse(text).ok()?;
    let plain = url.username().is_empty() && url.password().is_none() && url.has_host();
    let web = matches!(url.scheme(), "https" | "http");
    if !plain || !web || text.trim() != text {
        return None;
    }
    Some((url.origin().ascii_serialization(), unescaped(url.path())))
}

/// An escaped slash stays another thing than a slash.
fn unescaped(path: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    for (at, segment) in path.split('/').enumerate() {
        if at > 0 {
            out.push(b'/');
        }
        for byte in percent_decode_str(segment) {
            match byte {
                b'/' | b'%' => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
                other => out.push(other),
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "https://ask.example/oauth/token";

    #[test]
    fn t81_the_same_endpoint_may_be_written_in_several_ways() {
        for same in [
            TOKEN,
            "https://ask.example/oauth/token?a=b",
            "https://ask.example/oauth/token#part",
            "HTTPS://ASK.Example/oauth/token",
            "https://ask.example:443/oauth/token",
            "https://ask.example/oauth/./token",
            "https://ask.example/%6Fauth/tok%65n",
        ] {
            assert!(names(same, TOKEN), "{same}");
        }
    }

    #[test]
    fn t80_another_endpoint_is_another() {
        for other in [
            "",
            "/oauth/token",
            "http://ask.example/oauth/token",
            "https://ask.example:8443/oauth/token",
            "https://ask.example/bc-authorize",
            "https://ask.example/oauth/token/",
            "https://ask.example/OAuth/token",
            "https://ask.example/oauth%2Ftoken",
            "https://ask.example.evil/oauth/token",
            "https://me@ask.example/oauth/token",
            "https://evil/https://ask.example/oauth/token",
            " https://ask.example/oauth/token",
            "urn:ask.example/oauth/token",
        ] {
            assert!(!names(other, TOKEN), "{other}");
        }
    }
}
