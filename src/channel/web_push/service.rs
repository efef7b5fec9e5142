//! Whose push services are known: those of the browsers people have.

use url::Url;

/// The push services of the browsers, and whose they are. `*` stands for any subdomain.
const SERVICES: [(&str, &str); 6] = [
    ("fcm.googleapis.com", "Google"),
    ("jmt17.google.com", "Google"), // what Chromium builds without Google's branding are given
    ("updates.push.services.mozilla.com", "Mozilla"),
    ("*.push.services.mozilla.com", "Mozilla"),
    ("*.push.apple.com", "Apple"),
    ("*.notify.windows.com", "Microsoft"),
];

/// Whose push service has this endpoint, if it is one we know.
pub(super) fn service(url: &Url) -> Option<&'static str> {
    let host = url.domain()?;
    let known = |pattern: &str| match pattern.strip_prefix('*') {
        Some(suffix) => host.len() > suffix.len() && host.ends_with(suffix),
        None => host == pattern,
    };
    SERVICES
        .iter()
        .find(|(pattern, _)| known(pattern))
        .map(|&(_, whose)| whose)
}
