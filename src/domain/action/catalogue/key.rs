//! What an agent asks for a permission by.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// A scope, or a type of details (RFC 9396).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PermissionKey {
    /// An OAuth scope.
    Scope(String),
    /// The `type` of an entry in `authorization_details`.
    Type(String),
}

/// The text is not a stored key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a permission key: scope:… or type:…")]
pub struct MalformedKey;

impl PermissionKey {
    /// The scope or type, bare.
    pub fn name(&self) -> &str {
        match self {
            Self::Scope(name) | Self::Type(name) => name,
        }
    }

    /// The form kept in the database.
    pub fn as_stored(&self) -> String {
        match self {
            Self::Scope(name) => format!("scope:{name}"),
            Self::Type(name) => format!("type:{name}"),
        }
    }

    /// Reads what [`as_stored`](Self::as_stored) wrote.
    pub fn from_stored(text: &str) -> Result<Self, MalformedKey> {
        match text.split_once(':') {
            Some(("scope", name)) if !name.is_empty() => Ok(Self::Scope(name.to_owned())),
            Some(("type", name)) if !name.is_empty() => Ok(Self::Type(name.to_owned())),
            _ => Err(MalformedKey),
        }
    }
}

/// As an operator reads it: `scope payments.read`.
impl fmt::Display for PermissionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scope(name) => write!(f, "scope {name}"),
            Self::Type(name) => write!(f, "type {name}"),
        }
    }
}

impl Serialize for PermissionKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.as_stored())
    }
}

impl<'de> Deserialize<'de> for PermissionKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_stored(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_back_as_it_was_stored() {
        for key in [
            PermissionKey::Scope("payments.read".into()),
            PermissionKey::Scope("https://example.com/a:b".into()),
            PermissionKey::Type("urn:example:pay".into()),
        ] {
            assert_eq!(PermissionKey::from_stored(&key.as_stored()), Ok(key));
        }
        for text in ["", "scope", "scope:", "type:", "other:x"] {
            assert_eq!(
                PermissionKey::from_stored(text),
                Err(MalformedKey),
                "{text}"
            );
        }
    }
}
