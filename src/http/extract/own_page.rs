//! Whether a request that wants to change something comes from one of our own pages.

use http::{HeaderMap, header};
use url::Url;

use super::cookies::Cookie;
use super::present_person::signed_in;
use crate::app::App;
use crate::flow::sign_in::{Present, SignedIn};
use crate::http::pages::PageError;

/// Says whether the page a request was made on is ours. A browser that says nothing about it is not
/// believed: every browser that can run a page of ours says one or the other.
pub fn is_from_own_page(headers: &HeaderMap, public_url: &str) -> bool {
    let one = |name: &str| {
        let mut values = headers.get_all(name).iter();
        let value = values.next()?.to_str().ok()?;
        Some(if values.next().is_none() { value } else { "" })
    };
    let site = one("sec-fetch-site");
    let site_is_ours = site == Some("same-origin");
    match one(header::ORIGIN.as_str()) {
        Some(origin) => is_origin_of(origin, public_url) && (site_is_ours || site.is_none()),
        None => site_is_ours,
    }
}

fn is_origin_of(origin: &str, public_url: &str) -> bool {
    Url::parse(public_url).is_ok_and(|url| url.origin().ascii_serialization() == origin)
}

/// The person signed in, on a page of ours.
pub async fn person_on_own_page(app: &App, headers: &HeaderMap) -> Result<Present, PageError> {
    if !is_from_own_page(headers, &app.settings.public_url) {
        return Err(PageError::Elsewhere);
    }
    let present = signed_in(app, headers).await?.ok_or(PageError::SignedOut)?;
    let second = Cookie::SameSite.read(headers, app.settings.is_https());
    if second.is_some_and(|cookie| SignedIn::is_same_site_cookie(app, &present, cookie)) {
        Ok(present)
    } else {
        Err(PageError::Elsewhere)
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    const OURS: &str = "https://ask.acme.example";

    #[test]
    fn sec_c01_only_our_own_page_may_send_a_form() {
        let origins = [
            (None, true),
            (Some("null"), false),
            (Some("https://evil.example"), false),
            (Some("https://sub.ask.acme.example"), false),
            (Some("http://ask.acme.example"), false),
            (Some("https://ask.acme.example:8443"), false),
            (Some(OURS), true),
        ];
        let sites = [
            (None, true),
            (Some("cross-site"), false),
            (Some("same-site"), false),
            (Some("none"), false),
            (Some("same-origin"), true),
        ];
        for (origin, origin_is_ours) in origins {
            for (site, site_is_ours) in sites {
                let mut headers = HeaderMap::new();
                for (name, value) in [("origin", origin), ("sec-fetch-site", site)] {
                    if let Some(value) = value {
                        let name = HeaderName::from_static(name);
                        headers.append(name, HeaderValue::from_static(value));
                    }
                }
                let said_nothing = origin.is_none() && site.is_none();
                assert_eq!(
                    is_from_own_page(&headers, OURS),
                    origin_is_ours && site_is_ours && !said_nothing,
                    "{origin:?} {site:?}"
                );
            }
        }
    }

    #[test]
    fn an_address_on_this_machine_is_an_origin_too() {
        let mut headers = HeaderMap::new();
        let origin = HeaderValue::from_static("http://127.0.0.1:8787");
        headers.insert(header::ORIGIN, origin);
        assert!(is_from_own_page(&headers, "http://127.0.0.1:8787"));
        assert!(!is_from_own_page(&headers, "http://127.0.0.1:8788"));
    }
}
