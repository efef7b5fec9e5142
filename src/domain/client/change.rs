//! What a change of a registration means: which parts are others now, and whether what people always allow the
//! client goes on.
//!
//! An "always" is for whoever held the keys, and was called where the client was called, when the person gave
//! it. A key that was not there before, another way to prove who it is, or another place to be called at may
//! belong to somebody else, so everything that was always allowed ends. A key less, or another name, is no
//! reason.

use super::key_source::KeySource;
use super::{Client, Credentials};

/// What is different.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// The parts that are others, in a word each.
    pub parts: Vec<&'static str>,
    /// Whether it may be somebody else's client now.
    pub other_hands: bool,
}

impl Change {
    /// What differs between a client as it was and as it is to be.
    pub fn between(before: &Client, after: &Client) -> Self {
        let method = before.credentials.method() != after.credentials.method();
        let proven = !same_proof(&before.credentials, &after.credentials)
            || gains_keys(before.keys(), after.keys());
        let called = before.mode != after.mode
            || before.notification_endpoint != after.notification_endpoint;
        let allowed = (&before.scopes, &before.types, &before.resources)
            != (&after.scopes, &after.types, &after.resources);
        let parts = [
            ("name", before.name != after.name),
            ("auth", method),
            ("keys", proven || before.keys() != after.keys()),
            ("callback", called),
            ("allowed", allowed),
            ("grant_types", before.grant_types != after.grant_types),
            ("proof", before.proof != after.proof),
            ("id_token", before.id_token_alg != after.id_token_alg),
            (
                "request_signing",
                before.request_signing != after.request_signing,
            ),
        ];
        let parts = parts.into_iter().filter(|(_, differs)| *differs);
        Self {
            parts: parts.map(|(part, _)| part).collect(),
            other_hands: proven || called,
        }
    }

    /// Whether nothing is.
    pub fn is_none(&self) -> bool {
        self.parts.is_empty()
    }
}

/// Whether the same secret or certificate proves who it is. Keys are compared as keys.
fn same_proof(before: &Credentials, after: &Credentials) -> bool {
    let secret = |it: &Credentials| it.secret().map(|kept| kept.current);
    secret(before) == secret(after) && before.tls_subject() == after.tls_subject()
}

/// Whether a key may count now that did not before.
fn gains_keys(before: Option<&KeySource>, after: Option<&KeySource>) -> bool {
    match (before, after) {
        (_, None) => false,
        (Some(KeySource::Registered(before)), Some(KeySource::Registered(after))) => {
            !before.include(after)
        }
        (Some(KeySource::At(before)), Some(KeySource::At(after))) => before != after,
        (
            None | Some(KeySource::Registered(_) | KeySource::At(_)),
            Some(KeySource::Registered(_) | KeySource::At(_)),
        ) => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::OffsetDateTime;

    use super::*;
    use crate::domain::ciba::mode::Mode;
    use crate::domain::client::keys::PublicKeys;
    use crate::domain::client::secret::SecretHashes;
    use crate::domain::id::ClientId;
    use crate::domain::token::keyring::SigningKey;

    fn client(credentials: Credentials) -> Client {
        let id = ClientId("deploy-bot".to_owned());
        Client::agent(id, credentials, OffsetDateTime::UNIX_EPOCH)
    }

    fn keys(of: &[&SigningKey]) -> Credentials {
        let keys: Vec<_> = of.iter().map(|key| json!(key.public())).collect();
        let keys = PublicKeys::read(&json!({"keys": keys}).to_string()).unwrap();
        Credentials::PrivateKeyJwt(KeySource::Registered(keys))
    }

    fn secret(byte: u8) -> SecretHashes {
        SecretHashes::of([byte; 32])
    }

    #[track_caller]
    fn differs(before: &Client, after: &Client, parts: &[&str], other_hands: bool) {
        let change = Change::between(before, after);
        assert_eq!(
            (change.parts.as_slice(), change.other_hands),
            (parts, other_hands)
        );
    }

    #[test]
    fn a_new_key_may_be_somebody_else_s_and_a_key_less_is_not() {
        let (one, other) = (
            SigningKey::generate().unwrap().0,
            SigningKey::generate().unwrap().0,
        );
        let (alone, both) = (client(keys(&[&one])), client(keys(&[&one, &other])));
        differs(&alone, &alone, &[], false);
        differs(&alone, &both, &["keys"], true);
        differs(&both, &alone, &["keys"], false);
        differs(&alone, &client(keys(&[&other])), &["keys"], true);
        let at = |url: &str| client(Credentials::PrivateKeyJwt(KeySource::At(url.to_owned())));
        differs(
            &at("https://a.example/k"),
            &at("https://b.example/k"),
            &["keys"],
            true,
        );
        differs(&alone, &at("https://a.example/k"), &["keys"], true);
    }

    #[test]
    fn another_secret_or_another_way_to_prove_it_may_be_somebody_else_s() {
        let (key, _) = SigningKey::generate().unwrap();
        let with_secret = client(Credentials::SecretBasic(secret(1)));
        let signs = client(keys(&[&key]));
        differs(&with_secret, &signs, &["auth", "keys"], true);
        differs(&signs, &with_secret, &["auth", "keys"], true);
        differs(
            &with_secret,
            &client(Credentials::SecretBasic(secret(2))),
            &["keys"],
            true,
        );
        let posted = client(Credentials::SecretPost(secret(1)));
        differs(&with_secret, &posted, &["auth"], false);
    }

    #[test]
    fn another_place_to_be_called_at_may_be_somebody_else_s_and_another_name_is_not() {
        let before = client(Credentials::SecretBasic(secret(1)));
        let called = Client {
            mode: Mode::Ping,
            notification_endpoint: Some("https://a.example/cb".to_owned()),
            ..before.clone()
        };
        differs(&before, &called, &["callback"], true);
        let elsewhere = Client {
            notification_endpoint: Some("https://b.example/cb".to_owned()),
            ..called.clone()
        };
        differs(&called, &elsewhere, &["callback"], true);
        let renamed = Client {
            name: "Release Bot".to_owned(),
            scopes: vec!["calendar.read".to_owned()],
            ..before.clone()
        };
        differs(&before, &renamed, &["name", "allowed"], false);
    }
}
