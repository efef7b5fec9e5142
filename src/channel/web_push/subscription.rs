//! One browser's standing offer to be notified, and who may make one.
//!
//! The endpoint is a capability: who knows it and the keys can address that browser, and whoever
//! chooses it chooses whom this server calls. So it must belong to a known push service or to a
//! host the operator has listed, and it is never printed.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use url::Url;

use super::service::service;
use crate::channel::sender::{RefusedUrl, Sender};

/// The longest JSON text that is looked at.
const LONGEST: usize = 4096;

/// A browser's `PushSubscription`, checked.
#[derive(Clone, PartialEq, Eq)]
pub struct Subscription {
    endpoint: String,
    p256dh: String,
    auth: String,
}

/// Why a subscription is not accepted. Says nothing of its contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubscriptionError {
    /// Not the JSON of a `PushSubscription`.
    #[error("not a push subscription")]
    Malformed,
    /// The endpoint may not be called.
    #[error("the push endpoint may not be called: {0}")]
    Endpoint(#[from] RefusedUrl),
    /// The endpoint is a push service nobody here knows.
    #[error("the push service is not known (an operator may list its host as outbound-allowed)")]
    UnknownService,
    /// `p256dh` is not a point on P-256.
    #[error("the key `p256dh` is not an uncompressed point on P-256")]
    Key,
    /// `auth` is not 16 bytes.
    #[error("the secret `auth` is not 16 bytes")]
    Auth,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    endpoint: String,
    keys: Keys,
}

#[derive(Serialize, Deserialize)]
struct Keys {
    p256dh: String,
    auth: String,
}

impl Subscription {
    /// Reads what the browser's `PushSubscription.toJSON()` gave, at the border.
    pub fn read(json: &[u8], sender: &Sender) -> Result<Self, SubscriptionError> {
        let this = Self::parse(json)?;
        let url = sender.check(&this.endpoint)?;
        if service(&url).is_none() && !sender.is_allowed(&url) {
            return Err(SubscriptionError::UnknownService);
        }
        Ok(this)
    }

    /// Reads one that was kept. What may be called is not asked here but by every call.
    pub fn from_stored(json: &[u8]) -> Result<Self, SubscriptionError> {
        Self::parse(json)
    }

    /// The bytes to be sealed and kept.
    pub fn to_stored(&self) -> Vec<u8> {
        let keys = serde_json::json!({"p256dh": self.p256dh, "auth": self.auth});
        serde_json::json!({"endpoint": self.endpoint, "keys": keys})
            .to_string()
            .into_bytes()
    }

    /// A hash of the endpoint, by which the same browser is known again without keeping its
    /// address in the clear.
    pub fn fingerprint(&self) -> [u8; 32] {
        let mut out = [0; 32];
        out.copy_from_slice(digest(&SHA256, self.endpoint.as_bytes()).as_ref());
        out
    }

    /// Whose push service this is, for people: `Google`, `Mozilla`, `Apple`, `Microsoft`.
    pub fn service(&self) -> Option<&'static str> {
        service(&Url::parse(&self.endpoint).ok()?)
    }

    pub(super) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The same in the words of the crate that encrypts.
    pub(super) fn info(&self) -> web_push::SubscriptionInfo {
        web_push::SubscriptionInfo::new(&*self.endpoint, &*self.p256dh, &*self.auth)
    }

    fn parse(json: &[u8]) -> Result<Self, SubscriptionError> {
        if json.len() > LONGEST {
            return Err(SubscriptionError::Malformed);
        }
        let wire: Wire = serde_json::from_slice(json).map_err(|_| SubscriptionError::Malformed)?;
        // Browsers write none, but some libraries between write padding.
        let p256dh = wire.keys.p256dh.trim_end_matches('=').to_owned();
        let auth = wire.keys.auth.trim_end_matches('=').to_owned();

        let point = URL_SAFE_NO_PAD
            .decode(&p256dh)
            .map_err(|_| SubscriptionError::Key)?;
        if point.len() != 65 || point[0] != 0x04 {
            return Err(SubscriptionError::Key);
        }
        ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &point)
            .map_err(|_| SubscriptionError::Key)?;
        match URL_SAFE_NO_PAD.decode(&auth) {
            Ok(secret) if secret.len() == 16 => {}
            Ok(_) | Err(_) => return Err(SubscriptionError::Auth),
        }
        Ok(Self {
            endpoint: wire.endpoint,
            p256dh,
            auth,
        })
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Subscription({})", self.service().unwrap_or("other"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// The receiver of RFC 8291, appendix A.
    const P256DH: &str =
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

    fn json(endpoint: &str) -> Value {
        let keys = json!({"p256dh": P256DH, "auth": AUTH});
        json!({"endpoint": endpoint, "expirationTime": null, "keys": keys})
    }

    fn read(json: &Value, allow: &str) -> Result<Subscription, SubscriptionError> {
        let sender = Sender::new(allow.parse().unwrap()).unwrap();
        Subscription::read(json.to_string().as_bytes(), &sender)
    }

    #[test]
    fn the_browsers_push_services_are_known() {
        for (endpoint, whose) in [
            ("https://fcm.googleapis.com/fcm/send/abc:def", "Google"),
            ("https://jmt17.google.com/fcm/send/abc", "Google"),
            (
                "https://updates.push.services.mozilla.com/wpush/v2/gAAA",
                "Mozilla",
            ),
            (
                "https://updates-autopush.push.services.mozilla.com/x",
                "Mozilla",
            ),
            ("https://web.push.apple.com/QAAA", "Apple"),
            (
                "https://wns2-by3p.notify.windows.com/w/?token=x",
                "Microsoft",
            ),
        ] {
            let subscription = read(&json(endpoint), "").expect(endpoint);
            assert_eq!(subscription.service(), Some(whose));
        }
    }

    #[test]
    fn t95_an_endpoint_of_nobody_we_know_is_refused() {
        for (endpoint, why) in [
            (
                "https://push.example.com/x",
                SubscriptionError::UnknownService,
            ),
            (
                "https://evilfcm.googleapis.com/x",
                SubscriptionError::UnknownService,
            ),
            (
                "https://storage.googleapis.com/x",
                SubscriptionError::UnknownService,
            ),
            (
                "https://push.apple.com.example.com/x",
                SubscriptionError::UnknownService,
            ),
            ("http://fcm.googleapis.com/x", RefusedUrl::Scheme.into()),
            ("https://10.0.0.1/x", RefusedUrl::Literal.into()),
            ("https://localhost/x", RefusedUrl::LocalName.into()),
            ("https://fcm.googleapis.com:22/x", RefusedUrl::Port.into()),
            (
                "https://a@fcm.googleapis.com/x",
                RefusedUrl::UserInfo.into(),
            ),
        ] {
            assert_eq!(read(&json(endpoint), ""), Err(why), "{endpoint}");
        }
        assert!(read(&json("http://localhost:1234/wpush/v2/x"), "127.0.0.0/8").is_ok());
        assert!(read(&json("https://push.example.com/x"), "push.example.com").is_ok());
    }

    #[test]
    fn sec_g06_no_url_of_the_corpus_is_an_endpoint() {
        let sender = Sender::new("".parse().unwrap()).unwrap();
        let corpus = include_str!("../../../tests/corpora/urls_refused.txt");
        for line in corpus
            .lines()
            .filter(|l| !l.is_empty() && !l.starts_with("# "))
        {
            let keys = format!(r#"{{"p256dh":"{P256DH}","auth":"{AUTH}"}}"#);
            let json = format!(r#"{{"endpoint":"{line}","keys":{keys}}}"#);
            let refused = Subscription::read(json.as_bytes(), &sender).expect_err(line);
            assert!(
                matches!(refused, SubscriptionError::Endpoint(_)),
                "{line}: {refused}"
            );
        }
    }

    #[test]
    fn t95_keys_that_cannot_encrypt_are_refused() {
        let off_curve = format!("{}5", &P256DH[..P256DH.len() - 1]);
        let compressed = URL_SAFE_NO_PAD.encode([2; 33]);
        let infinity = URL_SAFE_NO_PAD.encode([0; 65]);
        for key in [&off_curve, &compressed, &infinity, "", "!", &P256DH[1..]] {
            let mut json = json("https://fcm.googleapis.com/x");
            json["keys"]["p256dh"] = key.into();
            assert_eq!(read(&json, ""), Err(SubscriptionError::Key), "{key}");
        }
        for auth in ["", "AAAA", &AUTH[1..], "BTBZMqHH6r4Tts7J_aSIggAA"] {
            let mut json = json("https://fcm.googleapis.com/x");
            json["keys"]["auth"] = auth.into();
            assert_eq!(read(&json, ""), Err(SubscriptionError::Auth), "{auth}");
        }
    }

    #[test]
    fn what_is_not_a_subscription_is_refused() {
        let sender = Sender::new("".parse().unwrap()).unwrap();
        let doubled = format!(
            r#"{{"endpoint":"https://fcm.googleapis.com/x","endpoint":"https://evil.com/",
                "keys":{{"p256dh":"{P256DH}","auth":"{AUTH}"}}}}"#
        );
        let huge = json(&format!(
            "https://fcm.googleapis.com/{}",
            "x".repeat(LONGEST)
        ))
        .to_string();
        for text in ["", "null", "[]", "{}", r#"{"endpoint":1}"#, &doubled, &huge] {
            let read = Subscription::read(text.as_bytes(), &sender);
            assert_eq!(read, Err(SubscriptionError::Malformed), "{text}");
        }
    }

    #[test]
    fn sec_c07_nothing_of_it_is_printed_and_all_of_it_is_kept() {
        let subscription = read(&json("https://fcm.googleapis.com/secret"), "").unwrap();
        assert_eq!(format!("{subscription:?}"), "Subscription(Google)");
        let kept = subscription.to_stored();
        assert_eq!(Subscription::from_stored(&kept), Ok(subscription));
    }
}
