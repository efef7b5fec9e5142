//! Transaction tokens (draft-ietf-oauth-transaction-tokens): what one call to a service sets in motion,
//! told to the services behind it.
//!
//! They are good inside one trust domain, for a minute at most, and carry what was decided so that no
//! service on the way can change it. They are no access tokens, and give none.

use serde::Serialize;
use serde_json::Value;
use time::Duration;

use super::acting::Acting;
use crate::domain::action::json::{Limits, strict};
use crate::domain::ciba::refusal::Refusal;
use crate::domain::id::{AccessTokenId, ClientId, GrantId, RequestId, UserId};

/// `requested_token_type`.
pub const TYPE: &str = "urn:ietf:params:oauth:token-type:txn_token";

/// How long one lives, if what it is made from lives as long.
pub const LIFETIME: Duration = Duration::minutes(1);

/// What a service may add.
const ADDED: Limits = Limits {
    bytes: 4_096,
    ..Limits::REQUEST
};

/// The claims of a transaction token.
#[derive(Debug, Serialize)]
pub struct TransactionClaims<'a> {
    /// Us.
    pub iss: &'a str,
    /// The trust domain.
    pub aud: &'a str,
    /// When it was issued.
    pub iat: i64,
    /// When it ends.
    pub exp: i64,
    /// The transaction's name.
    pub txn: AccessTokenId,
    /// The person.
    pub sub: UserId,
    /// What it is for.
    pub scope: &'a str,
    /// The service that asked for it.
    pub req_wl: &'a ClientId,
    /// What was decided, which nobody on the way can change.
    pub tctx: Context<'a>,
    /// Where the call came from, as the service has seen it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rctx: Option<&'a Value>,
}

/// What was decided.
#[derive(Debug, Serialize)]
pub struct Context<'a> {
    /// The request that was answered.
    pub approval_id: RequestId,
    /// What the answer granted.
    pub grant_id: GrantId,
    /// SHA-256 of the card the person saw.
    pub card_digest: &'a str,
    /// Whose token it was.
    pub client_id: &'a ClientId,
    /// Who acts for the person.
    pub act: &'a Acting<'static>,
    /// What was granted, as typed details.
    #[serde(skip_serializing_if = "<[Value]>::is_empty")]
    pub authorization_details: &'a [Value],
    /// What the service says about the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_details: Option<&'a Value>,
}

/// Reads `request_context` or `request_details`: an object of the service's.
pub fn added(json: Option<&str>) -> Result<Option<Value>, Refusal> {
    let Some(json) = json else {
        return Ok(None);
    };
    match strict(json.as_bytes(), ADDED) {
        Ok(object @ Value::Object(_)) => Ok(Some(object)),
        Ok(_) | Err(_) => Err(Refusal::InvalidRequest(
            "request_context and request_details are JSON objects of at most 4096 bytes",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_service_adds_is_a_small_object() {
        assert_eq!(added(None), Ok(None));
        assert!(added(Some(r#"{"ip":"192.0.2.1"}"#)).unwrap().is_some());
        let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(4_096));
        for odd in ["", "1", "[]", "{", r#"{"a":1,"a":2}"#, &long] {
            assert!(added(Some(odd)).is_err(), "{odd}");
        }
    }
}
