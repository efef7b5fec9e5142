//! What a request lacks, as `WWW-Authenticate` says it (RFC 6750 §3, RFC 9449 §7.1, RFC 9728 §5.1).
//!
//! `insufficient_authorization` goes with 401 and not with 403: nginx hands a challenge on only with 401.

use std::fmt::Write as _;

use serde_json::Value;

use crate::domain::action::json::canonical;
use crate::domain::action::{PermissionKey, Routed};
use crate::domain::client::confirmation::Scheme;

/// What is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// There is no token.
    Token,
    /// There is one that is good for nothing here.
    GoodToken(&'static str),
    /// The proof that belongs to the token.
    Proof(&'static str),
    /// Our nonce in that proof.
    Nonce,
    /// A person's yes to this: the token is good, but not for it.
    Approval,
}

/// What a request lacks, and what would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// How a token is to be shown.
    pub scheme: Scheme,
    /// What is missing.
    pub missing: Missing,
    /// The scope that is needed.
    pub scope: Option<String>,
    /// The typed details that are needed.
    pub detail: Option<Value>,
}

impl Missing {
    /// `error`; none when nothing was shown (RFC 6750 §3.1).
    pub fn error(self) -> Option<&'static str> {
        match self {
            Self::Token => None,
            Self::GoodToken(_) => Some("invalid_token"),
            Self::Proof(_) => Some("invalid_dpop_proof"),
            Self::Nonce => Some("use_dpop_nonce"),
            Self::Approval => Some("insufficient_authorization"),
        }
    }

    /// `error_description`.
    pub fn description(self) -> &'static str {
        match self {
            Self::Token => "a token is needed",
            Self::GoodToken(why) | Self::Proof(why) => why,
            Self::Nonce => "the proof needs the nonce in this answer's DPoP-Nonce",
            Self::Approval => "a person has to approve this",
        }
    }
}

impl Challenge {
    /// The challenge of a request that needs this.
    pub fn of(routed: &Routed<'_>, scheme: Scheme, missing: Missing) -> Self {
        let scope = match &routed.route.needs {
            PermissionKey::Scope(scope) => Some(scope.clone()),
            PermissionKey::Type(_) => None,
        };
        Self {
            scheme,
            missing,
            scope,
            detail: routed.detail.clone(),
        }
    }

    /// The header's value. `metadata`: where the service says what it is (RFC 9728); `approval`: the request that
    /// asks for it already.
    pub fn header(&self, metadata: Option<&str>, approval: Option<&str>) -> String {
        let mut out = self.scheme.as_str().to_owned();
        let mut first = true;
        let mut put = |name: &str, value: &str| {
            let between = if first { " " } else { ", " };
            first = false;
            let value = value.replace('\\', "\\\\").replace('"', "\\\"");
            // Writing to a string has no way to fail.
            let _ = write!(out, "{between}{name}=\"{value}\"");
        };
        if let Some(error) = self.missing.error() {
            put("error", error);
            put("error_description", self.missing.description());
        }
        if let Some(scope) = &self.scope {
            put("scope", scope);
        }
        if let Some(detail) = &self.detail {
            put(
                "authorization_details",
                &ascii(&canonical(&Value::Array(vec![detail.clone()]))),
            );
        }
        if let Some(approval) = approval {
            put("approval_id", approval);
        }
        if let Some(metadata) = metadata {
            put("resource_metadata", metadata);
        }
        out
    }
}

/// JSON in ASCII: a header holds nothing else.
fn ascii(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for letter in json.chars() {
        if letter.is_ascii() {
            out.push(letter);
            continue;
        }
        for unit in letter.encode_utf16(&mut [0; 2]) {
            let _ = write!(out, "\\u{unit:04x}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_challenge_says_what_would_do() {
        let challenge = Challenge {
            scheme: Scheme::Bearer,
            missing: Missing::Token,
            scope: Some("files.read".into()),
            detail: None,
        };
        assert_eq!(challenge.header(None, None), r#"Bearer scope="files.read""#);
        let challenge = Challenge {
            scheme: Scheme::Dpop,
            missing: Missing::Approval,
            scope: None,
            detail: Some(json!({"type": "file_deletion", "name": "Zoë \"1\" 🦀"})),
        };
        let header = challenge.header(Some("https://files.example/x"), Some("abc"));
        assert!(header.is_ascii());
        let expected = r#"DPoP error="insufficient_authorization", error_description="a person has to approve this", authorization_details="[{\"name\":\"Zo\\u00eb \\\"1\\\" \\ud83e\\udd80\",\"type\":\"file_deletion\"}]", approval_id="abc", resource_metadata="https://files.example/x""#;
        assert_eq!(header, expected);
        let quoted = header.split("authorization_details=\"").nth(1).unwrap();
        let quoted = quoted.split("\", approval_id").next().unwrap();
        let json = quoted.replace("\\\"", "\"").replace("\\\\", "\\");
        let read: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(read, json!([challenge.detail.unwrap()]));
    }
}
