//! Each URL path once: routes, links in letters and metadata are built from here.

/// OpenID Connect Discovery.
pub const OPENID_CONFIGURATION: &str = "/.well-known/openid-configuration";
/// RFC 8414.
pub const OAUTH_METADATA: &str = "/.well-known/oauth-authorization-server";
/// RFC 9728, for a service whose address has no path.
pub const RESOURCE_METADATA: &str = "/.well-known/oauth-protected-resource";
/// RFC 9728, for one whose address has.
pub const RESOURCE_METADATA_BELOW: &str = "/.well-known/oauth-protected-resource/{*path}";
/// CIBA §7.
pub const BACKCHANNEL_AUTHENTICATION: &str = "/bc-authorize";
/// The token endpoint.
pub const TOKEN: &str = "/oauth/token";
/// A service asks about a token (RFC 7662).
pub const INTROSPECTION: &str = "/oauth/introspect";
/// A client gives back what it holds (RFC 7009).
pub const REVOCATION: &str = "/oauth/revoke";
/// What clients hold (Grant Management for OAuth 2.0).
pub const GRANTS: &str = "/oauth/grants";
/// What one answer granted.
pub const GRANT: &str = "/oauth/grants/{id}";
/// RFC 7591.
pub const REGISTRATION: &str = "/oauth/register";
/// RFC 7592.
pub const REGISTERED: &str = "/oauth/register/{client_id}";
/// The published keys.
pub const JWKS: &str = "/oauth/jwks";
/// An agent's own requests.
pub const APPROVALS: &str = "/api/v1/approvals";
/// One of them.
pub const APPROVAL: &str = "/api/v1/approvals/{id}";
/// What services have parked here.
pub const TRANSACTIONS: &str = "/api/v1/transactions";
/// One such action.
pub const TRANSACTION: &str = "/api/v1/transactions/{id}";
/// It may run now.
pub const TRANSACTION_RELEASE: &str = "/api/v1/transactions/{id}/release";
/// Proxies ask whether a request may pass.
pub const FORWARD_AUTH: &str = "/forward-auth";
/// The same, for proxies that put the request's own path behind it.
pub const FORWARD_AUTH_BELOW: &str = "/forward-auth/{*path}";
/// For machines: the process answers.
pub const LIVE: &str = "/livez";
/// For machines: it can do its work.
pub const READY: &str = "/readyz";
/// For people: what waits for them.
pub const INBOX: &str = "/";
/// For people: one request.
pub const REQUEST: &str = "/r/{id}";
/// For people: the bounds of an "always".
pub const REQUEST_ALWAYS: &str = "/r/{id}/always";
/// For people: why it was a no.
pub const REQUEST_REASON: &str = "/r/{id}/reason";
/// For people: a yes is taken back.
pub const REQUEST_TAKE_BACK: &str = "/r/{id}/take-back";
/// For people: the signed receipt of their answer.
pub const REQUEST_RECEIPT: &str = "/r/{id}/receipt";
/// For people: an agent that was told no may ask no more.
pub const REQUEST_STOP_ASKING: &str = "/r/{id}/stop-asking";
/// For the request page's script: whether the request still waits.
pub const REQUEST_STATE: &str = "/r/{id}/state";
/// For people: what they always allow.
pub const ALLOWED: &str = "/allowed";
/// For people: an "always" stops.
pub const ALLOWED_STOP: &str = "/allowed/stop";
/// For people: an agent may ask again.
pub const ALLOWED_ASK_AGAIN: &str = "/allowed/ask-again";
/// For people: no agent may ask for a while.
pub const PAUSE: &str = "/pause";
/// For people: what was.
pub const HISTORY: &str = "/history";
/// For people: how they are reached.
pub const DEVICES: &str = "/devices";
/// For the devices page's script: a browser's push subscription.
pub const DEVICES_PUSH: &str = "/devices/push";
/// For people: a device is forgotten.
pub const DEVICES_REMOVE: &str = "/devices/remove";
/// For people: themselves.
pub const SETTINGS: &str = "/settings";
/// For people: the code that agents bring along.
pub const SETTINGS_CODE: &str = "/settings/code";
/// For people: when they are not to be disturbed.
pub const SETTINGS_QUIET: &str = "/settings/quiet";
/// For people: asks for a sign-in link.
pub const SIGN_IN: &str = "/signin";
/// For people who are signed in and must prove it again: asks for another link.
pub const SIGN_IN_AGAIN: &str = "/signin/again";
/// For people: a sign-in link.
pub const SIGN_IN_LINK: &str = "/signin/{handle}";
/// For people: the end of a session.
pub const SIGN_OUT: &str = "/signout";
/// For browsers: this server as an app.
pub const MANIFEST: &str = "/manifest.webmanifest";
/// For browsers: what receives notifications.
pub const SERVICE_WORKER: &str = "/service-worker.js";
/// For browsers: looks and scripts.
pub const STATIC: &str = "/static/{name}";
/// For browsers without a network.
pub const OFFLINE: &str = "/offline";

/// Where a sign-in link leads.
pub fn sign_in_link(handle: &str) -> String {
    SIGN_IN_LINK.replace("{handle}", handle)
}

/// Where a request is shown.
pub fn request(id: impl std::fmt::Display) -> String {
    format!("/r/{id}")
}

/// Where somebody may be sent after signing in: one of our own pages, as we write it, and nothing that a
/// browser could take for another host.
pub fn local_page(path: &str) -> Option<&str> {
    let is_id =
        |id: &str| id.len() == 32 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let ours = match path.strip_prefix("/r/") {
        Some(rest) => is_id(rest.strip_suffix("/always").unwrap_or(rest)),
        None => [INBOX, ALLOWED, HISTORY, DEVICES, SETTINGS].contains(&path),
    };
    ours.then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_c10_only_our_own_pages_are_places_to_go_next() {
        let id = "0".repeat(32);
        for ours in ["/", "/allowed", &request(&id), &format!("/r/{id}/always")] {
            assert_eq!(local_page(ours), Some(ours));
        }
        for other in [
            "",
            "//evil",
            "/\\evil",
            "%2f%2fevil",
            "/%2f%2fevil",
            "javascript:alert(1)",
            "https://evil.example/",
            "/r/../../evil",
            "/r//evil",
            "/allowed?x=1",
            "/allowed\n",
            "/signout",
            "/static/app.js",
            &format!("/r/{id}/state"),
            &format!("/r/{id}@evil"),
        ] {
            assert_eq!(local_page(other), None, "{other:?}");
        }
    }
}
