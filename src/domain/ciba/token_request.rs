//! The token request (CIBA §10.1, §11): what is told, in which order.
//!
//! Client authentication, the grant type and the parameters have been judged by then. The order here:
//! redeemed, denied, cancelled, expired, approved; only what is still pending has a pace.

use crate::domain::ciba::GRANT_TYPE;
use crate::domain::ciba::approval::{ApprovalRequest, Approved, Pending};
use crate::domain::ciba::refusal::Refusal;
use crate::domain::client::Client;
use crate::domain::id::ClientId;

/// What a well-formed token request finds.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// Something to hand out.
    Ready(Approved),
    /// Nothing yet.
    Waiting(Pending),
}

/// Whether a client may come and collect at all.
pub fn may_collect(client: &Client) -> Result<(), Refusal> {
    if !client.mode.collects() {
        return Err(Refusal::UnauthorizedClient(
            "this client is handed its tokens, and collects none",
        ));
    }
    if client.may_use(GRANT_TYPE) {
        Ok(())
    } else {
        Err(Refusal::UnauthorizedClient(
            "this client is not registered for CIBA",
        ))
    }
}

/// Judges a request as it is now ([`ApprovalRequest::at`] has been asked) for the client that polls.
pub fn judge(request: ApprovalRequest, client: &ClientId) -> Result<Found, Refusal> {
    if request.question().client != *client {
        return Err(unknown());
    }
    match request {
        ApprovalRequest::Redeemed(_) => Err(Refusal::InvalidGrant(
            "the auth_req_id has already been redeemed",
        )),
        ApprovalRequest::Denied(_) => Err(Refusal::AccessDenied("the person said no")),
        ApprovalRequest::Cancelled(cancelled) => Err(Refusal::AccessDenied(cancelled.by.words())),
        ApprovalRequest::Expired(expired) => Err(match expired.decision {
            None => Refusal::ExpiredToken("nobody answered in time"),
            Some(_) => Refusal::ExpiredToken("the answer was not collected in time"),
        }),
        ApprovalRequest::Approved(approved) => Ok(Found::Ready(approved)),
        ApprovalRequest::Pending(pending) => Ok(Found::Waiting(pending)),
    }
}

/// Unknown, malformed, or somebody else's: one answer for all three.
pub fn unknown() -> Refusal {
    Refusal::InvalidGrant("the auth_req_id is not known")
}
