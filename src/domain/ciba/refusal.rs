//! Every error an agent can be told, once, with its status (CIBA §11, §13; RFC 6749 §5.2).
//!
//! Descriptions are fixed words of ours or are made to be safe: printable ASCII without `"` and `\`
//! (§13), and never anything the request said, so that an error cannot carry data to a log or a page.

use std::borrow::Cow;

use time::Duration;

use crate::domain::action::PermissionKey;

/// Why an agent does not get what it asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// `invalid_request`: malformed, missing or doubled parameters.
    InvalidRequest(&'static str),
    /// `invalid_scope`: unknown, malformed, or not for this client.
    InvalidScope(&'static str),
    /// `unknown_user_id`: the hint names nobody who can be asked.
    UnknownUserId,
    /// `missing_user_code` (§13).
    MissingUserCode,
    /// `invalid_user_code` (§13): wrong, or tried too often.
    InvalidUserCode,
    /// `expired_login_hint_token` (§13).
    ExpiredLoginHintToken,
    /// `unauthorized_client`: this client may not do this.
    UnauthorizedClient(&'static str),
    /// `invalid_binding_message`: it cannot be shown as it is.
    InvalidBindingMessage(Cow<'static, str>),
    /// `invalid_authorization_details` (RFC 9396 §5).
    InvalidAuthorizationDetails(Cow<'static, str>),
    /// `invalid_target` (RFC 8707 §2).
    InvalidTarget(&'static str),
    /// `invalid_client`: authentication failed.
    InvalidClient {
        /// The credentials came in the `Authorization` header, so the answer names the scheme.
        basic: bool,
    },
    /// `invalid_dpop_proof` (RFC 9449 §5).
    InvalidDpopProof(&'static str),
    /// `use_dpop_nonce` (RFC 9449 §8), with the nonce to use.
    UseDpopNonce(String),
    /// `invalid_client_metadata` (RFC 7591 §3.2.2): words of ours that repeat nothing sent.
    InvalidClientMetadata(String),
    /// `invalid_token` (RFC 6750 §3.1): the token for registering is unknown, used up or over.
    InvalidToken,
    /// `access_denied`, because the person said no (§11, 400).
    AccessDenied(&'static str),
    /// `access_denied`, because policy lets nobody be asked for this (§13, 403).
    Forbidden(PermissionKey),
    /// `access_denied`, because nobody may be asked just now (§13, 403).
    Paused {
        /// When it ends, if that is known.
        retry_after: Option<Duration>,
    },
    /// `access_denied`, because the person lets this client ask no more (§13, 403).
    BlockedByUser {
        /// When it ends, if that is known.
        retry_after: Option<Duration>,
    },
    /// `authorization_pending` (§11).
    AuthorizationPending,
    /// `slow_down` (§11).
    SlowDown,
    /// `expired_token` (§11).
    ExpiredToken(&'static str),
    /// `invalid_grant` (RFC 6749 §5.2).
    InvalidGrant(&'static str),
    /// `unsupported_grant_type` (RFC 6749 §5.2).
    UnsupportedGrantType,
    /// `unsupported_token_type` (RFC 7009 §2.2.1).
    UnsupportedTokenType,
    /// The idempotency key was used for a different request: 422.
    KeyReused,
    /// Too many at once: 429 with `Retry-After`.
    TooMany {
        /// When it makes sense to ask again.
        retry_after: Duration,
    },
    /// Not now: 503 with `Retry-After`.
    Unavailable {
        /// When it makes sense to ask again.
        retry_after: Duration,
    },
}

impl Refusal {
    /// `error`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidRequest(_) | Self::KeyReused => "invalid_request",
            Self::InvalidScope(_) => "invalid_scope",
            Self::UnknownUserId => "unknown_user_id",
            Self::MissingUserCode => "missing_user_code",
            Self::InvalidUserCode => "invalid_user_code",
            Self::ExpiredLoginHintToken => "expired_login_hint_token",
            Self::UnauthorizedClient(_) => "unauthorized_client",
            Self::InvalidBindingMessage(_) => "invalid_binding_message",
            Self::InvalidAuthorizationDetails(_) => "invalid_authorization_details",
            Self::InvalidTarget(_) => "invalid_target",
            Self::InvalidClient { .. } => "invalid_client",
            Self::InvalidDpopProof(_) => "invalid_dpop_proof",
            Self::UseDpopNonce(_) => "use_dpop_nonce",
            Self::InvalidClientMetadata(_) => "invalid_client_metadata",
            Self::InvalidToken => "invalid_token",
            Self::AccessDenied(_)
            | Self::Forbidden(_)
            | Self::Paused { .. }
            | Self::BlockedByUser { .. } => "access_denied",
            Self::AuthorizationPending => "authorization_pending",
            Self::SlowDown | Self::TooMany { .. } => "slow_down",
            Self::ExpiredToken(_) => "expired_token",
            Self::InvalidGrant(_) => "invalid_grant",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedTokenType => "unsupported_token_type",
            Self::Unavailable { .. } => "temporarily_unavailable",
        }
    }

    /// `error_description`, if there is something to add to the code.
    pub fn description(&self) -> Option<&str> {
        match self {
            Self::InvalidRequest(why)
            | Self::InvalidScope(why)
            | Self::UnauthorizedClient(why)
            | Self::InvalidTarget(why)
            | Self::InvalidDpopProof(why)
            | Self::AccessDenied(why)
            | Self::ExpiredToken(why)
            | Self::InvalidGrant(why) => Some(why),
            Self::InvalidBindingMessage(why) | Self::InvalidAuthorizationDetails(why) => Some(why),
            Self::Forbidden(_) => Some("policy forbids asking for this"),
            Self::Paused { .. } => Some("paused: no agent may ask just now"),
            Self::BlockedByUser { .. } => {
                Some("blocked_by_user: the person lets this client ask no more")
            }
            Self::ExpiredLoginHintToken => Some("login_hint_token has ended, or has not begun"),
            Self::MissingUserCode => Some("whom the hint names has a user code, which is needed"),
            Self::InvalidUserCode => Some("the user code is wrong, or was wrong too often"),
            Self::UnknownUserId => Some("the hint names nobody who can be asked"),
            Self::InvalidClient { .. } => Some("client authentication failed"),
            Self::InvalidClientMetadata(why) => Some(why),
            Self::InvalidToken => Some("the token is not known, used up or over"),
            Self::UseDpopNonce(_) => Some("the proof needs the nonce in this answer's DPoP-Nonce"),
            Self::AuthorizationPending => Some("there is no answer yet"),
            Self::SlowDown => {
                Some("asked again before the interval was over; it is 5 s longer now")
            }
            Self::UnsupportedTokenType => {
                Some("this token hangs off another client's grant, and ends by itself")
            }
            Self::UnsupportedGrantType => Some("this server does not know that grant_type"),
            Self::KeyReused => Some("this Idempotency-Key was used for a different request"),
            Self::TooMany { .. } => Some("too many requests at once"),
            Self::Unavailable { .. } => Some("the server cannot do this just now"),
        }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Self::InvalidRequest(_)
            | Self::InvalidScope(_)
            | Self::UnknownUserId
            | Self::ExpiredLoginHintToken
            | Self::MissingUserCode
            | Self::InvalidUserCode
            | Self::UnauthorizedClient(_)
            | Self::InvalidBindingMessage(_)
            | Self::InvalidAuthorizationDetails(_)
            | Self::InvalidTarget(_)
            | Self::InvalidDpopProof(_)
            | Self::UseDpopNonce(_)
            | Self::InvalidClientMetadata(_)
            | Self::AccessDenied(_)
            | Self::AuthorizationPending
            | Self::SlowDown
            | Self::ExpiredToken(_)
            | Self::InvalidGrant(_)
            | Self::UnsupportedGrantType
            | Self::UnsupportedTokenType => 400,
            Self::InvalidClient { .. } | Self::InvalidToken => 401,
            Self::Forbidden(_) | Self::Paused { .. } | Self::BlockedByUser { .. } => 403,
            Self::KeyReused => 422,
            Self::TooMany { .. } => 429,
            Self::Unavailable { .. } => 503,
        }
    }

    /// `Retry-After`, in whole seconds.
    pub fn retry_after(&self) -> Option<i64> {
        match self {
            Self::TooMany { retry_after } | Self::Unavailable { retry_after } => {
                Some(whole_seconds(*retry_after))
            }
            Self::Paused { retry_after } | Self::BlockedByUser { retry_after } => {
                retry_after.map(whole_seconds)
            }
            Self::InvalidRequest(_)
            | Self::InvalidScope(_)
            | Self::UnknownUserId
            | Self::ExpiredLoginHintToken
            | Self::MissingUserCode
            | Self::InvalidUserCode
            | Self::UnauthorizedClient(_)
            | Self::InvalidBindingMessage(_)
            | Self::InvalidAuthorizationDetails(_)
            | Self::InvalidTarget(_)
            | Self::InvalidClient { .. }
            | Self::InvalidDpopProof(_)
            | Self::UseDpopNonce(_)
            | Self::InvalidClientMetadata(_)
            | Self::InvalidToken
            | Self::AccessDenied(_)
            | Self::Forbidden(_)
            | Self::AuthorizationPending
            | Self::SlowDown
            | Self::ExpiredToken(_)
            | Self::InvalidGrant(_)
            | Self::UnsupportedGrantType
            | Self::UnsupportedTokenType
            | Self::KeyReused => None,
        }
    }
}

/// Rounded up: whoever waits for so long does not come too early.
fn whole_seconds(length: Duration) -> i64 {
    let more = i64::from(length.subsec_nanoseconds() > 0);
    (length.whole_seconds() + more).max(1)
}
