//! Push mode's callback (CIBA §10.3, §12): the answer itself. The agent is handed its tokens, or told
//! why there are none; it collects nothing.
//!
//! ```text
//!              the first call makes the tokens: the row decides, once
//! Approved ──────────────────────────────────────────────────────────► Redeemed
//!    │                                                                    │ taken: done
//!    │ what was made is kept sealed with the promise, and                 │ given up: its grant is revoked
//!    │ every further call says the same to the byte
//!    └─ cannot be made ──► transaction_failed
//! Denied, Cancelled ─────► access_denied
//! Expired ───────────────► expired_token
//! ```
//!
//! Made by the first call and not by the answer: an ID token is young when it arrives, and an agent or
//! a person who is disabled in between lets nothing out.

use serde_json::json;

use crate::domain::ciba::approval::{ApprovalRequest, Approved};

/// What the agent is called to be told.
#[derive(Clone, Debug, PartialEq)]
pub enum Word {
    /// Tokens, which are still to be made.
    Tokens(Box<Approved>),
    /// The tokens that were made before.
    SameTokens,
    /// That there will be none.
    Failure(Failure),
    /// Nothing yet.
    Nothing,
}

/// Why there are no tokens (§12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// `access_denied`: the person said no, or the request was cancelled.
    AccessDenied(&'static str),
    /// `expired_token`: time ran out.
    ExpiredToken(&'static str),
    /// `transaction_failed`: there was a yes, and yet there can be no tokens.
    TransactionFailed(&'static str),
}

/// What there is to tell of a request as it is now ([`ApprovalRequest::at`] has been asked).
pub fn word(request: ApprovalRequest) -> Word {
    match request {
        ApprovalRequest::Pending(_) => Word::Nothing,
        ApprovalRequest::Approved(approved) => Word::Tokens(Box::new(approved)),
        ApprovalRequest::Redeemed(_) => Word::SameTokens,
        ApprovalRequest::Denied(_) => Word::Failure(Failure::AccessDenied("the person said no")),
        ApprovalRequest::Cancelled(cancelled) => {
            Word::Failure(Failure::AccessDenied(cancelled.by.words()))
        }
        ApprovalRequest::Expired(expired) => {
            Word::Failure(Failure::ExpiredToken(match expired.decision {
                None => "nobody answered in time",
                Some(_) => "the answer could not be handed over in time",
            }))
        }
    }
}

impl Failure {
    /// `error`.
    pub fn code(self) -> &'static str {
        match self {
            Self::AccessDenied(_) => "access_denied",
            Self::ExpiredToken(_) => "expired_token",
            Self::TransactionFailed(_) => "transaction_failed",
        }
    }

    /// The body, in full.
    pub fn body(self, auth_req_id: &str) -> String {
        let (Self::AccessDenied(why) | Self::ExpiredToken(why) | Self::TransactionFailed(why)) =
            self;
        let error = self.code();
        json!({ "auth_req_id": auth_req_id, "error": error, "error_description": why }).to_string()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn t77_a_failure_names_the_request_and_a_code_of_the_specification() {
        for (failure, code) in [
            (Failure::AccessDenied("no"), "access_denied"),
            (Failure::ExpiredToken("late"), "expired_token"),
            (Failure::TransactionFailed("broken"), "transaction_failed"),
        ] {
            let body: Value = serde_json::from_str(&failure.body("aBc-_9")).unwrap();
            assert_eq!(body["auth_req_id"], "aBc-_9");
            assert_eq!(body["error"], code);
            assert_eq!(body.as_object().unwrap().len(), 3);
        }
    }
}
