//! Modules about who a client is.

use jsonwebtoken::{Algorithm, Header};

use super::Op;
use super::party::unsigned;
use crate::world::{ASSERTION_TYPE, GRANT_TYPE};

module! {
    async fn ensure_without_client_assertion_in_backchannel_authorization_request(op: Op) {
        let object = op.first.sign(&op.first.object(&op.world));
        let mut nameless = op.first.clone();
        nameless.http = crate::world::tls::caller(None);
        let only_its_name = [("client_id", op.first.id.as_str())];
        for (credentials, form) in [
            (&only_its_name[..], [("request", object.as_str())]),
            (&[], [("request", object.as_str())]),
        ] {
            let answer = nameless.post_as("/bc-authorize", credentials, &form).await;
            answer.refused(401, "invalid_client");
        }
    }
}

module! {
    async fn ensure_without_client_assertion_in_token_endpoint_request(op: Op) {
        let asked = op.ask(&op.first).await;
        let mut nameless = op.first.clone();
        nameless.http = crate::world::tls::caller(None);
        let collect = [("grant_type", GRANT_TYPE), ("auth_req_id", &*asked.auth_req_id)];
        let only_its_name = [("client_id", op.first.id.as_str())];
        let answer = nameless.post_as("/oauth/token", &only_its_name, &collect).await;
        answer.refused(401, "invalid_client");
    }
}

/// An assertion that is signed as the profile does not allow.
async fn badly_signed(op: &Op, path: &str, form: &[(&str, &str)]) {
    let claims = op
        .first
        .assertion(&op.world, &format!("{}{path}", op.first.issuer));
    let rs256 = op.first.sign_as(&Header::new(Algorithm::RS256), &claims);
    for assertion in [rs256, unsigned(&claims)] {
        let credentials = [
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", assertion.as_str()),
        ];
        let answer = op.first.post_as(path, &credentials, form).await;
        answer.refused(401, "invalid_client");
    }
}

module! {
    [poll_private_key_jwt, ping_private_key_jwt]
    async fn ensure_client_assertion_signature_algorithm_in_backchannel_authorization_request_is_rs256_fails(op: Op) {
        let object = op.first.sign(&op.first.object(&op.world));
        badly_signed(&op, "/bc-authorize", &[("request", &object)]).await;
    }
}

module! {
    [poll_private_key_jwt, ping_private_key_jwt]
    async fn ensure_client_assertion_signature_algorithm_in_token_endpoint_request_is_rs256_fails(op: Op) {
        let asked = op.ask(&op.first).await;
        let collect = [("grant_type", GRANT_TYPE), ("auth_req_id", &*asked.auth_req_id)];
        badly_signed(&op, "/oauth/token", &collect).await;
    }
}

module! {
    [poll_private_key_jwt, ping_private_key_jwt]
    async fn ensure_client_assertion_with_iss_aud_to_token_endpoint_succeeds(op: Op) {
        let mut party = op.first.clone();
        party.audience = Some(party.issuer.clone());
        let asked = op.ask(&party).await;
        op.world.approve(&op.maya, &asked).await;
        party.poll(&op.world, &asked.auth_req_id).await.ok();
    }
}

module! {
    [poll_mtls, ping_mtls]
    async fn ensure_different_client_id_and_issuer_in_backchannel_authorization_request(op: Op) {
        // The request is the first client's, the name the second's, and the certificate the first's.
        let object = op.first.sign(&op.first.object(&op.world));
        let other = [("client_id", op.second.id.as_str())];
        let answer = op.first.post_as("/bc-authorize", &other, &[("request", &object)]).await;
        answer.refused(401, "invalid_client");
        // With the second's certificate as well, the request is still not its own.
        let answer = op.second.post_as("/bc-authorize", &other, &[("request", &object)]).await;
        answer.refused(400, "invalid_request");
    }
}

module! {
    [poll_mtls, ping_mtls]
    async fn ensure_wrong_client_id_in_backchannel_authorization_request(op: Op) {
        let object = op.first.sign(&op.first.object(&op.world));
        for name in [op.second.id.as_str(), "nobody", ""] {
            let credentials = [("client_id", name)];
            let answer = op.first.post_as("/bc-authorize", &credentials, &[("request", &object)]).await;
            answer.refused(401, "invalid_client");
        }
    }
}

module! {
    [poll_mtls, ping_mtls]
    async fn ensure_wrong_client_id_in_token_endpoint_request(op: Op) {
        let asked = op.ask(&op.first).await;
        let collect = [("grant_type", GRANT_TYPE), ("auth_req_id", &*asked.auth_req_id)];
        for name in [op.second.id.as_str(), "nobody"] {
            let answer = op.first.post_as("/oauth/token", &[("client_id", name)], &collect).await;
            answer.refused(401, "invalid_client");
        }
    }
}

module! {
    async fn ensure_mtls_holder_of_key_required(op: Op) {
        // Whoever proves who it is and shows no certificate gets no token, and costs the answer nothing.
        let asked = op.ask(&op.first).await;
        op.world.approve(&op.maya, &asked).await;
        let mut bare = op.first.clone();
        bare.http = crate::world::tls::caller(None);
        let answer = bare.poll(&op.world, &asked.auth_req_id).await;
        if op.first.auth.is_by_certificate() {
            answer.refused(401, "invalid_client");
        } else {
            answer.refused(400, "invalid_request");
        }
        op.first.poll(&op.world, &asked.auth_req_id).await.ok();
    }
}
