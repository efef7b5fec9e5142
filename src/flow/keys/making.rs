//! Making a key, and storing it as the first of its kind.

use aws_lc_rs::aead::NONCE_LEN;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::ExposeSecret;
use tokio::task::spawn_blocking;

use super::{KeyPurpose, KeysError, StoredKey, Tools};
use crate::channel::web_push::VapidKey;
use crate::domain::audit::{Actor, AuditEvent, Kind};
use crate::domain::token::algorithm::Algorithm;
use crate::domain::token::keyring::{BrokenKey, PublicJwk, SigningKey};
use crate::store::{Commit, StoreError, Write};

/// Draws of a random scalar before the generator is taken for broken: one in 2³² is refused.
const DRAWS: usize = 4;

/// Stores the first key for a purpose and an algorithm. Someone else may just have: then theirs is the one.
pub(super) async fn first(tools: Tools<'_>, key: StoredKey) -> Result<(), KeysError> {
    let event = AuditEvent::new(key.created_at, Kind::KeyMade, Actor::Server)
        .fact("kid", key.public.kid.as_str())
        .fact("for", key.purpose.as_str())
        .fact("alg", key.public.alg.as_str());
    let commit = Commit::of(Write::AddKey(Box::new(key))).event(event);
    match tools.store.commit(commit).await {
        Ok(()) | Err(StoreError::Overtaken) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Makes a key that signs tokens, beside everything else: an RSA key takes a good part of a second.
pub(super) async fn signing_key(
    tools: Tools<'_>,
    algorithm: Algorithm,
) -> Result<StoredKey, KeysError> {
    let made = spawn_blocking(move || SigningKey::generate_for(algorithm)).await;
    let (key, pkcs8) = made.map_err(|_| BrokenKey)??;
    seal(tools, KeyPurpose::Tokens, key.public().clone(), &pkcs8)
}

/// Makes a key that signs for us at push services.
pub(super) fn vapid_key(tools: Tools<'_>) -> Result<StoredKey, KeysError> {
    for _ in 0..DRAWS {
        let Ok(key) = VapidKey::from_scalar(&tools.entropy.bytes::<32>()?) else {
            continue;
        };
        let point = URL_SAFE_NO_PAD.decode(key.public_key_base64url());
        let public = PublicJwk::from_point(&point.map_err(|_| BrokenKey)?)?;
        return seal(
            tools,
            KeyPurpose::Vapid,
            public,
            key.scalar().expose_secret(),
        );
    }
    Err(KeysError::Broken(BrokenKey))
}

fn seal(
    tools: Tools<'_>,
    purpose: KeyPurpose,
    public: PublicJwk,
    private: &[u8],
) -> Result<StoredKey, KeysError> {
    let nonce = tools.entropy.bytes::<NONCE_LEN>()?;
    let sealed = tools
        .secrets
        .private_keys
        .seal(private, public.kid.as_bytes(), nonce);
    Ok(StoredKey {
        purpose,
        private: sealed.map_err(|_| BrokenKey)?,
        public,
        created_at: tools.clock.now(),
        retires_at: None,
    })
}
