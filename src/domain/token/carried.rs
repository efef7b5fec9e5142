//! What an access token of ours carries, read back when it is presented again.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::acting::{Acting, MayAct};
use crate::domain::client::confirmation::Confirmation;
use crate::domain::id::{AccessTokenId, ClientId, GrantId, RequestId, TransactionId, UserId};

/// The claims [`AccessTokenClaims`](super::access::AccessTokenClaims) were written from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Carried {
    /// Us.
    pub iss: String,
    /// The person.
    pub sub: UserId,
    /// The one resource it is for.
    pub aud: String,
    /// Whose it is.
    pub client_id: ClientId,
    /// When it was issued.
    pub iat: i64,
    /// When it ends.
    pub exp: i64,
    /// Its own name.
    pub jti: AccessTokenId,
    /// What it allows, as scopes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scope: String,
    /// What it allows, as typed details.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorization_details: Vec<Value>,
    /// When the person had proved it was them.
    pub auth_time: i64,
    /// How they had proved it.
    pub acr: String,
    /// Those who allowed it, when several had to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approved_by: Vec<UserId>,
    /// Who acts for the person.
    pub act: Acting<'static>,
    /// Who may act next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub may_act: Option<MayAct>,
    /// What it is bound to, if to anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
    /// The request that was answered.
    pub approval_id: RequestId,
    /// What the answer granted.
    pub grant_id: GrantId,
    /// SHA-256 of the card the person saw.
    pub card_digest: String,
    /// The parked action that was approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub txn: Option<TransactionId>,
}
