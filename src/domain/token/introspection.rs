//! What a service is told about a token (RFC 7662 §2.2), and the same signed (RFC 9701 §5).

use serde::Serialize;
use serde_json::Value;

use super::carried::Carried;
use super::live::Live;
use super::refresh::{RefreshToken, Renewal};
use crate::domain::action::json::canonical;
use crate::domain::client::confirmation::Confirmation;
use crate::domain::client::{Client, Role};
use crate::domain::id::{ClientId, GrantId, RequestId, UserId};

/// `Accept` and `Content-Type` of the signed form.
pub const SIGNED: &str = "application/token-introspection+jwt";

/// What a service is told.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Introspection {
    /// Unknown, over, revoked, used or not for this service: one answer for all.
    Inactive(Inactive),
    /// An access token.
    Access(Box<Access>),
    /// A refresh token.
    Refresh(Box<Refresh>),
}

/// `{"active":false}`, and nothing else.
#[derive(Debug, Serialize)]
pub struct Inactive {
    active: bool,
}

/// An access token, as far as it still stands.
#[derive(Debug, Serialize)]
pub struct Access {
    active: bool,
    token_type: &'static str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    consumed: bool,
    #[serde(flatten)]
    carried: Carried,
}

/// A refresh token, and what it would give now.
#[derive(Debug, Serialize)]
pub struct Refresh {
    active: bool,
    iss: String,
    sub: UserId,
    aud: String,
    client_id: ClientId,
    exp: i64,
    scope: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authorization_details: Vec<Value>,
    approval_id: RequestId,
    grant_id: GrantId,
}

/// The claims of the signed form: neither `sub` nor `exp`, so that it passes for no other token.
#[derive(Debug, Serialize)]
pub struct SignedClaims<'a> {
    /// Us.
    pub iss: &'a str,
    /// The service that asked.
    pub aud: &'a ClientId,
    /// When it asked.
    pub iat: i64,
    /// What it is told.
    pub token_introspection: &'a Introspection,
}

impl Introspection {
    /// The token is good for nothing.
    pub fn inactive() -> Self {
        Self::Inactive(Inactive { active: false })
    }

    /// What of an access token still stands; `consumed`: its one use is spent by this answer.
    pub fn access(carried: Carried, live: Live, consumed: bool) -> Self {
        let exp = live.exp();
        let carried = Carried {
            exp: carried.exp.min(exp),
            scope: live.scope,
            authorization_details: live.details,
            ..carried
        };
        Self::Access(Box::new(Access {
            active: true,
            token_type: Confirmation::token_type(carried.cnf),
            consumed,
            carried,
        }))
    }

    /// What a refresh would give.
    pub fn refresh(
        issuer: &str,
        user: UserId,
        audience: &str,
        token: &RefreshToken,
        renewal: &Renewal,
    ) -> Self {
        let details = renewal.items.iter().filter_map(|item| item.detail.clone());
        Self::Refresh(Box::new(Refresh {
            active: true,
            iss: issuer.to_owned(),
            sub: user,
            aud: audience.to_owned(),
            client_id: token.client.clone(),
            exp: super::access::numeric_date(token.expires_at),
            scope: renewal.scope.clone(),
            authorization_details: details.collect(),
            approval_id: token.request,
            grant_id: token.grant,
        }))
    }

    /// The answer's JSON.
    pub fn to_json(&self) -> String {
        canonical(&serde_json::to_value(self).unwrap_or_default())
    }
}

/// Whether a client is the service a token is for.
pub fn is_for(audience: &str, client: &Client) -> bool {
    match client.role {
        Role::ResourceServer => client.resources.iter().any(|own| own == audience),
        Role::Agent => false,
    }
}
