//! One type for each kind of id, so that none can be taken for another.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::timestamp::milliseconds;

/// The text is not an id of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a well-formed id")]
pub struct MalformedId;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// Time-ordered (RFC 9562 version 7); printed as 32 lower-case hex digits.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_simple().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0.as_simple())
            }
        }

        impl FromStr for $name {
            type Err = MalformedId;

            /// Takes exactly what is printed: no dashes, no capitals, so that one thing has one name.
            fn from_str(text: &str) -> Result<Self, MalformedId> {
                let plain = text.len() == 32
                    && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
                if !plain {
                    return Err(MalformedId);
                }
                Uuid::try_parse(text).map(Self).map_err(|_| MalformedId)
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

uuid_id! {
    /// One question to one person. On the wire: `approval_id`.
    RequestId
}
uuid_id! {
    /// A person: the `sub` of every token about them.
    UserId
}
uuid_id! {
    /// A browser that receives notifications.
    DeviceId
}
uuid_id! {
    /// The person's bounded "always".
    StandingGrantId
}
uuid_id! {
    /// Agents that may not ask for a while.
    PauseId
}
uuid_id! {
    /// What one answer authorised; tokens hang off it.
    GrantId
}
uuid_id! {
    /// A refresh token, and the access token given with it.
    RefreshTokenId
}
uuid_id! {
    /// An access token: its `jti`.
    AccessTokenId
}
uuid_id! {
    /// One promise in the outbox.
    ParcelId
}
uuid_id! {
    /// A signed-in browser.
    SessionId
}
uuid_id!(
    /// A token that lets clients register.
    RegistrationTokenId
);

uuid_id! {
    /// A one-time sign-in link.
    SignInLinkId
}
uuid_id! {
    /// An action that a service has parked here: `transaction`, and `txn` in a token.
    TransactionId
}

impl RequestId {
    /// No request made at this moment or later has a lower id.
    pub fn first_at(at: OffsetDateTime) -> Self {
        let since = u128::try_from(milliseconds(at)).unwrap_or_default();
        Self(Uuid::from_u128(since << 80))
    }
}

/// An OAuth client: an agent or a relying service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClientId(pub String);

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_only_as_it_is_printed() {
        let id = RequestId(Uuid::from_u128(0x1234));
        assert_eq!(id.to_string().parse(), Ok(id));
        for other in [
            "",
            "00001234",
            "0000000000000000000000000000123G",
            &id.0.to_string(),
        ] {
            assert_eq!(other.parse::<RequestId>(), Err(MalformedId), "{other}");
        }
    }
}
