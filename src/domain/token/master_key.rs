//! The master key and what is derived from it: MAC keys and sealing keys, one for each purpose.
//!
//! The key itself is 32 random bytes in a file of mode 0600 (or a credential); the database holds
//! nothing that works without it. Keys for different purposes are independent (HKDF-SHA256), so a
//! value made for one purpose is garbage to every other.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{hkdf, hmac};

/// What a derived key is for. The words are part of the derivation: changing one voids what it made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// MAC of an `auth_req_id`.
    AuthReqId,
    /// MAC of a refresh token.
    RefreshToken,
    /// MAC of an access token that is not a JWT.
    AccessToken,
    /// MAC of a one-time sign-in link.
    SignInLink,
    /// MAC of a session cookie.
    Session,
    /// MAC that ties a form to a session.
    Csrf,
    /// Keyed hash of a push endpoint, to recognise the same browser.
    Endpoint,
    /// MAC of a DPoP nonce.
    DpopNonce,
    /// MAC of a token that lets clients register.
    RegistrationToken,
    /// MAC of the token by which a client has access to its registration.
    RegistrationAccess,
    /// Keyed hash of a user code, which is then hashed slowly.
    UserCode,
    /// Key that a service's webhook secret is made with.
    Webhook,
    /// Sealing of private keys.
    PrivateKey,
    /// Sealing of `resume_state`.
    ResumeState,
    /// Sealing of `client_notification_token`.
    NotificationToken,
    /// Sealing of what an agent is to be handed.
    Payload,
    /// Sealing of push subscriptions.
    Subscription,
    /// Sealing of a token response kept for a minute.
    Redemption,
}

impl Purpose {
    fn label(self) -> &'static str {
        match self {
            Self::AuthReqId => "countersign/v1/auth_req_id",
            Self::RefreshToken => "countersign/v1/refresh_token",
            Self::AccessToken => "countersign/v1/access_token",
            Self::SignInLink => "countersign/v1/sign_in_link",
            Self::Session => "countersign/v1/session",
            Self::Csrf => "countersign/v1/csrf",
            Self::Endpoint => "countersign/v1/endpoint",
            Self::DpopNonce => "countersign/v1/dpop_nonce",
            Self::RegistrationToken => "countersign/v1/registration_token",
            Self::RegistrationAccess => "countersign/v1/registration_access",
            Self::UserCode => "countersign/v1/user_code",
            Self::PrivateKey => "countersign/v1/private_key",
            Self::ResumeState => "countersign/v1/resume_state",
            Self::NotificationToken => "countersign/v1/notification_token",
            Self::Payload => "countersign/v1/payload",
            Self::Subscription => "countersign/v1/subscription",
            Self::Webhook => "countersign/v1/webhook",
            Self::Redemption => "countersign/v1/redemption",
        }
    }
}

/// Thirty-two secret bytes, and what is derived from them. Does not print.
#[derive(Clone)]
pub struct MasterKey {
    prk: hkdf::Prk,
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

/// Sealed bytes were not made by this key for this purpose and place, or have been altered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("sealed data does not open: another master key, or altered")]
pub struct DoesNotOpen;

impl MasterKey {
    /// How many bytes a key has.
    pub const LENGTH: usize = 32;

    /// Takes the key's bytes.
    pub fn new(bytes: &[u8; Self::LENGTH]) -> Self {
        let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, b"countersign").extract(bytes);
        Self { prk }
    }

    fn derive(&self, purpose: Purpose) -> [u8; 32] {
        let mut out = [0; 32];
        let info = [purpose.label().as_bytes()];
        // 32 bytes of HKDF-SHA256 cannot be too many; were it so, every MAC would simply be wrong.
        if let Ok(okm) = self.prk.expand(&info, hkdf::HKDF_SHA256) {
            let _ = okm.fill(&mut out);
        }
        out
    }

    /// The MAC key for a purpose.
    pub fn mac(&self, purpose: Purpose) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &self.derive(purpose))
    }

    /// The sealing key for a purpose.
    pub fn sealer(&self, purpose: Purpose) -> Sealer {
        let key = UnboundKey::new(&AES_256_GCM, &self.derive(purpose)).ok();
        Sealer {
            key: key.map(LessSafeKey::new).map(std::sync::Arc::new),
        }
    }
}

/// Seals bytes for one purpose (AES-256-GCM), bound to the place they are stored in.
#[derive(Clone)]
pub struct Sealer {
    key: Option<std::sync::Arc<LessSafeKey>>,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(…)")
    }
}

impl Sealer {
    /// `nonce ‖ ciphertext ‖ tag`. `place` (an id) must be given again to open; `nonce` must be random.
    pub fn seal(
        &self,
        plain: &[u8],
        place: &[u8],
        nonce: [u8; NONCE_LEN],
    ) -> Result<Vec<u8>, DoesNotOpen> {
        let key = self.key.as_ref().ok_or(DoesNotOpen)?;
        let mut body = plain.to_vec();
        key.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(place),
            &mut body,
        )
        .map_err(|_| DoesNotOpen)?;
        let mut out = nonce.to_vec();
        out.append(&mut body);
        Ok(out)
    }

    /// What was sealed.
    pub fn open(&self, sealed: &[u8], place: &[u8]) -> Result<Vec<u8>, DoesNotOpen> {
        let key = self.key.as_ref().ok_or(DoesNotOpen)?;
        let (nonce, body) = sealed.split_at_checked(NONCE_LEN).ok_or(DoesNotOpen)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| DoesNotOpen)?;
        let mut body = body.to_vec();
        let plain = key
            .open_in_place(nonce, Aad::from(place), &mut body)
            .map_err(|_| DoesNotOpen)?;
        Ok(plain.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_bytes_open_only_for_the_same_key_purpose_and_place() {
        let key = MasterKey::new(&[7; 32]);
        let sealer = key.sealer(Purpose::ResumeState);
        let sealed = sealer.seal(b"where I was", b"a", [1; NONCE_LEN]).unwrap();
        assert_eq!(
            sealer.open(&sealed, b"a").as_deref(),
            Ok(&b"where I was"[..])
        );
        assert_eq!(sealer.open(&sealed, b"b"), Err(DoesNotOpen));
        assert_eq!(
            key.sealer(Purpose::Subscription).open(&sealed, b"a"),
            Err(DoesNotOpen)
        );
        let other = MasterKey::new(&[8; 32]);
        assert_eq!(
            other.sealer(Purpose::ResumeState).open(&sealed, b"a"),
            Err(DoesNotOpen)
        );
        let mut altered = sealed.clone();
        altered[NONCE_LEN] ^= 1;
        assert_eq!(sealer.open(&altered, b"a"), Err(DoesNotOpen));
        assert_eq!(sealer.open(b"short", b"a"), Err(DoesNotOpen));
    }

    #[test]
    fn a_key_does_not_print() {
        let key = MasterKey::new(&[7; 32]);
        assert_eq!(
            format!("{key:?} {:?}", key.sealer(Purpose::PrivateKey)),
            "MasterKey(…) Sealer(…)"
        );
    }
}
