//! Which URLs may be called at all: checked when one is registered, and again before each call.
//!
//! Judged by the text alone. Where a name leads is judged by the [resolver](super::resolver) at
//! the moment of connecting, because it may lead elsewhere by then.

use url::{Host, Url};

use super::allow::OutboundAllow;

/// The longest URL that may be called.
const LONGEST: usize = 2048;

/// Names that belong to a machine or a local network, whatever DNS says.
const LOCAL_SUFFIXES: [&str; 16] = [
    "alt",
    "arpa",
    "corp",
    "home",
    "internal",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "mail",
    "onion",
    "private",
    "test",
    "workgroup",
];

/// Why a URL may not be called. Says nothing of the URL itself, which may be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefusedUrl {
    /// More than 2048 characters.
    #[error("the URL is longer than 2048 characters")]
    TooLong,
    /// Not a URL, or one that different readers read differently.
    #[error("not a plain URL: only visible ASCII, one way to write each host, no backslash")]
    Malformed,
    /// Neither https nor, to an allowed host, http.
    #[error("the URL must be https (plain http only to hosts on the outbound allow list)")]
    Scheme,
    /// `user:password@`.
    #[error("the URL must not carry a user name or password")]
    UserInfo,
    /// `#…`.
    #[error("the URL must not have a fragment")]
    Fragment,
    /// Another port than 443 or 8443.
    #[error("the port must be 443 or 8443, or the host on the outbound allow list")]
    Port,
    /// A literal address.
    #[error("the host must be a name, or its address on the outbound allow list")]
    Literal,
    /// A name of a local network.
    #[error("the host must have a public name, or be on the outbound allow list")]
    LocalName,
}

/// Reads a URL that may be called.
pub(super) fn check(text: &str, allow: &OutboundAllow) -> Result<Url, RefusedUrl> {
    if text.len() > LONGEST {
        return Err(RefusedUrl::TooLong);
    }
    if !text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\') {
        return Err(RefusedUrl::Malformed);
    }
    let url = Url::parse(text).map_err(|_| RefusedUrl::Malformed)?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(RefusedUrl::Scheme);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(RefusedUrl::UserInfo);
    }
    if url.fragment().is_some() {
        return Err(RefusedUrl::Fragment);
    }
    let host = url.host().ok_or(RefusedUrl::Malformed)?;
    let listed = allow.host(&host);
    match host {
        Host::Domain(name) if !listed => public_name(name)?,
        Host::Ipv4(_) | Host::Ipv6(_) if !listed => return Err(RefusedUrl::Literal),
        Host::Domain(_) | Host::Ipv4(_) | Host::Ipv6(_) => {}
    }
    if !listed && url.scheme() != "https" {
        return Err(RefusedUrl::Scheme);
    }
    if !listed && !matches!(url.port_or_known_default(), Some(443 | 8443)) {
        return Err(RefusedUrl::Port);
    }
    if !written_plainly(text, &url) {
        return Err(RefusedUrl::Malformed);
    }
    Ok(url)
}

/// A name that could be public: more than one label, not ending in a local suffix or a dot.
fn public_name(name: &str) -> Result<(), RefusedUrl> {
    match name.rsplit_once('.') {
        Some((_, last)) if !last.is_empty() && !LOCAL_SUFFIXES.contains(&last) => Ok(()),
        Some(_) | None => Err(RefusedUrl::LocalName),
    }
}

/// The authority as written is the authority as understood: nothing was decoded, mapped,
/// renumbered or skipped on the way, so no other reader can take it for another host.
fn written_plainly(text: &str, url: &Url) -> bool {
    let Some((_, rest)) = text.split_once("://") else {
        return false;
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let authority = rest[..end].to_ascii_lowercase();
    let Some(port) = url.host_str().and_then(|host| authority.strip_prefix(host)) else {
        return false;
    };
    match port.strip_prefix(':') {
        Some(digits) => digits.parse() == Ok(url.port_or_known_default().unwrap_or(0)),
        None => port.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFUSED: &str = include_str!("../../../tests/corpora/urls_refused.txt");

    fn refusal(text: &str) -> Option<RefusedUrl> {
        check(text, &OutboundAllow::default()).err()
    }

    #[test]
    fn sec_g01_no_url_of_the_corpus_may_be_called() {
        let mut seen = 0;
        for line in REFUSED
            .lines()
            .filter(|l| !l.is_empty() && !l.starts_with("# "))
        {
            let url: String = serde_json::from_str(&format!("\"{line}\"")).expect(line);
            assert!(refusal(&url).is_some(), "{line} may be called");
            seen += 1;
        }
        assert!(seen >= 60, "the corpus has {seen} entries");
        let long = format!("https://example.com/{}", "a".repeat(2049 - 20));
        assert_eq!(long.len(), 2049);
        assert_eq!(refusal(&long), Some(RefusedUrl::TooLong));
    }

    #[test]
    fn ordinary_urls_may_be_called() {
        for url in [
            "https://agent.example.com/notify?x=1&y=%20",
            "https://Agent.Example.com:443/",
            "https://example.com:8443",
            "https://updates.push.services.mozilla.com/wpush/v2/gAAAA_-",
            "https://xn--bcher-kva.example.com/",
            "https://1.example.com/@x",
        ] {
            assert_eq!(refusal(url), None, "{url}");
        }
    }

    #[test]
    fn a_listed_host_may_be_called_in_plain_http_on_any_port() {
        let allow = "127.0.0.0/8, push.lan".parse().unwrap();
        for url in [
            "http://127.0.0.1:8080/x",
            "http://localhost:8080/x",
            "http://push.lan/x",
            "https://push.lan:9/x",
        ] {
            assert!(check(url, &allow).is_ok(), "{url}");
        }
        for (url, why) in [
            ("http://example.com/", RefusedUrl::Scheme),
            ("http://10.0.0.1/", RefusedUrl::Literal),
            ("http://0x7f.1/", RefusedUrl::Malformed),
            ("http://2130706433/", RefusedUrl::Malformed),
            ("http://user@push.lan/", RefusedUrl::UserInfo),
            ("http://push.lan/#x", RefusedUrl::Fragment),
            ("http://push.lan./", RefusedUrl::LocalName),
        ] {
            assert_eq!(check(url, &allow), Err(why), "{url}");
        }
    }
}
