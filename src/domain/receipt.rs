//! A receipt: who answered what, having been shown what, for somebody who was not there.
//!
//! It is a JWT that this server signed, with the whole card in it. Whoever has our published keys can check it without
//! us: that it was signed here, that the card is the one the answer was given to, and what exactly was granted.
//! What it proves is what this server recorded; it does not prove that the person was careful.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use crate::domain::action::json::{canonical, digest};
use crate::domain::ciba::approval::{Answered, Answerer, DecidedBy, Decision, Question};
use crate::domain::client::jws;
use crate::domain::client::keys::PublicKeys;
use crate::domain::id::{ClientId, RequestId, UserId};
use crate::domain::token::access::{granted_details, granted_scope, numeric_date};

/// Its JOSE `typ`.
pub const TYPE: &str = "approval-receipt+jwt";

/// Longest receipt read, in bytes.
const LONGEST: usize = 512 * 1024;

/// What a receipt says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// The server that says it.
    pub iss: String,
    /// When it was written.
    pub iat: i64,
    /// The request that was answered.
    pub approval_id: RequestId,
    /// Who asked.
    pub client_id: ClientId,
    /// Who answered, or for whom others did.
    pub sub: UserId,
    /// `once`, `always` or `deny`.
    pub answer: Answered,
    /// When.
    pub answered_at: i64,
    /// How.
    pub by: By,
    /// What was granted, as scopes; absent for a no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// What was granted, as typed details.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorization_details: Vec<Value>,
    /// What the person saw.
    pub card: Value,
    /// SHA-256 of the card in its one form (RFC 8785), base64url: as the token has it.
    pub card_digest: String,
}

/// Who answered, and how surely it was them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct By {
    /// `person` when they answered this, `people` when several did, `rule` when something they had always allowed covered it.
    pub how: How,
    /// How they had proved who they were.
    pub acr: String,
    /// When they had.
    pub auth_time: i64,
    /// Those who allowed it, when several had to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<OneOf>,
    /// The rules that covered it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
}

/// One of several who allowed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OneOf {
    /// Who.
    pub sub: UserId,
    /// How they had proved who they were.
    pub acr: String,
    /// When they had.
    pub auth_time: i64,
    /// When they answered.
    pub answered_at: i64,
}

/// Whether somebody answered, or had answered before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// They answered.
    Person,
    /// Several people answered.
    People,
    /// They had allowed it before.
    Rule,
}

/// Why a receipt proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unproved {
    /// Not a receipt at all.
    #[error("it is not a receipt")]
    Malformed,
    /// None of these keys has signed it.
    #[error("it is not signed by any of these keys, or was changed since")]
    Signature,
    /// The card is another than the one the answer was given to.
    #[error("the card in it is not the one that was answered")]
    Card,
}

fn one_of(one: &Answerer) -> OneOf {
    OneOf {
        sub: one.user,
        acr: one.assurance.acr().to_owned(),
        auth_time: numeric_date(one.authenticated_at),
        answered_at: numeric_date(one.at),
    }
}

impl Receipt {
    /// What is to be said about a decision. `card` is the card as it was stored.
    pub fn of(
        issuer: &str,
        question: &Question,
        decision: &Decision,
        card: Value,
        now: OffsetDateTime,
    ) -> Self {
        let sign_in = decision.by.sign_in();
        let (how, rules) = match &decision.by {
            DecidedBy::Person { .. } => (How::Person, Vec::new()),
            DecidedBy::People { .. } => (How::People, Vec::new()),
            DecidedBy::StandingGrants { grants, .. } => {
                (How::Rule, grants.iter().map(ToString::to_string).collect())
            }
        };
        let scope = match decision.answer {
            Answered::Once | Answered::Always => {
                Some(granted_scope(&question.scope, &decision.granted))
            }
            Answered::Deny => None,
        };
        let details = granted_details(&decision.granted);
        Self {
            iss: issuer.to_owned(),
            iat: numeric_date(now),
            approval_id: question.id,
            client_id: question.client.clone(),
            sub: question.user,
            answer: decision.answer,
            answered_at: numeric_date(decision.at),
            by: By {
                how,
                acr: sign_in.how.acr().to_owned(),
                auth_time: numeric_date(sign_in.at),
                people: if decision.answer == Answered::Deny {
                    // Who said no is for those who were asked with them.
                    Vec::new()
                } else {
                    decision.by.people().map(one_of).collect()
                },
                rules,
            },
            scope,
            authorization_details: details.into_iter().cloned().collect(),
            card,
            card_digest: URL_SAFE_NO_PAD.encode(question.card_digest),
        }
    }

    /// What a receipt says, if one of these keys has signed it and it holds together.
    pub fn verified(jws: &str, keys: &PublicKeys) -> Result<Self, Unproved> {
        let jws = jws.trim();
        if jws.len() > LONGEST {
            return Err(Unproved::Malformed);
        }
        let header = jws::header(jws).filter(|header| header.is_exactly(TYPE));
        let header = header.ok_or(Unproved::Malformed)?;
        let receipt: Option<Self> = keys.claims(jws, &header.alg, header.kid.as_deref());
        let receipt = receipt.ok_or(Unproved::Signature)?;
        let shown = URL_SAFE_NO_PAD.encode(digest(&canonical(&receipt.card)));
        if shown != receipt.card_digest {
            return Err(Unproved::Card);
        }
        Ok(receipt)
    }

    /// What was asked, as the person read it.
    pub fn heading(&self) -> &str {
        self.card["heading"].as_str().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::token::keyring::{Kind, SigningKey};

    fn card() -> Value {
        json!({"heading": "Pay €240.00 to Hanna", "version": 1})
    }

    fn receipt() -> Receipt {
        let id = "0192f0c1a2b37c4d8e5f60718293a4b5";
        let receipt = json!({
            "iss": "https://ask.example", "iat": 1, "approval_id": id, "client_id": "agent", "sub": id,
            "answer": "once", "answered_at": 1,
            "by": {"how": "person", "acr": "urn:countersign:acr:email-link", "auth_time": 1},
            "scope": "openid", "authorization_details": [{"type": "payment_small"}],
            "card": card(), "card_digest": URL_SAFE_NO_PAD.encode(digest(&canonical(&card()))),
        });
        serde_json::from_value(receipt).unwrap()
    }

    fn keys(of: &SigningKey) -> PublicKeys {
        PublicKeys::read(&json!({"keys": [of.public()]}).to_string()).unwrap()
    }

    #[test]
    fn a_receipt_is_checked_with_the_published_keys_alone() {
        let (key, _) = SigningKey::generate().unwrap();
        let jws = key.sign(Kind::Receipt, &receipt()).unwrap();
        let read = Receipt::verified(&format!("{jws}\n"), &keys(&key)).unwrap();
        assert_eq!(read, receipt());
        assert_eq!(read.heading(), "Pay €240.00 to Hanna");
        let (other, _) = SigningKey::generate().unwrap();
        assert_eq!(
            Receipt::verified(&jws, &keys(&other)),
            Err(Unproved::Signature)
        );
    }

    #[test]
    fn a_receipt_that_was_changed_anywhere_proves_nothing() {
        let (key, _) = SigningKey::generate().unwrap();
        let jws = key.sign(Kind::Receipt, &receipt()).unwrap();
        for at in (0..jws.len()).step_by(7) {
            let mut bytes = jws.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(Receipt::verified(&changed, &keys(&key)).is_err(), "{at}");
        }
    }

    #[test]
    fn another_card_or_another_kind_of_token_proves_nothing() {
        let (key, _) = SigningKey::generate().unwrap();
        let mut other = receipt();
        other.card["heading"] = json!("Pay €2400.00 to Hanna");
        let jws = key.sign(Kind::Receipt, &other).unwrap();
        assert_eq!(Receipt::verified(&jws, &keys(&key)), Err(Unproved::Card));
        for kind in [
            Kind::AccessToken,
            Kind::IdToken,
            Kind::Transaction,
            Kind::Introspection,
        ] {
            let jws = key.sign(kind, &receipt()).unwrap();
            assert_eq!(
                Receipt::verified(&jws, &keys(&key)),
                Err(Unproved::Malformed)
            );
        }
        for nothing in ["", "x", "a.b.c", "a.b.c.d.e"] {
            assert_eq!(
                Receipt::verified(nothing, &keys(&key)),
                Err(Unproved::Malformed)
            );
        }
    }
}
