//! Access tokens: JWTs as RFC 9068 has them, good for exactly what was answered.

use serde::Serialize;
use serde_json::Value;
use time::{Duration, OffsetDateTime};

use super::acting::{Acting, MayAct};
use crate::domain::action::{AskedItem, PermissionKey};
use crate::domain::client::confirmation::Confirmation;
use crate::domain::id::{AccessTokenId, GrantId, RequestId, TransactionId, UserId};

/// How long a token lives that allows nothing but knowing who it was (`openid` alone).
pub const PLAIN_LIFETIME: Duration = Duration::minutes(5);

/// The claims of an access token (RFC 9068 §2.2, RFC 9396 §9.1, RFC 8693 §4.1), and three of ours that
/// tie it to what was shown and to what was granted.
#[derive(Debug, Serialize)]
pub struct AccessTokenClaims<'a> {
    /// Us.
    pub iss: &'a str,
    /// The person.
    pub sub: UserId,
    /// The one resource it is for; ourselves when it is for none.
    pub aud: &'a str,
    /// The agent.
    pub client_id: &'a str,
    /// When it was issued.
    pub iat: i64,
    /// When it ends.
    pub exp: i64,
    /// Its own name: that of the grant, or of the refresh token given with it.
    pub jti: AccessTokenId,
    /// What was granted, as scopes.
    pub scope: String,
    /// What was granted, as typed details.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub authorization_details: Vec<&'a Value>,
    /// When the person last proved it was them. A refresh never changes it.
    pub auth_time: i64,
    /// How they proved it.
    pub acr: &'a str,
    /// Those who allowed it, when several had to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub approved_by: Vec<UserId>,
    /// Who acts for the person.
    pub act: Acting<'a>,
    /// Who may act next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub may_act: Option<MayAct>,
    /// The request that was answered.
    pub approval_id: RequestId,
    /// What the answer granted.
    pub grant_id: GrantId,
    /// SHA-256 of the card the person saw, base64url.
    pub card_digest: String,
    /// The parked action that was approved (RFC 8417 §2.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub txn: Option<TransactionId>,
    /// The key it is bound to (RFC 7800).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
}

/// The scopes among those asked for that were granted: `openid`, and what an item stands for.
pub fn granted_scope(asked: &str, granted: &[AskedItem]) -> String {
    let stands_for = |item: &AskedItem, scope: &str| match &item.key {
        PermissionKey::Scope(granted) => granted == scope,
        PermissionKey::Type(_) => false,
    };
    let granted: Vec<&str> = asked
        .split(' ')
        .filter(|scope| *scope == "openid" || granted.iter().any(|item| stands_for(item, scope)))
        .collect();
    granted.join(" ")
}

/// The typed details that were granted.
pub fn granted_details(granted: &[AskedItem]) -> Vec<&Value> {
    granted
        .iter()
        .filter_map(|item| item.detail.as_ref())
        .collect()
}

/// A moment as JWTs have it.
pub fn numeric_date(at: OffsetDateTime) -> i64 {
    at.unix_timestamp()
}
