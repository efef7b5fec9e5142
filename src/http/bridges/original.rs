//! The request that waits at a proxy, out of the headers that the proxy sets.
//!
//! A proxy passes on whatever else the caller sent. So only the headers of the one family that the operator's proxies
//! set are read, and each must be there once: one that is missing could have come from the caller.

use http::request::Parts;
use http::{HeaderMap, header};

use crate::config::settings::ForwardAuthHeaders;
use crate::domain::forward_auth::{Original, Unclear};
use crate::paths;

/// Headers by which servers let a caller say another method than the request's.
const OTHER_METHOD: [&str; 3] = [
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
];

/// Reads it.
pub(super) fn original(parts: &Parts, family: ForwardAuthHeaders) -> Result<Original, Unclear> {
    let headers = &parts.headers;
    if OTHER_METHOD.iter().any(|name| headers.contains_key(*name)) {
        return Err(Unclear::OtherMethod);
    }
    let only = |name: &str| only(headers, name).ok_or(Unclear::Untold);
    if let Some(path) = parts.uri.path().strip_prefix(paths::FORWARD_AUTH)
        && !path.is_empty()
    {
        // Envoy: the request itself, with our path in front.
        let target = match parts.uri.query() {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        };
        let (host, scheme) = (only(header::HOST.as_str())?, only("x-forwarded-proto")?);
        return Original::read(parts.method.as_str(), scheme, host, &target);
    }
    match family {
        ForwardAuthHeaders::XForwarded => Original::read(
            only("x-forwarded-method")?,
            only("x-forwarded-proto")?,
            only("x-forwarded-host")?,
            only("x-forwarded-uri")?,
        ),
        ForwardAuthHeaders::XOriginal => {
            let url = only("x-original-url")?;
            let (scheme, rest) = url.split_once("://").ok_or(Unclear::Target)?;
            let slash = rest.find('/').ok_or(Unclear::Target)?;
            let (host, target) = rest.split_at(slash);
            Original::read(only("x-original-method")?, scheme, host, target)
        }
    }
}

/// The one value of a header.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(only), None) => only.to_str().ok(),
        (None, _) | (Some(_), Some(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn read(
        family: ForwardAuthHeaders,
        line: (&str, &str),
        headers: &[(&str, &str)],
    ) -> Result<Original, Unclear> {
        let mut request = Request::builder().method(line.0).uri(line.1);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        original(&request.body(()).unwrap().into_parts().0, family)
    }

    const ASKED: (&str, &str) = ("GET", "/forward-auth");
    const FORWARDED: [(&str, &str); 4] = [
        ("x-forwarded-method", "DELETE"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "files.example"),
        ("x-forwarded-uri", "/files/a"),
    ];
    const ORIGINAL: [(&str, &str); 2] = [
        ("x-original-method", "GET"),
        ("x-original-url", "https://files.example/files/b?c"),
    ];

    #[test]
    fn each_proxy_describes_it_in_its_own_way() {
        let it = read(ForwardAuthHeaders::XForwarded, ASKED, &FORWARDED).unwrap();
        assert_eq!(
            (it.method.as_str(), it.url.as_str()),
            ("DELETE", "https://files.example/files/a")
        );
        let it = read(ForwardAuthHeaders::XOriginal, ASKED, &ORIGINAL).unwrap();
        assert_eq!(
            (it.method.as_str(), it.url.as_str()),
            ("GET", "https://files.example/files/b")
        );
        let envoy = ("PUT", "/forward-auth/files/a%20b?c=d");
        let headers = [("host", "files.example"), ("x-forwarded-proto", "https")];
        for family in [
            ForwardAuthHeaders::XForwarded,
            ForwardAuthHeaders::XOriginal,
        ] {
            let it = read(family, envoy, &headers).unwrap();
            assert_eq!(
                (it.method.as_str(), it.url.as_str()),
                ("PUT", "https://files.example/files/a%20b")
            );
            assert!(it.has_query);
        }
    }

    #[test]
    fn sec_e12_a_caller_describes_nothing() {
        let both: Vec<_> = FORWARDED.into_iter().chain(ORIGINAL).collect();
        let of = |family| read(family, ASKED, &both).unwrap().method;
        assert_eq!(of(ForwardAuthHeaders::XForwarded), "DELETE");
        assert_eq!(of(ForwardAuthHeaders::XOriginal), "GET");
        for (at, (name, _)) in FORWARDED.iter().enumerate() {
            let mut less = FORWARDED.to_vec();
            less.remove(at);
            let read_less = read(ForwardAuthHeaders::XForwarded, ASKED, &less);
            assert_eq!(read_less, Err(Unclear::Untold), "{name}");
            let mut twice = FORWARDED.to_vec();
            twice.push((name, "/"));
            let read_twice = read(ForwardAuthHeaders::XForwarded, ASKED, &twice);
            assert_eq!(read_twice, Err(Unclear::Untold), "{name}");
        }
        let mut overridden = FORWARDED.to_vec();
        overridden.push(("x-http-method-override", "PUT"));
        let read_overridden = read(ForwardAuthHeaders::XForwarded, ASKED, &overridden);
        assert_eq!(read_overridden, Err(Unclear::OtherMethod));
    }
}
