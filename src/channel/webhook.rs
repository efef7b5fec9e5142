//! To a service, where it wants to be called (Standard Webhooks 1.0.0): a POST of JSON, signed with its own secret.
//!
//! Only 2xx is success; 410 says that the address is no more; everything else is tried again. A redirect is an
//! answer, and is not followed.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue};
use time::OffsetDateTime;

use super::sender::{Answer, Outgoing, Sender};
use crate::domain::held::webhook::{ID, SIGNATURE, TIMESTAMP};
use crate::domain::parcel::Delivery;

/// The way to services.
#[derive(Clone, Debug)]
pub struct Webhook {
    sender: Sender,
}

impl Webhook {
    /// A way to the services' addresses.
    pub fn new(sender: Sender) -> Self {
        Self { sender }
    }

    /// Posts a body of JSON.
    pub async fn deliver(
        &self,
        address: &str,
        id: &str,
        signature: &str,
        body: String,
        now: OffsetDateTime,
    ) -> Delivery {
        let (Ok(id), Ok(signature)) = (HeaderValue::try_from(id), HeaderValue::try_from(signature))
        else {
            return Delivery::refused("the call could not be signed");
        };
        let headers = HeaderMap::from_iter([
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (HeaderName::from_static(ID), id),
            (
                HeaderName::from_static(TIMESTAMP),
                HeaderValue::from(now.unix_timestamp()),
            ),
            (HeaderName::from_static(SIGNATURE), signature),
        ]);
        let call = Outgoing {
            read_at_most: 0,
            ..Outgoing::post(address, headers, body.into_bytes())
        };
        match self.sender.send(call).await {
            Ok(answer) => outcome(&answer, now),
            Err(error) => error.delivery(),
        }
    }
}

fn outcome(answer: &Answer, now: OffsetDateTime) -> Delivery {
    let status = answer.status.as_u16();
    let why = format!("the service answered {status}");
    match status {
        200..=299 => Delivery::Delivered,
        410 => Delivery::refused(why),
        _ => Delivery::Later {
            after: answer.retry_after(now),
            why,
        },
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[test]
    fn only_success_is_success_and_only_gone_is_final() {
        let outcome_of = |status: u16| {
            let answer = Answer {
                status: StatusCode::from_u16(status).unwrap(),
                headers: HeaderMap::new(),
                body: Vec::new(),
                whole: true,
            };
            outcome(&answer, OffsetDateTime::UNIX_EPOCH)
        };
        for status in [200, 202, 204] {
            assert_eq!(outcome_of(status), Delivery::Delivered);
        }
        assert!(matches!(outcome_of(410), Delivery::Refused { .. }));
        for status in [301, 302, 400, 401, 403, 404, 429, 500, 503] {
            assert!(
                matches!(outcome_of(status), Delivery::Later { .. }),
                "{status}"
            );
        }
    }
}
