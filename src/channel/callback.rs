//! To an agent, at the endpoint it registered (CIBA §9): a POST of JSON, with the agent's own bearer
//! token, byte for byte, and a signature of ours over the body.
//!
//! Only the status of the answer matters, so its body is not waited for. A redirect is an answer: the
//! token goes nowhere but to the registered endpoint.

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};
use time::OffsetDateTime;

use super::sender::{Answer, Outgoing, Sender};
use crate::domain::ciba::notification_token::NotificationToken;
use crate::domain::parcel::Delivery;
use crate::domain::token::callback::HEADER;

/// The way to agents.
#[derive(Clone, Debug)]
pub struct Callback {
    sender: Sender,
}

impl Callback {
    /// A way to the agents' endpoints.
    pub fn new(sender: Sender) -> Self {
        Self { sender }
    }

    /// Posts a body of JSON.
    pub async fn deliver(
        &self,
        endpoint: &str,
        token: &NotificationToken,
        signature: &str,
        body: String,
        now: OffsetDateTime,
    ) -> Delivery {
        let Ok(mut bearer) = HeaderValue::try_from(format!("Bearer {}", token.expose())) else {
            return Delivery::refused("the agent's token cannot stand in a header");
        };
        bearer.set_sensitive(true);
        let Ok(signature) = HeaderValue::try_from(signature) else {
            return Delivery::refused("the signature cannot stand in a header");
        };
        let json = HeaderValue::from_static("application/json");
        let headers = HeaderMap::from_iter([
            (AUTHORIZATION, bearer),
            (CONTENT_TYPE, json),
            (HeaderName::from_static(HEADER), signature),
        ]);
        let call = Outgoing {
            read_at_most: 0,
            ..Outgoing::post(endpoint, headers, body.into_bytes())
        };
        match self.sender.send(call).await {
            Ok(answer) => outcome(&answer, now),
            Err(error) => error.delivery(),
        }
    }
}

/// What the endpoint's answer means for the promise. The specification leaves all but success open; an
/// agent that refuses is not asked again, one that is broken or asks for patience is.
fn outcome(answer: &Answer, now: OffsetDateTime) -> Delivery {
    let status = answer.status.as_u16();
    let why = format!("the agent's endpoint answered {status}");
    match (status, answer.retry_after(now)) {
        (200..=299, _) => Delivery::Delivered,
        (500..=599, after) | (429, after @ Some(_)) => Delivery::Later { after, why },
        (300..=399, _) => Delivery::refused(format!("{why}: redirects are not followed")),
        _ => Delivery::refused(why),
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use http::header::RETRY_AFTER;
    use time::Duration;

    use super::*;

    fn outcome_of(status: u16, retry_after: Option<&'static str>) -> Delivery {
        let after = retry_after.map(|after| (RETRY_AFTER, HeaderValue::from_static(after)));
        let answer = Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: after.into_iter().collect(),
            body: Vec::new(),
            whole: true,
        };
        outcome(&answer, OffsetDateTime::UNIX_EPOCH)
    }

    #[test]
    fn t71_t72_only_what_is_broken_or_asks_for_patience_is_called_again() {
        for status in [200, 202, 204, 299] {
            assert_eq!(outcome_of(status, Some("5")), Delivery::Delivered);
        }
        for status in [301, 302, 303, 307, 308, 400, 401, 403, 404, 410, 429] {
            let outcome = outcome_of(status, None);
            assert!(matches!(outcome, Delivery::Refused { .. }), "{status}");
        }
        for status in [500, 502, 503, 504, 599] {
            let outcome = outcome_of(status, None);
            assert!(matches!(outcome, Delivery::Later { after: None, .. }));
        }
        for status in [429, 503] {
            let Delivery::Later { after, why } = outcome_of(status, Some("120")) else {
                panic!("{status}")
            };
            assert_eq!(after, Some(Duration::minutes(2)));
            assert_eq!(why, format!("the agent's endpoint answered {status}"));
        }
    }
}
