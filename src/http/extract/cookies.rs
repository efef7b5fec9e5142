//! Cookies: who a browser is signed in as, and that a form is from our own page.
//!
//! The first comes along when a link in a letter is followed (`SameSite=Lax`), so that the link opens
//! the request. The second comes along from our own pages only (`Strict`), and every form needs it. A
//! third is there before anyone is signed in, so that nobody can be signed in as somebody else.

use http::{HeaderMap, HeaderValue, header};

/// Which cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cookie {
    /// Who is signed in.
    Session,
    /// That a form is from our own page.
    SameSite,
    /// That a sign-in form is from our own page.
    BeforeSignIn,
}

impl Cookie {
    /// Its name. Over TLS it has the prefix that lets nobody but this host set it.
    pub fn name(self, https: bool) -> &'static str {
        match (self, https) {
            (Self::Session, true) => "__Host-countersign",
            (Self::Session, false) => "countersign",
            (Self::SameSite, true) => "__Host-countersign-form",
            (Self::SameSite, false) => "countersign-form",
            (Self::BeforeSignIn, true) => "__Host-countersign-visit",
            (Self::BeforeSignIn, false) => "countersign-visit",
        }
    }

    /// Its value, if the browser brought exactly one.
    pub fn read(self, headers: &HeaderMap, https: bool) -> Option<&str> {
        let name = self.name(https);
        let mut values = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(other, _)| *other == name)
            .map(|(_, value)| value);
        let value = values.next()?;
        values.next().is_none().then_some(value)
    }

    /// The header that sets it. `longest` in seconds; zero takes it away. `None` if the value cannot be
    /// sent, which none of ours is.
    pub fn set(self, value: &str, longest: i64, https: bool) -> Option<HeaderValue> {
        let name = self.name(https);
        let same_site = match self {
            Self::Session => "Lax",
            Self::SameSite | Self::BeforeSignIn => "Strict",
        };
        let secure = if https { "; Secure" } else { "" };
        HeaderValue::from_str(&format!(
            "{name}={value}; Path=/; Max-Age={longest}; HttpOnly; SameSite={same_site}{secure}"
        ))
        .ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, HeaderValue::from_static(line));
        }
        headers
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let headers = headers(&["a=1; countersign=abc; countersign-form=x"]);
        assert_eq!(Cookie::Session.read(&headers, false), Some("abc"));
        assert_eq!(Cookie::SameSite.read(&headers, false), Some("x"));
        assert_eq!(Cookie::Session.read(&headers, true), None);
    }

    #[test]
    fn sec_c03_of_two_cookies_with_one_name_neither_counts() {
        for lines in [
            &["countersign=a; countersign=b"][..],
            &["countersign=a", "countersign=a"],
        ] {
            assert_eq!(Cookie::Session.read(&headers(lines), false), None);
        }
    }

    #[test]
    fn sec_c01_cookies_over_tls_are_this_hosts_alone() {
        assert_eq!(
            Cookie::Session.set("v", 60, true).unwrap(),
            "__Host-countersign=v; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure"
        );
        assert_eq!(
            Cookie::SameSite.set("v", 60, true).unwrap(),
            "__Host-countersign-form=v; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure"
        );
        assert_eq!(
            Cookie::Session.set("v", 60, false).unwrap(),
            "countersign=v; Path=/; Max-Age=60; HttpOnly; SameSite=Lax"
        );
        assert_eq!(Cookie::Session.set("a\r\nb", 60, true), None);
    }
}
