//! Handles: an id and a MAC of it, in one word (`auth_req_id`, refresh tokens, sign-in
//! links, session cookies).
//!
//! The database holds the id, the master key file makes the MAC, and only both together make the
//! handle: a stolen database redeems nothing. Each kind has its own key, so none can pass for another.

use std::fmt;

use aws_lc_rs::{constant_time, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use super::master_key::{MasterKey, Purpose};

/// 160 bits of MAC: as much as CIBA §7.3 recommends, apart from the id's own 74 random bits.
const MAC_LENGTH: usize = 20;

/// Characters in a handle: 36 bytes, base64url.
pub const LENGTH: usize = 48;

/// Makes and reads handles of one kind. Does not print.
#[derive(Clone)]
pub struct Handles {
    key: hmac::Key,
}

impl fmt::Debug for Handles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handles(…)")
    }
}

impl Handles {
    /// Handles of the kind a purpose names.
    pub fn new(master: &MasterKey, purpose: Purpose) -> Self {
        Self {
            key: master.mac(purpose),
        }
    }

    /// The handle of an id.
    pub fn make(&self, id: Uuid) -> String {
        let mac = hmac::sign(&self.key, id.as_bytes());
        let mut bytes = [0; 16 + MAC_LENGTH];
        bytes[..16].copy_from_slice(id.as_bytes());
        bytes[16..].copy_from_slice(&mac.as_ref()[..MAC_LENGTH]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The id in a handle, if the handle is one of ours.
    pub fn read(&self, handle: &str) -> Option<Uuid> {
        if handle.len() != LENGTH {
            return None;
        }
        let mut bytes = [0; 16 + MAC_LENGTH];
        let length = URL_SAFE_NO_PAD.decode_slice(handle, &mut bytes).ok()?;
        if length != bytes.len() {
            return None;
        }
        let (id, mac) = bytes.split_at(16);
        let expected = hmac::sign(&self.key, id);
        constant_time::verify_slices_are_equal(mac, &expected.as_ref()[..MAC_LENGTH]).ok()?;
        Uuid::from_slice(id).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_read_only_by_the_key_and_kind_that_made_it() {
        let master = MasterKey::new(&[1; 32]);
        let handles = Handles::new(&master, Purpose::AuthReqId);
        let id = Uuid::from_u128(42);
        let handle = handles.make(id);
        assert_eq!(handle.len(), LENGTH);
        assert!(
            handle
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        );
        assert_eq!(handles.read(&handle), Some(id));
        assert_eq!(Handles::new(&master, Purpose::Session).read(&handle), None);
        assert_eq!(
            Handles::new(&MasterKey::new(&[2; 32]), Purpose::AuthReqId).read(&handle),
            None
        );
    }

    #[test]
    fn sec_f01_no_altered_handle_is_read() {
        let handles = Handles::new(&MasterKey::new(&[1; 32]), Purpose::AuthReqId);
        let handle = handles.make(Uuid::from_u128(42));
        for at in 0..LENGTH {
            let mut bytes = handle.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(bytes).unwrap();
            assert_eq!(handles.read(&altered), None, "{at}");
        }
        assert_eq!(handles.read(""), None);
        assert_eq!(handles.read(&"é".repeat(24)), None);
    }
}
