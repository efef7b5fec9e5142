//! A notice to a person's browser or phone, by way of the browser's push service.
//!
//! The crate `web-push` encrypts (RFC 8291) and builds the request (RFC 8030); our [`VapidKey`]
//! signs it; our [`Sender`] calls. What a notice may say at which tier is for those who write it
//! to decide; that it is a doorbell and never a decision is true of all of them.

mod contact;
mod notice;
#[cfg(test)]
mod receiver;
mod service;
mod subscription;
mod vapid;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{AUTHORIZATION, CONTENT_LENGTH};
use http::{HeaderMap, HeaderName, HeaderValue};
use time::{Duration, OffsetDateTime};
use url::Url;
use web_push::{ContentEncoding, VapidSignature, WebPushMessageBuilder, request_builder};

use super::sender::{Answer, Outgoing, Sender};
use crate::domain::parcel::Delivery;

pub use self::contact::{MalformedContact, VapidContact};
pub use self::notice::{Notice, TooLong, Urgency};
pub use self::subscription::{Subscription, SubscriptionError};
pub use self::vapid::{NotAKey, VapidKey};

/// The longest a push service is asked to keep a message: what Mozilla's allows, in round weeks.
const LONGEST_TTL: u32 = 4 * 7 * 24 * 3600;

/// The way to browsers.
#[derive(Clone, Debug)]
pub struct WebPush {
    sender: Sender,
    key: VapidKey,
    contact: VapidContact,
}

impl WebPush {
    /// A way to the browsers that have subscribed under this key.
    pub fn new(sender: Sender, key: VapidKey, contact: VapidContact) -> Self {
        Self {
            sender,
            key,
            contact,
        }
    }

    /// The key for a browser's `applicationServerKey`.
    pub fn public_key_base64url(&self) -> String {
        self.key.public_key_base64url()
    }

    /// Hands a notice to the browser's push service, which keeps it for `ttl` at most.
    pub async fn deliver(
        &self,
        to: &Subscription,
        notice: &Notice,
        ttl: Duration,
        now: OffsetDateTime,
    ) -> Delivery {
        let call = match self.prepare(to, notice, ttl, now) {
            Ok(call) => call,
            Err(why) => return Delivery::refused(why),
        };
        match self.sender.send(call).await {
            Ok(answer) => outcome(&answer, now),
            Err(error) => error.delivery(),
        }
    }

    fn prepare(
        &self,
        to: &Subscription,
        notice: &Notice,
        ttl: Duration,
        now: OffsetDateTime,
    ) -> Result<Outgoing, String> {
        let payload = notice.payload().map_err(|error| error.to_string())?;
        let endpoint = Url::parse(to.endpoint()).map_err(|_| "the endpoint is not a URL")?;
        let token = self.key.token(&endpoint, &self.contact, now);
        let info = to.info();
        let mut message = WebPushMessageBuilder::new(&info);
        message.set_payload(ContentEncoding::Aes128Gcm, &payload);
        message.set_ttl(seconds(ttl));
        message.set_urgency(match notice.urgency {
            Urgency::Low => web_push::Urgency::Low,
            Urgency::Normal => web_push::Urgency::Normal,
            Urgency::High => web_push::Urgency::High,
        });
        message.set_topic(topic(&notice.tag));
        message.set_vapid_signature(VapidSignature {
            auth_t: token.map_err(|error| error.to_string())?,
            auth_k: self.key.public().to_vec(),
        });
        let message = message
            .build()
            .map_err(|_| "the notice could not be encrypted")?;
        let request = request_builder::build_request::<Vec<u8>>(message);

        // The crate speaks an older `http`: the two understand each other in plain text.
        let mut headers = HeaderMap::new();
        for (name, value) in request.headers() {
            let name = HeaderName::from_bytes(name.as_str().as_bytes());
            let value = HeaderValue::from_bytes(value.as_bytes());
            headers.insert(
                name.map_err(|_| "a header has no name")?,
                value.map_err(|_| "a header has no value")?,
            );
        }
        headers.remove(CONTENT_LENGTH); // the client counts for itself
        if let Some(authorization) = headers.get_mut(AUTHORIZATION) {
            authorization.set_sensitive(true);
        }
        Ok(Outgoing::post(to.endpoint(), headers, request.into_body()))
    }
}

/// Whole seconds, at least one: zero would mean "now or never".
fn seconds(ttl: Duration) -> u32 {
    u32::try_from(ttl.whole_seconds().max(1))
        .unwrap_or(u32::MAX)
        .min(LONGEST_TTL)
}

/// What a push service compares to replace an undelivered message by a newer one. It can read
/// this, so it is a hash: 24 bytes make the 32 characters there are.
fn topic(tag: &str) -> String {
    URL_SAFE_NO_PAD.encode(&digest(&SHA256, tag.as_bytes()).as_ref()[..24])
}

/// What the push service's answer means for the promise (RFC 8030 and what the services do).
fn outcome(answer: &Answer, now: OffsetDateTime) -> Delivery {
    let status = answer.status.as_u16();
    let why = format!("the push service answered {status}");
    match status {
        200..=299 => Delivery::Delivered,
        404 | 410 => Delivery::gone(why),
        // Subscribed under another key, which this server will never have again.
        400 | 401 | 403 if names_another_key(&answer.body) => Delivery::gone(why),
        // Moved for the moment (RFC 8030 section 5), or busy, or broken.
        307 | 408 | 425 | 429 | 500..=599 => Delivery::Later {
            after: answer.retry_after(now),
            why,
        },
        _ => Delivery::refused(why),
    }
}

/// Apple's and Google's words for a subscription that belongs to another VAPID key.
fn names_another_key(body: &[u8]) -> bool {
    let body = String::from_utf8_lossy(body);
    body.contains("VapidPkHashMismatch") || body.contains("not correspond to the ")
}

#[cfg(test)]
mod tests;
