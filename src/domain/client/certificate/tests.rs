//! Certificates as OpenSSL makes them.

use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::domain::client::keys::PublicKey;

const AGENT: &str = include_str!("../../../../tests/certificates/agent.pem");
const RSA: &str = include_str!("../../../../tests/certificates/rsa.pem");
const ED25519: &str = include_str!("../../../../tests/certificates/ed.pem");

fn der(pem: &str) -> Vec<u8> {
    let lines: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(lines).unwrap()
}

fn agent() -> Certificate {
    Certificate::read(&der(AGENT), true).unwrap()
}

#[test]
fn a_certificate_names_its_subject_in_each_way() {
    let agent = agent();
    let text = str::to_owned;
    for named in [
        Subject::Dn(text("CN=agent-7,OU=Bots,O=Acme\\, Inc.,C=DE")),
        Subject::Dns(text("agent.example")),
        Subject::Dns(text("AGENT.example")),
        Subject::Uri(text("spiffe://acme.example/agent-7")),
        Subject::Ip("10.1.2.3".parse().unwrap()),
        Subject::Email(text("agent@acme.example")),
    ] {
        assert!(named.is_sound() && agent.names(&named), "{named:?}");
    }
    for other in [
        Subject::Dn(text("CN=agent-7")),
        Subject::Dn(text("C=DE,O=Acme\\, Inc.,OU=Bots,CN=agent-7")),
        Subject::Dn(text("CN=agent-8,OU=Bots,O=Acme\\, Inc.,C=DE")),
        Subject::Dn(text("nonsense")),
        Subject::Dns(text("example")),
        Subject::Dns(text("agent@acme.example")),
        Subject::Uri(text("agent.example")),
        Subject::Ip("10.1.2.4".parse().unwrap()),
        Subject::Email(text("agent.example")),
    ] {
        assert!(!agent.names(&other), "{other:?}");
    }
    let bare = Certificate::read(&der(RSA), true).unwrap();
    assert!(bare.names(&Subject::Dn(text("CN=rsa"))));
    assert!(!bare.names(&Subject::Dns(text("rsa"))));
}

#[test]
fn a_certificate_is_for_the_key_it_holds() {
    let key = |jwk| PublicKey::read(&jwk).unwrap().thumbprint();
    let point = key(json!({"kty": "EC", "crv": "P-256",
        "x": "UJ5g7PW-N9wsNHiPV-IqiimB9x4V8CziOhl3JXR9PZI",
        "y": "gB3rxxTFVjTi6Zp0xHAKSGdGDGcuVabg42kUtjSh9aQ"}));
    assert!(agent().has_key(&point));
    let other = json!({"kty": "OKP", "crv": "Ed25519",
        "x": "GK_Y63DXpgOb6gw00zFmO-T-TWIBcyv3wAqpTuhOWXQ"});
    let read = |pem| Certificate::read(&der(pem), false).unwrap();
    assert!(read(ED25519).has_key(&key(other.clone())));
    assert!(!agent().has_key(&key(other)));
    let rsa = json!({"kty": "RSA", "e": "AQAB", "n": "rMoQgJDsqpYfVhEMeUuPqY3ugEIHfINS2WzmVd_5g0zbLXTiCAUGigODubQtHW1DadIGDeM4zA3ImCNC7I-Ghl8t1FNZkuoy9plIrsMPuSVwnHjKnCBc93qagPnbDZrQbFNi3qGygMn-iEf81Mn1vp4_ja4EOK8vr6Dcyv6G8u6WW1S9s0za2LUoNtnedLMGs1KJoBVMc8-dSaqIAjskrF_z6Q9nWwI4VOBx2MCeScBYRpRvjDK83aRuOLtvyalDKoqfVf1Np9vHBZbCrlMIGjS9fkmkVePiq4EXxjBmwrmNjy2UUBRuiy38T_CztCFuWoL_4TQLwc80WmRg-KTmBQ"});
    assert!(read(RSA).has_key(&key(rsa)));
}

#[test]
fn a_thumbprint_is_of_the_whole_certificate() {
    let der = der(AGENT);
    assert_eq!(agent().thumbprint.0, sha256(&der));
    for cut in [0, 1, 10, 100, der.len() - 1] {
        assert_eq!(Certificate::read(&der[..cut], true), None);
    }
    let longer = [der.as_slice(), &[0]].concat();
    assert_eq!(Certificate::read(&longer, true), None);
}

#[test]
fn what_cannot_be_found_in_a_certificate_is_not_registered() {
    for odd in ["", "agent", "CN=agent\\"] {
        assert!(!Subject::Dn(odd.to_owned()).is_sound(), "{odd}");
    }
    assert!(!Subject::Dns(String::new()).is_sound());
    assert!(!Subject::Uri("a b".to_owned()).is_sound());
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(
        at in any::<prop::sample::Index>(), with in any::<u8>(),
        garbage in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let _ = Certificate::read(&garbage, false);
        let mut altered = der(AGENT);
        let at = at.index(altered.len());
        altered[at] = with;
        let _ = Certificate::read(&altered, false);
    }
}
