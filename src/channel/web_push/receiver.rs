//! The browser's side of RFC 8291: a second implementation, over another library than the one
//! that encrypts, so that the two check each other.

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};

struct Bytes(usize);

impl KeyType for Bytes {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand<const N: usize>(prk: &Prk, info: &[&[u8]]) -> [u8; N] {
    let mut out = [0; N];
    prk.expand(info, Bytes(N)).unwrap().fill(&mut out).unwrap();
    out
}

/// What the browser with this private key and secret reads in a message.
pub(super) fn open(private: &[u8], auth: &[u8], message: &[u8]) -> Vec<u8> {
    let private = PrivateKey::from_private_key(&ECDH_P256, private).unwrap();
    let own = private.compute_public_key().unwrap();
    let (salt, rest) = message.split_at(16);
    let (record_size, rest) = rest.split_at(4);
    assert!(u32::from_be_bytes(record_size.try_into().unwrap()) as usize >= rest.len() - 66);
    assert_eq!(rest[0], 65);
    let (sender, ciphertext) = rest[1..].split_at(65);

    let peer = UnparsedPublicKey::new(&ECDH_P256, sender);
    let input = agree(&private, peer, "agreement", |shared| {
        let prk = Salt::new(HKDF_SHA256, auth).extract(shared);
        Ok(expand::<32>(
            &prk,
            &[b"WebPush: info\0", own.as_ref(), sender],
        ))
    })
    .unwrap();
    let prk = Salt::new(HKDF_SHA256, salt).extract(&input);
    let key = expand::<16>(&prk, &[b"Content-Encoding: aes128gcm\0"]);
    let nonce = expand::<12>(&prk, &[b"Content-Encoding: nonce\0"]);

    let mut opened = ciphertext.to_vec();
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).unwrap());
    let nonce = Nonce::assume_unique_for_key(nonce);
    let plain = key.open_in_place(nonce, Aad::empty(), &mut opened).unwrap();
    let end = plain.iter().rposition(|&byte| byte != 0).unwrap();
    assert_eq!(plain[end], 2, "the delimiter of the last record");
    plain[..end].to_vec()
}
