//! The acknowledgement (CIBA §7.3), with our three extensions.

use serde::{Deserialize, Serialize};

use crate::domain::id::RequestId;

/// What the agent is told at once; the person has not been reached yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// What the agent collects with.
    pub auth_req_id: String,
    /// Seconds until it can no longer collect.
    pub expires_in: i64,
    /// Least seconds between two polls; none for an agent that may not poll.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<i64>,
    /// Extension: the request's name at `/api/v1/approvals/{id}`. Worth nothing by itself.
    pub approval_id: RequestId,
    /// Extension: the code the person sees too.
    pub match_code: String,
    /// Extension: the person's page. Needs sign-in, so it may be shown anywhere.
    pub verification_uri: String,
}
