//! Everything derived from the master key, derived once.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::client::dpop::Nonces;
use crate::domain::held::webhook::WebhookSecret;
use crate::domain::id::{ClientId, SessionId, UserId};
use crate::domain::token::handle::Handles;
use crate::domain::token::master_key::{MasterKey, Purpose, Sealer};

/// Keys for MACs and sealing. Does not print.
#[derive(Debug)]
pub struct Secrets {
    /// Makes and reads `auth_req_id`s.
    pub auth_req_ids: Handles,
    /// Makes and reads refresh tokens.
    pub refresh_tokens: Handles,
    /// Makes and reads access tokens that are not JWTs.
    pub access_tokens: Handles,
    /// Makes and reads one-time sign-in links.
    pub sign_in_links: Handles,
    /// Makes and reads session cookies.
    pub sessions: Handles,
    /// Makes and reads tokens that let clients register.
    pub registration_tokens: Handles,
    /// Makes and recognises DPoP nonces.
    pub dpop_nonces: Nonces,
    /// Seals private keys.
    pub private_keys: Sealer,
    /// Seals `resume_state`.
    pub resume_states: Sealer,
    /// Seals `client_notification_token`.
    pub notification_tokens: Sealer,
    /// Seals what an agent is to be handed.
    pub payloads: Sealer,
    /// Seals push subscriptions.
    pub subscriptions: Sealer,
    /// Seals token responses kept for a minute.
    pub redemptions: Sealer,
    registration_access: Mac,
    csrf: Mac,
    endpoint: Mac,
    user_code: Mac,
    webhook: Mac,
}

/// A MAC key that does not print.
struct Mac(hmac::Key);

impl std::fmt::Debug for Mac {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mac(…)")
    }
}

impl Secrets {
    /// Derives everything.
    pub fn new(master: &MasterKey) -> Self {
        Self {
            auth_req_ids: Handles::new(master, Purpose::AuthReqId),
            refresh_tokens: Handles::new(master, Purpose::RefreshToken),
            access_tokens: Handles::new(master, Purpose::AccessToken),
            sign_in_links: Handles::new(master, Purpose::SignInLink),
            sessions: Handles::new(master, Purpose::Session),
            registration_tokens: Handles::new(master, Purpose::RegistrationToken),
            registration_access: Mac(master.mac(Purpose::RegistrationAccess)),
            dpop_nonces: Nonces::new(master),
            private_keys: master.sealer(Purpose::PrivateKey),
            resume_states: master.sealer(Purpose::ResumeState),
            notification_tokens: master.sealer(Purpose::NotificationToken),
            payloads: master.sealer(Purpose::Payload),
            subscriptions: master.sealer(Purpose::Subscription),
            redemptions: master.sealer(Purpose::Redemption),
            csrf: Mac(master.mac(Purpose::Csrf)),
            endpoint: Mac(master.mac(Purpose::Endpoint)),
            user_code: Mac(master.mac(Purpose::UserCode)),
            webhook: Mac(master.mac(Purpose::Webhook)),
        }
    }

    /// Ties a form to a session and to what the form is for (a request's id and the digest of the card
    /// that was shown, say), so that a form of another page, person or content is refused.
    pub fn csrf_token(&self, session: SessionId, what_for: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.csrf_mac(session, what_for))
    }

    /// Whether a token is the one for this session and purpose; in constant time.
    pub fn is_csrf_token(&self, token: &str, session: SessionId, what_for: &str) -> bool {
        URL_SAFE_NO_PAD.decode(token).is_ok_and(|mac| {
            aws_lc_rs::constant_time::verify_slices_are_equal(
                &mac,
                self.csrf_mac(session, what_for).as_ref(),
            )
            .is_ok()
        })
    }

    fn csrf_mac(&self, session: SessionId, what_for: &str) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.csrf.0);
        context.update(session.0.as_bytes());
        context.update(what_for.as_bytes());
        context.sign()
    }

    /// The token by which a client has access to its registration (RFC 7592 §3): derived, so nothing is stored.
    pub fn registration_access(&self, client: &ClientId) -> String {
        let mac = hmac::sign(&self.registration_access.0, client.0.as_bytes());
        URL_SAFE_NO_PAD.encode(mac)
    }

    /// Whether a token is that one; in constant time.
    pub fn is_registration_access(&self, token: &str, client: &ClientId) -> bool {
        URL_SAFE_NO_PAD.decode(token).is_ok_and(|mac| {
            hmac::verify(&self.registration_access.0, client.0.as_bytes(), &mac).is_ok()
        })
    }

    /// What calls to a service are signed with: derived, so nothing is stored.
    pub fn webhook(&self, service: &ClientId) -> WebhookSecret {
        let mut out = [0; 32];
        out.copy_from_slice(hmac::sign(&self.webhook.0, service.0.as_bytes()).as_ref());
        WebhookSecret::new(out)
    }

    /// A keyed hash of that person's code: without the key, no guess at a code can be tried.
    pub fn user_code(&self, user: UserId, code: &str) -> [u8; 32] {
        self.user_code_mac(user.0.as_bytes(), code)
    }

    /// What tells one request that brought a code from another, and tells nothing of the code.
    pub fn fingerprint(&self, request: [u8; 32], code: &str) -> [u8; 32] {
        self.user_code_mac(&request, code)
    }

    fn user_code_mac(&self, of: &[u8], code: &str) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.user_code.0);
        // Persons' ids and digests differ in length, so neither passes for the other.
        context.update(&[u8::try_from(of.len()).unwrap_or(u8::MAX)]);
        context.update(of);
        context.update(code.as_bytes());
        let mut out = [0; 32];
        out.copy_from_slice(context.sign().as_ref());
        out
    }

    /// A keyed hash by which the same browser's push endpoint is recognised.
    pub fn endpoint_hash(&self, fingerprint: &[u8]) -> [u8; 32] {
        let mut out = [0; 32];
        out.copy_from_slice(hmac::sign(&self.endpoint.0, fingerprint).as_ref());
        out
    }
}
