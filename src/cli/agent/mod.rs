//! The simplest agent: public endpoints, found by discovery, and nothing the server does not tell any
//! other client.

mod calls;
pub(super) mod connection;
pub(super) mod follow;
pub(super) mod notes;

use serde::{Deserialize, Serialize};

pub(super) use calls::{Question, Refused, Server};
pub(super) use connection::{Connection, Credentials};
pub(super) use follow::{No, Outcome, follow};

/// A request that waits: all it takes to come back to it. No secret of the client's is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Wait {
    /// The server's issuer.
    pub(super) server: String,
    /// Who asked.
    pub(super) client_id: String,
    /// What the answer is collected with.
    pub(super) auth_req_id: String,
    /// The request's name.
    pub(super) approval_id: Option<String>,
    /// The code the person sees too.
    pub(super) match_code: Option<String>,
    /// The person's page.
    pub(super) verification_uri: Option<String>,
    /// Least seconds between two polls.
    pub(super) interval: u64,
    /// When nothing can be collected any more: seconds since 1970.
    pub(super) expires_at: i64,
    /// The key under which the same answer may be fetched again.
    pub(super) collect_key: String,
}

impl Wait {
    /// What the request is called in words and files.
    pub(super) fn name(&self) -> &str {
        self.approval_id.as_deref().unwrap_or(&self.auth_req_id)
    }
}
